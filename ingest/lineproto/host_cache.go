package lineproto

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"cc-metric-store/store"
)

// hostCache holds the lines of one host in the order in which the host sends them.
// Senders repeat themselves, so each line predicts the next one, and no hash has to be
// computed. See SeriesCache for the order of locks.
type hostCache struct {
	key  hostCacheKey
	refs *store.Refs // the table that the references of the lines are of
	used atomic.Bool // since it was last asked

	// Guarded by SeriesCache.mu.
	isDropped bool
	weight    int64 // bytes that the cache counts for it
	series    int   // of the host in the store, when that was last asked

	mu sync.RWMutex
	// Guarded by mu, but for cachedLine.next.
	isForgotten bool // it has let go of its lines
	lines       []cachedLine
	index       []uint32 // a hash table of indices into lines + 1, by template
}

// hostCacheKey identifies a hostCache: a host, and the default cluster that its lines
// came with.
type hostCacheKey struct {
	clusterIndex  int32
	cluster, host string
}

// cachedLine is the key of a line of one host.
type cachedLine struct {
	template uint32
	series   int32 // its store.SeriesRef; ^n: the metric, which is not configured, has the number n
	next     int32 // index of the line that follows; atomic, as decoders correct it
}

// add appends lines, each as the successor of the one before. It returns the templates
// of those that it does not take: what it has already, and all if it is forgotten.
func (h *hostCache) add(lines []cachedLine) (refused []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isForgotten {
		h.lines = slices.Grow(h.lines, len(lines))
	}
	for _, l := range lines {
		if h.isForgotten || h.findLocked(l.template) >= 0 {
			refused = append(refused, l.template)
		} else {
			h.appendLocked(l)
		}
	}
	return refused
}

// appendLocked adds one line. The caller holds mu.
func (h *hostCache) appendLocked(l cachedLine) {
	l.next = int32(len(h.lines) + 1)
	h.lines = append(h.lines, l)
	if 2*len(h.lines) <= len(h.index) {
		h.enterLocked(len(h.lines) - 1)
		return
	}
	h.index = make([]uint32, max(16, 2*len(h.index)))
	for i := range h.lines {
		h.enterLocked(i)
	}
}

// enterLocked puts a line into the index. The caller holds mu.
func (h *hostCache) enterLocked(line int) {
	i := h.slotLocked(h.lines[line].template)
	for h.index[i] != 0 {
		i = (i + 1) % uint32(len(h.index))
	}
	h.index[i] = uint32(line + 1)
}

// slotLocked returns where the search for a template begins. The caller holds mu.
func (h *hostCache) slotLocked(template uint32) uint32 {
	return template * 0x9e3779b1 >> (33 - bits.Len(uint(len(h.index))))
}

// findLocked returns the index of the line with the template, -1 if there is none. The
// caller holds mu, for reading at least.
func (h *hostCache) findLocked(template uint32) int32 {
	if len(h.index) == 0 {
		return -1
	}
	for i := h.slotLocked(template); h.index[i] != 0; i = (i + 1) % uint32(len(h.index)) {
		if line := h.index[i] - 1; h.lines[line].template == template {
			return int32(line)
		}
	}
	return -1
}

// forget lets go of all lines, and returns their templates.
func (h *hostCache) forget() []uint32 {
	h.mu.Lock()
	lines := h.lines
	h.isForgotten, h.lines, h.index = true, nil, nil
	h.mu.Unlock()
	templates := make([]uint32, len(lines))
	for i := range lines {
		templates[i] = lines[i].template
	}
	return templates
}

// len returns the number of lines.
func (h *hostCache) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.lines)
}

// bytes returns roughly what h takes.
func (h *hostCache) bytes() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return hostCacheBytes + int64(cachedLineBytes*cap(h.lines)+indexBytes*len(h.index))
}

const (
	hostCacheBytes  = 256
	cachedLineBytes = 12
	indexBytes      = 4
)
