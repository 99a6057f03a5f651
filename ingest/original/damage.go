package original

import (
	"errors"
	"fmt"
	"io"
)

// damageError says that a file cannot be read any further.
type damageError struct {
	offset int64 // in bytes
	cause  error
}

func (e *damageError) Error() string { return fmt.Sprintf("at byte %d: %v", e.offset, e.cause) }
func (e *damageError) Unwrap() error { return e.cause }

var (
	errCut  = errors.New("the file ends too early")
	errDeep = errors.New("levels are nested more deeply than a host, its parts and theirs")
)

// cutShort says of the end of a file that it comes too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}
