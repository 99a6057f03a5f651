package store

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// send appends an entry with samples of one series of a host, whose values are
// their times.
func (r *restarts) send(host string, part Part, times ...int64) {
	b := Batch{Cluster: "alex", Host: host, Parts: []Part{part}}
	id, _ := r.store.Metric([]byte("load"))
	for _, at := range times {
		r.model.set(modelSeries{hostKey{"alex", host}, part, "load"}, at, float64(at))
		b.Samples = append(b.Samples, Sample{Time: at, Value: float64(at), Metric: id})
	}
	r.log.add(r.store, func(s *Store, e Entry) {
		one := b
		one.Entry = e
		s.Append(&one)
	})
}

func (r *restarts) mustWrite() {
	r.t.Helper()
	if err := r.checkpoints.Write(r.t.Context(), r.log); err != nil {
		r.t.Fatal(err)
	}
}

// TestLostSeries loses all blocks of a series, and those of a whole host, for
// good: the others answer, and these are not there.
func TestLostSeries(t *testing.T) {
	r := newRestarts(t, testSeed(t), 2)
	old := Part{Type: "socket", ID: "0"}
	r.send("a", old, r.base)
	for i := range int64(20) {
		r.send("a", Part{}, r.base+60*i)
	}
	r.mustWrite()
	segment := filepath.Join(r.dir, "0000000000000001.segment")
	if err := os.Remove(segment); err != nil {
		t.Fatal(err)
	}
	r.log.entries = nil
	var log bytes.Buffer
	r.logger = slog.New(slog.NewTextHandler(&log, nil))
	r.restart()
	if h, ok := r.store.Health("alex", "a", []string{"load"}); !ok || len(h.Missing) > 0 {
		t.Errorf("health %+v", h)
	}
	q := &Query{Cluster: "alex", Host: "a", Metric: "load", From: r.base, To: r.base + 1200, Unpadded: true}
	if got, err := r.store.Query(q); err != nil || len(got) != 1 || len(got[0].Values) == 0 {
		t.Errorf("the open block: %+v, %v", got, err)
	}
	q.Type, q.TypeIDs = old.Type, []string{old.ID}
	if got, err := r.store.Query(q); err != nil || len(got) != 0 {
		t.Errorf("the series without samples: %+v, %v", got, err)
	}
}
