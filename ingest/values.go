package ingest

import (
	"fmt"
	"math"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

// readFields reads the value. Of several the last one counts. The first fault
// of meaning is told when all fields are read, an error of syntax at once.
func (d *decoder) readFields(dec *lineprotocol.Decoder) (fault *lineError, err error) {
	l := &d.line
	for {
		key, value, err := dec.NextField()
		if err != nil {
			return nil, err
		}
		if key == nil {
			return fault, nil
		}
		switch name := string(key); {
		case name == "value":
			l.value, l.valued = number(value)
			if !l.valued && fault == nil {
				fault = &lineError{badValue, fmt.Sprintf("value is of type %v, not a number", value.Kind())}
			}
		case value.Kind() == lineprotocol.String && (name == "event" || name == "log" || name == "control"):
			l.foreign = true
		case fault == nil:
			fault = &lineError{badField, fmt.Sprintf("unknown field %q: the value of a sample is in the field \"value\"", name)}
		}
	}
}

func number(v lineprotocol.Value) (float64, bool) {
	switch v.Kind() {
	case lineprotocol.Float:
		return v.FloatV(), true
	case lineprotocol.Int:
		return float64(v.IntV()), true
	case lineprotocol.Uint:
		return float64(v.UintV()), true
	}
	return 0, false
}

// nameOK rules out the names of clusters and hosts that would leave a
// directory if they were used as a path.
func nameOK(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '/', '\\':
			return false
		case '.':
			if i > 0 && name[i-1] == '.' {
				return false
			}
		}
	}
	return true
}

func (d *decoder) readTime(stamp []byte, at time.Time) (int64, error) {
	if stamp == nil {
		return at.Unix(), nil
	}
	n, ok := parseInt(stamp)
	if !ok {
		return 0, &lineError{badTime, fmt.Sprintf("timestamp %q is not a whole number of seconds, ms, us or ns", stamp)}
	}
	t := unixSeconds(n)
	if t < -store.MaxTime || t > store.MaxTime {
		return 0, &lineError{badTime, fmt.Sprintf("timestamp %s lies more than %d years from 1970", stamp, store.MaxTime/(365*24*3600))}
	}
	if ahead := t - at.Unix(); ahead > int64(d.future/time.Second) {
		return 0, &lineError{inFuture, fmt.Sprintf("timestamp %s lies %v ahead, more than the tolerance of %v: is the sender's clock right?",
			stamp, time.Duration(min(ahead, store.MaxTime))*time.Second, d.future)}
	}
	return t, nil
}

// parseInt is strconv.ParseInt without its errors, which cost an allocation
// even where there is none.
func parseInt(digits []byte) (n int64, ok bool) {
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) > 19 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0') // 19 digits fit
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

// unixSeconds takes a timestamp of unknown precision: it is of the coarsest
// one of s, ms, us and ns in which its nanoseconds fit 64 bits.
func unixSeconds(n int64) int64 {
	for _, perSecond := range [...]int64{1, 1e3, 1e6} {
		if limit := math.MaxInt64 / (1e9 / perSecond); n >= -limit && n <= limit {
			return floorDiv(n, perSecond)
		}
	}
	return floorDiv(n, 1e9)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
