package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
)

// Keyed is a Group whose columns are found by keys of 64 bits, which ascend. It is one piece of memory without
// pointers, and immutable. A nil Keyed has no columns. FORMAT.md draws its bytes.
type Keyed []byte

const (
	keyedHeader = 2
	keyBytes    = 8
	// MaxKeys is the largest number of columns of a Keyed.
	MaxKeys = math.MaxUint16
)

// NewKeyed returns the first columns of g, which are all that have values, under as many keys, at
// most MaxKeys, which ascend; nil for none. It copies g.
func NewKeyed(keys []uint64, g Group) Keyed {
	if len(keys) == 0 {
		return nil
	}
	k := make([]byte, 0, keyedHeader+keyBytes*len(keys)+len(g))
	k = binary.LittleEndian.AppendUint16(k, uint16(len(keys)))
	for _, key := range keys {
		k = binary.LittleEndian.AppendUint64(k, key)
	}
	return append(k, g...)
}

// ParseKeyed returns data as a Keyed, if it has the structure of one and all its blocks have so
// many slots. Without data it is nil. The Keyed refers to data.
func ParseKeyed(data []byte, slots int) (Keyed, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < keyedHeader || len(data) < Keyed(data).groupStart() {
		return nil, fmt.Errorf("parse keyed group: no room for its keys: %w", errCorrupt)
	}
	k := Keyed(data)
	g, err := ParseGroup(k.Group(), slots)
	if err != nil {
		return nil, err
	}
	n := k.count()
	isWhole := n > 0 && g.Count() == n
	for c := range n {
		isWhole = isWhole && g.Has(int32(c)) && (c == 0 || k.Key(c-1) < k.Key(c))
	}
	if !isWhole {
		return nil, fmt.Errorf("parse keyed group: %d keys of %d columns: %w", n, g.Count(), errCorrupt)
	}
	return k, nil
}

func (k Keyed) count() int { return int(binary.LittleEndian.Uint16(k)) }

func (k Keyed) groupStart() int { return keyedHeader + keyBytes*k.count() }

// Group returns the columns, which are a part of the Keyed.
func (k Keyed) Group() Group {
	if len(k) == 0 {
		return nil
	}
	return Group(k[k.groupStart():])
}

// Keys returns how many columns there are.
func (k Keyed) Keys() int {
	if len(k) == 0 {
		return 0
	}
	return k.count()
}

// Key returns the key of a column.
func (k Keyed) Key(column int) uint64 {
	return binary.LittleEndian.Uint64(k[keyedHeader+keyBytes*column:])
}

// Find returns the column with a key, false if there is none.
func (k Keyed) Find(key uint64) (column int32, ok bool) {
	n := k.Keys()
	i := sort.Search(n, func(i int) bool { return k.Key(i) >= key })
	return int32(i), i < n && k.Key(i) == key
}
