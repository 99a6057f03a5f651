package archive

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	encodingTimes  = format.DeltaBinaryPacked
	encodingValues = format.Plain
)

// groupFile is a file that is being written, row group by row group. The page index comes at the
// end of a file; until then its two halves are in files without a name, so that it takes no memory.
type groupFile struct {
	file    *os.File
	offset  int64
	bounds  *spill // column indexes
	offsets *spill // offset indexes
	groups  []format.RowGroup
}

// spill is a file without a name.
type spill struct {
	file   *os.File
	buffer *bufio.Writer
	length int64
}

func createGroupFile(directory string) (*groupFile, error) {
	f := &groupFile{}
	var err error
	if f.file, err = os.CreateTemp(directory, "*"+partialSuffix); err == nil {
		err = f.file.Chmod(0o640)
	}
	if err == nil {
		f.bounds, err = createSpill(directory)
	}
	if err == nil {
		f.offsets, err = createSpill(directory)
	}
	if err == nil {
		err = f.write([]byte(parquetMagic))
	}
	if err != nil {
		f.discard()
		return nil, err
	}
	return f, nil
}

func createSpill(directory string) (*spill, error) {
	file, err := os.CreateTemp(directory, "*"+partialSuffix)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return &spill{file: file, buffer: bufio.NewWriter(file)}, nil
}

// discard closes the files, and removes the file if it has not got its name.
func (f *groupFile) discard() {
	if f.file != nil {
		f.file.Close()
		_ = os.Remove(f.file.Name()) // the next start does it otherwise
	}
	for _, s := range []*spill{f.bounds, f.offsets} {
		if s != nil {
			s.file.Close()
		}
	}
}

// add appends an index to a spill, and returns where it lies in it.
func (s *spill) add(index any) (offset int64, length int32, err error) {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), index)
	if err == nil {
		_, err = s.buffer.Write(b)
	}
	s.length += int64(len(b))
	return s.length - int64(len(b)), int32(len(b)), err
}

// copyTo appends the spill to a file.
func (s *spill) copyTo(f *groupFile) error {
	if err := s.buffer.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(f.file, s.file)
	f.offset += n
	if err == nil && n != s.length {
		err = fmt.Errorf("%d of %d bytes of the page index are there", n, s.length)
	}
	return err
}

func (f *groupFile) write(b []byte) error {
	n, err := f.file.Write(b)
	f.offset += int64(n)
	return err
}

// endGroup writes a row group.
func (w *Writer) endGroup() error {
	if w.group == 0 {
		return nil
	}
	group := format.RowGroup{
		NumRows: w.group, FileOffset: w.file.offset, Ordinal: int16(len(w.file.groups)),
		SortingColumns: []format.SortingColumn{{ColumnIdx: int32(columnCluster)}, {ColumnIdx: int32(columnHost)}, {ColumnIdx: int32(columnMetric)}},
		Columns:        make([]format.ColumnChunk, columns),
	}
	chunks := [columns]*chunkWriter{columnTimestamp: &w.times.chunkWriter, columnValue: &w.values.chunkWriter}
	var dictionaries [columns][]byte
	for _, c := range w.runs {
		chunk := c.chunk()
		chunks[chunk.column] = chunk
		d, err := c.appendDictionary(w.pages, nil)
		if err != nil {
			return err
		}
		dictionaries[chunk.column] = d
	}
	w.info.First = min(w.info.First, int64(binary.LittleEndian.Uint64(w.times.min)))
	w.info.Last = max(w.info.Last, int64(binary.LittleEndian.Uint64(w.times.max)))
	for i, c := range chunks {
		if err := w.file.writeChunk(&group.Columns[i], c, dictionaries[i]); err != nil {
			return err
		}
		group.TotalByteSize += c.uncompressed
		group.TotalCompressedSize += group.Columns[i].MetaData.TotalCompressedSize
	}
	if err := w.file.writeIndexes(group.Columns, chunks); err != nil {
		return err
	}
	w.file.groups = append(w.file.groups, group)
	w.group = 0
	w.times.reset()
	w.values.reset()
	for _, c := range w.runs {
		c.reset()
	}
	return nil
}

func (f *groupFile) writeChunk(to *format.ColumnChunk, c *chunkWriter, dictionary []byte) error {
	info := schema()[c.column]
	m := &to.MetaData
	*m = format.ColumnMetaData{
		Type:                  [...]format.Type{kindString: format.ByteArray, kindInt: format.Int64, kindFloat: format.Double}[info.kind],
		Encoding:              []format.Encoding{c.encoding},
		PathInSchema:          []string{info.name},
		Codec:                 format.Zstd,
		NumValues:             c.rows,
		TotalUncompressedSize: c.uncompressed,
		TotalCompressedSize:   int64(len(dictionary) + len(c.data)),
		DataPageOffset:        f.offset + int64(len(dictionary)),
		Statistics:            format.Statistics{MinValue: c.min, MaxValue: c.max},
		EncodingStats:         []format.PageEncodingStats{{PageType: format.DataPageV2, Encoding: c.encoding, Count: int32(len(c.pages))}},
	}
	if len(dictionary) > 0 {
		m.DictionaryPageOffset = f.offset
		m.Encoding = []format.Encoding{format.Plain, c.encoding}
		m.EncodingStats = append(m.EncodingStats, format.PageEncodingStats{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1})
		if err := f.write(dictionary); err != nil {
			return err
		}
	}
	return f.write(c.data)
}

// writeIndexes writes the page index of a row group to the files without a name. The offsets are those in
// them until the file is complete.
func (f *groupFile) writeIndexes(to []format.ColumnChunk, chunks [columns]*chunkWriter) error {
	for i, c := range chunks {
		var index format.ColumnIndex
		isAscending, isLess := true, boundsOrder(c.column)
		for k, p := range c.pages {
			index.NullPages = append(index.NullPages, false)
			index.NullCounts = append(index.NullCounts, 0)
			index.MinValues = append(index.MinValues, p.min)
			index.MaxValues = append(index.MaxValues, p.max)
			if k > 0 && (isLess(p.min, c.pages[k-1].min) || isLess(p.max, c.pages[k-1].max)) {
				isAscending = false
			}
		}
		if isAscending {
			index.BoundaryOrder = format.Ascending
		}
		var err error
		if to[i].ColumnIndexOffset, to[i].ColumnIndexLength, err = f.bounds.add(&index); err != nil {
			return err
		}
	}
	for i, c := range chunks {
		var index format.OffsetIndex
		for _, p := range c.pages {
			index.PageLocations = append(index.PageLocations, format.PageLocation{
				Offset: to[i].MetaData.DataPageOffset + p.offset, CompressedPageSize: p.size, FirstRowIndex: p.first,
			})
		}
		var err error
		if to[i].OffsetIndexOffset, to[i].OffsetIndexLength, err = f.offsets.add(&index); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the page index and the footer, and brings the file to disk.
func (f *groupFile) finish(rows int64, hosts int, sequence uint64) error {
	bounds := f.offset
	if err := f.bounds.copyTo(f); err != nil {
		return err
	}
	offsets := f.offset
	if err := f.offsets.copyTo(f); err != nil {
		return err
	}
	for g := range f.groups {
		for c := range f.groups[g].Columns {
			f.groups[g].Columns[c].ColumnIndexOffset += bounds
			f.groups[g].Columns[c].OffsetIndexOffset += offsets
		}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{
		Version: 2, Schema: schemaElements(), NumRows: rows, RowGroups: f.groups, CreatedBy: createdBy,
		ColumnOrders: columnOrders(),
		KeyValueMetadata: []format.KeyValue{
			{Key: keyVersion, Value: strconv.Itoa(version)},
			{Key: keySequence, Value: strconv.FormatUint(sequence, 10)},
			{Key: keyHosts, Value: strconv.Itoa(hosts)},
		},
	})
	if err != nil {
		return err
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	if err := f.write(append(footer, parquetMagic...)); err != nil {
		return err
	}
	return f.file.Sync()
}

func columnOrders() []format.ColumnOrder {
	orders := make([]format.ColumnOrder, columns)
	for i := range orders {
		orders[i].Value = &format.TypeDefinedOrder{}
	}
	return orders
}

// boundsOrder compares encoded values of a column.
func boundsOrder(c column) func(a, b []byte) bool {
	switch schema()[c].kind {
	case kindInt:
		return isLessInt
	case kindFloat:
		return isLessFloat
	}
	return func(a, b []byte) bool { return string(a) < string(b) }
}
