package main

import "strconv"

// jobTicks is how many ticks a host computes one job. Every job starts its gauges anew, so that
// the values of any tick can be found from the start of the job, not from the start of time.
const jobTicks = 120

// idleHosts is the share of hosts that run no job.
const idleHosts = 0.1

// series is one time series of every host of a cluster. The host's name goes between head and tail.
type series struct {
	head  []byte // metric and tags up to "hostname="
	tail  []byte // tags behind the host's name, up to "value="
	key   uint64 // hash of metric, type and type-id
	gauge *gauge
}

// layout holds what all hosts of a cluster have in common. It is immutable.
type layout struct {
	cluster string
	series  []series
}

// newLayout lists the series that each host of the cluster has at the given scopes, in the order
// of the scopes, the metrics and the type-ids.
func newLayout(cluster string, t topology, scopes []string, table map[string]*gauge) (*layout, error) {
	l := &layout{cluster: cluster}
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
				l.series = append(l.series, series{
					head:  []byte(metric + ",cluster=" + cluster + ",hostname="),
					tail:  []byte(tail + " value="),
					key:   hashString(0, metric+tail),
					gauge: g,
				})
			}
		}
	}
	return l, nil
}

// host generates the lines of one compute node. The values at a tick follow from the seed, the
// host, the series and the tick's number alone: neither the ticks asked for before nor the other
// hosts matter. A host must not be used by two goroutines at the same time.
type host struct {
	layout   *layout
	name     string
	interval int64 // seconds
	key      uint64
	idle     bool

	tick   int64
	values []float64 // by series, at tick; nil before the first tick
}

func newHost(l *layout, name string, seed uint64, interval int64) *host {
	key := hashString(hashString(mix(seed), l.cluster), name)
	return &host{
		layout:   l,
		name:     name,
		interval: interval,
		key:      key,
		idle:     unit(mix(key)) < idleHosts,
	}
}

// appendTick appends one line for each series of the host, with the values at the Unix time ts, and
// returns the extended slice. Ascending times at the host's interval are the cheap order.
func (h *host) appendTick(dst []byte, ts int64) []byte {
	tick := ts / h.interval
	h.seek(tick)

	var buf [24]byte
	end := append(strconv.AppendInt(append(buf[:0], ' '), ts, 10), '\n')
	interval := float64(h.interval)
	step := uint64(tick) * golden
	for i := range h.layout.series {
		s := &h.layout.series[i]
		v := s.gauge.reading(h.values[i], mix(h.seriesKey(s)+step), interval)
		dst = append(dst, s.head...)
		dst = append(dst, h.name...)
		dst = append(dst, s.tail...)
		dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
		dst = append(dst, end...)
	}
	return dst
}

// seek brings the values to tick: by one step if it is the next one, else from the job's start.
func (h *host) seek(tick int64) {
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

// jobStart returns the first tick of the job that runs at tick. Hosts change jobs at different
// ticks.
func (h *host) jobStart(tick int64) int64 {
	offset := int64(h.key % jobTicks)
	return tick - (tick+offset)%jobTicks
}

func (h *host) begin(tick int64) {
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

func (h *host) advance() {
	h.tick++
	step := uint64(h.tick) * golden
	for i := range h.layout.series {
		s := &h.layout.series[i]
		h.values[i] = s.gauge.next(h.values[i], mix(h.seriesKey(s)+step), h.idle)
	}
}

func (h *host) seriesKey(s *series) uint64 {
	return mix(h.key ^ s.key)
}
