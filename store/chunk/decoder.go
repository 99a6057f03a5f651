package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The parts of the header, the first byte of a block.
const (
	headerMode   = 0x0f
	headerGaps   = 0x10 // the set of the gaps follows
	headerLength = 0x60 // length code; 0: a byte with the slots less one follows
	headerUnused = 0x80
)

// The length codes 1, 2 and 3 stand for shortestLength slots, twice and four times as many.
const shortestLength = 64

// decoder is the state of decoding one block.
type decoder struct {
	mode   bodyMode
	slots  int
	values int // slots that are no gap
	gaps   indexSet
	body   []byte // what follows the gaps

	scale    scale
	outliers indexSet
	frame    frame
}

// parseHeader reads what comes before the body: header, number of slots, and gaps.
func (d *decoder) parseHeader(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("no bytes: %w", errCorrupt)
	}
	header := b[0]
	b = b[1:]
	d.mode = bodyMode(header & headerMode)
	if header&headerUnused != 0 || d.mode > modeRaw {
		return fmt.Errorf("header %#02x: %w", header, errCorrupt)
	}
	if code := header & headerLength >> 5; code > 0 {
		d.slots = shortestLength << (code - 1)
	} else {
		if len(b) == 0 {
			return fmt.Errorf("number of slots is missing: %w", errCorrupt)
		}
		d.slots = int(b[0]) + 1
		b = b[1:]
	}
	if header&headerGaps != 0 {
		var err error
		if b, err = d.gaps.parse(b, d.slots); err != nil {
			return fmt.Errorf("gaps: %w", err)
		}
	}
	d.values = d.slots - d.gaps.n
	if d.mode == modeEmpty {
		d.values = 0
	} else if d.values == 0 {
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

// decode writes the slots [from, from+len(dst)) to dst. The block has them.
func (d *decoder) decode(dst []float64, from int) error {
	if d.mode == modeEmpty {
		fill(dst, math.NaN())
		return finish(d.body)
	}
	if len(dst) == 0 {
		return nil
	}
	// The values lie in the block without holes. They are decoded so, and then moved apart.
	if d.gaps.n == 0 {
		return d.decodeValues(dst, from)
	}
	if len(dst) < d.slots {
		from -= d.gaps.window(from, len(dst))
	}
	if err := d.decodeValues(dst[:len(dst)-d.gaps.n], from); err != nil {
		return err
	}
	d.gaps.spread(dst)
	return nil
}

// decodeValues writes the values [from, from+len(dst)) of the block to dst.
func (d *decoder) decodeValues(dst []float64, from int) (err error) {
	b := d.body
	if d.mode == modeRaw {
		return decodeRaw(dst, b, from, d.values)
	}
	b, outliers, err := d.scale.parse(b)
	if err != nil {
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
