package ingest

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"cc-metric-store/store"
)

// memo remembers which series the keys of lines stand for, so that a line that
// was seen before need not be taken apart again. It holds only what the store
// accepted. It is safe for concurrent use; memo.mu, the mu of a layout and the
// locks of the store are never waited for with another one held, but that
// decoders look into the memo while they read a layout.
type memo struct {
	limits memoLimits
	seed   maphash.Seed
	chunks atomic.Pointer[[]*shapeChunk]
	bytes  atomic.Int64 // that it takes, roughly

	unknown strangers // what numbers the metrics that are not configured

	mu sync.RWMutex
	// Guarded by mu.
	scopes  map[scopeName]int32
	shapes  map[uint64]uint32 // by hash of scope and key; of two with one hash the first
	made    uint32            // shapes that there is memory for
	unused  []uint32          // those among them without a key
	layouts map[layoutName]*layout
	series  int   // of the hosts of all layouts
	swept   int64 // bytes after the last sweep
}

// memoLimits bounds a memo.
type memoLimits struct {
	// scopes is how many default clusters there are whose lines are remembered, each
	// era of the log on its own.
	scopes int
	// A host may have so many spellings of each series, and spareKeys for
	// metrics that are not configured: one that sends more is not helped by
	// remembering more.
	spellings, spareKeys int
	// Hosts of one kind share their shapes; even if none did, there would be one
	// for each series, and these.
	spareShapes int
	// The memo is swept before it is twice as large as after the last time, and
	// so many bytes.
	spareBytes int64
}

// sweepInterval: a layout that is not used for this long, or for at most twice as
// long, is forgotten.
const sweepInterval = 15 * time.Minute

func newMemo() *memo {
	m := &memo{
		seed:   maphash.MakeSeed(),
		limits: memoLimits{scopes: 1000, spellings: 8, spareKeys: 1024, spareShapes: 1 << 16, spareBytes: 16 << 20},
		scopes: map[scopeName]int32{}, shapes: map[uint64]uint32{}, layouts: map[layoutName]*layout{},
	}
	m.chunks.Store(new([]*shapeChunk))
	return m
}

// run forgets what is not in use, until ctx ends.
func (m *memo) run(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.sweep(true)
		case <-ctx.Done():
			return
		}
	}
}

// scopeName is what the meaning of a key depends on besides itself: the era of the
// log, and the default cluster.
type scopeName struct {
	era     store.Era
	cluster string
}

// scope returns the number of a scope, -1 if there are too many.
func (m *memo) scope(name scopeName) int32 {
	m.mu.RLock()
	n, ok := m.scopes[name]
	m.mu.RUnlock()
	if ok {
		return n
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n, ok := m.scopes[name]; ok {
		return n
	}
	if len(m.scopes) >= m.limits.scopes {
		return -1
	}
	n = int32(len(m.scopes))
	name.cluster = strings.Clone(name.cluster)
	m.scopes[name] = n
	return n
}

// found is what the memo knows of a key.
type found struct {
	shape   uint32
	meaning meaning
	layout  *layout // of its host, nil if that is not known
}

func (m *memo) find(scope int32, k rawKey) (f found, ok bool) {
	hash := hashKey(m.seed, scope, k)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if f.shape, ok = m.shapes[hash]; !ok || !m.is(f.shape, scope, k) {
		return found{}, false
	}
	_, info := m.shape(f.shape)
	f.meaning = info.meaning
	f.layout = m.layouts[layoutName{scope, f.meaning.cluster, string(k.host)}]
	return f, true
}

func (m *memo) layout(name layoutName) *layout {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.layouts[name]
}

// obtain returns the shapes of the keys that b notes, each with one more reference,
// and noShape where there is no room for one. New ones are added, and isNew says that there
// are such.
func (m *memo) obtain(name layoutName, b *store.Batch, notes []note) (shapes []uint32, isNew bool) {
	shapes = make([]uint32, len(notes))
	hashes := make([]uint64, len(notes))
	for i := range notes {
		hashes[i] = hashKey(m.seed, name.scope, notes[i].key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.shapes)
	for i := range notes {
		n, ok := m.obtainShape(name, b, &notes[i], hashes[i])
		if !ok {
			n = noShape
		}
		shapes[i] = n
	}
	return shapes, len(m.shapes) > before
}

// noShape is the number of no shape.
const noShape = 1<<32 - 1

// obtainShape does it for one key. The caller holds mu.
func (m *memo) obtainShape(name layoutName, b *store.Batch, of *note, hash uint64) (n uint32, ok bool) {
	k := of.key
	if n, ok = m.shapes[hash]; ok {
		if !m.is(n, name.scope, k) {
			return 0, false
		}
		_, info := m.shape(n)
		info.refs++
		return n, true
	}
	if len(m.shapes) >= m.series+m.limits.spareShapes {
		return 0, false
	}
	if len(m.unused) == 0 {
		m.addChunk()
	}
	n, m.unused = m.unused[len(m.unused)-1], m.unused[:len(m.unused)-1]
	sh, info := m.shape(n)
	means := meaningOf(b, of)
	means.cluster = name.cluster // that of the batch goes with its entry
	*info = shapeInfo{name.scope, 1, means, hash, unique.Make(string(k.before)), unique.Make(string(k.after))}
	*sh = shape{info.before.Value(), info.after.Value()}
	m.shapes[hash] = n
	m.bytes.Add(shapeBytes)
	return n, true
}

// addChunk makes room for more shapes. The caller holds mu.
func (m *memo) addChunk() {
	old := *m.chunks.Load()
	chunks := append(old[:len(old):len(old)], new(shapeChunk))
	m.chunks.Store(&chunks)
	for i := range uint32(chunkShapes) {
		m.unused = append(m.unused, m.made+chunkShapes-1-i)
	}
	m.made += chunkShapes
}

// release takes one reference from each of the shapes.
func (m *memo) release(shapes []uint32) {
	if len(shapes) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range shapes {
		sh, info := m.shape(n)
		if info.refs--; info.refs == 0 {
			m.bytes.Add(-shapeBytes)
			delete(m.shapes, info.hash)
			*sh, *info = shape{}, shapeInfo{}
			m.unused = append(m.unused, n)
		}
	}
}

// forget drops a layout, and the shapes that no other one has.
func (m *memo) forget(l *layout) {
	m.mu.Lock()
	l.forgotten = true
	if m.layouts[l.name] == l {
		delete(m.layouts, l.name)
		m.count(l, 0, 0)
	}
	m.mu.Unlock()
	l.mu.Lock()
	keys := l.keys
	l.gone, l.keys, l.index = true, nil, nil
	l.mu.Unlock()
	shapes := make([]uint32, len(keys))
	for i, k := range keys {
		shapes[i] = k.shape
	}
	m.release(shapes)
}

// enter takes in a layout, or what it has become since it was taken in. Its host
// has so many series.
func (m *memo) enter(l *layout, series int) {
	bytes := l.bytes()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !l.forgotten {
		m.layouts[l.name] = l
		m.count(l, series, bytes)
	}
}

// count notes the size of a layout. The caller holds mu.
func (m *memo) count(l *layout, series int, bytes int64) {
	m.series += series - l.series
	m.bytes.Add(bytes - l.weight)
	l.series, l.weight = series, bytes
}

// isLarge reports whether it is time for a sweep.
func (m *memo) isLarge() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.bytes.Load() > 2*m.swept+m.limits.spareBytes
}

// sweep forgets the layouts of hosts whose series have gone, and, if idle is
// asked for, those that were not used since that was last asked for.
func (m *memo) sweep(idle bool) {
	m.mu.RLock()
	all := make([]*layout, 0, len(m.layouts))
	for _, l := range m.layouts {
		all = append(all, l)
	}
	m.mu.RUnlock()
	for _, l := range all {
		if idle && !l.used.Swap(false) || l.refs.IsStale() {
			m.forget(l)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.swept = m.bytes.Load()
}
