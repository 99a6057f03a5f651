package load

import (
	"fmt"
	"math"
)

// behaviour of a generated gauge. The zero value is a random walk that turns
// back at the ends of its range, rounded to the decimals of its metric.
type behaviour uint8

const (
	// steady never changes after the value that its series was born with.
	steady behaviour = iota + 1
	// quotient is a random walk too, but its value is a whole number of events
	// divided by the time that the collector measured between two readings. It
	// therefore uses all digits that a float64 has.
	quotient
)

const (
	// idleShare is the part of a gauge's range that an idle host uses.
	idleShare = 0.005
	// stride is the largest move from one tick to the next, as a part of the range.
	stride = 0.02
	// maxJitter is how late a collector reads its counters at most, in
	// microseconds; a power of two.
	maxJitter = 1 << 12
)

// gauge describes how the values of one metric behave. It is immutable and
// shared by all series of the metric.
type gauge struct {
	behaviour behaviour
	low, high float64
	decimals  int     // digits after the point; unused by quotients
	rest      float64 // probability that a tick leaves the value as it was
	events    float64 // for a quotient: counted events for one unit of the value

	scale float64 // 10^decimals
}

// gauges returns the behaviour of every metric of the topology. About one
// metric in seven is steady.
func gauges() map[string]*gauge {
	table := map[string]*gauge{
		"acc_mem_used":        {behaviour: steady, low: 0, high: 39.5, decimals: 3},
		"acc_power":           {low: 52, high: 400, decimals: 3},
		"acc_utilization":     {low: 0, high: 100, rest: 0.3},
		"clock":               {low: 1200, high: 3200, decimals: 1},
		"core_power":          {low: 0.1, high: 6.5, decimals: 3},
		"cpu_load":            {low: 0, high: 128, decimals: 2},
		"cpu_power":           {low: 62, high: 250, decimals: 2},
		"cpu_user":            {low: 0, high: 100, decimals: 2},
		"flops_any":           {low: 0, high: 14, decimals: 6},
		"flops_dp":            {low: 0, high: 12, decimals: 4},
		"flops_sp":            {behaviour: steady, low: 0, high: 0},
		"ib_recv":             {low: 0, high: 1.2e9, events: 1},
		"ib_recv_pkts":        {low: 0, high: 8e5, events: 1},
		"ib_xmit":             {low: 0, high: 1.2e9, events: 1},
		"ib_xmit_pkts":        {low: 0, high: 8e5, events: 1},
		"ipc":                 {low: 0.1, high: 3.6, decimals: 3, events: 1e9},
		"mem_bw":              {low: 0.2, high: 190, decimals: 3},
		"mem_power":           {low: 8, high: 42, decimals: 2},
		"mem_used":            {low: 4, high: 240, decimals: 6, rest: 0.2},
		"net_bytes_in":        {low: 0, high: 6e7, events: 1},
		"net_bytes_out":       {low: 0, high: 6e7, events: 1},
		"nfs4_read":           {behaviour: steady, low: 0, high: 0},
		"nfs4_total":          {low: 0, high: 3000},
		"nv_mem_util":         {low: 0, high: 100, rest: 0.5},
		"nv_sm_clock":         {behaviour: steady, low: 1095, high: 1410},
		"nv_temp":             {low: 31, high: 78, rest: 0.8},
		"vectorization_ratio": {low: 0, high: 100, decimals: 4},
	}
	for _, g := range table {
		g.scale = math.Pow10(g.decimals)
		if g.events == 0 {
			g.events = 1e6
		}
	}
	return table
}

// rates lists the metrics that can be quotients: first those that collectors
// compute from counters and report with all digits, then all others that are
// not steady.
func rates() []string {
	return []string{
		"ipc", "ib_recv", "ib_xmit", "ib_recv_pkts", "ib_xmit_pkts", "net_bytes_in", "net_bytes_out",
		"mem_bw", "core_power", "cpu_power", "mem_power", "cpu_user", "clock", "flops_any", "flops_dp",
		"vectorization_ratio", "nfs4_total", "acc_power", "acc_utilization", "nv_mem_util", "nv_temp",
		"cpu_load", "mem_used",
	}
}

// makeQuotients turns whole metrics into quotients, in the order of rates,
// until about the given share of all series are; count holds the number of
// series of each metric.
func makeQuotients(table map[string]*gauge, count map[string]int, share float64) {
	all := 0
	for _, n := range count {
		all += n
	}
	missing := share * float64(all)
	for _, metric := range rates() {
		// A metric that leads farther away from the share than it leads towards
		// it is left out.
		if n := float64(count[metric]); n > 0 && n < 2*missing {
			table[metric].behaviour = quotient
			missing -= n
		}
	}
}

// In the methods below float64() around a product keeps a compiler from fusing
// it with the sum that follows: a seed gives the same values on all machines.

// start draws the value that a series begins a job with.
func (g *gauge) start(r uint64, idle bool) float64 {
	return g.low + float64(unit(r)*g.width(idle))
}

// next returns the value of the tick after the one with value v. r holds the
// tick's random bits.
func (g *gauge) next(v float64, r uint64, idle bool) float64 {
	if g.behaviour == steady {
		return v
	}
	// The lowest 10 bits are not part of unit(r).
	if float64(r&1023) < g.rest*1024 {
		return v
	}
	width := g.width(idle)
	v += float64((2*unit(r) - 1) * stride * width)
	if high := g.low + width; v > high {
		return 2*high - v
	}
	if v < g.low {
		return 2*g.low - v
	}
	return v
}

// reading turns the value v into what a collector reports for it at an interval
// of so many seconds. r holds the tick's random bits.
func (g *gauge) reading(v float64, r uint64, interval float64) float64 {
	if g.behaviour != quotient {
		return math.Round(v*g.scale) / g.scale
	}
	count := math.Round(v * g.events * interval)
	elapsed := interval + float64(float64(mix(r)&(maxJitter-1))*1e-6)
	return count / (g.events * elapsed)
}

func (g *gauge) width(idle bool) float64 {
	if idle {
		return float64((g.high - g.low) * idleShare)
	}
	return g.high - g.low
}

// gaugeOf returns the behaviour of metric, which the Topology names.
func gaugeOf(table map[string]*gauge, metric string) (*gauge, error) {
	g, ok := table[metric]
	if !ok {
		return nil, fmt.Errorf("look up gauge of metric %q: not in the table", metric)
	}
	return g, nil
}
