// Package chunk encodes samples that lie on a fixed grid of time slots. A Group
// holds the columns of a row of between 1 and MaxSlots slots, such as all series
// of a host; each slot of a column is a float64 or a gap (NaN). It knows nothing
// about time. Every float64 that is no NaN comes back with the same bits, and
// every NaN comes back as the NaN of math.NaN.
//
// A Group is a pure value: bytes in, values out, without locks, clocks or I/O.
// All its methods may be called concurrently; a GroupBuilder is for one goroutine
// at a time. A Group may come from a disk: whatever its bytes are, ParseGroup does
// not panic, and nor does a method of what it accepted.
//
// FORMAT.md draws the bytes.
package chunk

import "errors"

// Version is the version of the format that is written. All from 1 on are read:
// a Group says which one it has. What stores groups keeps the highest version among
// them once for all, so that a program that does not know it leaves them alone.
const Version = 2

// MaxSlots is the largest number of slots of a Group.
const MaxSlots = 256

var (
	// errCorrupt is wrapped by the errors of bytes that a GroupBuilder cannot have
	// written.
	errCorrupt = errors.New("corrupt block")
	// errRange is wrapped by the errors of callers that ask for slots or columns
	// which a Group does not have.
	errRange = errors.New("no such values in group")
)
