package load

import (
	"fmt"
	"strconv"
)

// jobTicks is how many ticks a host computes one job. Every job starts its
// gauges anew, so that the values of any tick can be found from the start of
// the job, not from the start of time.
const jobTicks = 120

// idleHosts is the share of hosts that run no job.
const idleHosts = 0.1

// series is one time series of every host of a cluster. The host's name goes
// between head and tail.
type series struct {
	head  []byte // metric and tags up to "hostname="
	tail  []byte // tags behind the host's name, up to "value="
	key   uint64 // hash of metric, type and type-id
	gauge *gauge
}

// Layout holds what all hosts of a cluster have in common. It is immutable.
type Layout struct {
	cluster string
	metrics []string // by series
	series  []series
}

// NewLayout lists the series that each host of the cluster has at the given
// scopes, in the order of the scopes, the metrics and the type-ids. About the
// share quotients of the series, from 0 to 1, are quotients of counters with
// all digits of a float64, whole metrics at a time; those whose values never
// change are not among them.
func NewLayout(cluster string, t Topology, scopes []string, quotients float64) (*Layout, error) {
	l := &Layout{cluster: cluster}
	table, count := gauges(), map[string]int{}
	for _, scope := range scopes {
		for _, metric := range t.Metrics[scope] {
			g, err := gaugeOf(table, metric)
			if err != nil {
				return nil, err
			}
			for _, id := range t.typeIDs(scope) {
				tail := ",type=" + scope
				if scope != scopeNode {
					tail += ",type-id=" + id
				}
				l.metrics = append(l.metrics, metric)
				l.series = append(l.series, series{
					head:  []byte(metric + ",cluster=" + cluster + ",hostname="),
					tail:  []byte(tail + " value="),
					key:   hashString(0, metric+tail),
					gauge: g,
				})
				count[metric]++
			}
		}
	}
	if len(l.series) == 0 {
		return nil, fmt.Errorf("build load of %s: it has no metrics at the scopes asked for", cluster)
	}
	makeQuotients(table, count, quotients)
	return l, nil
}

// Cluster returns the name of the cluster.
func (l *Layout) Cluster() string { return l.cluster }

// Metrics returns the metric of each series. The caller must not change it.
func (l *Layout) Metrics() []string { return l.metrics }

// Host generates the lines of one compute node. The values at a tick follow
// from the seed, the host, the series and the tick's number alone: neither the
// ticks asked for before nor the other hosts matter. A Host must not be used by
// two goroutines at the same time.
type Host struct {
	layout   *Layout
	name     string
	interval int64 // seconds
	key      uint64
	idle     bool

	tick     int64
	values   []float64 // by series, at tick; nil before the first tick
	readings []float64 // what Values returned last
}

// NewHost returns the host of that name with a sampling interval in seconds.
func NewHost(l *Layout, name string, seed uint64, interval int64) *Host {
	key := hashString(hashString(mix(seed), l.cluster), name)
	return &Host{
		layout:   l,
		name:     name,
		interval: interval,
		key:      key,
		idle:     unit(mix(key)) < idleHosts,
	}
}

// Layout returns what the host has in common with the others of its cluster.
func (h *Host) Layout() *Layout { return h.layout }

// AppendTick appends one line for each series of the host, with the values at
// the Unix time ts, and returns the extended slice. Ascending times at the
// host's interval are the cheap order.
func (h *Host) AppendTick(dst []byte, ts int64) []byte {
	var buf [24]byte
	end := append(strconv.AppendInt(append(buf[:0], ' '), ts, 10), '\n')
	for i, v := range h.Values(ts) {
		s := &h.layout.series[i]
		dst = append(dst, s.head...)
		dst = append(dst, h.name...)
		dst = append(dst, s.tail...)
		dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
		dst = append(dst, end...)
	}
	return dst
}

// Values returns what AppendTick writes, by series. The slice is valid until
// the next call of either.
func (h *Host) Values(ts int64) []float64 {
	tick := ts / h.interval
	h.seek(tick)
	h.readings = h.readings[:0]
	interval, step := float64(h.interval), uint64(tick)*golden
	for i := range h.layout.series {
		s := &h.layout.series[i]
		h.readings = append(h.readings, s.gauge.reading(h.values[i], mix(h.seriesKey(s)+step), interval))
	}
	return h.readings
}

// seek brings the values to tick: by one step if it is the next one, else from
// the job's start.
func (h *Host) seek(tick int64) {
	start := h.jobStart(tick)
	if h.values == nil {
		h.values = make([]float64, len(h.layout.series))
	} else if tick == h.tick {
		return
	} else if tick == h.tick+1 && tick != start {
		h.advance()
		return
	}
	h.begin(start)
	for h.tick < tick {
		h.advance()
	}
}

// jobStart returns the first tick of the job that runs at tick. Hosts change
// jobs at different ticks.
func (h *Host) jobStart(tick int64) int64 {
	offset := int64(h.key % jobTicks)
	return tick - (tick+offset)%jobTicks
}

func (h *Host) begin(tick int64) {
	job := mix(uint64(tick))
	for i := range h.layout.series {
		s := &h.layout.series[i]
		key := h.seriesKey(s)
		if s.gauge.behaviour != steady {
			key ^= job
		}
		h.values[i] = s.gauge.start(mix(key), h.idle)
	}
	h.tick = tick
}

func (h *Host) advance() {
	h.tick++
	step := uint64(h.tick) * golden
	for i := range h.layout.series {
		s := &h.layout.series[i]
		h.values[i] = s.gauge.next(h.values[i], mix(h.seriesKey(s)+step), h.idle)
	}
}

func (h *Host) seriesKey(s *series) uint64 {
	return mix(h.key ^ s.key)
}
