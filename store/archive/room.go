package archive

import (
	"sync"
	"syscall"
	"time"
)

// room is what the file system of the archive has left. Whoever looks at the state of the program must not wait for
// a disk, which may hang as one on the network does: so it is asked beside, once at a time.
type room struct {
	ask func() (int64, error) // returns the free bytes

	mu sync.Mutex
	// Guarded by mu.
	free  int64     // when it was last asked, -1: it did not say
	began time.Time // when it was asked and has not answered yet; zero: it has
}

// roomPatience is after which time without an answer the free bytes are not known any more.
const roomPatience = 10 * time.Second

// Room returns how many bytes the file system of the archive had left when this was last asked for, -1 if that is not
// known. It does not wait for the disk.
func (a *Archive) Room() int64 {
	r, now := &a.room, a.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.began.IsZero():
		r.began = now
		go func() { r.set(r.ask()) }()
	case now.Sub(r.began) > roomPatience:
		return -1
	}
	return r.free
}

// set takes an answer.
func (r *room) set(free int64, err error) {
	if err != nil {
		free = -1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free, r.began = free, time.Time{}
}

// freeBytes asks a file system.
func freeBytes(directory string) (int64, error) {
	var info syscall.Statfs_t
	if err := syscall.Statfs(directory, &info); err != nil {
		return 0, err
	}
	return int64(info.Bavail) * info.Bsize, nil
}

// checkRoom says, once, that the file system is full before the files have MaxBytes: then none would go for new ones.
// It waits for the disk.
func (a *Archive) checkRoom() {
	free, err := a.room.ask()
	a.room.set(free, err)
	if a.readOnly || a.maxBytes == 0 || err != nil {
		return
	}
	bytes := a.state.Load().stats.Bytes
	isSmall := free < a.maxBytes-bytes
	if isSmall && !a.isSmall.Load() {
		a.logger.Warn("the disk of the archive is full before the files take as much as they may: then nothing is archived, as old files go only beyond that. Lower the bound",
			"directory", a.directory, "max_bytes", a.maxBytes, "files_take", bytes, "free_bytes", free)
	}
	a.isSmall.Store(isSmall)
}
