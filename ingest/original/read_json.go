package original

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// A JSON snapshot is a level: {"from": s, "to": s, "metrics": {name: {"frequency": s,
// "start": s, "data": [value or null, ...]}, ...}, "children": {name: level, ...}}, with its
// fields in any order. It is read twice, so that what a series and its level say of it is known
// when its values come, and none of them has to be held.

// maxOutline bounds the levels of a JSON snapshot, and its series.
const maxOutline = 1 << 20

// outline is what the first reading finds, in the order in which levels and series begin.
type outline struct {
	froms  []int64
	series []header
}

// jsonReader reads one JSON snapshot, for the first or the second time.
type jsonReader struct {
	l      jsonLexer
	first  bool
	found  outline
	level  int // number of the levels that have begun
	series int // likewise
	v      visitor
}

// readJSON reads a snapshot up to its end, or its first damage, and tells the visitor.
func readJSON(f io.ReadSeeker, v visitor) error {
	r := &jsonReader{first: true}
	fault := r.run(f)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r = &jsonReader{found: r.found, v: v}
	err := r.run(f)
	if stop, ok := errors.AsType[*stopError](err); ok {
		return stop.cause
	}
	return cmp.Or(err, fault) // that of the second reading is of the same place
}

func (r *jsonReader) run(f io.Reader) error {
	r.l.r = bufio.NewReaderSize(f, 64<<10)
	err := r.readLevel(nil)
	if err == nil {
		err = r.l.end()
	}
	if _, ok := errors.AsType[*stopError](err); ok || err == nil {
		return err
	}
	return &damageError{r.l.offset, cutShort(err)}
}

// readLevel reads a level, whose keys below the host are given.
func (r *jsonReader) readLevel(keys []string) error {
	if len(keys) > 2 {
		return errDeep
	}
	number := r.level
	if r.level++; r.level > maxOutline {
		return fmt.Errorf("there are more than %d levels", maxOutline)
	}
	switch {
	case r.first:
		r.found.froms = append(r.found.froms, 0)
	case number >= len(r.found.froms):
		return errChanged
	}
	return r.l.object(func(name string) (err error) {
		c, err := r.l.next()
		switch {
		case err != nil:
			return err
		case c == 'n': // a field without a value
			return r.l.word("null")
		}
		switch name {
		case "from":
			from, err := r.l.whole()
			if r.first {
				r.found.froms[number] = from
			}
			return err
		case "metrics":
			return r.l.object(func(metric string) error { return r.readSeries(keys, number, metric) })
		case "children":
			return r.l.object(func(child string) error { return r.readLevel(append(keys[:len(keys):len(keys)], child)) })
		}
		return r.l.skip(0)
	})
}

var errChanged = errors.New("the file was changed while it was read")

func (r *jsonReader) readSeries(keys []string, level int, metric string) error {
	number := r.series
	if r.series++; r.series > maxOutline {
		return fmt.Errorf("there are more than %d series", maxOutline)
	}
	switch {
	case r.first:
		r.found.series = append(r.found.series, header{})
	case number >= len(r.found.series):
		return errChanged
	default:
		h := r.found.series[number]
		h.from = r.found.froms[level]
		if err := r.v.begin(keys, metric, h); err != nil {
			return err
		}
	}
	return r.l.object(func(name string) (err error) {
		var n int64
		switch name {
		case "frequency":
			if n, err = r.l.whole(); r.first {
				r.found.series[number].frequency = n
			}
		case "start":
			if n, err = r.l.whole(); r.first {
				r.found.series[number].start = n
			}
		case "data":
			err = r.readData()
		default:
			err = r.l.skip(0)
		}
		return err
	})
}

func (r *jsonReader) readData() error {
	switch c, err := r.l.next(); {
	case err != nil:
		return err
	case c == 'n':
		return r.l.word("null")
	}
	return r.l.array(func() error {
		v := math.NaN()
		switch c, err := r.l.next(); {
		case err != nil:
			return err
		case c == 'n':
			if err := r.l.word("null"); err != nil {
				return err
			}
		default:
			text, err := r.l.number()
			if err != nil {
				return err
			}
			// A value that no float64 holds is infinite, and is counted where it is handed on.
			if v, err = strconv.ParseFloat(string(text), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
				return fmt.Errorf("%.50q is no number", text)
			}
		}
		if r.first {
			return nil
		}
		if err := r.v.value(v); err != nil {
			return &stopError{err}
		}
		return nil
	})
}
