package rest

import (
	"slices"
	"strconv"

	"cc-metric-store/store"
)

// cellsPerSpill is how many cells fit the slack of a chunk, with their commas.
const cellsPerSpill = chunkSlack / floatRoom

// series appends the result object of one series.
func (r *reply) series(s *store.Series, withStats bool) error {
	var floats floatAppender
	r.buf = append(r.buf, '{')
	if len(s.Values) > 0 {
		r.buf = append(r.buf, `"data":`...)
		if err := r.values(s.Values, &floats); err != nil {
			return err
		}
		r.buf = append(r.buf, ',')
	}
	r.buf = r.times.append(r.buf, s)
	if !withStats {
		r.buf = append(r.buf, `,"avg":0.00,"min":0.00,"max":0.00}`...)
		return nil
	}
	r.buf = append(r.buf, `,"avg":`...)
	r.buf = floats.append(r.buf, s.Avg)
	r.buf = append(r.buf, `,"min":`...)
	r.buf = floats.append(r.buf, s.Min)
	r.buf = append(r.buf, `,"max":`...)
	r.buf = floats.append(r.buf, s.Max)
	r.buf = append(r.buf, '}')
	return nil
}

// timesAppender appends the times of series. It keeps the text, as those of an answer are mostly the same.
type timesAppender struct {
	from, to, resolution int64 // of the last series
	length               int   // of its text, 0: there was none
	text                 [timesRoom]byte
}

// timesRoom is the largest size of the text.
const timesRoom = len(`"from":,"to":,"resolution":`) + 3*len("-9223372036854775808")

func (t *timesAppender) append(b []byte, s *store.Series) []byte {
	if t.length == 0 || t.from != s.From || t.to != s.To || t.resolution != s.Resolution {
		t.from, t.to, t.resolution = s.From, s.To, s.Resolution
		text := strconv.AppendInt(append(t.text[:0], `"from":`...), s.From, 10)
		text = strconv.AppendInt(append(text, `,"to":`...), s.To, 10)
		text = strconv.AppendInt(append(text, `,"resolution":`...), s.Resolution, 10)
		t.length = len(text)
	}
	return append(b, t.text[:t.length]...)
}

// values appends an array of numbers, at least one.
func (r *reply) values(values []float64, floats *floatAppender) error {
	r.buf = append(r.buf, '[')
	for next := range slices.Chunk(values, cellsPerSpill) {
		if err := r.spill(); err != nil {
			return err
		}
		b := r.buf // which is quicker to append to than a field
		for _, v := range next {
			b = append(floats.append(b, v), ',')
		}
		r.buf = b
	}
	r.buf[len(r.buf)-1] = ']' // for the last comma
	return nil
}

// errorObject appends the result object of a query that failed.
func (r *reply) errorObject(err error) {
	r.buf = append(r.buf, `{"error":`...)
	r.buf = appendString(r.buf, err.Error())
	r.buf = append(r.buf, `,"from":0,"to":0,"resolution":0,"avg":0.00,"min":0.00,"max":0.00}`...)
}
