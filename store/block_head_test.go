package store

import (
	"math"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestHead writes values of ever more columns to slots in any order. A map is the
// oracle.
func TestHead(t *testing.T) {
	rnd := testkit.Rand(t)
	laidOutAnew := false
	for range 30 {
		var h head
		type cell struct {
			slot   int64
			column int32
		}
		want := map[cell]float64{}
		most, slots := 1+rnd.Int32N(700), 1+rnd.Int64N(40)
		columns, slot := int32(0), int64(0)
		for i := range int32(3000) {
			column := rnd.Int32N(min(columns+1, most))
			if i < most { // a host's first tick
				column = i
			}
			columns = max(columns, column+1)
			if i >= most && rnd.IntN(100) == 0 {
				slot = rnd.Int64N(slots)
			}
			before, grows := h.size(), h.growth(slot, column, columns)
			laidOutAnew = laidOutAnew || grows < 0
			v := rnd.Float64()
			h.set(slot, column, columns, v)
			if h.size() != before+grows {
				t.Fatalf("it grows by %d, not by %d", h.size()-before, grows)
			}
			if got := h.row(slot)[column]; got != v {
				t.Fatalf("the row has %v, want %v", got, v)
			}
			want[cell{slot, column}] = v
		}
		values := make([]float64, slots)
		for column := range columns + 2 {
			h.read(values, column, 0)
			for slot, got := range values {
				if v, ok := want[cell{int64(slot), column}]; ok && got != v || !ok && !math.IsNaN(got) {
					t.Fatalf("slot %d, column %d: %v, want %v, %v", slot, column, got, v, ok)
				}
			}
		}
	}
	if !laidOutAnew {
		t.Error("no head was laid out anew")
	}
}

// TestHeadOfANewHost: from the second chunk on, all chunks are as the columns of its
// first tick want them, whatever the first one was like.
func TestHeadOfANewHost(t *testing.T) {
	for columns := int32(1); columns <= 700; columns++ {
		var h head
		slot := int64(0)
		for ; len(h.chunks) < 2; slot++ {
			for column := range columns {
				if slot == 0 {
					h.set(slot, column, column+1, 1)
				} else {
					h.set(slot, column, columns, 1)
				}
			}
		}
		rows := rowsFor(columns)
		if chunks := (slot-1)/rows + 1; h.rows != rows || h.size() != chunks*rows*int64(columns) {
			t.Errorf("%d columns: %d values in chunks of %d rows, want %d rows", columns, h.size(), h.rows, rows)
		}
	}
}

// TestRowsFor: no other number of rows wastes less, to a thousandth.
func TestRowsFor(t *testing.T) {
	waste := func(rows, columns int64) int64 {
		want := rows * columns * valueBytes
		return (allocated(want) - want) * 1000 / want
	}
	for columns := int64(1); columns <= 5000; columns++ {
		rows := rowsFor(int32(columns))
		for other := int64(leastRows); other <= chunkRows; other++ {
			if waste(other, columns) < waste(rows, columns) {
				t.Errorf("%d columns: %d rows waste more than %d", columns, rows, other)
			}
		}
	}
}

// TestAllocated compares with what Go gives. Nothing is wrong in the store if a new release
// of Go makes it fail: then a head wastes more memory than it has to, and the page size in
// allocated, or leastRows and chunkRows, want another look.
func TestAllocated(t *testing.T) {
	for bytes := 1 << 10; bytes < 100<<10; bytes += 8 {
		if got, want := allocated(int64(bytes)), int64(cap(append([]byte(nil), make([]byte, bytes)...))); got != want {
			t.Errorf("allocated(%d) = %d, Go gives %d: does it round large slices to another page size?", bytes, got, want)
		}
	}
	for columns := range int32(5000) {
		rows := rowsFor(columns + 1)
		want := rows * int64(columns+1) * valueBytes
		if want > 8<<10 && allocated(want) > want*5/4 {
			t.Errorf("%d columns: chunks of %d rows, %d bytes, take %d: have the size classes of Go changed so that leastRows or chunkRows should?", columns+1, rows, want, allocated(want))
		}
	}
}
