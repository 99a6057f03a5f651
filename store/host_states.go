package store

import (
	"context"
	"math"
)

// HostState says how fresh a host is.
type HostState struct {
	Host string
	// Newest is the time of the newest sample in Unix seconds, as it is expected.
	Newest int64
	// Fresh counts the metrics with a sample within the last staleAfter intervals, Stale the
	// others that the host has. Missing counts those that the host lacks although at least half
	// of the cluster's hosts have them. Metrics that are not configured do not count.
	Fresh, Stale, Missing int
	// Series counts the series that are held.
	Series int
}

// HostStates returns the states of all hosts of a cluster, in order of their names. Unlike
// Health it looks at one series of each metric of a host, that of the host itself if there is
// one: so it takes some microseconds for a host, however many series that has. It holds the
// lock of a stripe for one host at a time. It fails with the error of ctx when that ends.
func (s *Store) HostStates(ctx context.Context, cluster string) ([]HostState, error) {
	names := s.Hosts(cluster)
	scan := newStateScan(s)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		scan.count(hostKey{cluster, name})
	}
	scan.chooseUsual()
	states := make([]HostState, 0, len(names))
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if state, ok := scan.state(hostKey{cluster, name}); ok {
			states = append(states, state)
		}
	}
	return states, nil
}

// stateScan finds the states of the hosts of one cluster. Metrics are known to it by their
// names: one with several intervals is one metric. It belongs to one goroutine.
type stateScan struct {
	store *Store
	now   int64
	// name numbers the names of the configured metrics by MetricID; unnamed: it is not configured.
	name []int32
	// hosts counts, by name, the hosts that have the metric, all is the number of hosts.
	hosts []int32
	all   int32
	usual []bool // by name: at least half of the hosts have it
	// hints has, by MetricID, where among the ordered parts of a host a series of the metric was
	// found last: mostly it is there in the next host, too.
	hints []int32

	seen   []int32 // by name: the last host, counted from 1, that has the metric
	fresh  []int32 // likewise: in which it is fresh
	host   int32   // the number of the host that is looked at
	lookup map[MetricID]bool
}

const unnamed = -1

func newStateScan(s *Store) *stateScan {
	all := *s.metrics.all.Load()
	c := &stateScan{store: s, now: s.cfg.Now().Unix(), name: make([]int32, len(all)), hints: make([]int32, len(all)), lookup: map[MetricID]bool{}}
	numbers := make(map[string]int32, len(all))
	for i, m := range all {
		if _, configured := s.metrics.config(m.name); !configured {
			c.name[i] = unnamed
			continue
		}
		n, known := numbers[m.name]
		if !known {
			n = int32(len(numbers))
			numbers[m.name] = n
		}
		c.name[i] = n
	}
	n := len(numbers)
	c.hosts, c.usual, c.seen, c.fresh = make([]int32, n), make([]bool, n), make([]int32, n), make([]int32, n)
	return c
}

// nameOf returns the number of a metric's name, unnamed if it does not count.
func (c *stateScan) nameOf(m MetricID) int32 {
	if int(m) >= len(c.name) {
		return unnamed // it is newer than the scan
	}
	return c.name[m]
}

// count counts the metrics of a host.
func (c *stateScan) count(key hostKey) {
	st := c.store.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return
	}
	c.host++
	c.all++
	for m := range h.counts.all() {
		if n := c.nameOf(m); n != unnamed && c.seen[n] != c.host {
			c.seen[n] = c.host
			c.hosts[n]++
		}
	}
}

// chooseUsual decides which metrics a host of the cluster usually has.
func (c *stateScan) chooseUsual() {
	for n, hosts := range c.hosts {
		c.usual[n] = hosts > 0 && 2*hosts >= c.all
	}
}

// state returns the state of a host, false if it is gone.
func (c *stateScan) state(key hostKey) (out HostState, ok bool) {
	st := c.store.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return out, false
	}
	c.host++
	out = HostState{Host: h.key.host, Newest: h.newest(), Series: len(h.series)}
	clear(c.lookup)
	for m, count := range h.counts.all() {
		n := c.nameOf(m)
		if n == unnamed {
			continue
		}
		c.seen[n] = c.host
		if c.fresh[n] == c.host {
			continue // at another interval
		}
		if column, found := c.columnOf(h, m, count); !found {
			c.lookup[m] = true
		} else if c.isFresh(h, m, column) {
			c.fresh[n] = c.host
		}
	}
	c.lookUp(h)
	for n := range c.seen {
		switch {
		case c.seen[n] != c.host && c.usual[n]:
			out.Missing++
		case c.seen[n] != c.host:
		case c.fresh[n] == c.host:
			out.Fresh++
		default:
			out.Stale++
		}
	}
	return out, true
}

// columnOf returns the column of a series of the metric: the host's own, or the one that the
// hint leads to.
func (c *stateScan) columnOf(h *host, m MetricID, count seriesCount) (int32, bool) {
	if count.own > 0 {
		return count.own - 1, true
	}
	at := c.hints[m]
	if int(at) >= len(h.order) {
		return 0, false
	}
	return h.column(h.order[at], m)
}

// lookUp passes once over the series of a host for the metrics that no hint led to.
func (c *stateScan) lookUp(h *host) {
	if len(c.lookup) == 0 {
		return
	}
	for k, column := range h.series {
		if !c.lookup[k.metric] {
			continue
		}
		delete(c.lookup, k.metric)
		c.hints[k.metric] = int32(h.search(h.parts[k.part]))
		if c.isFresh(h, k.metric, column) {
			c.fresh[c.name[k.metric]] = c.host
		}
		if len(c.lookup) == 0 {
			return
		}
	}
}

func (c *stateScan) isFresh(h *host, m MetricID, column int32) bool {
	g := h.grid(c.store.metrics.at(m).grid)
	return g != nil && g.hasSince(column, c.now-(staleAfter+1)*g.frequency)
}

// Newest returns the time of the host's newest sample in Unix seconds, as HostStates does, and 0 if
// the store does not hold the host.
func (s *Store) Newest(cluster, host string) int64 {
	key := hostKey{cluster, host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return 0
	}
	return h.newest()
}

// newest returns when the newest sample of the host is expected, as far as the newest block of
// each grid tells by some of its columns.
func (h *host) newest() int64 {
	at := int64(math.MinInt64)
	for _, g := range h.grids {
		if g == nil || g.blocks.len() == 0 {
			continue
		}
		b := g.blocks.last()
		at = max(at, g.centre(b, b.lastSlot()))
	}
	return at
}

// triedColumns is how many columns of a sealed block are decoded to see where it ends.
const triedColumns = 4

// lastSlot returns the last slot with a value, of a sealed block as far as some columns tell.
func (b *block) lastSlot() (last int64) {
	if b.head != nil {
		return b.head.high
	}
	for _, p := range b.patches.list {
		last = max(last, int64(p.slot))
	}
	tried := 0
	for column := range b.sealed.All() {
		if tried++; tried > triedColumns {
			break
		}
		_, end := b.extent(column)
		last = max(last, end)
	}
	return last
}

// Clusters returns the names of the clusters with hosts, in ascending order.
func (s *Store) Clusters() []string { return s.hosts.clusterNames() }

// CountHosts returns the number of the cluster's hosts.
func (s *Store) CountHosts(cluster string) int { return s.hosts.count(cluster) }

// Configured returns how the metric is configured, false if it is not.
func (s *Store) Configured(metric string) (MetricConfig, bool) { return s.metrics.config(metric) }
