package chunk

import "fmt"

// The first byte of a frame: its width, and whether patches follow.
const (
	frameWidth   = 0x7f
	framePatched = 0x80
)

// frame is a packed sequence of integers: codes of one width above a base. The
// few integers that do not fit stand aside as patches, packed with a base and a
// width of their own.
type frame struct {
	integers packed
	patched  positions // the integers that are patches
	patches  packed
}

// packed is a sequence of integers, each of them a code of a fixed width above
// a base.
type packed struct {
	n     int
	base  int64
	width uint
	codes []byte
}

func (p *packed) at(i int) int64 { return p.base + int64(code(p.codes, i, p.width)) }

// parse reads n integers, whose width has been read already, and returns what
// follows them.
func (p *packed) parse(b []byte, n int, width uint) (rest []byte, err error) {
	p.n, p.width = n, width
	if p.base, b, err = parseVarint(b); err != nil {
		return nil, fmt.Errorf("base of %d codes: %w", n, err)
	}
	if p.codes, b, err = take(b, packedSize(n, width)); err != nil {
		return nil, fmt.Errorf("%d codes of width %d: %w", n, width, err)
	}
	return b, nil
}

// parse reads a frame of n integers and returns what follows it.
func (f *frame) parse(b []byte, n int) (rest []byte, err error) {
	if len(b) == 0 || b[0]&frameWidth > 64 {
		return nil, fmt.Errorf("width: %w", ErrCorrupt)
	}
	patched := b[0]&framePatched != 0
	if b, err = f.integers.parse(b[1:], n, uint(b[0]&frameWidth)); err != nil || !patched {
		return b, err
	}
	if b, err = f.patched.parse(b, n); err != nil {
		return nil, fmt.Errorf("patches: %w", err)
	}
	if len(b) == 0 || b[0] > 64 {
		return nil, fmt.Errorf("width of patches: %w", ErrCorrupt)
	}
	if b, err = f.patches.parse(b[1:], f.patched.n, uint(b[0])); err != nil {
		return nil, fmt.Errorf("patches: %w", err)
	}
	// Near the base of the frame, the base of the patches is a small number.
	f.patches.base += f.integers.base
	return b, nil
}

// decode writes the values of the integers [from, from+len(dst)) to dst.
func (f *frame) decode(dst []float64, s *scale, from int) {
	s.unpack(dst, &f.integers, from)
	for i, at := range f.patched.list() {
		if j := int(at) - from; uint(j) < uint(len(dst)) {
			dst[j] = s.value(f.patches.at(i))
		}
	}
}

// take splits b after n bytes.
func take(b []byte, n int) (head, rest []byte, err error) {
	if n > len(b) {
		return nil, nil, fmt.Errorf("%d bytes of %d: %w", len(b), n, ErrCorrupt)
	}
	return b[:n], b[n:], nil
}

// A frame body is a frame of the values' integers.

func (d *decoder) decodeFrame(dst []float64, b []byte, from int) error {
	b, err := d.frame.parse(b, d.values)
	if err != nil {
		return err
	}
	d.frame.decode(dst, &d.scale, from)
	return finish(b)
}
