package ingest

import (
	"context"
	"sync"
)

// entryPool holds the entries that are not in use. The last one that came back
// goes out first, so that the memory of few entries stays in the cache as long as
// few are in flight. It is safe for concurrent use.
type entryPool struct {
	tokens chan struct{} // one for each entry that is here

	mu      sync.Mutex
	entries []*entry // guarded by mu
}

func newEntryPool(n int) *entryPool {
	p := &entryPool{tokens: make(chan struct{}, n)}
	for range n {
		p.put(&entry{decoded: make(chan struct{}, 1), applied: make(chan struct{}, 1)})
	}
	return p
}

// get returns an entry, which it waits for until ctx ends.
func (p *entryPool) get(ctx context.Context) (*entry, error) {
	select {
	case <-p.tokens:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.entries) - 1
	e := p.entries[last]
	p.entries = p.entries[:last]
	return e, nil
}

// shrink lets go of the memory of the entries that are here.
func (p *entryPool) shrink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		e.lines, e.out = nil, decodedEntry{}
	}
}

// put returns an entry.
func (p *entryPool) put(e *entry) {
	p.mu.Lock()
	p.entries = append(p.entries, e)
	p.mu.Unlock()
	p.tokens <- struct{}{}
}
