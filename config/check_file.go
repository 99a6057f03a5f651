package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// readableFile accepts a regular file that can be opened. Devices and pipes might never
// end.
func readableFile(name string) error {
	name = absolute(name)
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	return file.Close()
}

// absolute returns the path in a form that does not depend on the working directory.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path // the working directory is gone
}
