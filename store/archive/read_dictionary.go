package archive

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/format"
)

// groupDictionaries keeps the dictionaries of a row group.
type groupDictionaries struct {
	mu      sync.Mutex
	strings map[column][]string
	ints    map[column][]int64
	kept    *atomic.Int64 // counts their bytes, about
}

func newGroupDictionaries(kept *atomic.Int64) *groupDictionaries {
	return &groupDictionaries{strings: map[column][]string{}, ints: map[column][]int64{}, kept: kept}
}

// readDictionary reads the dictionary page of a column.
func (g *groupReader) readDictionary(c column, use func(h *pageHeader, body []byte) error) error {
	k := &g.source.meta.groups[g.number].chunks[c]
	size := g.index.pages[c][0].offset - k.start
	var buffers pageBuffers // those of the reader have the data page
	h, body, err := g.pages.read(g.source.r, k.codec, k.start, size, &buffers)
	if err == nil && h.kind != format.DictionaryPage {
		err = fmt.Errorf("the page at byte %d is no dictionary: it is damaged", k.start)
	}
	if err == nil {
		h.encoding = format.Plain // all are; some say that they are a dictionary
		err = use(&h, body)
	}
	if err != nil {
		return g.fault(c, err)
	}
	return nil
}

func (g *groupReader) stringDictionary(c column, h *pageHeader) ([]string, error) {
	if !isDictionary(h.encoding) {
		return nil, nil
	}
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	d, ok := g.keys.strings[c]
	if ok {
		return d, nil
	}
	bytes := 0
	err := g.readDictionary(c, func(h *pageHeader, body []byte) error {
		return eachText(h, body, func(text []byte) {
			d = append(d, string(text))
			bytes += 40 + len(text)
		})
	})
	if err == nil {
		g.keys.strings[c] = d
		g.keys.kept.Add(int64(bytes))
	}
	return d, err
}

func (g *groupReader) intDictionary(c column) ([]int64, error) {
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	d, ok := g.keys.ints[c]
	if ok {
		return d, nil
	}
	err := g.readDictionary(c, func(h *pageHeader, body []byte) (err error) {
		d, err = decodeInts(h, body, g.isNarrow(c), nil, nil)
		return err
	})
	if err == nil {
		g.keys.ints[c] = d
		g.keys.kept.Add(int64(len(d)) * 8)
	}
	return d, err
}

// floatDictionary is not kept: our files have none.
func (g *groupReader) floatDictionary(c column) (d []float64, err error) {
	err = g.readDictionary(c, func(h *pageHeader, body []byte) (err error) {
		d, err = decodeFloats(h, body, g.isNarrow(c), nil, nil)
		return err
	})
	return d, err
}
