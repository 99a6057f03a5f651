package store

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"cc-metric-store/store/archive"
)

// heldHosts returns how many samples of "flops" hosts and their sockets have.
func heldHosts(t *testing.T, s *Store) map[string]int {
	t.Helper()
	held := map[string]int{}
	for i := range 5 {
		host := fmt.Sprint("h", i)
		for _, p := range []Part{{}, {Type: "socket", ID: "0"}} {
			runs, err := s.AppendRuns(t.Context(), nil, &SeriesID{"c", host, p, "flops"}, t0-1000, t0+1000*60)
			if err != nil {
				t.Fatal(err)
			}
			for i := range runs {
				for _, v := range runs[i].AppendTo(nil) {
					if !math.IsNaN(v) {
						held[host+p.Type]++
					}
				}
			}
		}
	}
	return held
}

// TestFreeWhileArchiving: what is freed while a file is written that has it does not come back with the
// file, and nothing else is lost or there twice.
func TestFreeWhileArchiving(t *testing.T) {
	const slots = 40
	for name, test := range map[string]struct {
		at        string // the host that is written when the request comes
		selectors [][]string
		before    int64
		gone      []string
	}{
		"a host that is in the file":     {"h3", [][]string{{"c", "h1"}}, t0 + 60*1000, []string{"h1", "h1socket"}},
		"a part":                         {"h3", [][]string{{"c", "h1", "socket0"}}, t0 + 60*1000, []string{"h1socket"}},
		"the host that is being written": {"h3", [][]string{{"c", "h3"}}, t0 + 60*1000, []string{"h3", "h3socket"}},
		"a host that is not there yet":   {"h3", [][]string{{"c", "h4"}}, t0 + 60*1000, []string{"h4", "h4socket"}},
		"all":                            {"h4", [][]string{{}}, t0 + 60*1000, []string{"h0", "h0socket", "h1", "h1socket", "h2", "h2socket", "h3", "h3socket", "h4", "h4socket"}},
		"nothing":                        {"h4", [][]string{{"c", "h1"}}, t0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Config{blockSlots: 8})
			files := newArchive(t, archive.Config{})
			s.useArchive(files)
			want := map[string]int{}
			for i := range 5 {
				for slot := range int64(slots) {
					for _, p := range []Part{{}, {Type: "socket", ID: "0"}} {
						put(t, s, fmt.Sprint("h", i), p, "flops", t0+60*slot, float64(slot))
						want[fmt.Sprint("h", i, p.Type)]++
					}
				}
			}
			for _, host := range test.gone {
				delete(want, host)
			}
			isFreed := false
			s.testHooks.onTaken = func(k hostKey) {
				if k.host == test.at && !isFreed {
					isFreed = true
					s.Free(test.selectors, test.before, Entry{})
				}
			}
			if err := passAll(t, s, t0+1_000_000); err != nil {
				t.Fatal(err)
			}
			if got := heldHosts(t, s); !isFreed || !maps.Equal(got, want) {
				t.Errorf("there are %v, want %v", got, want)
			}
			all := int64(0)
			for _, n := range want {
				all += int64(n)
			}
			if st := s.Stats(); st.Hosts != 0 || st.Archived != all || files.Stats().Rows != all {
				t.Errorf("%d hosts are left in memory, %d samples of %d were archived, the files have %d", st.Hosts, st.Archived, all, files.Stats().Rows)
			}
			if n := len(s.archived.leaving.blocks); n > 0 || s.archived.leaving.freed {
				t.Errorf("%d blocks are still taken for leaving", n)
			}
		})
	}
}
