package store

import (
	"maps"
	"slices"
	"time"

	"cc-metric-store/store/checkpoint"
)

// Era is a span of time, by the log's clock, in which the metrics had one configuration.
// 0 is the present era; 1 is the oldest one that is known, and so on. An entry of the log
// is always read with the configuration of its era, so that a replay has the same result
// as the first time.
type Era int32

// eras holds the configurations of the metrics in all eras. It is immutable.
type eras struct {
	past    []checkpoint.Era // ascending
	present checkpoint.Era
}

// maxEras bounds the past eras. Entries from before the oldest one are read as if they
// belonged to it.
const maxEras = 32

// Era returns the era of an entry that the log stored at a time.
func (s *Store) Era(at time.Time) Era {
	known := s.eras.Load()
	if known == nil || len(known.past) == 0 || at.UnixNano() >= known.present.Since {
		return 0
	}
	for i, e := range slices.Backward(known.past) {
		if at.UnixNano() >= e.Since {
			return Era(i + 1)
		}
	}
	return 1
}

// era returns the configuration of an era that is not the present one.
func (s *Store) era(e Era) *era { return (*era)(&s.eras.Load().past[e-1]) }

// era is the configuration of one era.
type era checkpoint.Era

// interval returns the sampling interval of the metric in the era, in seconds, 0 if it was
// not accepted.
func (e *era) interval(name []byte) int64 {
	if f, ok := e.Metrics[string(name)]; ok {
		return f
	}
	if isMetricName(name) {
		return e.Any
	}
	return 0
}

// configuredEra returns the configuration as an era that begins at a time.
func (c *Config) configuredEra(since time.Time) checkpoint.Era {
	e := checkpoint.Era{Since: since.UnixNano(), Metrics: make(map[string]int64, len(c.Metrics))}
	for name, m := range c.Metrics {
		e.Metrics[name] = m.Frequency
	}
	if c.AnyMetric != nil {
		e.Any = c.AnyMetric.Frequency
	}
	return e
}

// newEras appends the present configuration, which begins now, to the eras before. If it is
// that of the newest one, the present era is that one: changed is false then.
func newEras(before []checkpoint.Era, present checkpoint.Era) (e *eras, changed bool) {
	if n := len(before); n > 0 && before[n-1].Any == present.Any && maps.Equal(before[n-1].Metrics, present.Metrics) {
		return &eras{before[:n-1], before[n-1]}, false
	}
	if len(before) == 0 {
		present.Since = 0 // it is that of all entries in the log
	}
	// The clock may have been set back. The present configuration counts from now on.
	past := slices.DeleteFunc(slices.Clone(before), func(e checkpoint.Era) bool { return e.Since >= present.Since })
	if len(past) == 0 && len(before) > 0 {
		past = []checkpoint.Era{before[0]}
		past[0].Since = 0
	}
	return &eras{past[max(len(past)-maxEras, 0):], present}, true
}

// all returns all eras, ascending.
func (e *eras) all() []checkpoint.Era { return append(slices.Clone(e.past), e.present) }

// allEras returns all eras that are known, ascending.
func (s *Store) allEras() []checkpoint.Era {
	if e := s.eras.Load(); e != nil {
		return e.all()
	}
	return nil
}
