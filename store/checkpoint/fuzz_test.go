package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime/metrics"
	"testing"

	"cc-metric-store/store/chunk"
)

const fuzzMetrics = 3

// allocated returns the bytes that were allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// checkAllocated fails if reading data took much more memory than there is
// data. An item of a host takes up to 120 bytes in memory and three on the disk.
func checkAllocated(t *testing.T, before uint64, data int) {
	t.Helper()
	if took := allocated() - before; took > 16<<20+200*uint64(data) {
		t.Errorf("%d bytes were allocated to read %d", took, data)
	}
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
		t.Errorf("neither damaged nor of another version: %v", err)
	}
}

// checkHost fails if a host that was read is not one that the store can hold.
func checkHost(t *testing.T, h *Host) {
	t.Helper()
	for _, g := range h.Grids {
		for _, s := range g.Series {
			if s.Part < 0 || int(s.Part) >= len(h.Parts) || s.Metric < 0 || s.Metric >= fuzzMetrics || s.Column < 0 || s.Column >= g.Columns {
				t.Fatalf("series %+v of grid %+v", s, g)
			}
		}
		end := int64(math.MinInt64)
		for _, b := range g.Blocks {
			if b.Start < end || b.End <= b.Start || b.Slots < 1 || b.Slots > chunk.MaxSlots ||
				b.End-b.Start > int64(b.Slots)*g.Frequency || b.End-b.Start <= int64(b.Slots-1)*g.Frequency {
				t.Fatalf("block %d to %d of %d slots of %d s, the one before ends at %d", b.Start, b.End, b.Slots, g.Frequency, end)
			}
			end = b.End
			for _, p := range b.Patches {
				if p.Column < 0 || p.Column >= g.Columns || p.Slot < 0 || int(p.Slot) >= b.Slots || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
					t.Fatalf("patch %+v", p)
				}
			}
			if b.Open && (b.Values.Columns() > g.Columns || b.Values == nil) {
				t.Fatalf("%d columns, the grid has %d", b.Values.Columns(), g.Columns)
			}
		}
	}
}

func hostOf(b Block) *Host {
	return &Host{Grids: []Grid{{Frequency: 60, Columns: 1, Blocks: []Block{b}}}}
}

// impossibleBlocks returns blocks that no store has.
func impossibleBlocks() map[string]Block {
	return map[string]Block{
		"no slots":           {Start: 5, End: 4},
		"beyond all times":   {Start: math.MaxInt64 - 10, End: math.MinInt64 + 49, Slots: 1},
		"too long":           {Start: 0, End: 61, Slots: 1},
		"too short":          {Start: 0, End: 60, Slots: 2},
		"too many slots":     {Start: 0, End: 60 * (chunk.MaxSlots + 1), Slots: chunk.MaxSlots + 1},
		"open and empty":     {Start: 0, End: 60, Slots: 1, Open: true},
		"patched with a gap": {Start: 0, End: 60, Slots: 1, Patches: []Patch{{0, 0, math.NaN()}}},
		"patched with +Inf":  {Start: 0, End: 60, Slots: 1, Patches: []Patch{{0, 0, math.Inf(1)}}},
		"patched elsewhere":  {Start: 0, End: 60, Slots: 1, Patches: []Patch{{0, 1, 1}}},
		"an unknown column":  {Start: 0, End: 60, Slots: 1, Patches: []Patch{{1, 0, 1}}},
	}
}

func TestImpossibleBlocks(t *testing.T) {
	for name, b := range impossibleBlocks() {
		if _, err := parseHost(appendHost(nil, hostOf(b)), 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseHost(appendHost(nil, hostOf(Block{Start: 0, End: 60, Slots: 1})), 0); err != nil {
		t.Errorf("a block as it should be: %v", err)
	}
}

// FuzzHost parses any bytes. What is a host is the same one when it is written
// and parsed again.
func FuzzHost(f *testing.F) {
	for _, h := range goldenHosts() {
		f.Add([]byte(appendHost(nil, h)))
	}
	for _, b := range impossibleBlocks() {
		f.Add([]byte(appendHost(nil, hostOf(b))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := allocated()
		h, err := parseHost(data, fuzzMetrics)
		checkAllocated(t, before, len(data))
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkHost(t, h)
		again, err := parseHost(appendHost(nil, h), fuzzMetrics)
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Fatalf("%v\nread  %+v\nagain %+v", err, h, again)
		}
	})
}

// mend gives the frames or records in data the checksums that they should have.
func mend(data []byte, segment bool) {
	number := uint64(0)
	for at := headerBytes; at+prefixBytes <= len(data); number++ {
		n := int(binary.LittleEndian.Uint32(data[at:]))
		if n > len(data)-at-prefixBytes {
			return
		}
		if segment {
			number = uint64(at)
		}
		payload := data[at+prefixBytes : at+prefixBytes+n]
		binary.LittleEndian.PutUint32(data[at+4:], checksum(number, payload))
		at += prefixBytes + n
	}
}

// FuzzCheckpoint reads any bytes, also such with the right checksums.
func FuzzCheckpoint(f *testing.F) {
	golden := unhex(f, goldenVersion1)
	f.Add(golden, false)
	f.Add(golden, true)
	f.Add(golden[:len(golden)/2], true)
	f.Fuzz(func(t *testing.T, data []byte, mended bool) {
		if mended {
			mend(data, false)
		}
		before := allocated()
		c := &Contents{}
		err := readFrames(context.Background(), bytes.NewReader(data), c, 1, func(_ []string, h *Host) error {
			if len(c.Header.Metrics) <= fuzzMetrics {
				checkHost(t, h)
			}
			return nil
		})
		checkAllocated(t, before, len(data))
		checkRefusal(t, err)
	})
}

// FuzzSegment reads all records of any bytes, and the one at any place.
func FuzzSegment(f *testing.F) {
	golden := unhex(f, goldenSegment)
	f.Add(golden, false, int64(headerBytes), uint32(58))
	second := unhex(f, goldenSegment2)
	f.Add(second, false, int64(headerBytes), binary.LittleEndian.Uint32(second[headerBytes:]))
	f.Add(golden, true, int64(math.MaxInt64), uint32(math.MaxInt32))
	f.Add(golden, true, int64(-1), uint32(0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, mended bool, offset int64, length uint32) {
		if mended {
			mend(data, true)
		}
		path := filepath.Join(dir, "s")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		before := allocated()
		if err := Dump(new(bytes.Buffer), path); err != nil {
			checkRefusal(t, err)
		}
		s := openSegment(path)
		defer s.file.Close()
		r, err := s.read(BlockRef{Offset: offset, Length: length})
		checkRefusal(t, err)
		if err == nil {
			if again, err := parseRecord(appendRecord(nil, r), versionSegment); err != nil || !reflect.DeepEqual(again, r) {
				t.Fatalf("%v: read %+v, again %+v", err, r, again)
			}
		}
		if !mended || len(data) > 4096 {
			return // a few bytes of a block are many values
		}
		checkAllocated(t, before, len(data)*2048)
	})
}
