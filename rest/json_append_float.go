package rest

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

const (
	// floatRoom is how many bytes behind a text append may write to: those of the longest
	// number, which is 25 bytes long, and of a word that reaches beyond it.
	floatRoom = 32
	// exactDecimals bounds the numerators of decimals of up to 15 digits. No two of these are
	// the same float64, so each one is the shortest form of the float64 next to it.
	exactDecimals = 1e15
	// maxDecimals is how many decimals nearly all measured values have at the most.
	maxDecimals = 6
)

// floatAppender appends numbers, which is cheapest if they have about as many decimals as
// those before. The zero value is ready. It belongs to one goroutine.
type floatAppender struct {
	decimals int     // most of those so far, up to maxDecimals
	power    float64 // of ten: 10^decimals, if there are any
}

// append appends f in the shortest form that reads back as f, in the layout of
// encoding/json; null if f is NaN or infinite.
func (a *floatAppender) append(b []byte, f float64) []byte {
	size := math.Abs(f)
	if size < exactDecimals {
		if m := int64(size); float64(m) == size && (m != 0 || !math.Signbit(f)) {
			return appendDecimal(b, f < 0, m, 0)
		}
		if a.decimals > 0 {
			if m, ok := numerator(size, a.power); ok {
				return appendDecimal(b, f < 0, m, a.decimals)
			}
		}
		if a.decimals < maxDecimals {
			if m, ok := numerator(size, 1e6); ok {
				a.decimals, a.power = maxDecimals, 1e6
				for ; m%10 == 0; m /= 10 { // it ends: the value is no integer
					a.decimals, a.power = a.decimals-1, a.power/10
				}
				return appendDecimal(b, f < 0, m, a.decimals)
			}
		}
	}
	return appendLong(b, f)
}

// numerator returns m if size is the float64 next to m/power; m is neither 0 nor too large.
func numerator(size, power float64) (m int64, ok bool) {
	nearest := size*power + 0.5
	m = int64(nearest)
	return m, nearest < exactDecimals && m != 0 && float64(m)/power == size
}

// appendDecimal appends m/10^decimals, without zeros at its end. m is below exactDecimals, and
// decimals is 0 if the number is an integer.
func appendDecimal(b []byte, negative bool, m int64, decimals int) []byte {
	n := len(b)
	if cap(b)-n < floatRoom {
		b = slices.Grow(b, floatRoom)
	}
	out := (*[floatRoom]byte)(b[n : n+floatRoom])
	at := 0
	if negative {
		out[0], at = '-', 1
	}
	low := uint64(m)
	var zeros int // before the last eight digits
	if high := low / 1e8; high > 0 {
		low -= high * 1e8
		first := eightDigits(high)
		skip := bits.TrailingZeros64(first) &^ 7
		binary.LittleEndian.PutUint64(out[at:], (first|zeroDigits)>>(skip&63))
		at += 8 - skip/8
		low = eightDigits(low)
	} else {
		low = eightDigits(low)
		zeros = min(bits.TrailingZeros64(low)/8, 7-decimals) // one stays before the point
	}
	whole := 8 - decimals
	text := low | zeroDigits
	binary.LittleEndian.PutUint64(out[at:], text>>(8*zeros&63))
	at += whole - zeros
	if decimals > 0 {
		out[at] = '.'
		binary.LittleEndian.PutUint64(out[at+1:], text>>(8*whole&63))
		at += 1 + decimals - bits.LeadingZeros64(low)/8
	}
	return b[:n+at]
}

// zeroDigits is the text of eight zeros.
const zeroDigits = 0x3030303030303030

// eightDigits returns the digits of x, which is below 1e8, each in a byte, the first one in
// the lowest byte. Pairs of fours, then of twos, then of ones are made side by side.
func eightDigits(x uint64) uint64 {
	thousands := x * 3518437209 >> 45 // x/10000
	v := thousands | (x-10000*thousands)<<32
	hundreds := v * 10486 >> 20 & 0x0000007f0000007f // v/100 in each half
	v = hundreds | (v-100*hundreds)<<16
	tens := v * 103 >> 10 & 0x000f000f000f000f // v/10 in each quarter
	return tens | (v-10*tens)<<8
}

// appendLong is append for any number.
func appendLong(b []byte, f float64) []byte {
	size := math.Abs(f)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	if f == 0 || size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 becomes e-9
		b = b[:n-1]
	}
	return b
}
