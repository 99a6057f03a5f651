package chunk

import "strconv"

// Mode is the way in which the values of a block are encoded.
type Mode uint8

// The numbers are part of the format.
const (
	ModeEmpty      Mode = 0 // gaps only
	ModeConstant   Mode = 1 // all values are the same
	ModeFrame      Mode = 2 // integers above a base
	ModeDelta      Mode = 3 // differences of neighbouring integers
	ModeDictionary Mode = 4 // numbers of distinct values
	ModeRaw        Mode = 5 // eight bytes a value
)

// String returns the mode's name.
func (m Mode) String() string {
	switch m {
	case ModeEmpty:
		return "empty"
	case ModeConstant:
		return "constant"
	case ModeFrame:
		return "frame"
	case ModeDelta:
		return "delta"
	case ModeDictionary:
		return "dictionary"
	case ModeRaw:
		return "raw"
	}
	return "mode " + strconv.Itoa(int(m))
}
