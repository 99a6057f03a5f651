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

	stranger int32 // number of the metric of a line without
}

// notConfigured stands for the part of a line whose metric is not configured.
const notConfigured = -1

// stranger is a noted line whose metric is not configured. It is learnt if the
// entry has samples of its host.
type stranger struct {
	host   hostKey
	key    rawKey
	number int32
}

// learn remembers the noted keys of a batch that was appended, as far as the
// store holds their series now. For a host it is called by one goroutine at a
// time. It returns which keys share a series, for the first host of a kind.
func (m *memo) learn(scope int32, b *store.Batch, notes []note, done store.Appended) (shared sharing) {
	if scope < 0 || len(notes) == 0 && !done.Stale {
		return shared
	}
	name := layoutName{scope, b.Cluster, b.Host}
	l := m.layout(name)
	if done.Stale && l != nil && l.source == b.Source {
		m.forget(l)
		l = nil
	}
	if len(notes) == 0 {
		return shared
	}
	series := m.store.SeriesOf(b.Cluster, b.Host)
	if series == 0 { // the host was not accepted, or is gone
		if l != nil {
			m.forget(l)
		}
		return shared
	}
	if l == nil {
		name.cluster, name.host = strings.Clone(name.cluster), strings.Clone(name.host)
		l = &layout{name: name, source: m.store.NewSource(name.cluster, name.host)}
	}
	room := m.limits.spellings*series + m.limits.spareKeys
	shared = m.learnKeys(l, b, notes[:min(len(notes), max(room-l.len(), 0))])
	m.enter(l, series)
	if l.len() >= room && 2*len(notes) > len(b.Samples) {
		m.forget(l) // its host sends other lines now
	}
	if m.isLarge() {
		m.sweep(false)
	}
	return shared
}

// learnKeys adds what is not known. Each lock is taken for all keys together: the
// first entries of many hosts bring nothing but new ones.
func (m *memo) learnKeys(l *layout, b *store.Batch, notes []note) sharing {
	shapes, isNew := m.obtain(l.name, b, notes)
	var unwanted []uint32
	fresh := make([]int, 0, len(notes))
	l.mu.RLock()
	for i, shape := range shapes {
		switch {
		case shape == noShape:
		case l.find(shape) >= 0: // by an entry that was decoded at the same time
			unwanted = append(unwanted, shape)
		default:
			fresh = append(fresh, i)
		}
	}
	l.mu.RUnlock()
	var names []store.Name
	for _, i := range fresh {
		if n := &notes[i]; n.part != notConfigured {
			names = append(names, store.Name{Part: b.Parts[n.part], Metric: n.metric})
		}
	}
	numbers := m.store.Number(l.source, names)
	keys := make([]layoutKey, 0, len(fresh))
	for _, i := range fresh {
		k, held := layoutKey{shape: shapes[i], series: ^notes[i].stranger}, true
		if notes[i].part != notConfigured {
			k.series, numbers = numbers[0], numbers[1:]
			held = k.series >= 0
		}
		if held {
			keys = append(keys, k)
		} else {
			unwanted = append(unwanted, k.shape)
		}
	}
	m.release(append(unwanted, l.add(keys)...))
	if !isNew { // of hosts of one kind the first one is looked at
		return sharing{}
	}
	return sharedBy(notes, shapes, fresh)
}
