package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"cc-metric-store/config"
	"cc-metric-store/export"
	"cc-metric-store/ingest/original"
	"cc-metric-store/store/archive"
)

// fileImporter imports Parquet files and files of lines, one after the other. It implements importJob.
type fileImporter struct {
	importSender
	files  []importFile
	total  int64
	read   atomic.Int64 // bytes of files
	known  func(metric string) (frequency int64, ok bool)
	sorter lineSorter
	fileReport

	metrics map[string]bool // by the name as a line has it: whether it is wanted
}

// importFile is a file to import.
type importFile struct {
	path string
	kind fileKind
	size int64
}

// newFileImporter looks at the files. faults are those that it does not need to look at.
func newFileImporter(paths, faults []string, cfg *config.Config) (*fileImporter, error) {
	i := &fileImporter{importSender: newImportSender(), known: knownMetric(cfg), metrics: map[string]bool{}, fileReport: newFileReport()}
	i.damaged = faults
	own := archiveConfig(cfg, nil).Directory
	seen := map[string]bool{}
	for _, path := range paths {
		if seen[path] {
			continue
		}
		seen[path] = true
		if isWithin(path, own) {
			return nil, fmt.Errorf("%s is in the archive of this node (cleanup.directory), which it answers from already", path)
		}
		kind, err := kindOfFile(path)
		if err != nil {
			return nil, err
		}
		plain := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
		switch {
		case kind == kindCheckpoint:
			return nil, fmt.Errorf("%s is a checkpoint of this program: put it and its segments into the directory of the checkpoints of a node that is stopped, or -export it as Parquet, and import that", path)
		case kind != kindParquet && (strings.HasSuffix(plain, ".csv") || strings.HasSuffix(plain, ".jsonl")):
			return nil, fmt.Errorf("%s is not imported: of what -export writes, lp and parquet are", path)
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		i.files = append(i.files, importFile{path, kind, info.Size()})
		i.total += info.Size()
	}
	return i, nil
}

// isWithin reports whether a path is a directory, or lies in it or below it.
func isWithin(path, dir string) bool {
	if dir == "" {
		return false
	}
	own, err := os.Stat(dir)
	if err != nil {
		return false
	}
	for p := absolute(path); ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && os.SameFile(info, own) {
			return true
		}
		if p == filepath.Dir(p) {
			return false
		}
	}
}

func (i *fileImporter) isEmpty() bool { return len(i.files) == 0 && len(i.damaged) == 0 }

func (i *fileImporter) what() string {
	if len(i.files) == 1 {
		return i.files[0].path
	}
	return fmt.Sprintf("%d files of samples", len(i.files))
}

func (i *fileImporter) bytes() (done, total int64) { return i.read.Load(), i.total }

func (i *fileImporter) progress() string {
	done, total := i.bytes()
	return fmt.Sprintf("importing files of samples: %.0f %% of %d bytes read, %d samples kept", 100*float64(done)/float64(max(total, 1)), total, i.kept())
}

// run imports everything. It returns when all of it is kept, or with the first error of the
// target, or of ctx. What is wrong with the files is in the report.
func (i *fileImporter) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := i.readAll(ctx); err != nil {
		cancel()
		_ = i.await() // it ends with ctx
		return err
	}
	return i.await()
}

func (i *fileImporter) readAll(ctx context.Context) error {
	before := int64(0)
	for _, f := range i.files {
		var stopped error // of the target, which is no damage
		emit := func(at int64, line []byte) error {
			if stopped == nil && i.sorter.isFull(len(line)) {
				stopped = i.sendSorted(ctx)
			}
			i.sorter.add(at, line)
			return stopped
		}
		var err error
		if f.kind == kindParquet {
			err = i.readParquet(ctx, f, emit)
		} else {
			err = i.readLines(ctx, f, emit)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stopped == nil {
			stopped = i.sendSorted(ctx) // later files count more
		}
		if stopped != nil {
			return stopped
		}
		if err != nil {
			i.damaged = append(i.damaged, err.Error())
		}
		before += f.size
		i.read.Store(before)
	}
	return i.flush(ctx)
}

// sendSorted sends the lines that were gathered, in the order in which samples are sent.
func (i *fileImporter) sendSorted(ctx context.Context) error {
	return i.sorter.drain(func(line []byte) error {
		i.lines = append(i.lines, line...)
		return i.added(ctx)
	})
}

// readParquet makes lines of a Parquet file.
func (i *fileImporter) readParquet(ctx context.Context, f importFile, emit func(int64, []byte) error) error {
	infos, err := archive.List(f.path)
	if err != nil {
		return err
	}
	rows, isForeign, isSingle := int64(0), false, false
	for _, info := range infos {
		rows, isForeign, isSingle = rows+info.Rows, info.Foreign, info.Single
	}
	var key, line []byte // the key is that of last; empty: no line can name it
	bits := 64
	if isSingle {
		bits = 32
	}
	var last struct {
		cluster, host, metric string
		part                  archive.Part
	}
	done, start := int64(0), i.read.Load()
	err = archive.Scan(ctx, f.path, archive.ScanSelection{From: math.MinInt64}, func(cluster, host string, r *archive.Rows) error {
		done += int64(len(r.Times))
		i.read.Store(start + int64(float64(f.size)*float64(done)/float64(max(rows, 1))))
		frequency, wanted := i.known(r.Metric)
		if !wanted {
			i.addUnknown(r.Metric[:min(len(r.Metric), maxMetricName)], int64(len(r.Times)))
			return nil
		}
		if frequency != r.Frequency {
			i.addInterval(r.Metric, r.Frequency, frequency)
		}
		now := last
		now.cluster, now.host, now.metric, now.part = cluster, host, r.Metric, r.Part
		if now != last || len(key) == 0 {
			key, last = i.keyOf(key[:0], cluster, host, r.Metric, r.Part, isForeign), now
		}
		if len(key) == 0 {
			i.unusable += int64(len(r.Times))
			return nil
		}
		i.addRows(cluster, r)
		for k, at := range r.Times {
			if v := r.Values[k]; math.IsInf(v, 0) || math.IsNaN(v) {
				i.unusable++
				continue
			}
			line = append(export.AppendValue(append(line[:0], key...), r.Values[k], bits), ' ')
			line = append(strconv.AppendInt(line, at, 10), '\n')
			if err := emit(at, line); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	return err
}

// keyOf appends what a line of a series in a Parquet file has before the value, nothing if no line can name
// the series.
func (i *fileImporter) keyOf(b []byte, cluster, host, metric string, p archive.Part, isForeign bool) []byte {
	if isForeign && p.Subtype == "" {
		part, isClear := original.PartOfScope(p.Type, p.ID)
		if !isClear {
			i.addUnclear(fmt.Sprintf("scope %q, id %q: taken for %s; a level above it is not in the file", p.Type, p.ID, part))
		}
		p.Type, p.ID = part.Type, part.TypeID
	}
	key, err := export.AppendLineKey(b, &export.Series{Cluster: cluster, Host: host, Metric: metric, Type: p.Type, TypeID: p.ID, Subtype: p.Subtype, SubtypeID: p.SubID})
	if err == nil && len(key) > maxImportLine-maxSampleText {
		err = fmt.Errorf("a line of %d bytes is too long", len(key)+maxSampleText)
	}
	if err != nil {
		i.addUnclear(fmt.Sprintf("series %.100q of host %.100q, cluster %.100q: %v: it is left out", metric, host, cluster, err))
		return b[:0]
	}
	return key
}

// maxSampleText is how long value and time of a line may be.
const maxSampleText = 64
