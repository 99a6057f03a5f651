package store

import (
	"maps"
	"slices"
	"time"

	"cc-metric-store/store/checkpoint"
)

// Era is a span of the log's time in which the metrics had one configuration: 0 is
// the present one, others count from 1 for the oldest one. What the log took in
// an era always counts at the intervals of then, so that a replay makes of it what
// was made of it the first time.
type Era int32

// history is how the metrics were configured. It is immutable.
type history struct {
	past    []checkpoint.Era // ascending
	present checkpoint.Era
}

// maxEras bounds the history: what the log took before the oldest one counts as if
// it had been taken in that.
const maxEras = 32

// Era returns the era of what the log took at a time.
func (s *Store) Era(at time.Time) Era {
	h := s.history.Load()
	if h == nil || len(h.past) == 0 || at.UnixNano() >= h.present.Since {
		return 0
	}
	for i, e := range slices.Backward(h.past) {
		if at.UnixNano() >= e.Since {
			return Era(i + 1)
		}
	}
	return 1
}

// era returns the configuration of an era that is not the present one.
func (s *Store) era(e Era) *era { return (*era)(&s.history.Load().past[e-1]) }

type era checkpoint.Era

// interval returns the sampling interval that the metric had, 0 if it was not
// accepted.
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

// newHistory adds the present configuration, which begins now, to the eras before,
// unless it is the newest of them.
func newHistory(before []checkpoint.Era, present checkpoint.Era) (h *history, changed bool) {
	if n := len(before); n > 0 && before[n-1].Any == present.Any && maps.Equal(before[n-1].Metrics, present.Metrics) {
		return &history{before[:n-1], before[n-1]}, false
	}
	if len(before) == 0 {
		present.Since = 0 // all that the log holds
	}
	// The clock may have been set back: the present configuration is in force now.
	past := slices.DeleteFunc(slices.Clone(before), func(e checkpoint.Era) bool { return e.Since >= present.Since })
	if len(past) == 0 && len(before) > 0 {
		past = []checkpoint.Era{before[0]}
		past[0].Since = 0
	}
	return &history{past[max(len(past)-maxEras, 0):], present}, true
}

// eras returns all eras, ascending.
func (h *history) eras() []checkpoint.Era { return append(slices.Clone(h.past), h.present) }

// eras returns all that is known of how the metrics were configured.
func (s *Store) eras() []checkpoint.Era {
	if h := s.history.Load(); h != nil {
		return h.eras()
	}
	return nil
}
