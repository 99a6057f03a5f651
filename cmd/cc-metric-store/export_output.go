package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"cc-metric-store/rest/export"
	"cc-metric-store/store/archive"
)

// formatParquet is the format that has no text.
const formatParquet = "parquet"

// exportFormat returns the format of an export and how it is compressed (".gz", ".zst" or ""), by the flag and by the
// name of the output.
func exportFormat(flag, output string) (format, compression string, err error) {
	name := output
	for _, suffix := range []string{".gz", ".zst"} {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			name, compression = rest, suffix
			break
		}
	}
	ending := strings.TrimPrefix(filepath.Ext(name), ".")
	if format = flag; format == "" {
		if format = "lp"; ending == formatParquet || isText(ending) {
			format = ending
		}
	}
	switch {
	case format == formatParquet && output == "":
		return "", "", errors.New("a Parquet file needs a name: give it with -o FILE")
	case format == formatParquet && compression != "":
		return "", "", fmt.Errorf("a Parquet file is compressed already: leave %s out of its name", compression)
	case format != formatParquet && !isText(format):
		return "", "", fmt.Errorf("-format: there is no format %.100q: use one of lp, csv, jsonl, %s", format, formatParquet)
	}
	return format, compression, nil
}

func isText(format string) bool {
	_, err := export.ParseFormat(format)
	return err == nil
}

// exportOutput is where an export goes. One goroutine uses it, but for what is counted. Abort is called in any case.
type exportOutput struct {
	path string // "": standard output

	// Of text.
	text   *bufio.Writer
	zip    io.WriteCloser // nil: it is not compressed
	file   *os.File       // under another name until it is complete
	stdout bool

	parquet *archive.FileWriter

	bytes, lines atomic.Int64 // of text, before it is compressed; samples of Parquet
}

// createOutput begins an output.
func createOutput(path, format, compression string, stdout io.Writer) (*exportOutput, error) {
	o := &exportOutput{path: path}
	if path == "" {
		o.text, o.stdout = bufio.NewWriterSize(stdout, 1<<16), true
		return o, nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("write %s: it is there, and no regular file: give another name with -o, or leave -o out and redirect the output", path)
	}
	var err error
	if format == formatParquet {
		o.parquet, err = archive.Create(path)
		return o, err
	}
	if o.file, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.partial"); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	var to io.Writer = o.file
	switch compression {
	case ".gz":
		o.zip = gzip.NewWriter(o.file)
	case ".zst":
		o.zip, err = zstd.NewWriter(o.file, zstd.WithEncoderConcurrency(1))
	}
	if err == nil {
		err = o.file.Chmod(0o640)
	}
	if err != nil {
		o.abort()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if o.zip != nil {
		to = o.zip
	}
	o.text = bufio.NewWriterSize(to, 1<<16)
	return o, nil
}

// Write writes text.
func (o *exportOutput) Write(p []byte) (int, error) {
	n, err := o.text.Write(p)
	o.bytes.Add(int64(n))
	o.lines.Add(int64(bytes.Count(p[:n], []byte{'\n'})))
	if err != nil {
		err = fmt.Errorf("write %s: %w", o.name(), err)
	}
	return n, err
}

func (o *exportOutput) name() string {
	if o.path == "" {
		return "the standard output"
	}
	return o.path
}

// add writes samples to a Parquet file.
func (o *exportOutput) add(s *export.Series, r export.Row) error {
	start := r.Start - r.Step/2
	end := start + int64(len(r.Values))*r.Step
	part := archive.Part{Type: s.Type, ID: s.TypeID, Subtype: s.Subtype, SubID: s.SubtypeID}
	before := o.parquet.Rows()
	err := o.parquet.Add(s.Cluster, s.Host, s.Metric, part, archive.Block{Start: start, End: end, Frequency: r.Step}, r.Values)
	o.lines.Add(o.parquet.Rows() - before)
	return err
}

// commit completes the output, and gives a file its name.
func (o *exportOutput) commit() error {
	if o.parquet != nil {
		return o.parquet.Commit()
	}
	err := o.text.Flush()
	if o.zip != nil {
		err = errors.Join(err, o.zip.Close())
	}
	if o.file != nil && err == nil {
		if err = errors.Join(o.file.Sync(), o.file.Close()); err == nil {
			err = os.Rename(o.file.Name(), o.path)
		}
		if err == nil {
			o.file = nil
			err = syncDirectory(filepath.Dir(o.path))
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name(), err)
	}
	return nil
}

// abort removes a file that is not complete. After commit it does nothing.
func (o *exportOutput) abort() {
	if o.parquet != nil {
		o.parquet.Abort()
	}
	if o.file != nil {
		_ = o.file.Close()
		_ = os.Remove(o.file.Name())
		o.file = nil
	}
}

// isEmpty reports whether nothing was written, but for the header of CSV.
func (o *exportOutput) isEmpty(format string) bool {
	header := int64(0)
	if format == "csv" {
		header = 1
	}
	return o.lines.Load() <= header
}

// done says what was written.
func (o *exportOutput) done() string {
	if o.parquet != nil {
		return fmt.Sprintf("%d samples", o.lines.Load())
	}
	return fmt.Sprintf("%d lines, %d bytes", o.lines.Load(), o.bytes.Load())
}
