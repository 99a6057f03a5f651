package checkpoint

import (
	"fmt"
	"os"
)

// openFile opens a regular file. Others are not even opened: a pipe would hold the
// start up for ever.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: %w", path, ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}
