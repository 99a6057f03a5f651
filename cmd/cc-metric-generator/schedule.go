package main

import (
	"math"
	"time"
)

// schedule lists the ticks of a run: first those of the past, which are due at
// once, then live ones, which are due at their own time. Neighbours are one
// interval apart throughout.
type schedule struct {
	first    int64 // Unix time of the first tick
	interval int64 // seconds
	past     int64 // number of ticks of the past
	total    int64 // number of all ticks; math.MaxInt64 if it goes on until interrupted
}

// newSchedule lays out the ticks of a run that starts now. Without -end all
// ticks are multiples of the interval. The history ends with the last tick up
// to now; the live ticks follow it, so that those which fall due while the
// history is sent are made up for.
func newSchedule(o *options, now time.Time) schedule {
	s := schedule{interval: int64(o.interval / time.Second)}
	s.past = int64(o.history / o.interval)
	last := o.end
	if last == 0 {
		last = now.Unix() / s.interval * s.interval
	}
	if s.past == 0 {
		s.first = last
	} else {
		s.first = last - (s.past-1)*s.interval
	}
	switch {
	case !o.live:
		s.total = s.past
	case o.duration == 0:
		s.total = math.MaxInt64
	default:
		s.total = s.past + int64((o.duration+o.interval-1)/o.interval)
	}
	return s
}

// at returns the Unix time of tick i.
func (s schedule) at(i int64) int64 { return s.first + i*s.interval }

// endless reports whether the run goes on until it is interrupted.
func (s schedule) endless() bool { return s.total == math.MaxInt64 }
