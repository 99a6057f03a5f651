package chunk

import (
	"fmt"
	"math"
	"slices"
)

// A dictionary body is the number of distinct integers, the lowest of them, a frame of the
// differences between them in ascending order, and a code for each value: the index of its
// integer. All codes have as many bits as the largest one needs.

// maxDistinct is the largest number of distinct integers of a dictionary.
const maxDistinct = 128

func (d *decoder) decodeDictionary(dst []float64, b []byte, from int) error {
	if len(b) == 0 || b[0] < 2 || b[0] > maxDistinct {
		return fmt.Errorf("number of distinct values: %w", errCorrupt)
	}
	distinct := int(b[0])
	first, b, err := parseVarint(b[1:])
	if err != nil {
		return err
	}
	if b, err = d.frame.parse(b, distinct-1); err != nil {
		return err
	}
	width := width(uint64(distinct - 1))
	codes, b, err := cut(b, packedSize(d.values, width))
	if err != nil {
		return fmt.Errorf("codes: %w", err)
	}
	if err = finish(b); err != nil {
		return err
	}
	var values [maxDistinct]float64
	d.sumDeltas(values[:distinct], first, 0)
	// Codes beyond the last entry, which only a corrupt block has, give zero.
	// The bits of the codes pass through dst.
	indices := packed{width: width, codes: codes}
	indices.unpack(dst, from, 0)
	highest := uint64(0)
	for i, v := range dst {
		n := math.Float64bits(v)
		highest = max(highest, n)
		dst[i] = values[n%maxDistinct]
	}
	if highest >= uint64(distinct) {
		return fmt.Errorf("code %d of %d: %w", highest, distinct, errCorrupt)
	}
	return nil
}

// A dictionary is tried if a frame takes at least dictionaryWidth bits for each value. It hardly
// ever beats a narrower one.
const dictionaryWidth = 14

// dictionary is what the encoder knows of the distinct integers of a block.
type dictionary struct {
	slots [4 * maxDistinct]uint8 // hash table: index into keys plus one, or 0
	n     int                    // distinct integers
	keys  [maxDistinct]int64     // in the order in which they came
	codes [MaxSlots]uint8        // for each value its index into keys

	entries [maxDistinct]int64 // in ascending order
	deltas  [maxDistinct]int64 // between entries
	frame   layout             // of deltas
}

// index returns the index of k in keys, and adds k if it is new. It returns false if there are
// too many.
func (t *dictionary) index(k int64) (int, bool) {
	const size = uint64(len(t.slots))
	// The upper bits of a product depend on all bits of k.
	h := uint64(k) * 0x9e3779b97f4a7c15 >> 32
	for {
		i := h % size
		n := int(t.slots[i])
		if n == 0 {
			if t.n == maxDistinct {
				return 0, false
			}
			t.keys[t.n] = k
			t.n++
			t.slots[i] = uint8(t.n)
			return t.n - 1, true
		}
		if t.keys[n-1] == k {
			return n - 1, true
		}
		h++
	}
}

// planDictionary reports whether a dictionary takes less than limit bits. If
// so, e.dict holds it.
func (e *encoder) planDictionary(limit int) bool {
	t := &e.dict
	clear(t.slots[:])
	t.n = 0
	most := min(maxDistinct, e.n/2)
	for i, k := range e.ints[:e.n] {
		n, ok := t.index(k)
		if !ok || n >= most {
			return false
		}
		t.codes[i] = uint8(n)
	}
	if t.n < 2 {
		return false
	}
	entries, deltas := t.entries[:t.n], t.deltas[:t.n-1]
	copy(entries, t.keys[:t.n])
	slices.Sort(entries)
	for i := range deltas {
		deltas[i] = entries[i+1] - entries[i]
	}
	t.frame = planFrame(deltas, limitsOf(deltas))
	bits := t.frame.bits + 8 + 8*varintSize(entries[0]) + e.n*int(width(uint64(t.n-1)))
	return bits < limit
}

// appendDictionary appends what planDictionary planned.
func (e *encoder) appendDictionary(dst []byte) []byte {
	t := &e.dict
	entries := t.entries[:t.n]
	dst = append(dst, byte(t.n))
	dst = appendVarint(dst, entries[0])
	dst = appendFrame(dst, t.deltas[:t.n-1], t.frame, &e.patches)
	var rank [maxDistinct]int64
	for i, k := range entries {
		n, _ := t.index(k)
		rank[n] = int64(i)
	}
	ranks := e.ints[:e.n]
	for i, n := range t.codes[:e.n] {
		ranks[i] = rank[n]
	}
	return pack(dst, ranks, 0, width(uint64(t.n-1)))
}
