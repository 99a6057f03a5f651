package archive

import (
	"fmt"
	"syscall"
)

// Room returns how many bytes the file system of the archive has left for us.
func (a *Archive) Room() (int64, error) {
	var info syscall.Statfs_t
	if err := syscall.Statfs(a.directory, &info); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", a.directory, err)
	}
	return int64(info.Bavail) * info.Bsize, nil
}

// checkRoom says, once, that the file system is full before the files have MaxBytes: then none would go for new ones.
func (a *Archive) checkRoom() {
	room, err := a.Room()
	if a.readOnly || a.maxBytes == 0 || err != nil {
		return
	}
	bytes := a.state.Load().stats.Bytes
	isSmall := room < a.maxBytes-bytes
	if isSmall && !a.isSmall.Load() {
		a.logger.Warn("the disk of the archive is full before the files take as much as they may: then nothing is archived, as old files go only beyond that. Lower the bound",
			"directory", a.directory, "max_bytes", a.maxBytes, "files_take", bytes, "free_bytes", room)
	}
	a.isSmall.Store(isSmall)
}
