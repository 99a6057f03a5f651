package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// fileKind is what a file is, by its first bytes.
type fileKind int

const (
	kindText fileKind = iota // or anything else
	kindParquet
	kindCheckpoint
	kindGzip
	kindZstd
)

// kindOfFile reads the first bytes of a regular file: opening a pipe could block for ever.
func kindOfFile(path string) (fileKind, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var head [5]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	for kind, magic := range map[fileKind]string{kindParquet: "PAR1", kindCheckpoint: "ccmsc", kindGzip: "\x1f\x8b", kindZstd: "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head[:n], []byte(magic)) {
			return kind, nil
		}
	}
	return kindText, nil
}

// looksLikeText reports whether there is no NUL in the first bytes of a file.
func looksLikeText(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	return err == nil && !bytes.Contains(head, []byte{0}), err
}
