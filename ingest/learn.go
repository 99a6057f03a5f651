package ingest

import (
	"strings"

	"cc-metric-store/store"
)

// note is a line that was taken apart: once the store has accepted it, its key
// is learnt. It refers to the line.
type note struct {
	key    rawKey
	part   int32          // index into the parts of the batch
	metric store.MetricID // of a line with a part
}

// notConfigured stands for the part of a line whose metric is not configured.
const notConfigured = -1

// stranger is a noted line whose metric is not configured. It is learnt if the
// entry has samples of its host.
type stranger struct {
	host hostKey
	key  rawKey
}

// learn remembers the noted keys of a batch that was appended, as far as the
// store holds their series now. For a host it is called by one goroutine at a
// time.
func (m *memo) learn(scope int32, b *store.Batch, notes []note, done store.Appended) {
	if scope < 0 || len(notes) == 0 && !done.Stale {
		return
	}
	name := layoutName{scope, b.Cluster, b.Host}
	l := m.layout(name)
	if done.Stale && l != nil && l.source == b.Source {
		m.forget(l)
		l = nil
	}
	if len(notes) == 0 {
		return
	}
	series := m.store.SeriesOf(b.Cluster, b.Host)
	if series == 0 { // the host was not accepted, or is gone
		if l != nil {
			m.forget(l)
		}
		return
	}
	if l == nil {
		name.cluster, name.host = strings.Clone(name.cluster), strings.Clone(name.host)
		l = &layout{name: name, source: m.store.NewSource(name.cluster, name.host)}
	}
	room := m.limits.spellings*series + m.limits.spareKeys
	for i := range notes {
		if l.len() >= room {
			break
		}
		m.learnKey(l, b, &notes[i])
	}
	m.enter(l, series)
	if l.len() >= room && 2*len(notes) > len(b.Samples) {
		m.forget(l) // its host sends other lines now
	}
	if m.isLarge() {
		m.sweep(false)
	}
}

func (m *memo) learnKey(l *layout, b *store.Batch, n *note) {
	shape, ok := m.obtain(l.name, n.key)
	if !ok {
		return
	}
	l.mu.RLock()
	known := l.find(shape) >= 0 // by an entry that was decoded at the same time
	l.mu.RUnlock()
	series := int32(noSeries)
	if !known && n.part != notConfigured {
		series, ok = m.store.Number(l.source, b.Parts[n.part], n.metric)
	}
	if known || !ok || !l.add(shape, series) {
		m.release(shape)
	}
}
