package archive

import (
	"container/list"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	// maxOpen bounds how many files are open while nobody reads them.
	maxOpen = 256
	// maxCached bounds the footers, page indexes, dictionaries and names of hosts in memory, in bytes. maxKept bounds the
	// indexes, dictionaries and names of one file, also while it is read: those of other programs may be large.
	maxCached = 64 << 20
	maxKept   = 16 << 20
)

// cache keeps files open, with their footers and page indexes: as many as the bounds allow, those
// that were used last.
type cache struct {
	mu     sync.Mutex
	files  map[string]*cached
	recent *list.List // of *cached, the newest first
	bytes  int

	maxOpen, maxBytes int

	decoded *pageCache    // of all files
	opened  atomic.Uint64 // counts files
}

// cached is an open file.
type cached struct {
	source
	path    string
	file    *os.File
	element *list.Element // in cache.recent; nil: not in the cache any more
	uses    int           // guarded by the cache
	cost    int           // guarded by the cache

	mu           sync.Mutex
	indexes      map[int]*groupIndex
	dictionaries map[int]*groupDictionaries
	hosts        []string      // their names, nil: not read yet
	kept         *atomic.Int64 // bytes of these, about
}

func newCache() *cache {
	return &cache{files: map[string]*cached{}, recent: list.New(), maxOpen: maxOpen, maxBytes: maxCached, decoded: newPageCache()}
}

// open opens a file, or finds it open. The caller gives it back with release.
func (c *cache) open(path string) (*cached, error) {
	c.mu.Lock()
	if f := c.files[path]; f != nil {
		f.uses++
		c.recent.MoveToFront(f.element)
		c.mu.Unlock()
		return f, nil
	}
	c.mu.Unlock()
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.files[path]; other != nil { // somebody else was quicker
		f.file.Close()
		other.uses++
		return other, nil
	}
	f.decoded, f.number = c.decoded, c.opened.Add(1)
	f.uses = 1
	f.element = c.recent.PushFront(f)
	f.cost = f.meta.cost
	c.files[path] = f
	c.bytes += f.cost
	c.trim()
	return f, nil
}

// openFile opens a file and reads its footer.
func openFile(path string) (*cached, error) {
	// A pipe would wait for somebody who writes.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	meta, err := readFooter(file, info.Size())
	if err != nil {
		file.Close()
		return nil, err
	}
	f := &cached{path: path, file: file, indexes: map[int]*groupIndex{}, dictionaries: map[int]*groupDictionaries{}, kept: new(atomic.Int64)}
	f.source = source{r: file, meta: meta, index: f.index, dictionaries: f.dictionariesOf}
	return f, nil
}

// forget makes the file keep nothing that it reads: a scan comes by once.
func (f *cached) forget() {
	f.source.index = func(group int) (*groupIndex, error) { return readIndex(f.r, f.meta, group) }
	f.source.dictionaries = func(int) *groupDictionaries { return newGroupDictionaries(new(atomic.Int64)) }
}

// index returns the page index of a row group, which it reads once.
func (f *cached) index(group int) (*groupIndex, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.indexes[group]; i != nil {
		return i, nil
	}
	i, err := readIndex(f.r, f.meta, group)
	if err == nil {
		f.shrink()
		f.indexes[group] = i
		f.kept.Add(int64(i.cost))
	}
	return i, err
}

// shrink lets go of all that is kept if it is too much. Who uses it has it for as long. f.mu is held.
func (f *cached) shrink() {
	if f.kept.Load() > maxKept {
		clear(f.indexes)
		clear(f.dictionaries)
		f.hosts = nil
		f.kept = new(atomic.Int64)
	}
}

func (f *cached) dictionariesOf(group int) *groupDictionaries {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.dictionaries[group]
	if d == nil {
		f.shrink()
		d = newGroupDictionaries(f.kept)
		f.dictionaries[group] = d
	}
	return d
}

// knownHosts returns what keepHosts has got, nil if that is not known.
func (f *cached) knownHosts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts
}

// keepHosts keeps the names of all hosts in the file.
func (f *cached) keepHosts(names []string) {
	bytes := 0
	for _, name := range names {
		bytes += 16 + len(name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shrink()
	if f.hosts == nil {
		f.kept.Add(int64(bytes))
	}
	f.hosts = names
}

// measure returns how many bytes of memory the file takes, about.
func (f *cached) measure() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.meta.cost + int(f.kept.Load())
}

// release gives a file back.
func (c *cache) release(f *cached) {
	cost := f.measure()
	c.mu.Lock()
	defer c.mu.Unlock()
	f.uses--
	if f.element == nil {
		if f.uses == 0 {
			f.file.Close()
		}
		return
	}
	c.bytes += cost - f.cost
	f.cost = cost
	c.trim()
}

// trim drops files that were not used for longest, until the bounds hold.
func (c *cache) trim() {
	for c.recent.Len() > c.maxOpen || c.bytes > c.maxBytes && c.recent.Len() > 1 {
		c.drop(c.recent.Back().Value.(*cached))
	}
}

// drop takes a file out of the cache, and closes it as soon as nobody uses it.
func (c *cache) drop(f *cached) {
	c.recent.Remove(f.element)
	f.element = nil
	delete(c.files, f.path)
	c.bytes -= f.cost
	if f.uses == 0 {
		f.file.Close()
	}
}

// forget drops a file that was removed.
func (c *cache) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.files[path]; f != nil {
		c.drop(f)
	}
}

func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back().Value.(*cached))
	}
}
