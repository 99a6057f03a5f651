package embedded

import (
	"fmt"
	"os"
	"syscall"
)

// tryLock acquires an exclusive lock on the file, which ends with the process. It fails at once if
// that is not possible.
func tryLock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// memoryBytes returns the size of the machine's memory.
func memoryBytes() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 1 << 30 // a careful guess
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// freeBytes returns what the file system of path has left for us.
func freeBytes(path string) (int64, error) {
	var info syscall.Statfs_t
	if err := syscall.Statfs(path, &info); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", path, err)
	}
	return int64(info.Bavail) * info.Bsize, nil
}
