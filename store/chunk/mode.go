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

	// These stand for a mode with a plain decimal scale, which is not stored: shortFrame+d and
	// shortDelta+d with d decimals, up to shortDecimals, shortConstant with none, and the one
	// after it with one.
	shortFrame    bodyMode = 6
	shortDelta    bodyMode = 10
	shortConstant bodyMode = 14
	shortEnd      bodyMode = 16
)

const shortDecimals = shortDelta - shortFrame - 1

// short returns the mode that stands for m and the scale, false if there is none.
func (m bodyMode) short(scale byte) (bodyMode, bool) {
	d := bodyMode(scale) // plain decimal scales are their number of decimals
	switch {
	case m == modeFrame && d <= shortDecimals:
		return shortFrame + d, true
	case m == modeDelta && d <= shortDecimals:
		return shortDelta + d, true
	case m == modeConstant && d < shortEnd-shortConstant:
		return shortConstant + d, true
	}
	return m, false
}

// long returns the mode and the decimals that a short one stands for.
func (m bodyMode) long() (of bodyMode, decimals int) {
	switch {
	case m >= shortConstant:
		return modeConstant, int(m - shortConstant)
	case m >= shortDelta:
		return modeDelta, int(m - shortDelta)
	}
	return modeFrame, int(m - shortFrame)
}

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
