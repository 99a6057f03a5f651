package ingest

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"cc-metric-store/store"
)

// layout knows the keys that one host sends, in their order: the key of a line
// says what the next one will be.
type layout struct {
	name layoutName
	refs *store.Refs // of its host, that the references of the keys are of
	used atomic.Bool // since it was last asked

	// Guarded by memo.mu.
	forgotten bool
	weight    int64 // bytes that the memo counts for it
	series    int   // of its host, when that was last asked

	mu sync.RWMutex
	// Guarded by mu, but for key.next.
	gone  bool // it has let go of its keys
	keys  []layoutKey
	index []uint32 // a hash table of numbers of keys + 1, by shape
}

// layoutName identifies a layout: a host, and the default cluster of the
// subscription that its lines came by.
type layoutName struct {
	scope         int32
	cluster, host string
}

// layoutKey is a key of one host.
type layoutKey struct {
	shape  uint32
	series int32 // the reference to it; ^n: its metric, a stranger with the number n, is not configured
	next   int32 // the key that follows; atomic, as decoders correct it
}

// add appends keys, each as the successor of the one before. It returns the shapes
// of those that it does not take: what it has already, and all if it is gone.
func (l *layout) add(keys []layoutKey) (refused []uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gone {
		l.keys = slices.Grow(l.keys, len(keys))
	}
	for _, k := range keys {
		if l.gone || l.find(k.shape) >= 0 {
			refused = append(refused, k.shape)
		} else {
			l.append(k.shape, k.series)
		}
	}
	return refused
}

// append adds one key. The caller holds mu.
func (l *layout) append(shape uint32, series int32) {
	l.keys = append(l.keys, layoutKey{shape, series, int32(len(l.keys) + 1)})
	if 2*len(l.keys) <= len(l.index) {
		l.enter(len(l.keys) - 1)
		return
	}
	l.index = make([]uint32, max(16, 2*len(l.index)))
	for i := range l.keys {
		l.enter(i)
	}
}

// enter puts a key into the index.
func (l *layout) enter(key int) {
	i := l.home(l.keys[key].shape)
	for l.index[i] != 0 {
		i = (i + 1) % uint32(len(l.index))
	}
	l.index[i] = uint32(key + 1)
}

func (l *layout) home(shape uint32) uint32 {
	return shape * 0x9e3779b1 >> (33 - bits.Len(uint(len(l.index))))
}

// find returns the key of the shape, -1 if there is none. The caller holds mu.
func (l *layout) find(shape uint32) int32 {
	if len(l.index) == 0 {
		return -1
	}
	for i := l.home(shape); l.index[i] != 0; i = (i + 1) % uint32(len(l.index)) {
		if key := l.index[i] - 1; l.keys[key].shape == shape {
			return int32(key)
		}
	}
	return -1
}

// len returns the number of keys.
func (l *layout) len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.keys)
}

// bytes returns roughly what the layout takes.
func (l *layout) bytes() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return layoutBytes + int64(keyBytes*cap(l.keys)+indexBytes*len(l.index))
}

const (
	layoutBytes = 256
	keyBytes    = 12
	indexBytes  = 4
)
