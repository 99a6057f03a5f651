package checkpoint

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestRoundTrip writes random hosts, from several goroutines, and reads them.
// Some stay for the next checkpoint, and keep their refs.
func TestRoundTrip(t *testing.T) {
	r := testkit.Rand(t)
	d := open(t, t.TempDir())
	hosts := map[string]*Host{}
	for round := range 6 {
		for i := range 20 {
			if name := fmt.Sprintf("h%02d", i); hosts[name] == nil || r.IntN(2) == 0 {
				hosts[name] = randomHost(r, name)
			}
		}
		w, err := d.Begin(testHeader(uint64(round)))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, h := range hosts {
			all.Go(func() {
				if err := w.Add(h); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		highWater := testHeader(uint64(round + 3)).Position
		out, err := w.Commit(highWater)
		if err != nil {
			t.Fatal(err)
		}
		c, got, err := readAll(d, out.ID)
		if err != nil || len(c.Lost) > 0 {
			t.Fatal(err, c.Lost)
		}
		if !reflect.DeepEqual(c.Header, testHeader(uint64(round))) || c.End.HighWater != highWater {
			t.Errorf("header %+v, end %+v", c.Header, c.End)
		}
		gone := 0
		for _, h := range got {
			if want := hosts[h.Name]; !reflect.DeepEqual(h, want) {
				t.Fatalf("%s\nread    %+v\nwritten %+v", h.Name, h, want)
			}
			if h.Gone {
				gone++
			}
		}
		if len(got) != len(hosts) || c.End.Hosts != len(hosts)-gone {
			t.Errorf("%d hosts read, %d counted, %d of %d gone", len(got), c.End.Hosts, gone, len(hosts))
		}
	}
}

// TestLongNames has names longer than any buffer, with bytes of any kind.
func TestLongNames(t *testing.T) {
	d := open(t, t.TempDir())
	h := smallHost(strings.Repeat("\x00\xff/", 200_000), strings.Repeat("../", 400_000), 1)
	out := write(t, d, 1, h, smallHost("", "", 2))
	if _, got, err := readAll(d, out.ID); err != nil || len(got) != 2 || !reflect.DeepEqual(got[0], h) {
		t.Errorf("%d hosts, %v", len(got), err)
	}
}

// TestManySeries has a host at the limit of series.
func TestManySeries(t *testing.T) {
	const series = 100_000
	h := &Host{Cluster: "c", Name: "h", Grids: []Grid{{Frequency: 10, Columns: series}}}
	g := &h.Grids[0]
	present := make([]int32, series)
	for i := range present {
		present[i] = int32(i)
		h.Parts = append(h.Parts, Part{Type: "t", ID: fmt.Sprint(i)})
		g.Series = append(g.Series, Series{int32(i), int32(i % 3), int32(i)})
	}
	value := func(c int32, slot int) float64 { return float64(c) / float64(slot+3) }
	g.Blocks = []Block{
		{Start: 0, End: 40, Slots: 4, Values: group(series, 4, value, present...), Patches: []Patch{}},
		{Start: 40, End: 80, Slots: 4, Values: group(series, 4, value, present...), Patches: []Patch{}, Open: true},
	}
	d := open(t, t.TempDir())
	out := write(t, d, 1, h)
	if _, got, err := readAll(d, out.ID); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], h) {
		t.Errorf("%d hosts, %v", len(got), err)
	}
}

// TestEachFails hands the error of the one who takes the hosts on, as it is.
func TestEachFails(t *testing.T) {
	d := open(t, t.TempDir())
	out := write(t, d, 1, smallHost("c", "a", 1), smallHost("c", "b", 1), smallHost("c", "c", 1))
	want := errors.New("no room")
	_, err := d.Read(t.Context(), out.ID, 2, func([]string, *Host) error { return want })
	if !errors.Is(err, want) || errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
