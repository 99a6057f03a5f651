package store

import (
	"fmt"
	"strings"
	"testing"
)

// TestHashHostIsStable pins values: what was divided by the hash has to be found
// again by every later version.
func TestHashHostIsStable(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		cluster, host string
		want          uint64
	}{
		{"", "", 0x95634172a60b7544},
		{"alex", "a0603", 0xe98aa3ce17f2c496},
		{"alexa", "0603", 0x5645ca7c147a5dfe},
		{"fritz", "f0201", 0xbd69d5f7db49be0b},
		{"fritz", long, 0x2c0a5352ed4f872e},
	} {
		if got := HashHost(tt.cluster, tt.host); got != tt.want {
			t.Errorf("%q %q: %#x, want %#x", tt.cluster, tt.host, got, tt.want)
		}
	}
}

// TestHashHostSpreads: names that differ in a digit are spread over few stripes.
func TestHashHostSpreads(t *testing.T) {
	const stripes, hosts = 64, 64 * 100
	var count [stripes]int
	for i := range hosts {
		count[HashHost("alex", fmt.Sprintf("a%04d", i))%stripes]++
	}
	for i, n := range count {
		if n < 50 || n > 200 {
			t.Errorf("stripe %d has %d of %d hosts", i, n, hosts)
		}
	}
}

func BenchmarkHashHost(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		HashHost("fritz", "f0201")
	}
}
