package chunk

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// ParseGroup returns data as a Group, if it has the structure of one and all its blocks have so
// many slots. It reads only the headers of the blocks. The Group refers to data.
func ParseGroup(data []byte, slots int) (Group, error) {
	if err := checkGroup(data, slots); err != nil {
		return nil, fmt.Errorf("parse group: %w", err)
	}
	return data, nil
}

func checkGroup(data []byte, slots int) error {
	fail := func(what string) error { return fmt.Errorf("%s: %w", what, errCorrupt) }
	// All lengths are checked first, so that the group can be taken apart.
	if len(data) < header1Bytes {
		return fail("no header")
	}
	columns, count := uint64(binary.LittleEndian.Uint32(data)), uint64(binary.LittleEndian.Uint32(data[4:]))
	size, endSize := uint64(header1Bytes), uint64(wideBytes)
	words := (columns&^groupVersion2 + 63) / 64
	if columns&groupVersion2 != 0 {
		columns &^= groupVersion2
		if len(data) < headerBytes {
			return fail("no header")
		}
		size = headerBytes
		flags := data[9]
		if flags&flagUnused != 0 {
			return fail("unknown flags")
		}
		if int(data[8])+1 != slots {
			return fail("blocks of another length")
		}
		if flags&flagGaps != 0 {
			size += uint64(gapBytes(slots))
		}
		if flags&flagWide == 0 {
			size, endSize = size+words*baseBytes, narrowBytes
		}
	}
	if count > columns || uint64(len(data)) < size+words*wordBytes+count*endSize {
		return fail("no room for its columns")
	}
	var p groupParts
	p.take(data)
	if p.gaps != nil {
		var gaps, all indexSet
		gaps.load(p.gaps)
		all.fill(slots)
		for i, word := range gaps.bits {
			if word&^all.bits[i] != 0 {
				return fail("gaps behind the last slot")
			}
		}
		if gaps.n == 0 || gaps.n == slots {
			return fail("shared gaps without any, or of all slots")
		}
	}
	present := uint64(0)
	for w := range words {
		word := p.word(int(w))
		if used := columns - w*64; used < 64 && word>>used != 0 {
			return fail("more columns than it says")
		}
		present += uint64(bits.OnesCount64(word))
	}
	if present != count {
		return fail("the columns do not match their number")
	}
	return p.check(slots)
}

// check checks that the blocks lie one behind the other, and their headers.
func (p *groupParts) check(slots int) error {
	last, rank := uint32(0), 0
	for w := range len(p.present) / wordBytes {
		if p.bases != nil && binary.LittleEndian.Uint32(p.bases[w*baseBytes:]) != last {
			return fmt.Errorf("a base of ends that is none: %w", errCorrupt)
		}
		for i := range bits.OnesCount64(p.word(w)) {
			from, to := p.bounds(w, rank, i == 0)
			if from != last || to < from || uint64(to) > uint64(len(p.blocks)) {
				return fmt.Errorf("a block out of bounds: %w", errCorrupt)
			}
			var d decoder
			if err := d.parse(p, p.blocks[from:to]); err != nil {
				return err
			}
			if d.slots != slots {
				return fmt.Errorf("a block of another length: %w", errCorrupt)
			}
			last, rank = to, rank+1
		}
	}
	if uint64(last) != uint64(len(p.blocks)) {
		return fmt.Errorf("bytes after the last block: %w", errCorrupt)
	}
	return nil
}
