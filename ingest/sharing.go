package ingest

import (
	"cmp"
	"slices"

	"cc-metric-store/store"
)

// sharing says how many keys of a batch mean the series of another key of it, as they
// differ in tags alone that do not name a series, such as device: of samples of one
// time the last one stays. It refers to the batch.
type sharing struct {
	keys       int
	first      rawKey // of those keys
	sharesWith rawKey
}

// indexBits is the length of an index of a note: an entry has no more lines.
const indexBits = 24

// sharedBy finds them among the notes at the given indices, whose shapes are given by
// index. A key that comes several times is one.
func sharedBy(notes []note, shapes []uint32, indices []int) (s sharing) {
	order := make([]uint64, len(indices))
	for n, i := range indices { // the series, then the index: numbers are sorted quickest
		order[n] = uint64(uint32(notes[i].part))<<(indexBits+16) | uint64(notes[i].metric)<<indexBits | uint64(i)
	}
	slices.Sort(order)
	for from, to := 0, 0; from < len(order); from = to {
		for to = from + 1; to < len(order) && order[to]>>indexBits == order[from]>>indexBits; to++ {
		}
		if to-from > 1 && notes[noteIndex(order[from])].part != notConfigured {
			s.add(notes, shapes, order[from:to])
		}
	}
	return s
}

func noteIndex(of uint64) int { return int(of & (1<<indexBits - 1)) }

// add takes in the notes of one series.
func (s *sharing) add(notes []note, shapes []uint32, series []uint64) {
	slices.SortStableFunc(series, func(a, b uint64) int { return cmp.Compare(shapes[noteIndex(a)], shapes[noteIndex(b)]) })
	for n, one := range series[1:] {
		i, before := noteIndex(one), noteIndex(series[n])
		if shapes[i] == shapes[before] {
			continue
		}
		if s.keys++; s.keys == 1 {
			s.first, s.sharesWith = notes[i].key, notes[before].key
		}
	}
}

// text returns the key as it was sent.
func (k rawKey) text() string { return string(k.before) + string(k.host) + string(k.after) }

// noteShared takes in keys of a batch that share a series.
func (r *reports) noteShared(b *store.Batch, s sharing) {
	if s.keys == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(reportShared, s.keys, b.Entry.Seq, "", &fault{
		cluster: b.Cluster, host: b.Host, text: []byte(s.first.text()), detail: "the same series as " + shown([]byte(s.sharesWith.text())),
	})
}
