package checkpoint

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cc-metric-store/store/chunk"
)

var written = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func testHeader(entry uint64) Header {
	at := LogPosition{Stream: "LOG", Created: written.Add(-time.Hour), Entry: entry, EntryAt: written}
	return Header{Position: at, Written: written, Metrics: []string{"load", "power", "temp"}}
}

// group returns a group of which each given column has the values of all slots.
func group(columns int32, slots int, value func(column int32, slot int) float64, present ...int32) chunk.Group {
	var b chunk.GroupBuilder
	b.Begin(columns, slots)
	values := make([]float64, slots)
	for _, c := range present {
		for i := range values {
			values[i] = value(c, i)
		}
		b.Add(c, values)
	}
	return b.Finish()
}

// smallHost has a sealed block with a patch and an open one with a gap.
func smallHost(cluster, name string, applied uint64) *Host {
	value := func(c int32, slot int) float64 {
		if slot == 2 {
			return math.NaN()
		}
		return float64(c) + float64(slot)/4
	}
	return &Host{
		Cluster: cluster, Name: name, Applied: applied,
		Parts: []Part{{}, {"socket", "1", "", ""}},
		Grids: []Grid{{
			Frequency: 60, Columns: 3,
			Series: []Series{{0, 0, 0}, {1, 1, 2}},
			Blocks: []Block{
				{Start: -30, End: 210, Slots: 4, Values: group(3, 4, value, 0, 2), Patches: []Patch{{2, 2, -1.5}}},
				{Start: 210, End: 300, Slots: 2, Open: true, Values: group(3, 2, value, 0), Patches: []Patch{}},
			},
		}},
	}
}

func open(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// write writes a checkpoint of the hosts, whose blocks get their refs.
func write(t testing.TB, d *Dir, entry uint64, hosts ...*Host) *Written {
	t.Helper()
	w, err := d.Begin(testHeader(entry))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if err := w.Add(h); err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.Commit(testHeader(entry).Position)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readAll returns the hosts of a checkpoint in the order of their names.
func readAll(d *Dir, id uint64) (*Contents, []*Host, error) {
	var mu sync.Mutex
	var hosts []*Host
	c, err := d.Read(context.Background(), id, 2, func(_ []string, h *Host) error {
		mu.Lock()
		defer mu.Unlock()
		hosts = append(hosts, h)
		return nil
	})
	slices.SortFunc(hosts, func(a, b *Host) int { return strings.Compare(a.Cluster+"/"+a.Name, b.Cluster+"/"+b.Name) })
	return c, hosts, err
}

// names lists the files below a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			path, err = filepath.Rel(dir, path)
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// randomHost returns a host of any shape that the store could have.
func randomHost(r *rand.Rand, name string) *Host {
	h := &Host{Cluster: strings.Repeat("c", r.IntN(3)), Name: name, Applied: r.Uint64() >> r.IntN(64)}
	if h.Gone = r.IntN(8) == 0; h.Gone {
		return h
	}
	h.Parts, h.Grids = []Part{}, []Grid{}
	for i := range r.IntN(4) {
		h.Parts = append(h.Parts, Part{"t", fmt.Sprint(i), strings.Repeat("s", r.IntN(2)), strings.Repeat("ü", r.IntN(300))})
	}
	for i := range r.IntN(3) {
		h.Grids = append(h.Grids, randomGrid(r, int64(1)<<(10*i), len(h.Parts)))
	}
	return h
}

func randomGrid(r *rand.Rand, frequency int64, parts int) Grid {
	g := Grid{Frequency: frequency, Columns: 1 + r.Int32N(130), Series: []Series{}, Blocks: []Block{}}
	for c := range g.Columns {
		if parts > 0 && r.IntN(3) > 0 {
			g.Series = append(g.Series, Series{r.Int32N(int32(parts)), r.Int32N(3), c})
		}
	}
	end := r.Int64N(1<<40) - 1<<39
	for range r.IntN(5) {
		b := Block{Start: end + r.Int64N(3)*r.Int64N(1000), Slots: 1 + r.IntN(chunk.MaxSlots), Open: r.IntN(3) == 0, Patches: []Patch{}}
		b.End = b.Start + int64(b.Slots)*frequency - r.Int64N(frequency)
		end = b.End
		columns := 1 + r.Int32N(g.Columns)
		b.Values = group(columns, b.Slots, func(int32, int) float64 { return r.NormFloat64() }, r.Int32N(columns))
		for range r.IntN(4) {
			b.Patches = append(b.Patches, Patch{r.Int32N(g.Columns), r.Int32N(int32(b.Slots)), r.NormFloat64()})
		}
		g.Blocks = append(g.Blocks, b)
	}
	return g
}
