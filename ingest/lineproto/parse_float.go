package lineproto

import (
	"encoding/binary"
	"math/bits"
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

// parseFloat reads the number at the front of b, which ends at a blank, a
// newline or the end of b. It returns n = 0 for all but the usual forms, among
// them some that are numbers, too. The value is the one of strconv.ParseFloat, bit
// by bit: mantissa and power of ten of a short number are exact, and so there
// is only the rounding of the one division.
func parseFloat(b []byte) (v float64, n int) {
	i := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		i = 1
	}
	if len(b) >= i+8 {
		if mantissa, decimals, n := parseShort(binary.LittleEndian.Uint64(b[i:])); n > 0 {
			v = float64(mantissa) / powersOfTen[decimals]
			if negative {
				v = -v
			}
			return v, i + n
		}
	}
	return parseDigits(b, i, negative)
}

// parseShort reads a number of digits, with or without a point among them, that
// ends at a blank within the eight bytes of w. It returns n = 0 for others. The
// length of a number is random: there is no branch that depends on it.
func parseShort(w uint64) (mantissa uint64, decimals, n int) {
	const ones = 0x0101010101010101
	digits := w ^ '0'*ones
	// The high bit of each byte that is no digit, exact up to the first byte
	// beyond ASCII.
	others := (digits | (digits + (0x80-10)*ones)) & (0x80 * ones)
	point := bits.TrailingZeros64(others) &^ 7 // in bits from the start
	end := bits.TrailingZeros64(others&(others-1)) &^ 7
	if point == 0 { // a shift by 64 gives no blank and no point
		return 0, 0, 0
	}
	switch {
	case w>>point&0xff == ' ':
		digits <<= 64 - point
		return joinDigits(digits), 0, point / 8
	case w>>point&0xff != '.' || w>>end&0xff != ' ':
		return 0, 0, 0
	}
	whole := digits & (1<<point - 1)
	digits = (digits>>8&^(1<<point-1) | whole) << (72 - end)
	return joinDigits(digits), (end-point)/8 - 1, end / 8
}

// joinDigits returns the number of eight digits, the first one in the lowest
// byte.
func joinDigits(d uint64) uint64 {
	d = (d*10 + d>>8) & 0x00ff00ff00ff00ff
	d = (d*100 + d>>16) & 0x0000ffff0000ffff
	return (d*10000 + d>>32) & 0xffffffff
}

// parseDigits is parseFloat byte by byte, from i on, after the sign.
func parseDigits(b []byte, i int, negative bool) (v float64, n int) {
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
		return parseLong(b)
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

// parseLong is parseFloat for many digits and exponents.
func parseLong(b []byte) (v float64, n int) {
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
