package store

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidAggregation is returned for a query that would have to combine
// several series of a metric that is configured without an aggregation.
var ErrInvalidAggregation = errors.New("[METRICSTORE]> invalid aggregation")

// ErrInvalidTimeRange is returned for a query whose From is after its To.
var ErrInvalidTimeRange = errors.New("[METRICSTORE]> invalid time range")

// UnknownMetricError is returned for a query of a metric that is not configured.
type UnknownMetricError struct{ Metric string }

func (e *UnknownMetricError) Error() string {
	return "[METRICSTORE]> unknown metric: " + e.Metric
}

// NotFoundError is returned by Dump for a selector that leads nowhere.
type NotFoundError struct{ Selector []string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("[METRICSTORE]> not found: %#v", e.Selector)
}

// WindowError is returned for a query that asks for more than MaxCells cells of
// one series, or MaxQueryCells of all its series, or for times beyond MaxTime.
type WindowError struct {
	From, To  int64
	Frequency int64
	Series    int // that the query asks for
}

func (e *WindowError) Error() string {
	text := fmt.Sprintf("the window from %d to %d is too long: at most %d steps of %d s for one series and %d for the %d series of one query, within %d years of 1970",
		e.From, e.To, MaxCells, e.Frequency, MaxQueryCells, e.Series, MaxTime/(365*24*3600))
	for _, err := range []error{CheckSeconds("from", e.From), CheckSeconds("to", e.To)} {
		if err != nil {
			return text + "; " + err.Error()
		}
	}
	return text
}

// CheckSeconds returns an error for a time that cannot be in Unix seconds: one beyond MaxTime
// (the year 2262) is in milliseconds, microseconds or nanoseconds. The times of samples are told
// apart by the same rule. name says in the error what has the time.
func CheckSeconds(name string, t int64) error {
	unit := "nanoseconds"
	switch {
	case t >= -MaxTime && t <= MaxTime:
		return nil
	case t >= -MaxTime*1000 && t <= MaxTime*1000:
		unit = "milliseconds"
	case t >= -MaxTime*1000_000 && t <= MaxTime*1000_000:
		unit = "microseconds"
	}
	return fmt.Errorf("%s %d looks like %s: times are in Unix seconds, up to %d", name, t, unit, int64(MaxTime))
}

// SeriesError is returned for a query that selects more than MaxQuerySeries series.
type SeriesError struct{ Series int }

func (e *SeriesError) Error() string {
	return fmt.Sprintf("type-ids times subtype-ids select %d series, at most %d are possible in one query: ask in several",
		e.Series, MaxQuerySeries)
}

// RunsError is returned for a query that needs more blocks of series than may be read under
// the lock of a host.
type RunsError struct{ Series, Blocks int }

func (e *RunsError) Error() string {
	return fmt.Sprintf("[METRICSTORE]> %d series in %d blocks are selected, at most %d in all are possible in one query: ask for a shorter time or fewer parts",
		e.Series, e.Blocks, maxQueryRuns)
}

// TooLargeError is returned for a write or a free request that makes an entry, be it data or
// headers, of a size that the log never stores.
type TooLargeError struct {
	Bytes int // of the data
	Cause error
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the log does not take an entry of %d bytes and its headers: send less at once: %v", e.Bytes, e.Cause)
}

// Unwrap returns the cause.
func (e *TooLargeError) Unwrap() error { return e.Cause }

// RefusedError tells a writer that some of its lines were refused. All other
// lines of the same write are stored.
type RefusedError struct {
	// Lines counts the refused lines.
	Lines int
	// First is the number of the first refused line, from 1; 0 if it is not known.
	First int
	// Reason says what is wrong with the first refused line.
	Reason string
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	if e.First > 0 {
		fmt.Fprintf(&b, "line %d: ", e.First)
	}
	b.WriteString(e.Reason)
	if e.First > 0 && e.Lines > 1 {
		fmt.Fprintf(&b, " (and %d more refused lines)", e.Lines-1)
	}
	b.WriteString("; all other lines are stored")
	return b.String()
}
