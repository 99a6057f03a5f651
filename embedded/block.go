package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	blockSuffix = ".blk"
	// mostBlock is far more than the largest block of nats-server. What is behind it in a file is
	// damage, and may be larger than the memory.
	mostBlock = 128 << 20
)

// block is a file of nats-server with entries of a stream.
type block struct {
	number int
	path   string
	stamp  stamp
}

// stamp changes when a file is changed, except by a failing disk.
type stamp struct {
	Size  int64 `json:"size"`
	Mtime int64 `json:"mtime"` // ns
}

// listBlocks returns the blocks of a stream, ascending. odd has the paths of what looks like a
// block or an index and is none, each with the reason: nats-server would give up the stream
// for one.
func (s *Server) listBlocks(stream string) (blocks []block, odd map[string]string, err error) {
	dir := filepath.Join(s.streamDir(stream), messagesName)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("list the blocks of stream %s: %w", stream, err)
	}
	odd = map[string]string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		digits, isBlock := strings.CutSuffix(e.Name(), blockSuffix)
		if !isBlock && e.Name() != indexName {
			continue
		}
		n, ok := blockNumber(path)
		info, statErr := os.Stat(path)
		switch {
		case errors.Is(statErr, os.ErrNotExist) && e.Type().IsRegular(): // it was removed a moment ago
		case statErr != nil || !info.Mode().IsRegular():
			odd[path] = "it is not a regular file"
		case !isBlock && info.Size() > mostBlock: // nats-server would read all of it, and works without it
			odd[path] = "it is too large for an index"
		case !isBlock:
		case ok:
			blocks = append(blocks, block{n, path, stamp{info.Size(), info.ModTime().UnixNano()}})
		case strings.IndexAny(digits, "0123456789+-") == 0:
			odd[path] = "it is not the name of a block"
		}
	}
	slices.SortFunc(blocks, func(a, b block) int { return a.number - b.number })
	return blocks, odd, nil
}

// blockNumber returns the number of the block at the path, false if it is not the name of one.
func blockNumber(path string) (n int, ok bool) {
	digits := strings.TrimSuffix(filepath.Base(path), blockSuffix)
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && n < 1<<31 && strconv.Itoa(n) == digits
}

// isOverlong reports whether the file is longer than a block can be.
func (b block) isOverlong() bool { return b.stamp.Size > mostBlock }

// readBlock reads a block, or the beginning of an overlong one, into buf, which may grow.
func readBlock(b block, buf []byte) ([]byte, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf, err
	}
	size := min(info.Size(), mostBlock)
	buf = slices.Grow(buf[:0], int(size))[:size]
	n, err := io.ReadFull(f, buf)
	if err != nil {
		return buf, fmt.Errorf("%s: %w", b.path, err)
	}
	return buf[:n], nil
}

// unchanged reports whether the blocks have the stamps of an earlier time.
func unchanged(blocks []block, before map[string]stamp) bool {
	if before == nil || len(blocks) != len(before) {
		return false
	}
	for _, b := range blocks {
		if before[filepath.Base(b.path)] != b.stamp {
			return false
		}
	}
	return true
}

// unpackBlock returns the records of a block, and decompresses them if need be.
func unpackBlock(data []byte) ([]byte, error) {
	var info server.CompressionInfo
	n, err := info.UnmarshalMetadata(data)
	if err != nil || n == 0 {
		return data, err
	}
	return info.Algorithm.Decompress(data[n:])
}
