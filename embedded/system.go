package embedded

import (
	"os"
	"syscall"
)

// tryLock takes an exclusive lock on the file, which ends with the process, or
// fails at once.
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
