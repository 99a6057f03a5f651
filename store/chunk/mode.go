package chunk

import "strconv"

// bodyMode is the way in which the values of a block are encoded.
type bodyMode uint8

// The values are part of the format.
const (
	modeEmpty      bodyMode = 0 // gaps only
	modeConstant   bodyMode = 1 // all values are the same
	modeFrame      bodyMode = 2 // integers above a base
	modeDelta      bodyMode = 3 // differences of neighbouring integers
	modeDictionary bodyMode = 4 // indices of distinct values
	modeRaw        bodyMode = 5 // eight bytes a value
)

// String returns the mode's name.
func (m bodyMode) String() string {
	switch m {
	case modeEmpty:
		return "empty"
	case modeConstant:
		return "constant"
	case modeFrame:
		return "frame"
	case modeDelta:
		return "delta"
	case modeDictionary:
		return "dictionary"
	case modeRaw:
		return "raw"
	}
	return "mode " + strconv.Itoa(int(m))
}
