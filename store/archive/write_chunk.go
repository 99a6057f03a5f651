package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pageEntry is what the page index says about a data page.
type pageEntry struct {
	offset   int64 // behind the first data page of the chunk
	size     int32 // with the header
	first    int64 // row of the row group
	min, max []byte
}

// chunkWriter collects the data pages of a column in a row group.
type chunkWriter struct {
	column       column
	encoding     format.Encoding
	data         []byte
	pages        []pageEntry
	rows         int64 // in pages
	uncompressed int64
	min, max     []byte // of the whole chunk
}

func (c *chunkWriter) reset() {
	c.data, c.pages = c.data[:0], c.pages[:0]
	c.rows, c.uncompressed = 0, 0
	c.min, c.max = nil, nil
}

// pageCompressor makes pages. It is shared by the columns of a writer.
type pageCompressor struct {
	encoder    *zstd.Encoder
	body       []byte // what is encoded
	compressed []byte
	header     bytes.Buffer
}

func newPageCompressor() (*pageCompressor, error) {
	// No page is larger than the window.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(128<<10), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &pageCompressor{encoder: e}, nil
}

// add appends the data page in p.body to a chunk. better says which of two chunks or pages has
// the lower and which the higher bound.
func (p *pageCompressor) add(c *chunkWriter, rows int, lowest, highest []byte, isLess func(a, b []byte) bool) error {
	h := format.PageHeader{
		Type:                 format.DataPageV2,
		UncompressedPageSize: int32(len(p.body)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(rows), NumRows: int32(rows), Encoding: c.encoding,
		}),
	}
	entry := pageEntry{offset: int64(len(c.data)), first: c.rows, min: lowest, max: highest}
	var err error
	if c.data, err = p.append(c.data, &h, &h.DataPageHeaderV2.V.IsCompressed); err != nil {
		return err
	}
	entry.size = int32(int64(len(c.data)) - entry.offset)
	c.uncompressed += int64(p.header.Len() + len(p.body))
	c.pages = append(c.pages, entry)
	c.rows += int64(rows)
	if c.min == nil || isLess(lowest, c.min) {
		c.min = lowest
	}
	if c.max == nil || isLess(c.max, highest) {
		c.max = highest
	}
	return nil
}

// append appends the page in p.body, with its header. If compressed is given, a page that
// compression makes no smaller stays as it is.
func (p *pageCompressor) append(dst []byte, h *format.PageHeader, compressed *thrift.Null[bool]) ([]byte, error) {
	p.compressed = p.encoder.EncodeAll(p.body, p.compressed[:0])
	body := p.compressed
	if compressed != nil {
		isSmaller := len(p.compressed) < len(p.body)
		compressed.Set(isSmaller)
		if !isSmaller {
			body = p.body
		}
	}
	h.CompressedPageSize = int32(len(body))
	h.CRC = int32(crc32.ChecksumIEEE(body))
	p.header.Reset()
	var protocol thrift.CompactProtocol
	if err := thrift.NewEncoder(protocol.NewWriter(&p.header)).Encode(h); err != nil {
		return dst, fmt.Errorf("encode a page header: %w", err)
	}
	return append(append(dst, p.header.Bytes()...), body...), nil
}

// idRun is a value of the dictionary that n rows have.
type idRun struct {
	id uint32
	n  int
}

// runColumn is a column that has the same value for many rows: each value once in a dictionary,
// and the rows as runs of its index.
type runColumn[T cmp.Ordered] struct {
	chunkWriter
	ids        map[T]uint32
	values     []T
	bytes      int // of the values
	runs       []idRun
	last       T
	lastID     uint32
	plain      func(dst []byte, v T) []byte // in the dictionary
	statistics func(v T) []byte
	isLess     func(a, b []byte) bool
}

func newStringColumn(c column) *runColumn[string] {
	return &runColumn[string]{
		chunkWriter: chunkWriter{column: c, encoding: format.RLEDictionary},
		ids:         map[string]uint32{},
		plain: func(dst []byte, v string) []byte {
			return append(binary.LittleEndian.AppendUint32(dst, uint32(len(v))), v...)
		},
		statistics: func(v string) []byte { return []byte(v) },
		isLess:     func(a, b []byte) bool { return bytes.Compare(a, b) < 0 },
	}
}

func newIntColumn(c column) *runColumn[int64] {
	return &runColumn[int64]{
		chunkWriter: chunkWriter{column: c, encoding: format.RLEDictionary},
		ids:         map[int64]uint32{},
		plain:       func(dst []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) },
		statistics:  intBytes,
		isLess:      isLessInt,
	}
}

func intBytes(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

func isLessInt(a, b []byte) bool {
	return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
}

func isLessFloat(a, b []byte) bool {
	return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// add appends n rows with this value to the page.
func (c *runColumn[T]) add(v T, n int) {
	if len(c.values) == 0 || v != c.last {
		id, ok := c.ids[v]
		if !ok {
			id = uint32(len(c.values))
			c.ids[v] = id
			c.values = append(c.values, v)
			c.bytes += len(c.statistics(v))
		}
		c.last, c.lastID = v, id
	}
	if k := len(c.runs); k > 0 && c.runs[k-1].id == c.lastID {
		c.runs[k-1].n += n
		return
	}
	c.runs = append(c.runs, idRun{c.lastID, n})
}

// endPage writes the page.
func (c *runColumn[T]) endPage(p *pageCompressor, rows int) error {
	lowest, highest := c.values[c.runs[0].id], c.values[c.runs[0].id]
	for _, r := range c.runs {
		lowest, highest = min(lowest, c.values[r.id]), max(highest, c.values[r.id])
	}
	width := max(bits.Len(uint(len(c.values)-1)), 1)
	p.body = append(p.body[:0], byte(width))
	for _, r := range c.runs {
		p.body = binary.AppendUvarint(p.body, uint64(r.n)<<1)
		for i := 0; i < width; i += 8 {
			p.body = append(p.body, byte(r.id>>i))
		}
	}
	c.runs = c.runs[:0]
	return p.add(&c.chunkWriter, rows, c.statistics(lowest), c.statistics(highest), c.isLess)
}

// appendDictionary appends the page with the dictionary.
func (c *runColumn[T]) appendDictionary(p *pageCompressor, dst []byte) ([]byte, error) {
	p.body = p.body[:0]
	for _, v := range c.values {
		p.body = c.plain(p.body, v)
	}
	dst, err := p.append(dst, &format.PageHeader{
		Type:                 format.DictionaryPage,
		UncompressedPageSize: int32(len(p.body)),
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(c.values)), Encoding: format.Plain}),
	}, nil)
	c.uncompressed += int64(p.header.Len() + len(p.body))
	return dst, err
}

// isFull says that the row group should end, as the dictionary has become large.
func (c *runColumn[T]) isFull() bool {
	return len(c.values) >= maxDictionaryValues || c.bytes >= maxDictionaryBytes
}

func (c *runColumn[T]) reset() {
	c.chunkWriter.reset()
	clear(c.ids)
	clear(c.values) // let go of strings
	c.values = c.values[:0]
	c.bytes = 0
}

func (c *runColumn[T]) chunk() *chunkWriter { return &c.chunkWriter }

// runWriter is a runColumn of any type.
type runWriter interface {
	endPage(p *pageCompressor, rows int) error
	appendDictionary(p *pageCompressor, dst []byte) ([]byte, error)
	isFull() bool
	reset()
	chunk() *chunkWriter
}

// timeColumn has the times of the samples.
type timeColumn struct {
	chunkWriter
	times []int64
}

func (c *timeColumn) endPage(p *pageCompressor) error {
	lowest, highest := c.times[0], c.times[0]
	for _, t := range c.times {
		lowest, highest = min(lowest, t), max(highest, t)
	}
	var encoding delta.BinaryPackedEncoding
	var err error
	if p.body, err = encoding.EncodeInt64(p.body, c.times); err != nil {
		return err
	}
	rows := len(c.times)
	c.times = c.times[:0]
	return p.add(&c.chunkWriter, rows, intBytes(lowest), intBytes(highest), isLessInt)
}

// valueColumn has the values of the samples.
type valueColumn struct {
	chunkWriter
	values []float64
}

func (c *valueColumn) endPage(p *pageCompressor) error {
	lowest, highest := c.values[0], c.values[0]
	p.body = p.body[:0]
	for _, v := range c.values {
		lowest, highest = min(lowest, v), max(highest, v)
		p.body = binary.LittleEndian.AppendUint64(p.body, math.Float64bits(v))
	}
	rows := len(c.values)
	c.values = c.values[:0]
	floatBytes := func(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
	return p.add(&c.chunkWriter, rows, floatBytes(lowest), floatBytes(highest), isLessFloat)
}
