package archive

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

const (
	// pageRows is how many samples a page has: a query decodes whole pages.
	pageRows = 8192
	// A row group ends when it has this many samples, or its pages this many bytes, or one
	// dictionary this many values or bytes. It is in memory until then.
	maxGroupRows        = 1 << 20
	maxGroupBytes       = 16 << 20
	maxDictionaryValues = 1 << 16
	maxDictionaryBytes  = 2 << 20
	// maxGroups bounds a file: its footer is in memory as a whole.
	maxGroups = 4096
	// maxName bounds a name of a host, metric or part, in bytes.
	maxName = 64 << 10
)

// ErrFull is returned by Writer.Add when the file has as many row groups as a file may have,
// after some four thousand million samples: commit it and go on with another one.
var ErrFull = errors.New("the file is full")

// Writer writes one file. It is not visible to readers before Commit. One goroutine uses it at a
// time, several writers may exist. Its memory is bounded, whatever is written: one row group, some
// tens of MiB, and about 4 KiB for each row group that was written.
//
// After an error of Add, other than ErrFull, or of Commit nothing but Abort helps, which the caller calls in any
// case; after Commit it does nothing.
type Writer struct {
	archive *Archive // nil: of a FileWriter
	cluster string
	before  int64
	file    *groupFile
	isNew   bool // the cluster has no rows yet
	isLoose bool // only hosts and metrics have an order

	strings map[column]*runColumn[string]
	ints    map[column]*runColumn[int64]
	runs    []runWriter
	times   timeColumn
	values  valueColumn
	pages   *pageCompressor

	rows   int64
	group  int64 // rows of the row group that are in pages
	groups int   // how many row groups the file may have
	last   key
	hosts  int
	info   FileInfo

	longest int64 // interval

	firstHost string
	err       error
}

// NewWriter begins a file with samples of a cluster, which are named by the time before which they
// are, in Unix seconds. Commit or Abort ends it.
func (a *Archive) NewWriter(cluster string, before int64) (*Writer, error) {
	w, err := a.newWriter(cluster, before)
	if err != nil {
		return nil, fmt.Errorf("begin a file of cluster %q in %s: %w", cluster, a.directory, err)
	}
	return w, nil
}

func (a *Archive) newWriter(cluster string, before int64) (*Writer, error) {
	if a.closed.Load() {
		return nil, errClosed
	}
	if a.readOnly {
		return nil, errors.New("it was opened for reading alone")
	}
	if len(cluster) > maxName {
		return nil, errors.New("its name is too long")
	}
	directory := filepath.Join(a.directory, escapeName(cluster))
	a.mu.Lock()
	err := a.keepLock()
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := makeDirectory(a.directory, directory); err != nil {
		return nil, err
	}
	w, err := newFileIn(directory)
	if err != nil {
		return nil, err
	}
	w.archive, w.groups, w.cluster, w.before, w.info.Cluster = a, a.maxGroups, cluster, before, cluster
	return w, nil
}

// newFileIn begins a file in a directory.
func newFileIn(directory string) (*Writer, error) {
	pages, err := newPageCompressor()
	if err != nil {
		return nil, err
	}
	file, err := createGroupFile(directory)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		file: file, pages: pages, groups: maxGroups, isNew: true,
		strings: map[column]*runColumn[string]{}, ints: map[column]*runColumn[int64]{},
		info: FileInfo{First: math.MaxInt64, Last: math.MinInt64},
	}
	w.times.column, w.times.encoding = columnTimestamp, encodingTimes
	w.values.column, w.values.encoding = columnValue, encodingValues
	for _, c := range dictionaryColumns() {
		if schema()[c].kind == kindString {
			w.strings[c] = newStringColumn(c)
			w.runs = append(w.runs, w.strings[c])
		} else {
			w.ints[c] = newIntColumn(c)
			w.runs = append(w.runs, w.ints[c])
		}
	}
	return w, nil
}

// Add writes the samples of a series in one block. Calls come in ascending order of host, metric,
// part (type, id, subtype, subtype id), frequency and start of the block. values[i] is the sample of
// slot i, NaN if there is none; they are not kept. It fails with ErrFull if the file has become too
// large: nothing of this block is written then, and what was before may be committed.
func (w *Writer) Add(host, metric string, p Part, b Block, values []float64) error {
	if w.err != nil {
		return w.err
	}
	if w.file != nil && len(w.file.groups) >= w.groups {
		return ErrFull
	}
	if err := w.add(&key{host, metric, p, b.Frequency, b.Start}, b.End, values); err != nil {
		w.err = fmt.Errorf("archive %s of host %q, cluster %q: %w", metric, host, w.cluster, err)
	}
	return w.err
}

func (w *Writer) add(k *key, end int64, values []float64) error {
	if err := w.check(k, end, len(values)); err != nil {
		return err
	}
	if w.file == nil {
		return errClosed
	}
	t := k.start + k.frequency/2
	for len(values) > 0 {
		room := pageRows - len(w.values.values)
		before := len(w.values.values)
		for len(values) > 0 && room > 0 {
			if v := values[0]; v == v {
				w.values.values = append(w.values.values, v)
				w.times.times = append(w.times.times, t)
				room--
			}
			t += k.frequency
			values = values[1:]
		}
		if n := len(w.values.values) - before; n > 0 {
			w.addKeys(k, end, n)
			w.rows += int64(n)
		}
		if room == 0 {
			if err := w.endPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) addKeys(k *key, end int64, n int) {
	scope := k.part.Type
	if scope == "" {
		scope = nodeScope
	}
	if w.isNew || k.host != w.last.host {
		w.hosts++
	}
	w.isNew = false
	if w.rows == 0 {
		w.firstHost = k.host
	}
	w.longest = max(w.longest, k.frequency)
	w.strings[columnCluster].add(w.cluster, n)
	w.strings[columnHost].add(k.host, n)
	w.strings[columnMetric].add(k.metric, n)
	w.strings[columnScope].add(scope, n)
	w.strings[columnScopeID].add(k.part.ID, n)
	w.strings[columnSubtype].add(k.part.Subtype, n)
	w.strings[columnSubtypeID].add(k.part.SubID, n)
	w.ints[columnFrequency].add(k.frequency, n)
	w.ints[columnBlockStart].add(k.start, n)
	w.ints[columnBlockEnd].add(end, n)
	w.last = *k
}

func (w *Writer) check(k *key, end int64, slots int) error {
	switch {
	case !w.isNew && !w.follows(k):
		return fmt.Errorf("block %d of %v does not come after block %d of %s, %v", k.start, k.part, w.last.start, w.last.metric, w.last.part)
	case k.frequency <= 0 || end <= k.start:
		return fmt.Errorf("a block from %d to %d with slots of %d s is none", k.start, end, k.frequency)
	case int64(slots) > (end-k.start+k.frequency-1)/k.frequency:
		return fmt.Errorf("%d samples for a block from %d to %d with slots of %d s", slots, k.start, end, k.frequency)
	case k.part.Type == nodeScope:
		return fmt.Errorf("the type %q is the host itself, whose part is empty", nodeScope)
	}
	for _, name := range []string{k.host, k.metric, k.part.Type, k.part.ID, k.part.Subtype, k.part.SubID} {
		if len(name) > maxName {
			return fmt.Errorf("a name of %d bytes is too long", len(name))
		}
	}
	return nil
}

// endPage writes a page of each column, and the row group if it is large enough.
func (w *Writer) endPage() error {
	rows := len(w.values.values)
	if rows == 0 {
		return nil
	}
	bytes := 0
	full := false
	for _, c := range w.runs {
		if err := c.endPage(w.pages, rows); err != nil {
			return err
		}
		bytes += len(c.chunk().data)
		full = full || c.isFull()
	}
	if err := errors.Join(w.times.endPage(w.pages), w.values.endPage(w.pages)); err != nil {
		return err
	}
	bytes += len(w.times.data) + len(w.values.data)
	w.group += int64(rows)
	if full || w.group >= maxGroupRows || bytes >= maxGroupBytes {
		return w.endGroup()
	}
	return nil
}

// Rows returns how many samples were added.
func (w *Writer) Rows() int64 { return w.rows }

// Commit writes the rest, brings the file to disk and gives it its name, <before>.parquet or, if
// there is such a file, <before>-1.parquet and so on. Readers see it from then on. Without samples
// there is no file, and the result is empty.
func (w *Writer) Commit() (FileInfo, error) {
	return w.CommitIf(func(show func()) bool {
		show()
		return true
	})
}

// CommitIf is Commit, but when the file is on disk it calls may, which calls show if readers are to see it, and reports
// whether it did. Otherwise the file is removed, and the error is ErrGivenUp. may is quick, and calls nothing else of
// the archive.
func (w *Writer) CommitIf(may func(show func()) bool) (FileInfo, error) {
	if w.err == nil {
		w.err = w.commit(may)
	}
	err := w.err
	if err != nil {
		err = fmt.Errorf("write archive file of cluster %q before %d: %w", w.cluster, w.before, err)
	}
	w.Abort()
	w.err = cmp.Or(w.err, errClosed)
	return w.info, err
}

func (w *Writer) commit(may func(show func()) bool) error {
	if w.file == nil {
		return errClosed
	}
	if w.rows == 0 {
		w.info = FileInfo{}
		return nil
	}
	if err := errors.Join(w.endPage(), w.endGroup()); err != nil {
		return err
	}
	return w.archive.commit(w, may)
}

// Abort gives up the file and removes what was written. After Commit it does nothing.
func (w *Writer) Abort() {
	if w.file == nil {
		return
	}
	w.file.discard()
	w.file = nil
	w.err = cmp.Or(w.err, errClosed)
	_ = w.pages.encoder.Close() // it has no output
}

// makeDirectory makes the directory of a cluster, and has its name on disk.
func makeDirectory(parent, directory string) error {
	err := os.Mkdir(directory, 0o750)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDirectory(parent)
}
