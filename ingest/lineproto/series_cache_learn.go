package lineproto

import (
	"strings"

	"cc-metric-store/store"
)

// Learn takes in the keys of a batch of d that was appended, as far as the store gave
// references to their series; done is what Append said. For a host it is called by one
// goroutine at a time, in the order of the appends. It returns which keys share a
// series, for the first host of a kind.
func (c *SeriesCache) Learn(d *Decoded, batch int, done store.Appended) (shared SharedKeys) {
	b, of := &d.Batches[batch], &d.learning[batch]
	h := of.host
	if h != nil && h.refs != b.Refs { // its host has another table now
		c.forget(h)
	}
	candidates := of.candidates
	if d.clusterIndex < 0 || len(candidates) == 0 {
		return shared
	}
	key := hostCacheKey{d.clusterIndex, b.Cluster, b.Host}
	if h = c.host(key); h != nil && h.refs != b.Refs {
		c.forget(h)
		h = nil
	}
	if done.Series == 0 { // the host was not accepted
		return shared
	}
	if h == nil {
		key.cluster, key.host = strings.Clone(key.cluster), strings.Clone(key.host)
		h = &hostCache{key: key, refs: b.Refs}
	}
	room := c.limits.spellings*done.Series + c.limits.spareLines
	shared = c.learnKeys(h, b, candidates[:min(len(candidates), max(room-h.len(), 0))])
	c.put(h, done.Series)
	if h.len() >= room && 2*len(candidates) > len(b.Samples) {
		c.forget(h) // its host sends other lines now
	}
	if c.isLarge() {
		c.sweep(false)
	}
	return shared
}

// learnKeys adds the keys that h does not have. Each lock is taken for all keys
// together: the first entries of many hosts bring nothing but new ones.
func (c *SeriesCache) learnKeys(h *hostCache, b *store.Batch, candidates []candidate) SharedKeys {
	templates, isNew := c.obtain(h.key, b, candidates)
	var unwanted []uint32
	fresh := make([]int, 0, len(candidates))
	lines := make([]cachedLine, 0, len(candidates))
	h.mu.RLock()
	for i, template := range templates {
		series := ^candidates[i].unknown
		if candidates[i].sample != noSample {
			series = int32(b.Samples[candidates[i].sample].Ref)
		}
		switch {
		case template == noTemplate:
		case series == 0, // the store gave no reference
			h.findLocked(template) >= 0: // learnt of an entry that was decoded at the same time
			unwanted = append(unwanted, template)
		default:
			fresh = append(fresh, i)
			lines = append(lines, cachedLine{template: template, series: series})
		}
	}
	h.mu.RUnlock()
	c.release(append(unwanted, h.add(lines)...))
	if !isNew { // of hosts of one kind the first one is looked at
		return SharedKeys{}
	}
	return sharedBy(b, candidates, templates, fresh)
}
