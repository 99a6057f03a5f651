package test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// oracle knows what a node has to answer: a plain map of the values of each
// host's cpu_load, by slot of a minute from origin on.
type oracle struct {
	mu    sync.Mutex
	hosts map[string]*expected // guarded by mu
}

// expected is what is known of a host. One writer at a time writes it.
type expected struct {
	acked map[int]float64   // by slot: the last value that was acknowledged
	open  map[int][]float64 // sent since then: it may be there or not
	slots int               // all are below
}

// sample is a value for a slot.
type sample struct {
	slot  int
	value float64
}

func newOracle() *oracle { return &oracle{hosts: map[string]*expected{}} }

// hostLocked returns what is expected of a host, and makes it if need be. The caller holds mu.
func (o *oracle) hostLocked(name string) *expected {
	h := o.hosts[name]
	if h == nil {
		h = &expected{acked: map[int]float64{}, open: map[int][]float64{}}
		o.hosts[name] = h
	}
	return h
}

// sent says that the samples are on their way.
func (o *oracle) sent(host string, samples []sample) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.hostLocked(host)
	for _, s := range samples {
		h.open[s.slot] = append(h.open[s.slot], s.value)
		h.slots = max(h.slots, s.slot+1)
	}
}

// acknowledged says that the samples, the last that were sent, have arrived.
func (o *oracle) acknowledged(host string, samples []sample) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.hostLocked(host)
	for _, s := range samples {
		h.acked[s.slot] = s.value
		delete(h.open, s.slot)
	}
}

// samples returns how many slots have an acknowledged value.
func (o *oracle) samples() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.hosts {
		n += len(h.acked)
	}
	return n
}

// check compares the answers of the node with what it has to answer, while
// nobody writes. What was not known, whether a value that nobody acknowledged is
// there, is known from then on: it must not come or go later. Hosts whose name
// has one of the prefixes are left out.
func (o *oracle) check(n *node, without ...string) {
	n.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	missing, wrong, first := 0, 0, ""
	note := func(count *int, format string, v ...any) {
		if *count++; first == "" {
			first = fmt.Sprintf(format, v...)
		}
	}
	for name, h := range o.hosts {
		if slices.ContainsFunc(without, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		cells := n.cells(hostMetric{"alex", name, "cpu_load"}, origin, origin+60*int64(h.slots))
		for slot := range h.slots {
			want, acked := h.acked[slot]
			var got *float64
			if slot < len(cells) {
				got = cells[slot]
			}
			switch {
			case got == nil && acked:
				note(&missing, "%s, slot %d: no value, want %v", name, slot, want)
			case got != nil && (!acked || *got != want) && !slices.Contains(h.open[slot], *got):
				note(&wrong, "%s, slot %d: %v, want %v (acknowledged: %v) or one of %v", name, slot, *got, want, acked, h.open[slot])
			case got != nil:
				h.acked[slot] = *got
			}
		}
		clear(h.open)
	}
	if missing+wrong > 0 {
		n.t.Errorf("%d samples are missing, %d are not the last that was written: %s", missing, wrong, first)
	}
}

// wantSame checks that two nodes give the same answers about all hosts but those
// whose name has one of the prefixes.
func (o *oracle) wantSame(t *testing.T, a, b *node, without ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, h := range o.hosts {
		if slices.ContainsFunc(without, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		request := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":%q}]}`, origin, origin+60*h.slots, name)
		one, other := a.send("POST", "/api/query", request), b.send("POST", "/api/query", request)
		if one.status != 200 || one.body != other.body {
			t.Errorf("the nodes differ about %s:\n  %d %s\n  %d %s", name, one.status, clip(one.body), other.status, clip(other.body))
		}
	}
}
