package rest

import (
	"strconv"

	"cc-metric-store/store"
)

// cellsPerSpill is how many cells fit the slack of a chunk: none is longer than 25 bytes.
const cellsPerSpill = 1024

// series appends the result object of one series.
func (r *reply) series(s *store.Series, withStats bool) error {
	r.buf = append(r.buf, '{')
	if len(s.Values) > 0 {
		r.buf = append(r.buf, `"data":`...)
		if err := r.values(s.Values); err != nil {
			return err
		}
		r.buf = append(r.buf, ',')
	}
	r.buf = append(r.buf, `"from":`...)
	r.buf = strconv.AppendInt(r.buf, s.From, 10)
	r.buf = append(r.buf, `,"to":`...)
	r.buf = strconv.AppendInt(r.buf, s.To, 10)
	r.buf = append(r.buf, `,"resolution":`...)
	r.buf = strconv.AppendInt(r.buf, s.Resolution, 10)
	if !withStats {
		r.buf = append(r.buf, `,"avg":0.00,"min":0.00,"max":0.00}`...)
		return nil
	}
	r.buf = append(r.buf, `,"avg":`...)
	r.buf = appendFloat(r.buf, s.Avg)
	r.buf = append(r.buf, `,"min":`...)
	r.buf = appendFloat(r.buf, s.Min)
	r.buf = append(r.buf, `,"max":`...)
	r.buf = appendFloat(r.buf, s.Max)
	r.buf = append(r.buf, '}')
	return nil
}

// values appends an array of numbers.
func (r *reply) values(values []float64) error {
	r.buf = append(r.buf, '[')
	for i, v := range values {
		if i > 0 {
			r.buf = append(r.buf, ',')
			if i%cellsPerSpill == 0 {
				if err := r.spill(); err != nil {
					return err
				}
			}
		}
		r.buf = appendFloat(r.buf, v)
	}
	r.buf = append(r.buf, ']')
	return nil
}

// errorObject appends the result object of a query that failed.
func (r *reply) errorObject(err error) {
	r.buf = append(r.buf, `{"error":`...)
	r.buf = appendString(r.buf, err.Error())
	r.buf = append(r.buf, `,"from":0,"to":0,"resolution":0,"avg":0.00,"min":0.00,"max":0.00}`...)
}
