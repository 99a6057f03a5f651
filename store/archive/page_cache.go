package archive

import (
	"container/list"
	"sync"
)

// maxDecoded bounds the decoded pages in memory, in bytes: some hundred of our files.
const maxDecoded = 16 << 20

// pageKey names a page of times or values.
type pageKey struct {
	file        uint64 // see cached.number
	group, page int
	column      column
}

// pageCache keeps decoded pages of times and values, those that were used last: a page has several metrics of a host, which
// are asked for one after the other. It is safe for concurrent use; nobody changes the pages that it has.
type pageCache struct {
	mu       sync.Mutex
	pages    map[pageKey]*list.Element
	recent   list.List // of *decodedPage, the newest first
	bytes    int
	maxBytes int
}

type decodedPage struct {
	key  pageKey
	list any // []int64 or []float64
	cost int // bytes, about
}

func newPageCache() *pageCache {
	return &pageCache{pages: map[pageKey]*list.Element{}, maxBytes: maxDecoded}
}

// get returns the times or values of a page, nil if they are not known.
func (c *pageCache) get(k pageKey) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.pages[k]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*decodedPage).list
}

// put keeps a page, unless it is large: other programs write pages of any size.
func (c *pageCache) put(p *decodedPage) {
	if p.cost > c.maxBytes/16 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[p.key] != nil { // somebody else was quicker
		return
	}
	c.pages[p.key] = c.recent.PushFront(p)
	for c.bytes += p.cost; c.bytes > c.maxBytes; {
		old := c.recent.Remove(c.recent.Back()).(*decodedPage)
		delete(c.pages, old.key)
		c.bytes -= old.cost
	}
}
