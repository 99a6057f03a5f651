package store

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutName(t *testing.T) {
	long := strings.Repeat("x", longestName)
	for _, test := range []struct{ name, want string }{
		{"", ""}, {"fritz", "fritz"}, {"\xff\xfe", "\uFFFD"}, {"a\xc3", "a\uFFFD"}, {"\x00", "\x00"},
		{long, long}, {long + "y", long},
		{long[1:] + "é", long[1:]}, {long[2:] + "é", long[2:] + "é"}, {long[1:] + "€", long[1:]}, {long[2:] + "€", long[2:]},
		{long[1:] + "𝄞", long[1:]}, {long[3:] + "𝄞", long[3:]}, {long[4:] + "𝄞y", long[4:] + "𝄞"},
	} {
		if got := CutName(test.name); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.name, got, test.want)
		}
	}
	if got := CutName(strings.Repeat("\x80", 1000)); !utf8.ValidString(got) || len(got) > longestName {
		t.Errorf("%q", got)
	}
}

// TestRefusedNames refuses samples of hosts and clusters with names of all lengths,
// cut inside of characters.
func TestRefusedNames(t *testing.T) {
	s, err := New(Config{Metrics: map[string]MetricConfig{"m": {Frequency: 60}}, MaxSeries: 1, MaxHosts: 2})
	if err != nil {
		t.Fatal(err)
	}
	sent := int64(0)
	for n := range 1200 {
		name := strings.Repeat("x", n%300) + strings.Repeat("é", n%7) + fmt.Sprint(n)
		for i := range 2 { // of the cluster and the host, and of the host alone
			for part := range 2 {
				b := Batch{Cluster: []string{name, "c"}[i], Host: name, Parts: []Part{{Type: "core", ID: fmt.Sprint(part)}}, Names: []Name{{}}, Samples: []Sample{{Time: 1, Value: 1}}}
				s.Append(&b)
				sent++
			}
		}
	}
	stats := s.Stats()
	refused := int64(0)
	for _, r := range stats.Refused {
		if !utf8.ValidString(r.Cluster+r.Host) || len(r.Cluster) > longestName || len(r.Host) > longestName {
			t.Errorf("%+v", r)
		}
		refused += r.Samples
	}
	if stats.Samples+refused != sent || len(stats.Refused) > maxOffenders+3 {
		t.Errorf("%d stored and %d refused of %d, by %d names", stats.Samples, refused, sent, len(stats.Refused))
	}
}
