package lineproto

import (
	"testing"
)

// TestCountingUnknownMetricsIsCheap: lines that are known not to be kept cost no memory.
func TestCountingUnknownMetricsIsCheap(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	lines := []byte("cpu_load,cluster=c,hostname=h value=1 17\nnope,cluster=c,hostname=h value=1 17\nnever,cluster=c,hostname=h value=2 17\nnope,cluster=c,hostname=h value=3 17\n")
	for range 3 {
		r.entry(t, lines, "")
	}
	allocs := testing.AllocsPerRun(100, func() {
		r.out.Reset()
		r.decoder.Decode(lines, "", entryTime, &r.out)
	})
	if len(r.out.Unknown) != 2 || r.out.Unknown[0].Lines != 2 || r.slow > 0 {
		t.Errorf("%+v, %d lines are parsed", r.out.Unknown, r.slow)
	}
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
