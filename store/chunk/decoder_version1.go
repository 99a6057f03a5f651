package chunk

import "fmt"

// In version 1, each block of a group says how many slots it has, and which are gaps. The bodies
// are those of version 2, which has some more.

// The parts of the header of version 1 besides the mode.
const (
	header1Gaps   = 0x10 // the set of the gaps follows
	header1Length = 0x60 // length code; 0: a byte with the slots less one follows
	header1Unused = 0x80
)

// The length codes 1, 2 and 3 stand for shortestLength slots, twice and four times as many.
const shortestLength = 64

// parseVersion1 reads what comes before the body of a block: header, number of slots, and gaps.
func (d *decoder) parseVersion1(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("no bytes: %w", errCorrupt)
	}
	header := b[0]
	b = b[1:]
	d.mode, d.header = bodyMode(header&headerMode), header&headerMode
	if header&header1Unused != 0 || d.mode > modeRaw {
		return fmt.Errorf("header %#02x: %w", header, errCorrupt)
	}
	if code := header & header1Length >> 5; code > 0 {
		d.slots = shortestLength << (code - 1)
	} else {
		if len(b) == 0 {
			return fmt.Errorf("number of slots is missing: %w", errCorrupt)
		}
		d.slots = int(b[0]) + 1
		b = b[1:]
	}
	if header&header1Gaps != 0 {
		var err error
		if b, err = d.gaps.parse(b, d.slots); err != nil {
			return fmt.Errorf("gaps: %w", err)
		}
	}
	d.values = d.slots - d.gaps.n
	if d.mode == modeEmpty {
		d.gaps.fill(d.slots)
		d.values = 0
	} else if d.values == 0 {
		return fmt.Errorf("gaps only in %v block: %w", d.mode, errCorrupt)
	}
	d.body = b
	return nil
}
