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

	spare [2]sync.Pool // of lists that nobody uses any more: *[]int64 and *[]float64
}

type decodedPage struct {
	key    pageKey
	list   any  // []int64 or []float64
	cost   int  // bytes, about
	uses   int  // guarded by the cache
	isGone bool // from the cache, which guards it
}

func newPageCache() *pageCache {
	return &pageCache{pages: map[pageKey]*list.Element{}, maxBytes: maxDecoded}
}

// get returns a page, nil if it is not known. The caller gives it back with release.
func (c *pageCache) get(k pageKey) *decodedPage {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.pages[k]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	p := e.Value.(*decodedPage)
	p.uses++
	return p
}

// put keeps a page, unless it is large: other programs write pages of any size. The caller uses it, and gives it back with
// release.
func (c *pageCache) put(p *decodedPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.uses++
	if p.cost > c.maxBytes/16 || c.pages[p.key] != nil { // somebody else was quicker
		p.isGone = true
		return
	}
	c.pages[p.key] = c.recent.PushFront(p)
	for c.bytes += p.cost; c.bytes > c.maxBytes; {
		old := c.recent.Remove(c.recent.Back()).(*decodedPage)
		delete(c.pages, old.key)
		c.bytes -= old.cost
		old.isGone = true
		c.recycle(old)
	}
}

// release gives a page back.
func (c *pageCache) release(p *decodedPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.uses--
	c.recycle(p)
}

// recycle has the memory of a page used again, if nobody needs it any more. c.mu is held.
func (c *pageCache) recycle(p *decodedPage) {
	if p.uses > 0 || !p.isGone || p.cost > c.maxBytes/16 {
		return
	}
	switch list := p.list.(type) {
	case []int64:
		c.spare[0].Put(&list)
	case []float64:
		c.spare[1].Put(&list)
	}
	p.list = nil
}

// memory returns a list to decode into, which may have no room.
func memory[T int64 | float64](c *pageCache) []T {
	var of *sync.Pool
	switch any(T(0)).(type) {
	case int64:
		of = &c.spare[0]
	default:
		of = &c.spare[1]
	}
	if known, ok := of.Get().(*[]T); ok {
		return (*known)[:0]
	}
	return nil
}
