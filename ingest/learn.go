package ingest

import (
	"strings"

	"cc-metric-store/store"
)

// note is a line that was taken apart: once the store has accepted it, its key
// is learnt. It refers to the line.
type note struct {
	key      rawKey
	sample   int32 // index into the samples of the batch
	stranger int32 // number of the metric of a line without a sample
}

// notConfigured stands for the sample of a line whose metric is not configured.
const notConfigured = -1

// stranger is a noted line whose metric is not configured. It is learnt if the
// entry has samples of its host.
type stranger struct {
	host   hostKey
	key    rawKey
	number int32
}

// learn remembers the noted keys of a batch that was appended, as far as the store
// gave references to their series. For a host it is called by one goroutine at a
// time, before the batch is used again. It returns which keys share a series, for the
// first host of a kind.
func (m *memo) learn(d *decoded, batch int, done store.Appended) (shared sharing) {
	b, of := &d.batches[batch], &d.learn[batch]
	notes, l := of.notes, of.layout
	if l != nil && l.refs != b.Refs { // its host has another table now
		m.forget(l)
	}
	if d.scope < 0 || len(notes) == 0 {
		return shared
	}
	name := layoutName{d.scope, b.Cluster, b.Host}
	if l = m.layout(name); l != nil && l.refs != b.Refs {
		m.forget(l)
		l = nil
	}
	if done.Series == 0 { // the host was not accepted
		return shared
	}
	if l == nil {
		name.cluster, name.host = strings.Clone(name.cluster), strings.Clone(name.host)
		l = &layout{name: name, refs: b.Refs}
	}
	room := m.limits.spellings*done.Series + m.limits.spareKeys
	shared = m.learnKeys(l, b, notes[:min(len(notes), max(room-l.len(), 0))])
	m.enter(l, done.Series)
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
	keys := make([]layoutKey, 0, len(notes))
	l.mu.RLock()
	for i, shape := range shapes {
		series := ^notes[i].stranger
		if notes[i].sample != notConfigured {
			series = int32(b.Samples[notes[i].sample].Ref)
		}
		switch {
		case shape == noShape:
		case series == 0, // the store does not hold it
			l.find(shape) >= 0: // by an entry that was decoded at the same time
			unwanted = append(unwanted, shape)
		default:
			fresh = append(fresh, i)
			keys = append(keys, layoutKey{shape: shape, series: series})
		}
	}
	l.mu.RUnlock()
	m.release(append(unwanted, l.add(keys)...))
	if !isNew { // of hosts of one kind the first one is looked at
		return sharing{}
	}
	return sharedBy(b, notes, shapes, fresh)
}
