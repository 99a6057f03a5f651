package promapi

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// result appends the result of a query.
func (a *answer) result(ctx context.Context, v parser.Value) error {
	a.buf = append(a.buf, `{"resultType":"`...)
	a.buf = append(a.buf, v.Type()...)
	a.buf = append(a.buf, `","result":`...)
	switch v := v.(type) {
	case promql.Vector:
		a.vector(ctx, v)
	case promql.Matrix:
		a.matrix(ctx, v)
	case promql.Scalar:
		a.point(v.T, v.V)
	case promql.String:
		a.buf = append(a.buf, '[')
		a.time(v.T)
		a.buf = append(a.buf, ',')
		a.string(v.V)
		a.buf = append(a.buf, ']')
	default:
		a.buf = a.buf[:0]
		return fmt.Errorf("encode the result of a query: there is no form for %T", v)
	}
	a.buf = append(a.buf, '}')
	return nil
}

func (a *answer) vector(ctx context.Context, v promql.Vector) {
	a.buf = append(a.buf, '[')
	for i := range v {
		if i > 0 {
			a.buf = append(a.buf, ',')
		}
		a.buf = append(a.buf, `{"metric":`...)
		a.labels(v[i].Metric)
		a.buf = append(a.buf, `,"value":`...)
		a.point(v[i].T, v[i].F)
		a.buf = append(a.buf, '}')
		if !a.spill(ctx) {
			return
		}
	}
	a.buf = append(a.buf, ']')
}

func (a *answer) matrix(ctx context.Context, m promql.Matrix) {
	const pointsPerSpill = 256
	a.buf = append(a.buf, '[')
	for i := range m {
		if i > 0 {
			a.buf = append(a.buf, ',')
		}
		a.buf = append(a.buf, `{"metric":`...)
		a.labels(m[i].Metric)
		a.buf = append(a.buf, `,"values":[`...)
		for n, p := range m[i].Floats {
			if n > 0 {
				a.buf = append(a.buf, ',')
			}
			a.point(p.T, p.F)
			if n%pointsPerSpill == 0 && !a.spill(ctx) {
				return
			}
		}
		a.buf = append(a.buf, "]}"...)
		if !a.spill(ctx) {
			return
		}
	}
	a.buf = append(a.buf, ']')
}

// labels appends labels as an object.
func (a *answer) labels(of labels.Labels) {
	a.buf = append(a.buf, '{')
	first := true
	of.Range(func(l labels.Label) {
		if !first {
			a.buf = append(a.buf, ',')
		}
		first = false
		a.string(l.Name)
		a.buf = append(a.buf, ':')
		a.string(l.Value)
	})
	a.buf = append(a.buf, '}')
}

func (a *answer) point(t int64, v float64) {
	a.buf = append(a.buf, '[')
	a.time(t)
	a.buf = append(a.buf, `,"`...)
	a.buf = appendValue(a.buf, v)
	a.buf = append(a.buf, `"]`...)
}

// time appends a time in milliseconds as seconds with up to three decimals.
func (a *answer) time(ms int64) { a.buf = appendSeconds(a.buf, ms) }

func appendSeconds(b []byte, ms int64) []byte {
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if part := ms % 1000; part != 0 {
		b = append(b, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}

// appendValue appends a value as Prometheus writes it: in the shortest form that reads back as it.
func appendValue(b []byte, v float64) []byte {
	size := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case math.IsInf(v, -1):
		return append(b, "-Inf"...)
	case size < 1<<53 && v == math.Trunc(v) && (v != 0 || !math.Signbit(v)):
		return strconv.AppendInt(b, int64(v), 10)
	case v != 0 && (size < 1e-6 || size >= 1e21):
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
