package lineproto

import (
	"fmt"
	"math"
	"time"

	"cc-metric-store/store"
)

// readTimestamp returns the Unix seconds of the timestamp of a line, which are those of
// at, the time of the entry in the log, if there is none. A time that lies further ahead
// of that than the tolerance is refused.
func readTimestamp(stamp []byte, at time.Time, tolerance time.Duration) (int64, error) {
	if stamp == nil {
		return at.Unix(), nil
	}
	n, ok := parseInt(stamp)
	if !ok {
		return 0, &lineError{BadTimestamp, fmt.Sprintf("timestamp %q is not a whole number of seconds, ms, us or ns", stamp)}
	}
	t := unixSeconds(n)
	if t < -store.MaxTime || t > store.MaxTime {
		return 0, &lineError{BadTimestamp, fmt.Sprintf("timestamp %s lies more than %d years from 1970", stamp, store.MaxTime/(365*24*3600))}
	}
	if ahead := t - at.Unix(); ahead > int64(tolerance/time.Second) {
		return 0, &lineError{InFuture, fmt.Sprintf("timestamp %s lies %v ahead, more than the tolerance of %v: is the sender's clock right?",
			stamp, time.Duration(min(ahead, store.MaxTime))*time.Second, tolerance)}
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
