package lineproto

// put takes in a host, or what it has become since it was taken in. It has so many
// series in the store.
func (c *SeriesCache) put(h *hostCache, series int) {
	bytes := h.bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !h.isDropped {
		c.hosts[h.key] = h
		c.countLocked(h, series, bytes)
	}
}

// countLocked notes the size of a host. The caller holds mu.
func (c *SeriesCache) countLocked(h *hostCache, series int, bytes int64) {
	c.series += series - h.series
	c.bytes.Add(bytes - h.weight)
	h.series, h.weight = series, bytes
}

// forget drops a host, and the templates that no other one has.
func (c *SeriesCache) forget(h *hostCache) {
	c.mu.Lock()
	h.isDropped = true
	if c.hosts[h.key] == h {
		delete(c.hosts, h.key)
		c.countLocked(h, 0, 0)
	}
	c.mu.Unlock()
	c.release(h.forget())
}

// isLarge reports whether it is time for a sweep.
func (c *SeriesCache) isLarge() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bytes.Load() > 2*c.swept+c.limits.spareBytes
}

// sweep forgets the hosts whose references are stale, and, if idle is asked for,
// those that were not used since that was last asked for.
func (c *SeriesCache) sweep(idle bool) {
	c.mu.RLock()
	all := make([]*hostCache, 0, len(c.hosts))
	for _, h := range c.hosts {
		all = append(all, h)
	}
	c.mu.RUnlock()
	for _, h := range all {
		if idle && !h.used.Swap(false) || h.refs.IsStale() {
			c.forget(h)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.swept = c.bytes.Load()
}
