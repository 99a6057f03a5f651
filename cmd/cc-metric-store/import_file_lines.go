package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxSorted bounds the lines that are held to be put in order, in bytes, with what is noted of each.
	maxSorted = 48 << 20
	// maxImportLine bounds a line: the longest one that the store reads.
	maxImportLine = 64 << 10
	// maxWindow bounds what a zstd file may take in memory.
	maxWindow = 64 << 20
)

// lineSorter holds lines and gives them back in order of time, as they were sent: so they take the same
// way as new samples, which is quickest. Those of one time stay in their order.
type lineSorter struct {
	text  []byte
	lines []sortedLine
}

type sortedLine struct {
	at         int64
	start, end int32
}

// noteBytes is the size of a sortedLine.
const noteBytes = 16

// isFull reports whether a line of that length does not fit any more.
func (s *lineSorter) isFull(length int) bool {
	return len(s.lines) > 0 && len(s.text)+length+(len(s.lines)+1)*noteBytes > maxSorted
}

func (s *lineSorter) add(at int64, line []byte) {
	start := len(s.text)
	s.text = append(s.text, line...)
	s.lines = append(s.lines, sortedLine{at, int32(start), int32(len(s.text))})
}

// drain gives all lines to send. It is empty then.
func (s *lineSorter) drain(send func(line []byte) error) error {
	slices.SortStableFunc(s.lines, func(a, b sortedLine) int { return cmp.Compare(a.at, b.at) })
	for _, l := range s.lines {
		if err := send(s.text[l.start:l.end]); err != nil {
			return err
		}
	}
	s.text, s.lines = s.text[:0], s.lines[:0]
	return nil
}

// countingReader counts what is read of a file, and ends with its context.
type countingReader struct {
	ctx context.Context
	io.Reader
	read func(n int)
}

func (r *countingReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	r.read(n)
	return n, err
}

// decompress returns a reader of the text in a file.
func decompress(r io.Reader, kind fileKind) (io.ReadCloser, error) {
	switch kind {
	case kindGzip:
		return gzip.NewReader(r)
	case kindZstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// readLines takes the lines of a file. They are not read here, but for the name of the metric and the time.
func (i *fileImporter) readLines(ctx context.Context, emit func(int64, []byte) error) error {
	file, err := os.Open(i.path)
	if err != nil {
		return err
	}
	defer file.Close()
	in, err := decompress(&countingReader{ctx, file, func(n int) { i.read.Add(int64(n)) }}, i.kind)
	if err != nil {
		return fmt.Errorf("read %s: %w", i.path, err)
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, maxImportLine+1)
	number, at := 0, int64(0)
	for {
		line, err := lines.ReadSlice('\n')
		if number++; errors.Is(err, bufio.ErrBufferFull) {
			i.tooLong++
			err = skipLine(lines)
			line = nil
		}
		if len(line) > 0 && (err == nil || errors.Is(err, io.EOF)) { // the last one may have no end
			if takeErr := i.takeLine(bytes.TrimSuffix(line, []byte("\n")), &at, emit); takeErr != nil {
				return takeErr
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, zstd.ErrWindowSizeExceeded):
			return fmt.Errorf("read %s: it takes more than %d MB of memory to decompress: do that first, with zstd -d --long=31", i.path, maxWindow>>20)
		case err != nil:
			return fmt.Errorf("read %s: line %d: %w: it is damaged or cut off; what comes before was taken", i.path, number, err)
		}
	}
}

func skipLine(r *bufio.Reader) (err error) {
	for err = bufio.ErrBufferFull; errors.Is(err, bufio.ErrBufferFull); {
		_, err = r.ReadSlice('\n')
	}
	return err
}

// takeLine hands a line on, unless it is blank, a comment, or of a metric that is not wanted. A line without a
// time stays where it is, behind the one before.
func (i *fileImporter) takeLine(line []byte, at *int64, emit func(int64, []byte) error) error {
	if trimmed := bytes.TrimSpace(line); len(trimmed) == 0 || trimmed[0] == '#' {
		return nil
	}
	name := line[:nameEnd(line)]
	wanted, known := i.metrics[string(name)]
	if !known {
		metric := strings.NewReplacer(`\,`, ",", `\ `, " ").Replace(string(name))
		if _, wanted = i.known(metric); len(i.metrics) < maxMetricNames && len(name) <= maxMetricName {
			i.metrics[string(name)] = wanted
		}
	}
	if !wanted {
		i.addUnknown(string(name[:min(len(name), maxMetricName)]), 1)
		return nil
	}
	i.taken++
	if blank := bytes.LastIndexByte(line, ' '); blank >= 0 {
		if t, err := strconv.ParseInt(string(bytes.TrimRight(line[blank+1:], "\r")), 10, 64); err == nil {
			*at = t
		}
	}
	return emit(*at, append(line, '\n'))
}

// maxMetricNames bounds the names that are remembered, and maxMetricName the length of one.
const (
	maxMetricNames = 1 << 16
	maxMetricName  = 256
)

// nameEnd returns where the name of the metric ends.
func nameEnd(line []byte) int {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			if i+1 < len(line) && (line[i+1] == ',' || line[i+1] == ' ') {
				i++
			}
		case ',', ' ':
			return i
		}
	}
	return len(line)
}
