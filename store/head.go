package store

import "math"

// chunkRows is the number of slots that a head gets memory for at once.
const chunkRows = 8

// head holds the values of an open block, slot by slot: a tick of a host fills
// one row. Its memory grows with the slots and columns in use.
type head struct {
	// chunks holds chunkRows rows each, of equal length; nil: no value.
	chunks [][]float64
	high   int64 // the last slot written to
}

// growth returns the number of values by which the head has to grow before
// slot and column can be set, 0 if there is room. columns is what the grid has.
func (h *head) growth(slot int64, column, columns int32) int64 {
	c := h.chunk(slot)
	if int(column)*chunkRows < len(c) {
		return 0
	}
	return int64(h.width(c, column, columns))*chunkRows - int64(len(c))
}

func (h *head) chunk(slot int64) []float64 {
	if i := slot / chunkRows; i < int64(len(h.chunks)) {
		return h.chunks[i]
	}
	return nil
}

// width returns the row length that a chunk needs for the column: that of the
// grid for a new chunk; if columns are being added, with some reserve.
func (h *head) width(c []float64, column, columns int32) int32 {
	if c == nil {
		return max(columns, column+1)
	}
	return max(columns, column+1+column/2)
}

// set stores a value.
func (h *head) set(slot int64, column, columns int32, v float64) {
	i := slot / chunkRows
	for int64(len(h.chunks)) <= i {
		h.chunks = append(h.chunks, nil)
	}
	c := h.chunks[i]
	if int(column)*chunkRows >= len(c) {
		c = grow(c, h.width(c, column, columns))
		h.chunks[i] = c
	}
	width := len(c) / chunkRows
	c[int(slot%chunkRows)*width+int(column)] = v
	h.high = max(h.high, slot)
}

// row returns the values of the slot as far as there is memory for them, to be
// written to until the head grows.
func (h *head) row(slot int64) []float64 {
	c := h.chunk(slot)
	width := len(c) / chunkRows
	at := int(slot%chunkRows) * width
	return c[at : at+width : at+width]
}

// grow returns a chunk with longer rows and the values of c.
func grow(c []float64, width int32) []float64 {
	g := make([]float64, int(width)*chunkRows)
	fillGaps(g)
	old := len(c) / chunkRows
	for row := 0; row < chunkRows && old > 0; row++ {
		copy(g[row*int(width):], c[row*old:(row+1)*old])
	}
	return g
}

// read copies the column's values of the slots from slot on to dst; slots
// without a value become gaps.
func (h *head) read(dst []float64, column int32, slot int64) {
	for len(dst) > 0 {
		row := slot % chunkRows
		n := min(len(dst), int(chunkRows-row))
		c := h.chunk(slot)
		width := len(c) / chunkRows
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

// clear makes gaps of all values of the column.
func (h *head) clear(column int32) {
	for _, c := range h.chunks {
		if width := len(c) / chunkRows; int(column) < width {
			for row := range chunkRows {
				c[row*width+int(column)] = math.NaN()
			}
		}
	}
}

// has reports whether the column has a value.
func (h *head) has(column int32) bool {
	for _, c := range h.chunks {
		if width := len(c) / chunkRows; int(column) < width {
			for row := range chunkRows {
				if !math.IsNaN(c[row*width+int(column)]) {
					return true
				}
			}
		}
	}
	return false
}

// size returns the number of values that there is memory for.
func (h *head) size() int64 {
	n := 0
	for _, c := range h.chunks {
		n += len(c)
	}
	return int64(n)
}

func fillGaps(v []float64) {
	for i := range v {
		v[i] = math.NaN()
	}
}
