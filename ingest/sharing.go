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

// sharedBy finds them among the notes at the given indices, whose shapes are given by
// index. Two spellings of one line do not count.
func sharedBy(notes []note, shapes []uint32, indices []int) (s sharing) {
	if len(indices) < 2 {
		return s
	}
	order := slices.Clone(indices)
	bySeries := func(i, j int) int {
		a, b := &notes[i], &notes[j]
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.metric, b.metric))
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(bySeries(i, j), cmp.Compare(shapes[i], shapes[j]), cmp.Compare(i, j))
	})
	for n, i := range order[1:] {
		j := order[n]
		if notes[i].part == notConfigured || bySeries(i, j) != 0 || shapes[i] == shapes[j] {
			continue
		}
		if s.keys++; s.keys == 1 {
			s.first, s.sharesWith = notes[i].key, notes[j].key
		}
	}
	return s
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
	r.add(reportShared, s.keys, b.Entry.Number, "", &fault{
		cluster: b.Cluster, host: b.Host, text: []byte(s.first.text()), detail: "the same series as " + shown([]byte(s.sharesWith.text())),
	})
}
