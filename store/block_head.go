package store

import (
	"math"
	"slices"
)

// A chunk of a head has leastRows to chunkRows rows, whichever number wastes least memory.
const (
	leastRows = 4
	chunkRows = 8
)

// head holds the values of an open block, slot by slot: a tick of a host fills one row. Its
// memory grows with the slots and columns in use.
type head struct {
	// Each chunk holds so many rows of equal length, one for each slot; nil: no value.
	chunks [][]float64
	rows   int64
	high   int64 // the last slot written to
}

// growth returns by how many values the head grows when slot and column are set, 0 if there is
// room. It may be negative, if the first chunk is laid out anew. columns is the number of the
// grid's columns.
func (h *head) growth(slot int64, column, columns int32) int64 {
	if h.isSettling(slot, columns) {
		rows := rowsFor(columns)
		n := h.high/rows + 1
		if slot/rows >= n {
			n++
		}
		return n*rows*int64(max(columns, column+1)) - h.size()
	}
	rows := h.rows
	if rows == 0 {
		rows = rowsFor(max(columns, column+1))
	}
	c := h.chunk(slot)
	if int64(column)*rows < int64(len(c)) {
		return 0
	}
	return int64(h.width(c, column, columns))*rows - int64(len(c))
}

// isSettling reports whether setting the slot makes the second chunk of the head, and the first
// one does not fit the columns of the grid. The columns of a new host are known by then, so the
// first chunk is laid out anew for them.
func (h *head) isSettling(slot int64, columns int32) bool {
	return len(h.chunks) == 1 && slot >= h.rows && (rowsFor(columns) != h.rows || int64(len(h.chunks[0])) > h.rows*int64(columns))
}

// chunk returns the chunk with the slot, nil if there is none.
func (h *head) chunk(slot int64) []float64 {
	if len(h.chunks) == 0 {
		return nil
	}
	if i := slot / h.rows; i < int64(len(h.chunks)) {
		return h.chunks[i]
	}
	return nil
}

// width returns the length of a row that the chunk c needs for the column: as many columns as
// the grid has for a new chunk, and some more if columns are being added.
func (h *head) width(c []float64, column, columns int32) int32 {
	if c == nil {
		return max(columns, column+1)
	}
	return max(columns, column+1+column/2)
}

// set stores a value.
func (h *head) set(slot int64, column, columns int32, v float64) {
	switch {
	case h.isSettling(slot, columns):
		h.settle(max(columns, column+1))
	case h.rows == 0:
		h.rows = rowsFor(max(columns, column+1))
	}
	i := slot / h.rows
	for int64(len(h.chunks)) <= i {
		h.chunks = append(h.chunks, nil)
	}
	c := h.chunks[i]
	if int64(column)*h.rows >= int64(len(c)) {
		c = grow(c, h.rows, h.width(c, column, columns))
		h.chunks[i] = c
	}
	width := int64(len(c)) / h.rows
	c[slot%h.rows*width+int64(column)] = v
	h.high = max(h.high, slot)
}

// place returns where the value of a column in a slot is, NaN if there is none, or nil if there is no memory for it yet.
func (h *head) place(slot int64, column int32) *float64 {
	c := h.chunk(slot)
	if c == nil {
		return nil
	}
	width := int64(len(c)) / h.rows
	if int64(column) >= width {
		return nil
	}
	return &c[slot%h.rows*width+int64(column)]
}

// settle lays out the first chunk anew, for so many columns.
func (h *head) settle(columns int32) {
	old := *h
	*h = head{rows: rowsFor(columns), high: old.high}
	for slot := range old.high + 1 {
		if slot%h.rows == 0 {
			h.chunks = append(h.chunks, grow(nil, h.rows, columns))
		}
		copy(h.row(slot), old.row(slot))
	}
}

// row returns the values of the slot, by column, as far as there is memory for them. It may be
// written to, and is valid until the head grows.
func (h *head) row(slot int64) []float64 {
	c := h.chunk(slot)
	width := int64(len(c)) / h.rows
	at := slot % h.rows * width
	return c[at : at+width : at+width]
}

// grow returns a chunk with rows of the given width, and with the values of c.
func grow(c []float64, rows int64, width int32) []float64 {
	g := make([]float64, int64(width)*rows)
	fillGaps(g)
	old := int64(len(c)) / rows
	for row := int64(0); row < rows && old > 0; row++ {
		copy(g[row*int64(width):], c[row*old:(row+1)*old])
	}
	return g
}

// rowsFor returns how many rows of so many columns make the chunk that wastes least of the
// memory that the allocator uses for it.
func rowsFor(columns int32) int64 {
	best, least := int64(chunkRows), int64(0)
	for rows := int64(chunkRows); rows >= leastRows; rows-- {
		want := rows * int64(columns) * valueBytes
		if waste := (allocated(want) - want) * 1000 / want; rows == chunkRows || waste < least {
			best, least = rows, waste
		}
	}
	return best
}

// allocated returns how many bytes Go's allocator uses for a slice of so many bytes, from
// some hundred on. Only the choice of rows depends on it: what a head is accounted for is
// the length of its chunks.
func allocated(bytes int64) int64 {
	const page = 8 << 10
	switch i, _ := slices.BinarySearch(sizeClasses, bytes); {
	case bytes < sizeClasses[0]:
		return bytes
	case i < len(sizeClasses):
		return sizeClasses[i]
	}
	return (bytes + page - 1) / page * page
}

// sizeClasses are the sizes, ascending, that Go's allocator rounds slices of 1 KiB to 32 KiB
// up to. They are asked of the allocator and not copied from it, as a release of Go may
// change them.
var sizeClasses = func() (sizes []int64) {
	const smallest, largest = 1 << 10, 32 << 10
	for size := smallest; size <= largest; size++ {
		size = cap(append([]byte(nil), make([]byte, size)...))
		sizes = append(sizes, int64(size))
	}
	return sizes
}()

// read copies the column's values of the slots from slot on to dst; slots
// without a value become gaps.
func (h *head) read(dst []float64, column int32, slot int64) {
	for len(dst) > 0 {
		if len(h.chunks) == 0 {
			fillGaps(dst)
			return
		}
		row := slot % h.rows
		n := min(len(dst), int(h.rows-row))
		c := h.chunk(slot)
		width := len(c) / int(h.rows)
		if int(column) >= width {
			fillGaps(dst[:n])
		} else {
			at := int(row)*width + int(column)
			for i := range dst[:n] {
				dst[i] = c[at]
				at += width
			}
		}
		dst, slot = dst[n:], slot+int64(n)
	}
}

// clear removes all values of the column.
func (h *head) clear(column int32) {
	for _, c := range h.chunks {
		if width := len(c) / int(h.rows); int(column) < width {
			for row := range int(h.rows) {
				c[row*width+int(column)] = math.NaN()
			}
		}
	}
}

// has reports whether the column has a value.
func (h *head) has(column int32) bool {
	for _, c := range h.chunks {
		if width := len(c) / int(h.rows); int(column) < width {
			for row := range int(h.rows) {
				if !math.IsNaN(c[row*width+int(column)]) {
					return true
				}
			}
		}
	}
	return false
}

// size returns for how many values there is memory.
func (h *head) size() int64 {
	n := 0
	for _, c := range h.chunks {
		n += len(c)
	}
	return int64(n)
}

// fillGaps makes all values gaps.
func fillGaps(v []float64) {
	for i := range v {
		v[i] = math.NaN()
	}
}
