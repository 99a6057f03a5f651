package ingest

import (
	"strconv"
	"unsafe"
)

const (
	exactMantissa = 1 << 53 // integers up to here are exact in a float64
	safeDigits    = 19      // decimal digits that always fit 64 bits
	safeInteger   = 18      // digits that always fit a signed integer
)

// powersOfTen are those that a float64 represents exactly, as far as safeDigits
// need them.
var powersOfTen = [safeDigits + 1]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// readNumber reads the number at the front of b, which ends at a blank, a
// newline or the end of b. It returns n = 0 for all but the usual forms, among
// them some that are numbers, too. The value is the one of strconv.ParseFloat, bit
// by bit: mantissa and power of ten of a short number are exact, and so there
// is only the rounding of the one division.
func readNumber(b []byte) (v float64, n int) {
	i := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		i = 1
	}
	begin := i
	var mantissa uint64
	for i < len(b) && b[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(b[i]-'0')
		i++
	}
	digits, decimals := i-begin, 0
	if digits == 0 {
		return 0, 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		begin = i
		for i < len(b) && b[i]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(b[i]-'0')
			i++
		}
		decimals = i - begin
		digits += decimals
	} else if i < len(b) && (b[i] == 'i' || b[i] == 'u' && !negative) {
		if digits > safeInteger || !endsNumber(b, i+1) {
			return 0, 0
		}
		whole := int64(mantissa)
		if negative {
			whole = -whole // of integers: there is no -0
		}
		return float64(whole), i + 1
	}
	if digits > safeDigits || mantissa > exactMantissa || !endsNumber(b, i) {
		return readLongNumber(b)
	}
	v = float64(mantissa)
	if decimals > 0 {
		v /= powersOfTen[decimals]
	}
	if negative {
		v = -v
	}
	return v, i
}

func endsNumber(b []byte, i int) bool { return i == len(b) || b[i] == ' ' || b[i] == '\n' }

// readLongNumber is readNumber for many digits and exponents.
func readLongNumber(b []byte) (v float64, n int) {
	for n < len(b) && (b[n]-'0' <= 9 || b[n] == '.' || b[n] == '-' || b[n] == '+' || b[n] == 'e' || b[n] == 'E') {
		n++
	}
	if !endsNumber(b, n) {
		return 0, 0
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), n), 64) // which does not keep it
	if err != nil {
		return 0, 0
	}
	return v, n
}
