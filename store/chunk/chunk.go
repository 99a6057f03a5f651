// Package chunk encodes blocks of samples that lie on a fixed grid of time
// slots. A block holds between 1 and MaxSlots slots, each of them a float64 or
// a gap (NaN); it knows nothing about time. Every float64 that is no NaN comes
// back with the same bits, and every NaN comes back as the NaN of math.NaN.
//
// A block is a pure value: bytes in, values out, without locks, clocks or I/O.
// All functions may be called concurrently on the same block; an Encoder is for
// one goroutine at a time. Blocks may come from a disk: whatever their bytes
// are, no function panics or reads outside of them.
//
// FORMAT.md draws the bytes.
package chunk

import (
	"errors"
	"fmt"
)

// Version is the version of the format that Encode writes and Decode reads.
// Blocks do not carry it: what stores them does, once for all of them.
const Version = 1

// MaxSlots is the largest number of slots in a block.
const MaxSlots = 256

var (
	// errCorrupt is wrapped by the errors of blocks that Encode cannot have
	// written.
	errCorrupt = errors.New("corrupt block")
	// errRange is wrapped by the errors of callers that ask for slots which a
	// block does not have.
	errRange = errors.New("no such slots in block")
)

// blockInfo describes a block.
type blockInfo struct {
	Mode   bodyMode
	Slots  int
	Values int // slots that are no gap
}

// stat describes block from its header alone: a block that stat accepts may
// still be found corrupt when it is decoded.
func stat(block []byte) (blockInfo, error) {
	var d decoder
	if err := d.parseHeader(block); err != nil {
		return blockInfo{}, fmt.Errorf("stat block: %w", err)
	}
	return blockInfo{Mode: d.mode, Slots: d.slots, Values: d.values}, nil
}

// Decode writes the slots of block to dst, which has the length of the block.
// After an error the content of dst is undefined.
func Decode(dst []float64, block []byte) error {
	var d decoder
	if err := d.parseHeader(block); err != nil {
		return fmt.Errorf("decode block: %w", err)
	}
	if len(dst) != d.slots {
		return fmt.Errorf("decode block of %d slots into %d: %w", d.slots, len(dst), errRange)
	}
	if err := d.decode(dst, 0); err != nil {
		return fmt.Errorf("decode block: %w", err)
	}
	return nil
}

// DecodeRange writes the slots [from, from+len(dst)) of block to dst. After an
// error the content of dst is undefined. It costs in proportion to len(dst)
// unless the mode is delta.
func DecodeRange(dst []float64, block []byte, from int) error {
	var d decoder
	if err := d.parseHeader(block); err != nil {
		return fmt.Errorf("decode range of block: %w", err)
	}
	if err := d.checkRange(from, len(dst)); err != nil {
		return fmt.Errorf("decode range of block: %w", err)
	}
	if err := d.decode(dst, from); err != nil {
		return fmt.Errorf("decode range of block: %w", err)
	}
	return nil
}

// AddTo adds the slots [from, from+len(dst)) of block to dst. A gap in either
// makes a gap. dst is left as it was after an error.
func AddTo(dst []float64, block []byte, from int) error {
	var d decoder
	if err := d.parseHeader(block); err != nil {
		return fmt.Errorf("add block: %w", err)
	}
	if err := d.checkRange(from, len(dst)); err != nil {
		return fmt.Errorf("add block: %w", err)
	}
	if err := d.add(dst, from); err != nil {
		return fmt.Errorf("add block: %w", err)
	}
	return nil
}
