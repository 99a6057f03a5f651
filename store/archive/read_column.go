package archive

import (
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go/format"
)

// source is an open file with what is known about it.
type source struct {
	r    io.ReaderAt
	meta *fileMeta
	// index returns the page index of a row group, and dictionary of a column in it.
	index        func(group int) (*groupIndex, error)
	dictionaries func(group int) *groupDictionaries
	// decoded keeps pages of the file, which it knows by number; nil: they are not kept.
	decoded *pageCache
	number  uint64
}

// runReader gives the values of a column with few values, row after row.
type runReader[T comparable] struct {
	group  *groupReader
	column column
	pages  []pageMeta
	page   int // that is loaded; -1: none
	runs   []run[T]
	at     int
	decode func(h *pageHeader, body []byte, runs []run[T]) ([]run[T], error)
	single func(text string) T // the value of a page with one value
}

// value returns the value of a row, and the row up to which all have it. Rows ascend.
func (c *runReader[T]) value(row int64) (v T, end int64, err error) {
	if len(c.pages) == 0 { // the file does not have the column
		return v, c.group.rows, nil
	}
	if c.page < 0 || row < c.pages[c.page].first || row >= c.pages[c.page].first+c.pages[c.page].rows {
		if err := c.load(findPage(c.pages, row)); err != nil {
			return v, 0, err
		}
	}
	p := &c.pages[c.page]
	for c.at+1 < len(c.runs) && int64(c.runs[c.at].end) <= row-p.first {
		c.at++
	}
	return c.runs[c.at].value, p.first + int64(c.runs[c.at].end), nil
}

func (c *runReader[T]) load(page int) error {
	c.page, c.at = -1, 0
	p := &c.pages[page]
	if b := &p.bounds; c.group.source.meta.version > 0 && b.known && b.min == b.max {
		c.runs = append(c.runs[:0], run[T]{c.single(b.min), int(p.rows)})
		c.page = page
		return nil
	}
	h, body, err := c.group.read(c.column, p)
	if err != nil {
		return err
	}
	if c.runs, err = c.decode(&h, body, c.runs[:0]); err != nil {
		return c.group.fault(c.column, err)
	}
	c.page = page
	return nil
}

// findPage returns the page that has the row.
func findPage(pages []pageMeta, row int64) int {
	return max(sort.Search(len(pages), func(i int) bool { return pages[i].first > row })-1, 0)
}

// groupReader reads the rows of a row group. Its buffers are used again by the next one.
type groupReader struct {
	source *source
	pages  *pageReader
	number int
	rows   int64
	index  *groupIndex
	keys   *groupDictionaries

	strings [columns]*runReader[string]
	ints    [columns]*runReader[int64]
	times   listReader[int64]
	values  listReader[float64]
	buffers pageBuffers
}

// listReader gives the values of a column in which rows differ.
type listReader[T int64 | float64] struct {
	page int
	list []T
	own  []T          // memory for the next one
	kept *decodedPage // that has the list; nil: none
}

// newGroupReader returns a reader for row groups of any file.
func newGroupReader(pages *pageReader) *groupReader {
	g := &groupReader{pages: pages}
	for _, c := range dictionaryColumns() {
		if schema()[c].kind == kindString {
			g.strings[c] = &runReader[string]{group: g, column: c, single: func(text string) string { return text }}
			g.strings[c].decode = func(h *pageHeader, body []byte, runs []run[string]) ([]run[string], error) {
				d, err := g.stringDictionary(c, h)
				if err != nil {
					return runs, err
				}
				return decodeStrings(h, body, d, runs)
			}
			continue
		}
		g.ints[c] = &runReader[int64]{group: g, column: c, single: func(text string) int64 { return g.source.meta.int(c, text) }}
		g.ints[c].decode = func(h *pageHeader, body []byte, runs []run[int64]) ([]run[int64], error) {
			return g.decodeInts(c, h, body, runs)
		}
	}
	return g
}

// open turns to a row group.
func (g *groupReader) open(s *source, number int) error {
	var err error
	if g.index, err = s.index(number); err != nil {
		return err
	}
	g.source, g.number, g.rows = s, number, s.meta.groups[number].rows
	g.keys = s.dictionaries(number)
	for c := range columns {
		if r := g.strings[c]; r != nil {
			r.pages, r.page, r.at = g.index.pages[c], -1, 0
		}
		if r := g.ints[c]; r != nil {
			r.pages, r.page, r.at = g.index.pages[c], -1, 0
		}
	}
	g.times.page, g.values.page = -1, -1
	return nil
}

// close lets go of the file, and keeps the buffers.
func (g *groupReader) close() {
	if g.source != nil && g.source.decoded != nil {
		g.times.release(g.source.decoded)
		g.values.release(g.source.decoded)
	}
	g.source, g.index, g.keys = nil, nil, nil
	for c := range columns {
		if r := g.strings[c]; r != nil {
			r.pages = nil
		}
		if r := g.ints[c]; r != nil {
			r.pages = nil
		}
	}
}

func (g *groupReader) fault(c column, err error) error {
	return fmt.Errorf("column %q of row group %d: %w", schema()[c].name, g.number, err)
}

func (g *groupReader) isNarrow(c column) bool {
	return g.source.meta.types[c] == format.Int32 || g.source.meta.types[c] == format.Float
}

// read reads a data page. The body is valid until the next read.
func (g *groupReader) read(c column, p *pageMeta) (pageHeader, []byte, error) {
	k := &g.source.meta.groups[g.number].chunks[c]
	h, body, err := g.pages.read(g.source.r, k.codec, p.offset, int64(p.size), &g.buffers)
	if err == nil && (h.kind != format.DataPage && h.kind != format.DataPageV2 || h.values != p.rows) {
		err = fmt.Errorf("the page at byte %d is no data page of %d values: it is damaged", p.offset, p.rows)
	}
	if err != nil {
		err = g.fault(c, err)
	}
	return h, body, err
}

func (g *groupReader) decodeInts(c column, h *pageHeader, body []byte, runs []run[int64]) ([]run[int64], error) {
	if isDictionary(h.encoding) {
		d, err := g.intDictionary(c)
		if err != nil {
			return runs, err
		}
		return decodeIndexes(h, body, d, runs)
	}
	list, err := decodeInts(h, body, g.isNarrow(c), nil, nil)
	for _, v := range list {
		runs = appendRun(runs, v, 1)
	}
	return runs, err
}

// samples returns the times and values of rows, from row on, at most up to end. They are valid until the next call, and
// nobody changes them.
func (g *groupReader) samples(row, end int64) ([]int64, []float64, error) {
	times, err := rowsFrom(g, &g.times, columnTimestamp, row, g.decodeTimes)
	if err != nil {
		return nil, nil, err
	}
	values, err := rowsFrom(g, &g.values, columnValue, row, g.decodeValues)
	if err != nil {
		return nil, nil, err
	}
	n := min(int(end-row), len(times), len(values))
	return times[:n], values[:n], nil
}

func (g *groupReader) decodeTimes(h *pageHeader, body []byte, dst []int64) ([]int64, error) {
	var d []int64
	if isDictionary(h.encoding) {
		var err error
		if d, err = g.intDictionary(columnTimestamp); err != nil {
			return nil, err
		}
	}
	return decodeInts(h, body, g.isNarrow(columnTimestamp), d, slices.Grow(dst[:0], int(h.values)))
}

func (g *groupReader) decodeValues(h *pageHeader, body []byte, dst []float64) ([]float64, error) {
	var d []float64
	if isDictionary(h.encoding) {
		var err error
		if d, err = g.floatDictionary(columnValue); err != nil {
			return nil, err
		}
	}
	return decodeFloats(h, body, g.isNarrow(columnValue), d, dst)
}

// release gives back the page that the reader has of the cache.
func (r *listReader[T]) release(c *pageCache) {
	if r.kept != nil {
		c.release(r.kept)
		r.kept, r.list = nil, nil
	}
}

// rowsFrom returns what the page that has a row has from this one on. decode may use dst.
func rowsFrom[T int64 | float64](g *groupReader, r *listReader[T], c column, row int64, decode func(h *pageHeader, body []byte, dst []T) ([]T, error)) ([]T, error) {
	pages := g.index.pages[c]
	number := findPage(pages, row)
	p := &pages[number]
	if number == r.page {
		return r.list[row-p.first:], nil
	}
	r.page = -1
	cache, key := g.source.decoded, pageKey{g.source.number, g.number, number, c}
	if cache != nil {
		r.release(cache)
		if r.kept = cache.get(key); r.kept != nil {
			r.list, r.page = r.kept.list.([]T), number
			return r.list[row-p.first:], nil
		}
		r.own = memory[T](cache)
	}
	h, body, err := g.read(c, p)
	if err != nil {
		return nil, err
	}
	list, err := decode(&h, body, r.own)
	if err == nil && len(list) != int(p.rows) {
		err = errPage
	}
	if err != nil {
		return nil, g.fault(c, err)
	}
	r.own = list
	if cache != nil {
		r.kept, r.own = &decodedPage{key: key, list: list, cost: 8*cap(list) + 128}, nil // what others may see is not written over
		cache.put(r.kept)
	}
	r.list, r.page = list, number
	return list[row-p.first:], nil
}
