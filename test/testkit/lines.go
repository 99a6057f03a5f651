package testkit

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// PitfallKey is the key of the line that the pitfalls look like.
const PitfallKey = "cpu_load,cluster=c,hostname=h,type=core,type-id=1 value="

// Pitfalls returns lines that may follow the line with the key PitfallKey and look like
// it, where the longest line has so many bytes.
func Pitfalls(maxLine int) []string {
	list := []string{
		// Marks at the start of a line.
		"\ufeffK 1 17", "\ufeff\ufeffK 1 17", "\ufeff", "\ufeff K 1 17", "\ufeff# K 1 17", "K 1 17\ufeff", "\ufeff# a=\"\nK 1 17\n\"", "\xff\xfeK 1 17", "\xfe\xffK 1 17",
		// Numbers.
		"K 0 17", "K -0 17", "K -0.0 17", "K 1. 17", "K .5 17", "K -.5 17", "K -1 17", "K +1 17", "K 1e3 17", "K 1e-3 17", "K 1E+03 17", "K 1e 17",
		"K 9007199254740991 17", "K 9007199254740992 17", "K 9007199254740993 17", "K 0.1 17", "K 123456.789012 17", "K 0.30000000000000004 17",
		"K 1234567890.123456789 17", "K 12345678901234567890.5 17", "K 0.0000000000000000001 17", "K 0000000000000000000000001.5 17", "K 4.9e-324 17", "K 2e-324 17", "K 1.7976931348623157e308 17",
		"K 1e400 17", "K -1e400 17", "K 0x1p-2 17", "K 1_000 17", "K 1i 17", "K -1i 17", "K -0i 17", "K 9223372036854775807i 17", "K 9223372036854775808i 17",
		"K 1u 17", "K -1u 17", "K 18446744073709551615u 17", "K 18446744073709551616u 17", "K 1.5i 17", "K 1.i 17", "K 1ii 17", "K i 17", "K 1.5.5 17", "K 1-2 17", "K - 17", "K  17", "K",
		"K NaN 17", "K Inf 17", "K -Inf 17", "K true 17", "K t 17", `K "x" 17`, `K "x`, "K 1,value=2 17", "K 1,other=2 17", "K 1, 17",
		// Times.
		"K 1", "K 1 ", "K 1  17", "K 1 17 ", "K 1 17\r", "K 1\r", "K 1 17 x", "K 1 17x", "K 1 x", "K 1 -5", "K 1 1-7", "K 1 -", "K 1 +5", "K 1 007", "K 1 0000922700000000000000", "K 1 1.5",
		"K 1 1700000000123", "K 1 1700000000123456", "K 1 1700000000123456789", "K 1 9223372036854775807", "K 1 9223372036854775808", "K 1 -9223372036854775808",
		"K 1 99999999999999999999", "K 1 1760000600", "K 1 1760000601", "K 1 1760000000",
		// Keys.
		" K 1 17", "#K 1 17", "K\t1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1 value =1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1  value=1 17",
		"cpu_load,cluster=c,hostname=h,type=core,type-id=1 valve=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=12 value=1 17", "cpu_load,cluster=c,hostname=hh,type=core,type-id=1 value=1 17",
		"cpu_load,cluster=c,hostname=,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id= value=1 17", "cpu_load,cluster=c,hostname=..,type=core,type-id=1 value=1 17",
		"cpu_load,cluster=c,hostname=h/h,type=core,type-id=1 value=1 17", `cpu_load,cluster=c,hostname=h\ h,type=core,type-id=1 value=1 17`, `cpu_load,cluster=c,hostname=h\h,type=core,type-id=1 value=1 17`,
		`cpu_load,cluster=c,hostname=h"h,type=core,type-id=1 value=1 17`, "cpu_load,cluster=c,hostname=h=h,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,,type=core,type-id=1 value=1 17",
		"cpu_load,cluster=c,hostname=h,type=core,type-id=1, value=1 17", "cpu_load,cluster=c,host=h,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,host=h,hostname=g,type=core,type-id=1 value=1 17",
		"cpu_load,type=core,type-id=1,hostname=h,cluster=c value=1 17", "cpu_load,hostname=h,type=core,type-id=1 value=1 17", "cpu_load value=1 17", "cpu_load,type=core,type-id=1 value=1 17",
		"cpu_load,cluster=c,hostname=h,rack=r7,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=node,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1,stype=s value=1 17",
		"cpu_load,cluster=c,hostname=\xff,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=\x7f,type=core,type-id=1 value=1 17", "cpu_load,cluster=,hostname=h value=1 17",
		// Metrics that are not configured, and what is not for us.
		"no_such,cluster=c,hostname=h value=1 17", "no_such,cluster=c,hostname=h value=1e400 17", "no_such,cluster=c,hostname=h value=1 99999999999999999999", "no_such,cluster=c,hostname=h value=1 1760000601",
		"no_such,cluster=c,hostname=h other=1 17", "no_such,cluster=c,hostname=../h value=1 17", `cpu_load,cluster=c,hostname=h event="x" 17`, "cpu_load,cluster=c,hostname=h value=1,event=\"a\nb\" 17",
		strings.Repeat(" ", maxLine+1), "#" + strings.Repeat("x", maxLine),
		"", " ", "\r", "\r\r", " \r ", "# comment", "#", "\x00", "K " + strings.Repeat("0", maxLine) + " 17", "K 1 " + strings.Repeat("0", maxLine), "cpu_load,cluster=c,hostname=h,x=" + strings.Repeat("y", maxLine) + " value=1 17",
		"cpu_load,cluster=c,hostname=h,x=" + strings.Repeat("y", maxLine-100) + " value=1 17",
	}
	for i, line := range list {
		list[i] = strings.Replace(line, "K ", PitfallKey, 1)
	}
	return list
}

// RandomNumber renders a number of line protocol in one of many ways.
func RandomNumber(r *rand.Rand) string {
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	switch r.IntN(7) {
	case 0: // any float64
		v := math.Float64frombits(r.Uint64())
		return strconv.FormatFloat(v, 'g', -1, 64)
	case 1: // near a limit of what is exact
		return strconv.FormatUint(1<<53-8+r.Uint64N(16), 10)
	case 2:
		s := strconv.FormatUint(1<<53-8+r.Uint64N(16), 10)
		i := r.IntN(len(s))
		return "-" + s[:i] + "0." + s[i:]
	case 3:
		return digits(1+r.IntN(4)) + "." + digits(r.IntN(20))
	case 4:
		return digits(1+r.IntN(20)) + "e" + strconv.Itoa(r.IntN(80)-40)
	case 5:
		return strings.Repeat("-", r.IntN(2)) + digits(r.IntN(8)) + strings.Repeat(".", r.IntN(2)) + digits(r.IntN(7))
	}
	return "-" + digits(1+r.IntN(22))
}
