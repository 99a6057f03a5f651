package lineproto

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFaultsAreDescribedInShort(t *testing.T) {
	for _, line := range []string{
		"cpu_load,hostname=h value=1 x" + strings.Repeat("é", 1000),
		"cpu_load,hostname=h value=1 xy" + strings.Repeat("é", 1000),
		"cpu_load,hostname=../" + strings.Repeat("日", 1000) + " value=1",
		"cpu_load,hostname=h " + strings.Repeat("f", 1000) + "=1",
	} {
		d := decodeString(t, line)
		if len(d.Faults) != 1 {
			t.Fatalf("%.40s: %d faults", line, len(d.Faults))
		}
		if detail := d.Faults[0].Detail; len(detail) > maxDetail || !utf8.ValidString(detail) || !strings.HasSuffix(detail, "…") {
			t.Errorf("%.40s: %d bytes: %q", line, len(detail), detail)
		}
	}
}
