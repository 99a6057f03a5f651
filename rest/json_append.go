package rest

import (
	"encoding/json"
	"math"
	"strconv"
)

// appendFloat appends f in the shortest form that reads back as f, in the layout of
// encoding/json; null if f is NaN or infinite.
func appendFloat(b []byte, f float64) []byte {
	size := math.Abs(f)
	if size < 1e9 {
		// A value with at most six decimals, as nearly all measured ones are.
		if m := math.RoundToEven(f * 1e6); m != 0 && m/1e6 == f {
			return appendMillionths(b, int64(m))
		}
	}
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

// appendMillionths appends m/1e6 without zeros at the end. With m below 1e15
// it has at most 15 digits, and no two decimals of 15 digits are the same
// float64: it is the shortest form of the float64 next to it.
func appendMillionths(b []byte, m int64) []byte {
	if m < 0 {
		b = append(b, '-')
		m = -m
	}
	b = strconv.AppendInt(b, m/1e6, 10)
	fraction := m % 1e6
	if fraction == 0 {
		return b
	}
	b = append(b, ".000000"...)
	for at := len(b) - 1; fraction > 0; at-- {
		b[at] = byte('0' + fraction%10)
		fraction /= 10
	}
	end := len(b)
	for b[end-1] == '0' {
		end--
	}
	return b[:end]
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendQuoted(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendQuoted appends a string with characters that encoding/json escapes.
func appendQuoted(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string has a JSON form
	}
	return append(b, quoted...)
}
