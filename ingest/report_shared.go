package ingest

import (
	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// recordShared adds keys of a batch that share a series.
func (r *reports) recordShared(b *store.Batch, s lineproto.SharedKeys) {
	if s.Keys == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(reportShared, s.Keys, b.Entry.Seq, "", &lineproto.Fault{
		Cluster: b.Cluster, Host: b.Host, Text: []byte(s.First), Detail: "the same series as " + shown([]byte(s.With)),
	})
}
