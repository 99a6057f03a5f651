package lineproto

import (
	"cmp"
	"slices"

	"cc-metric-store/store"
)

// SharedKeys says how many keys of a batch mean the series of another key of it, as they
// differ in tags alone that do not name a series, such as device: of samples of one
// time the last one stays.
type SharedKeys struct {
	Keys int
	// First is the first of those keys, as it was sent, With the one that it shares a
	// series with.
	First, With string
}

// sharedBy finds them among the candidates at the given indices, whose templates are given by
// index. A key that comes several times is one.
func sharedBy(b *store.Batch, candidates []candidate, templates []uint32, indices []int) (s SharedKeys) {
	order := make([]uint64, 0, len(indices))
	for _, i := range indices { // the series, then the index: numbers are sorted quickest
		if candidates[i].sample != noSample {
			order = append(order, uint64(b.Samples[candidates[i].sample].Ref)<<32|uint64(i))
		}
	}
	slices.Sort(order)
	for from, to := 0, 0; from < len(order); from = to {
		for to = from + 1; to < len(order) && order[to]>>32 == order[from]>>32; to++ {
		}
		if to-from > 1 {
			s.add(candidates, templates, order[from:to])
		}
	}
	return s
}

func candidateIndex(of uint64) int { return int(uint32(of)) }

// add takes in the candidates of one series.
func (s *SharedKeys) add(candidates []candidate, templates []uint32, series []uint64) {
	slices.SortStableFunc(series, func(a, b uint64) int { return cmp.Compare(templates[candidateIndex(a)], templates[candidateIndex(b)]) })
	for n, one := range series[1:] {
		i, before := candidateIndex(one), candidateIndex(series[n])
		if templates[i] == templates[before] {
			continue
		}
		if s.Keys++; s.Keys == 1 {
			s.First, s.With = candidates[i].key.text(), candidates[before].key.text()
		}
	}
}

// text returns the key as it was sent.
func (k rawKey) text() string { return string(k.before) + string(k.host) + string(k.after) }
