package archive

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// maxPageBytes bounds a page, as it is in the file and without compression.
	maxPageBytes = 32 << 20
	// maxPageValues bounds the values of a page: a few bytes may stand for many.
	maxPageValues = 1 << 20
	// maxPageHeader bounds the header of a page.
	maxPageHeader = 64 << 10
	// maxFoundPages bounds how many pages a column in a row group has, if there is no index.
	maxFoundPages = 1 << 16
)

// pageReader reads pages. It may be used concurrently.
type pageReader struct{ decoder *zstd.Decoder }

func newPageReader() (*pageReader, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPageBytes), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &pageReader{decoder: d}, nil
}

// pageHeader is what is needed of the header of a page.
type pageHeader struct {
	kind                     format.PageType
	uncompressed, compressed int64
	crc                      int64
	hasCRC                   bool
	values                   int64
	encoding                 format.Encoding
	levels                   int64 // bytes
	isCompressed             bool
	length                   int // of the header
}

// parsePageHeader reads the header at the beginning of data.
func parsePageHeader(data []byte) (pageHeader, error) {
	h := pageHeader{isCompressed: true, kind: -1, values: -1}
	t := thriftReader{data: data[:min(len(data), maxPageHeader)]}
	t.structure(func(id int64, kind byte) {
		switch {
		case id == 1 && kind == thriftI32:
			h.kind = format.PageType(t.int())
		case id == 2 && kind == thriftI32:
			h.uncompressed = t.int()
		case id == 3 && kind == thriftI32:
			h.compressed = t.int()
		case id == 4 && kind == thriftI32:
			h.crc, h.hasCRC = t.int(), true
		case (id == 5 || id == 7 || id == 8) && kind == thriftStruct:
			h.parseData(&t, id)
		default:
			t.skip(kind)
		}
	})
	h.length = t.pos
	if t.err != nil {
		return h, fmt.Errorf("header of a page: %w", t.err)
	}
	if h.compressed < 0 || h.compressed > maxPageBytes || h.uncompressed < 0 || h.uncompressed > maxPageBytes {
		return h, fmt.Errorf("a page of %d bytes, %d without compression, is larger than %d or damaged", h.compressed, h.uncompressed, maxPageBytes)
	}
	if h.values < 0 || h.values > maxPageValues {
		return h, fmt.Errorf("a page of %d values has more than %d or is damaged", h.values, maxPageValues)
	}
	return h, nil
}

// parseData reads the part for data pages of version 1, dictionaries (7) or data pages of version 2 (8).
func (h *pageHeader) parseData(t *thriftReader, part int64) {
	encodingField := int64(2)
	if part == 8 {
		encodingField = 4
	}
	t.structure(func(id int64, kind byte) {
		switch {
		case id == 1 && kind == thriftI32:
			h.values = t.int()
		case id == encodingField && kind == thriftI32:
			h.encoding = format.Encoding(t.int())
		case part == 8 && (id == 2 || id == 5 || id == 6) && kind == thriftI32:
			if n := t.int(); n != 0 {
				h.levels = n
			}
		case part == 8 && id == 7:
			h.isCompressed = kind == thriftTrue
		default:
			t.skip(kind)
		}
	})
}

// pageBuffers are the memory of a read.
type pageBuffers struct{ raw, body []byte }

// read reads a page into the buffers and returns its values as they are encoded.
func (p *pageReader) read(r io.ReaderAt, codec format.CompressionCodec, offset, size int64, b *pageBuffers) (pageHeader, []byte, error) {
	if size <= 0 || size > maxPageBytes+maxPageHeader {
		return pageHeader{}, nil, fmt.Errorf("a page of %d bytes is too large or damaged", size)
	}
	b.raw = slices.Grow(b.raw[:0], int(size))[:size]
	if _, err := r.ReadAt(b.raw, offset); err != nil {
		return pageHeader{}, nil, fmt.Errorf("read the page at byte %d: %w", offset, err)
	}
	h, err := parsePageHeader(b.raw)
	if err != nil {
		return h, nil, err
	}
	if h.compressed > size-int64(h.length) {
		return h, nil, fmt.Errorf("the page at byte %d is longer than its index says: it is damaged", offset)
	}
	data := b.raw[h.length:][:h.compressed]
	if h.hasCRC && crc32.ChecksumIEEE(data) != uint32(h.crc) {
		return h, nil, fmt.Errorf("the page at byte %d does not match its checksum: it is damaged", offset)
	}
	if h.levels != 0 {
		return h, nil, errors.New("a page has levels, but each row has one value")
	}
	body, err := p.decompress(codec, &h, data, b)
	if err == nil && int64(len(body)) != h.uncompressed {
		err = fmt.Errorf("it has %d bytes, not %d", len(body), h.uncompressed)
	}
	if err != nil {
		return h, nil, fmt.Errorf("decompress the page at byte %d: %w", offset, err)
	}
	return h, body, nil
}

func (p *pageReader) decompress(codec format.CompressionCodec, h *pageHeader, data []byte, b *pageBuffers) ([]byte, error) {
	if !h.isCompressed || codec == format.Uncompressed || h.compressed == 0 && h.uncompressed == 0 {
		return data, nil
	}
	b.body = slices.Grow(b.body[:0], int(h.uncompressed))
	switch codec {
	case format.Zstd:
		body, err := p.decoder.DecodeAll(data, b.body)
		if err == nil {
			b.body = body
		}
		return body, err
	case format.Snappy:
		n, err := snappy.DecodedLen(data)
		if err != nil || int64(n) != h.uncompressed {
			return nil, fmt.Errorf("its length is damaged: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		return snappy.Decode(b.body[:n], data)
	}
	return nil, fmt.Errorf("the compression %v is not known: use zstd, snappy or none", codec)
}

// findPages finds the data pages of a column without an index, header by header.
func findPages(r io.ReaderAt, k *chunkMeta, rows int64) ([]pageMeta, error) {
	var pages []pageMeta
	buffer := make([]byte, 4<<10)
	row := int64(0)
	for offset := k.data; offset < k.end && row < rows; {
		head := buffer[:min(int64(len(buffer)), k.end-offset)]
		if _, err := r.ReadAt(head, offset); err != nil {
			return nil, err
		}
		h, err := parsePageHeader(head)
		if err != nil && len(buffer) < maxPageHeader {
			buffer = make([]byte, maxPageHeader) // it may have long statistics
			continue
		}
		if err != nil {
			return nil, err
		}
		size := int64(h.length) + h.compressed
		if size > k.end-offset || len(pages) == maxFoundPages {
			return nil, fmt.Errorf("its pages are damaged at byte %d, or more than %d", offset, maxFoundPages)
		}
		if h.kind != format.DictionaryPage && h.values > 0 {
			pages = append(pages, pageMeta{offset: offset, size: int32(size), first: row, rows: h.values})
			row += h.values
		}
		offset += size
	}
	if row != rows {
		return nil, fmt.Errorf("its pages have %d values for %d rows", row, rows)
	}
	return pages, nil
}
