package original

import "fmt"

// visitor is told what is in a snapshot, series after series.
type visitor interface {
	// begin begins a series of the level with the keys, which it does not keep. An error is
	// damage of the file, but for a stopError.
	begin(keys []string, metric string, h header) error
	// value adds a value to it, NaN is a gap. After an error nothing more is read.
	value(v float64) error
}

// header is what a file says of a series.
type header struct {
	frequency, start int64 // seconds
	// from is when the level begins, as the level says; 0: it does not.
	from int64
}

func (h header) check(metric string) error {
	switch {
	case h.frequency < 1 || h.frequency > maxFrequency:
		return fmt.Errorf("the series %.100q has an interval of %d s", metric, h.frequency)
	case h.start < 0 || h.start > maxTime:
		return fmt.Errorf("the series %.100q starts at %d", metric, h.start)
	}
	return nil
}

// stopError is an error of who takes the samples. It is no damage.
type stopError struct{ cause error }

func (e *stopError) Error() string { return e.cause.Error() }
func (e *stopError) Unwrap() error { return e.cause }
