package test

import (
	"fmt"
	"strings"
)

// pageConfig has metrics of each kind.
func pageConfig() object {
	cfg := archiving(baseConfig())
	cfg["metrics"] = object{
		"cpu_load": minute(), "mem_used": minute(), "core_temp": minute(),
		"flops_any": object{"frequency": 60, "aggregation": "sum"},
		"mem_bw":    object{"frequency": 60, "aggregation": "sum"},
		"clock":     object{"frequency": 60, "aggregation": "avg"},
	}
	section(cfg, "metric-store")["memory-cap"] = 1
	return cfg
}

const pageTicks = 180

// pageSamples are the last three hours of 12 hosts: a001 has a gap of half an hour, a011 has ended an
// hour ago, and a012 lacks mem_bw.
func pageSamples(now int64) string {
	var b strings.Builder
	for h := 1; h <= 12; h++ {
		host := fmt.Sprintf("a%03d", h)
		for i := range int64(pageTicks) {
			at := now - 60*(pageTicks-1-i)
			if h == 1 && i >= 90 && i < 120 || h == 11 && i >= 120 {
				continue
			}
			wave := float64((i+int64(h)*7)%40) / 40
			b.WriteString(line(host, "cpu_load", 32+float64(h)+8*wave, at))
			b.WriteString(line(host, "mem_used", 1e10+float64(i)*4e7+float64(h)*1e9, at))
			for s := range 2 {
				fmt.Fprintf(&b, "core_temp,cluster=alex,hostname=%s,type=socket,type-id=%d value=%v %d\n", host, s, 55+5*wave+float64(3*s), at)
				if h != 12 {
					fmt.Fprintf(&b, "mem_bw,cluster=alex,hostname=%s,type=socket,type-id=%d value=%v %d\n", host, s, 8e10*wave, at)
				}
			}
			for c := range 16 {
				fmt.Fprintf(&b, "flops_any,cluster=alex,hostname=%s,type=hwthread,type-id=%d value=%v %d\n", host, c, 1e9*(wave+float64(c%4)), at)
				fmt.Fprintf(&b, "clock,cluster=alex,hostname=%s,type=hwthread,type-id=%d value=%v %d\n", host, c, 2400+float64(c*10)-300*wave, at)
			}
		}
	}
	return b.String()
}

// manyHosts are a cluster of 10,000.
func manyHosts(now int64) string {
	var b strings.Builder
	for h := range 10_000 {
		at := now
		if h%10 == 3 {
			at -= 3600
		}
		fmt.Fprintf(&b, "cpu_load,cluster=large,hostname=n%05d value=%d %d\n", h, h, at)
	}
	return b.String()
}
