package archive

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// maxIndex bounds the page index of a column in a row group, in bytes.
const maxIndex = 8 << 20

// groupIndex is the page index of a row group. It is immutable.
type groupIndex struct {
	pages [columns][]pageMeta
	cost  int // bytes in memory, about
}

// pageMeta is where a data page lies, and what the index says of its values.
type pageMeta struct {
	offset int64 // in the file
	size   int32 // with the header
	first  int64 // row
	rows   int64
	bounds bounds
}

// readIndex reads the page index of a row group.
func readIndex(r io.ReaderAt, m *fileMeta, group int) (*groupIndex, error) {
	g := &m.groups[group]
	index := &groupIndex{}
	texts := map[string]string{} // few differ
	for c := range g.chunks {
		if m.place[c] < 0 {
			continue
		}
		pages, err := readColumnIndex(r, m, g, column(c), texts)
		if err != nil {
			return nil, fmt.Errorf("read the page index of column %q in row group %d: %w", schema()[c].name, group, err)
		}
		index.pages[c] = pages
		index.cost += len(pages) * 72
	}
	for text := range texts {
		index.cost += len(text)
	}
	return index, nil
}

func readColumnIndex(r io.ReaderAt, m *fileMeta, g *groupMeta, c column, texts map[string]string) ([]pageMeta, error) {
	k := &g.chunks[c]
	if g.rows == 0 {
		return nil, nil
	}
	if k.offsetIndex.length == 0 || k.offsetIndex.length > maxIndex {
		return findPages(r, k, g.rows)
	}
	data := make([]byte, k.offsetIndex.length)
	if _, err := r.ReadAt(data, k.offsetIndex.offset); err != nil {
		return nil, err
	}
	pages, err := parseOffsets(data, k, g.rows)
	if err != nil {
		return nil, err
	}
	if len(pages) == 0 {
		return nil, errors.New("it has no pages")
	}
	// Nobody asks for a cluster within a file, or by value.
	isOfUse := c != columnValue && (c != columnCluster || m.version > 0)
	if k.columnIndex.length == 0 || k.columnIndex.length > maxIndex || !isOfUse {
		return pages, nil
	}
	data = make([]byte, k.columnIndex.length)
	if _, err := r.ReadAt(data, k.columnIndex.offset); err != nil {
		return nil, err
	}
	return pages, parseBounds(data, m, c, pages, texts)
}

// parseOffsets reads where the data pages lie.
func parseOffsets(data []byte, k *chunkMeta, rows int64) ([]pageMeta, error) {
	t := thriftReader{data: data}
	// A page takes three bytes at least.
	pages := make([]pageMeta, 0, min(rows/pageRows+1, int64(len(data)/3)))
	t.structure(func(id int64, kind byte) {
		if id != 1 || kind != thriftList {
			t.skip(kind)
			return
		}
		t.list(func(i int, kind byte) {
			var p pageMeta
			if kind != thriftStruct {
				t.fail()
				return
			}
			size := int64(0)
			t.structure(func(id int64, kind byte) {
				switch {
				case id == 1 && kind == thriftI64:
					p.offset = t.int()
				case id == 2 && kind == thriftI32:
					size = t.int()
				case id == 3 && kind == thriftI64:
					p.first = t.int()
				default:
					t.skip(kind)
				}
			})
			isWithin := p.offset >= k.start && p.offset <= k.end && size > 0 && size <= k.end-p.offset && size <= math.MaxInt32
			isNext := p.first == 0
			if i > 0 {
				last := &pages[i-1]
				isNext = p.first > last.first && p.first < rows && p.offset >= last.offset+int64(last.size)
			}
			if t.err == nil && (!isWithin || !isNext) {
				t.fail()
			}
			if t.err == nil {
				p.size = int32(size)
				pages = append(pages, p)
			}
		})
	})
	for i := range pages {
		end := rows
		if i+1 < len(pages) {
			end = pages[i+1].first
		}
		pages[i].rows = end - pages[i].first
	}
	return pages, t.err
}

// parseBounds reads the lowest and the highest value of each page.
func parseBounds(data []byte, m *fileMeta, c column, pages []pageMeta, texts map[string]string) error {
	t := thriftReader{data: data}
	last := "" // most pages have the same
	text := func(b []byte) string {
		if string(b) == last {
			return last
		}
		var ok bool
		if last, ok = texts[string(b)]; !ok {
			last = string(b)
			texts[last] = last
		}
		return last
	}
	lowest, highest := make([][]byte, 0, len(pages)), make([][]byte, 0, len(pages))
	t.structure(func(id int64, kind byte) {
		if (id != 2 && id != 3) || kind != thriftList {
			t.skip(kind)
			return
		}
		t.list(func(_ int, kind byte) {
			if kind != thriftBinary {
				t.fail()
				return
			}
			if b := t.bytes(); id == 2 {
				lowest = append(lowest, b)
			} else {
				highest = append(highest, b)
			}
		})
	})
	if t.err == nil && (len(lowest) != len(pages) || len(highest) != len(pages)) {
		t.fail()
	}
	if t.err != nil {
		return t.err
	}
	for i := range pages {
		if m.isValue(c, lowest[i]) && m.isValue(c, highest[i]) {
			pages[i].bounds = bounds{text(lowest[i]), text(highest[i]), true}
		}
	}
	return nil
}
