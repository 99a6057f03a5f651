package lineproto

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

// SeriesCache knows which series the keys of lines stand for: senders repeat their
// lines, so keys are looked up instead of parsed. It holds only what the store
// accepted, and forgets what is not in use. It is safe for concurrent use.
//
// A key is kept as a template, which hosts of one kind share, and for each host as a
// line of its hostCache.
//
// Lock order: hostCache.mu, then SeriesCache.mu. No lock of the store is held with
// either.
type SeriesCache struct {
	limits cacheLimits
	seed   maphash.Seed
	chunks atomic.Pointer[[]*templateChunk]
	bytes  atomic.Int64 // that it takes, roughly

	unknown UnknownMetrics

	mu sync.RWMutex
	// Guarded by mu.
	clusters  map[defaultCluster]int32
	templates map[uint64]uint32 // by hash of cluster index and key; of two with one hash the first
	made      uint32            // templates that there is memory for
	unused    []uint32          // those among them without a key
	hosts     map[hostCacheKey]*hostCache
	series    int   // of all hosts
	swept     int64 // bytes after the last sweep
}

// cacheLimits bounds a SeriesCache.
type cacheLimits struct {
	// clusters is how many default clusters there are whose lines are cached, each era
	// of the log on its own.
	clusters int
	// A host may have so many spellings of each series, and spareLines for metrics that
	// are not configured: one that sends more is not helped by a larger cache.
	spellings, spareLines int
	// Hosts of one kind share their templates; even if none did, there would be one
	// for each series, and these.
	spareTemplates int
	// The cache is swept before it is twice as large as after the last time, and so
	// many bytes.
	spareBytes int64
}

// sweepInterval: a host that sends nothing for this long, or for at most twice as
// long, is forgotten.
const sweepInterval = 15 * time.Minute

// NewSeriesCache returns an empty cache. Run has to run to keep it small.
func NewSeriesCache() *SeriesCache {
	c := &SeriesCache{
		seed:     maphash.MakeSeed(),
		limits:   cacheLimits{clusters: 1000, spellings: 8, spareLines: 1024, spareTemplates: 1 << 16, spareBytes: 16 << 20},
		clusters: map[defaultCluster]int32{}, templates: map[uint64]uint32{}, hosts: map[hostCacheKey]*hostCache{},
	}
	c.chunks.Store(new([]*templateChunk))
	return c
}

// Run forgets what is not in use, until ctx ends.
func (c *SeriesCache) Run(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.sweep(true)
		case <-ctx.Done():
			return
		}
	}
}

// Bytes returns roughly the memory that the cache takes.
func (c *SeriesCache) Bytes() int64 { return c.bytes.Load() }

// UnknownMetrics returns the table of the metrics that are not configured.
func (c *SeriesCache) UnknownMetrics() *UnknownMetrics { return &c.unknown }

// defaultCluster is what the series of a key depends on besides the key: the cluster
// of lines that name none, and the era of the log.
type defaultCluster struct {
	era  store.Era
	name string
}

// clusterIndex returns the index of a default cluster, -1 if there are too many.
func (c *SeriesCache) clusterIndex(of defaultCluster) int32 {
	c.mu.RLock()
	n, ok := c.clusters[of]
	c.mu.RUnlock()
	if ok {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.clusters[of]; ok {
		return n
	}
	if len(c.clusters) >= c.limits.clusters {
		return -1
	}
	n = int32(len(c.clusters))
	of.name = strings.Clone(of.name)
	c.clusters[of] = n
	return n
}

// hit is what the cache knows of a key.
type hit struct {
	template uint32
	series   seriesID
	host     *hostCache // nil if the host is not known
}

// find looks up a key.
func (c *SeriesCache) find(clusterIndex int32, k rawKey) (h hit, ok bool) {
	hash := hashKey(c.seed, clusterIndex, k)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if h.template, ok = c.templates[hash]; !ok || !c.isLocked(h.template, clusterIndex, k) {
		return hit{}, false
	}
	_, info := c.template(h.template)
	h.series = info.series
	h.host = c.hosts[hostCacheKey{clusterIndex, h.series.cluster, string(k.host)}]
	return h, true
}

func (c *SeriesCache) host(key hostCacheKey) *hostCache {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.hosts[key]
}

// isLocked reports whether the template is that of a key. The caller holds mu.
func (c *SeriesCache) isLocked(n uint32, clusterIndex int32, k rawKey) bool {
	t, info := c.template(n)
	return info.clusterIndex == clusterIndex && t.before == string(k.before) && t.after == string(k.after)
}

// noTemplate is the number of no template.
const noTemplate = 1<<32 - 1

// obtain returns the templates of the candidates of b, each with one more reference,
// and noTemplate where there is no room for one. New ones are added, and isNew says
// that there are such.
func (c *SeriesCache) obtain(key hostCacheKey, b *store.Batch, candidates []candidate) (templates []uint32, isNew bool) {
	templates = make([]uint32, len(candidates))
	hashes := make([]uint64, len(candidates))
	for i := range candidates {
		hashes[i] = hashKey(c.seed, key.clusterIndex, candidates[i].key)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.templates)
	for i := range candidates {
		n, ok := c.obtainLocked(key, b, &candidates[i], hashes[i])
		if !ok {
			n = noTemplate
		}
		templates[i] = n
	}
	return templates, len(c.templates) > before
}

// obtainLocked does it for one candidate. The caller holds mu.
func (c *SeriesCache) obtainLocked(key hostCacheKey, b *store.Batch, of *candidate, hash uint64) (n uint32, ok bool) {
	k := of.key
	if n, ok = c.templates[hash]; ok {
		if !c.isLocked(n, key.clusterIndex, k) {
			return 0, false
		}
		_, info := c.template(n)
		info.refs++
		return n, true
	}
	if len(c.templates) >= c.series+c.limits.spareTemplates {
		return 0, false
	}
	if len(c.unused) == 0 {
		c.addChunkLocked()
	}
	n, c.unused = c.unused[len(c.unused)-1], c.unused[:len(c.unused)-1]
	t, info := c.template(n)
	series := seriesOf(b, of)
	series.cluster = key.cluster // that of the batch goes with its entry
	*info = templateInfo{key.clusterIndex, 1, series, hash, unique.Make(string(k.before)), unique.Make(string(k.after))}
	*t = lineTemplate{info.before.Value(), info.after.Value()}
	c.templates[hash] = n
	c.bytes.Add(templateBytes)
	return n, true
}

// addChunkLocked makes room for more templates. The caller holds mu.
func (c *SeriesCache) addChunkLocked() {
	old := *c.chunks.Load()
	chunks := append(old[:len(old):len(old)], new(templateChunk))
	c.chunks.Store(&chunks)
	for i := range uint32(chunkTemplates) {
		c.unused = append(c.unused, c.made+chunkTemplates-1-i)
	}
	c.made += chunkTemplates
}

// release takes one reference from each of the templates.
func (c *SeriesCache) release(templates []uint32) {
	if len(templates) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range templates {
		t, info := c.template(n)
		if info.refs--; info.refs == 0 {
			c.bytes.Add(-templateBytes)
			delete(c.templates, info.hash)
			*t, *info = lineTemplate{}, templateInfo{}
			c.unused = append(c.unused, n)
		}
	}
}
