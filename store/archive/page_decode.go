package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/bytestreamsplit"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

var errPage = errors.New("a page is damaged")

// run is a value that all rows have up to end, which counts from the beginning of the page.
type run[T comparable] struct {
	value T
	end   int
}

// appendRun appends n rows with a value.
func appendRun[T comparable](runs []run[T], v T, n int) []run[T] {
	k := len(runs)
	if k == 0 {
		return append(runs, run[T]{v, n})
	}
	if runs[k-1].value == v {
		runs[k-1].end += n
		return runs
	}
	return append(runs, run[T]{v, runs[k-1].end + n})
}

// oldDictionary is how older programs call format.RLEDictionary.
const oldDictionary format.Encoding = 2

// isDictionary says that a page has indexes into the dictionary.
func isDictionary(e format.Encoding) bool { return e == format.RLEDictionary || e == oldDictionary }

// eachIndex calls use for runs of indexes into a dictionary: groups of eight in a fixed number of bits,
// and runs.
func eachIndex(data []byte, values int, use func(id uint32, n int) error) error {
	if len(data) == 0 {
		return errPage
	}
	width := int(data[0])
	if width > 32 {
		return errPage
	}
	data = data[1:]
	for values > 0 {
		head, n := binary.Uvarint(data)
		if n <= 0 || head>>1 == 0 || head>>1 > maxPageValues {
			return errPage
		}
		data = data[n:]
		count := int(head >> 1)
		if head&1 == 0 { // a run
			id, size := uint32(0), (width+7)/8
			if len(data) < size {
				return errPage
			}
			for i := range size {
				id |= uint32(data[i]) << (8 * i)
			}
			data = data[size:]
			count = min(count, values)
			if err := use(id, count); err != nil {
				return err
			}
			values -= count
			continue
		}
		size := count * width // of groups of eight
		if len(data) < size {
			return errPage
		}
		count = min(count*8, values)
		for i := range count {
			if err := use(bitsAt(data[:size], i*width, width), 1); err != nil {
				return err
			}
		}
		data = data[size:]
		values -= count
	}
	return nil
}

// bitsAt returns width bits of data, from the lowest bit of each byte.
func bitsAt(data []byte, at, width int) uint32 {
	v := uint64(0)
	for i, shift := at/8, 0; shift < width+7 && i < len(data); i, shift = i+1, shift+8 {
		v |= uint64(data[i]) << shift
	}
	return uint32(v >> (at % 8) & (1<<width - 1))
}

// decodeStrings appends the texts of a page to runs.
func decodeStrings(h *pageHeader, body []byte, dictionary []string, runs []run[string]) ([]run[string], error) {
	if isDictionary(h.encoding) {
		return decodeIndexes(h, body, dictionary, runs)
	}
	last := ""
	err := eachText(h, body, func(text []byte) {
		if string(text) != last {
			last = string(text)
		}
		runs = appendRun(runs, last, 1)
	})
	return runs, err
}

func decodeIndexes[T comparable](h *pageHeader, body []byte, dictionary []T, runs []run[T]) ([]run[T], error) {
	err := eachIndex(body, int(h.values), func(id uint32, n int) error {
		if int(id) >= len(dictionary) {
			return errPage
		}
		runs = appendRun(runs, dictionary[id], n)
		return nil
	})
	return runs, err
}

// eachText calls use for the texts of a page that is not encoded with the dictionary.
func eachText(h *pageHeader, body []byte, use func(text []byte)) error {
	switch h.encoding {
	case format.Plain:
		for range h.values {
			if len(body) < 4 || int64(binary.LittleEndian.Uint32(body)) > int64(len(body)-4) {
				return errPage
			}
			n := int(binary.LittleEndian.Uint32(body))
			use(body[4 : 4+n])
			body = body[4+n:]
		}
		return nil
	case format.DeltaLengthByteArray:
		if h.values == 0 {
			return nil
		}
		if err := checkDelta(body, h.values); err != nil {
			return err
		}
		var encoding delta.LengthByteArrayEncoding
		texts, offsets, err := encoding.DecodeByteArray(nil, body, nil)
		if err != nil {
			return err
		}
		if len(offsets) != int(h.values)+1 {
			return errPage
		}
		for i := range h.values {
			from, to := offsets[i], offsets[i+1]
			if from > to || int64(to) > int64(len(texts)) {
				return errPage
			}
			use(texts[from:to])
		}
		return nil
	}
	return fmt.Errorf("the encoding %v of texts is not known", h.encoding)
}

// checkDelta makes sure that whole numbers encoded by their differences are as many as the header
// says, before they are decoded.
func checkDelta(body []byte, values int64) error {
	for i := range 3 { // block size, parts of a block, values
		v, n := binary.Uvarint(body)
		if n <= 0 || i == 0 && (v == 0 || v > 1<<16) || i == 1 && (v == 0 || v > 512) || i == 2 && v != uint64(values) {
			return errPage
		}
		body = body[n:]
	}
	return nil
}

// decodeInts returns the whole numbers of a page. dst is reused.
func decodeInts(h *pageHeader, body []byte, isNarrow bool, dictionary []int64, dst []int64) ([]int64, error) {
	dst = dst[:0]
	switch {
	case isDictionary(h.encoding):
		err := eachIndex(body, int(h.values), func(id uint32, n int) error {
			if int(id) >= len(dictionary) {
				return errPage
			}
			for range n {
				dst = append(dst, dictionary[id])
			}
			return nil
		})
		return dst, err
	case h.encoding == format.Plain && isNarrow:
		if int64(len(body)) < 4*h.values {
			return nil, errPage
		}
		for i := range h.values {
			dst = append(dst, int64(int32(binary.LittleEndian.Uint32(body[4*i:]))))
		}
		return dst, nil
	case h.encoding == format.Plain:
		if int64(len(body)) < 8*h.values {
			return nil, errPage
		}
		for i := range h.values {
			dst = append(dst, int64(binary.LittleEndian.Uint64(body[8*i:])))
		}
		return dst, nil
	case h.encoding == format.DeltaBinaryPacked:
		return decodeDelta(h, body, isNarrow, dst)
	}
	return nil, fmt.Errorf("the encoding %v of whole numbers is not known", h.encoding)
}

func decodeDelta(h *pageHeader, body []byte, isNarrow bool, dst []int64) ([]int64, error) {
	if h.values == 0 {
		return dst, nil
	}
	if err := checkDelta(body, h.values); err != nil {
		return nil, err
	}
	var encoding delta.BinaryPackedEncoding
	var err error
	if isNarrow {
		var narrow []int32
		narrow, err = encoding.DecodeInt32(nil, body)
		for _, v := range narrow {
			dst = append(dst, int64(v))
		}
	} else {
		dst, err = encoding.DecodeInt64(dst, body)
	}
	if err == nil && int64(len(dst)) != h.values {
		err = errPage
	}
	return dst, err
}

// decodeFloats returns the values of a page. dst is reused.
func decodeFloats(h *pageHeader, body []byte, isNarrow bool, dictionary []float64, dst []float64) ([]float64, error) {
	dst = slices.Grow(dst[:0], int(h.values))
	if isDictionary(h.encoding) {
		err := eachIndex(body, int(h.values), func(id uint32, n int) error {
			if int(id) >= len(dictionary) {
				return errPage
			}
			for range n {
				dst = append(dst, dictionary[id])
			}
			return nil
		})
		return dst, err
	}
	if h.encoding == format.ByteStreamSplit {
		return decodeSplit(h, body, isNarrow, dst)
	}
	if h.encoding != format.Plain {
		return nil, fmt.Errorf("the encoding %v of values is not known", h.encoding)
	}
	if isNarrow {
		if int64(len(body)) < 4*h.values {
			return nil, errPage
		}
		for i := range h.values {
			dst = append(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))))
		}
		return dst, nil
	}
	if int64(len(body)) < 8*h.values {
		return nil, errPage
	}
	for i := range h.values {
		dst = append(dst, math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:])))
	}
	return dst, nil
}

func decodeSplit(h *pageHeader, body []byte, isNarrow bool, dst []float64) ([]float64, error) {
	var encoding bytestreamsplit.Encoding
	if isNarrow {
		if int64(len(body)) != 4*h.values {
			return nil, errPage
		}
		narrow, err := encoding.DecodeFloat(nil, body)
		for _, v := range narrow {
			dst = append(dst, float64(v))
		}
		return dst, err
	}
	if int64(len(body)) != 8*h.values {
		return nil, errPage
	}
	return encoding.DecodeDouble(dst, body)
}
