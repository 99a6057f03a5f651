package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The parts of the header, the first byte of a block.
const (
	headerMode   = 0x0f
	headerGaps   = 0x30 // one of the kinds below
	headerNear   = 0x40 // the values are moved by some units in the last place
	headerUnused = 0x80

	gapsNone  = 0x00
	gapsOwn   = 0x10 // the set of the gaps follows
	gapsGroup = 0x20 // they are those of the group
)

// decoder is the state of decoding one block.
type decoder struct {
	mode   bodyMode
	header byte // but for its gaps
	short  bool // the scale is not stored: it has so many decimals
	places int
	near   bool
	slots  int
	values int // slots that are no gap
	gaps   indexSet
	body   []byte // what follows the gaps

	scale    scale
	outliers indexSet
	frame    frame
}

// parse reads what comes before the body of a block of p: header and gaps.
func (d *decoder) parse(p *groupParts, b []byte) error {
	if p.version == 1 {
		return d.parseVersion1(b)
	}
	if len(b) == 0 {
		return fmt.Errorf("no bytes: %w", errCorrupt)
	}
	header := b[0]
	b = b[1:]
	d.mode, d.near, d.slots = bodyMode(header&headerMode), header&headerNear != 0, p.slots
	if header&headerUnused != 0 || d.mode == modeEmpty || d.near && d.mode >= modeRaw {
		return fmt.Errorf("header %#02x: %w", header, errCorrupt)
	}
	d.header = header &^ headerGaps
	if d.mode > modeRaw {
		d.short = true
		d.mode, d.places = d.mode.long()
	}
	switch header & headerGaps {
	case gapsNone:
	case gapsOwn:
		var err error
		if b, err = d.gaps.parse(b, d.slots); err != nil {
			return fmt.Errorf("gaps: %w", err)
		}
	case gapsGroup:
		if p.gaps == nil {
			return fmt.Errorf("no gaps of the group: %w", errCorrupt)
		}
		d.gaps.load(p.gaps)
	default:
		return fmt.Errorf("header %#02x: %w", header, errCorrupt)
	}
	if d.values = d.slots - d.gaps.n; d.values == 0 {
		return fmt.Errorf("gaps only in %v block: %w", d.mode, errCorrupt)
	}
	d.body = b
	return nil
}

// checkRange returns an error unless the block has the n slots from from on.
func (d *decoder) checkRange(from, n int) error {
	if from < 0 || from > d.slots || n > d.slots-from {
		return fmt.Errorf("[%d, %d) of %d slots: %w", from, from+n, d.slots, errRange)
	}
	return nil
}

// window cuts the gaps to those of the n slots from from on, which then count from 0. It returns
// the index of the first value there.
func (d *decoder) window(from, n int) int {
	if d.gaps.n == 0 || n == d.slots {
		return from
	}
	return from - d.gaps.window(from, n)
}

// decode writes the slots [from, from+len(dst)) to dst. The block has them.
func (d *decoder) decode(dst []float64, from int) error {
	// The values lie in the block without holes. They are decoded so, and then moved apart.
	from = d.window(from, len(dst))
	if err := d.decodeValues(dst[:len(dst)-d.gaps.n], from); err != nil {
		return err
	}
	d.gaps.spread(dst)
	return nil
}

// decodeValues writes the values [from, from+len(dst)) of the block to dst. It finds a corrupt
// body even if dst is empty.
func (d *decoder) decodeValues(dst []float64, from int) error {
	switch {
	case d.mode == modeEmpty:
		return finish(d.body)
	case d.mode == modeRaw:
		return decodeRaw(dst, d.body, from, d.values)
	case d.near:
		return d.decodeNear(dst, from)
	}
	return d.decodeIntegers(dst, d.body, from, nil)
}

// decodeIntegers writes the values of a body b of any mode but raw. offsets are what they
// are moved by, nil if they are not.
func (d *decoder) decodeIntegers(dst []float64, b []byte, from int, offsets *frame) error {
	outliers := false
	var err error
	if d.short {
		d.scale.setDecimals(d.places)
	} else if b, outliers, err = d.scale.parse(b); err != nil {
		return err
	}
	var raw []byte
	if outliers {
		if b, err = d.outliers.parse(b, d.values); err != nil {
			return fmt.Errorf("outliers: %w", err)
		}
		if raw, b, err = cut(b, 8*d.outliers.n); err != nil {
			return fmt.Errorf("outliers: %w", err)
		}
	}
	switch d.mode {
	case modeConstant:
		err = d.decodeConstant(dst, b)
	case modeFrame:
		err = d.decodeFrame(dst, b, from)
	case modeDelta:
		err = d.decodeDelta(dst, b, from)
	case modeDictionary:
		err = d.decodeDictionary(dst, b, from)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", d.mode, err)
	}
	if offsets != nil {
		offsets.move(dst, from)
	}
	if outliers {
		d.outliers.replace(dst, raw, from)
	}
	return nil
}

// finish checks that nothing follows the body.
func finish(b []byte) error {
	if len(b) > 0 {
		return fmt.Errorf("%d bytes behind the end: %w", len(b), errCorrupt)
	}
	return nil
}

func decodeRaw(dst []float64, b []byte, from, values int) error {
	if len(b) != 8*values {
		return fmt.Errorf("raw: %d bytes for %d values: %w", len(b), values, errCorrupt)
	}
	b = b[8*from:]
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}
