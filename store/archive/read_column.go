package archive

import (
	"fmt"
	"io"
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
type listReader[T any] struct {
	page int
	list []T
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

// samples returns the times and values of rows, from row on, at most up to end. They are valid until the next call.
func (g *groupReader) samples(row, end int64) ([]int64, []float64, error) {
	pages := g.index.pages[columnTimestamp]
	if p := findPage(pages, row); p != g.times.page {
		h, body, err := g.read(columnTimestamp, &pages[p])
		if err != nil {
			return nil, nil, err
		}
		var d []int64
		if isDictionary(h.encoding) {
			if d, err = g.intDictionary(columnTimestamp); err != nil {
				return nil, nil, err
			}
		}
		g.times.page = -1
		if g.times.list, err = decodeInts(&h, body, g.isNarrow(columnTimestamp), d, g.times.list); err != nil {
			return nil, nil, g.fault(columnTimestamp, err)
		}
		if len(g.times.list) != int(pages[p].rows) {
			return nil, nil, g.fault(columnTimestamp, errPage)
		}
		g.times.page = p
	}
	times := g.times.list[row-pages[g.times.page].first:]
	pages = g.index.pages[columnValue]
	if p := findPage(pages, row); p != g.values.page {
		h, body, err := g.read(columnValue, &pages[p])
		if err != nil {
			return nil, nil, err
		}
		var d []float64
		if isDictionary(h.encoding) {
			if d, err = g.floatDictionary(columnValue); err != nil {
				return nil, nil, err
			}
		}
		g.values.page = -1
		if g.values.list, err = decodeFloats(&h, body, g.isNarrow(columnValue), d, g.values.list); err != nil {
			return nil, nil, g.fault(columnValue, err)
		}
		if len(g.values.list) != int(pages[p].rows) {
			return nil, nil, g.fault(columnValue, errPage)
		}
		g.values.page = p
	}
	values := g.values.list[row-pages[g.values.page].first:]
	n := min(int(end-row), len(times), len(values))
	return times[:n], values[:n], nil
}
