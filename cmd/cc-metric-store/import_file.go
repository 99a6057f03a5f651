package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"cc-metric-store/config"
	"cc-metric-store/ingest/original"
	"cc-metric-store/rest/export"
	"cc-metric-store/store/archive"
)

// fileImporter imports a Parquet file or a file of lines. It implements importJob.
type fileImporter struct {
	importSender
	path   string
	kind   fileKind
	size   int64
	read   atomic.Int64 // bytes
	known  func(metric string) (frequency int64, ok bool)
	sorter lineSorter
	fileReport

	metrics map[string]bool // by the name as a line has it: whether it is wanted
}

// newFileImporter looks at the file.
func newFileImporter(path string, cfg *config.Config) (*fileImporter, error) {
	i := &fileImporter{importSender: newImportSender(), path: path, known: knownMetric(cfg), metrics: map[string]bool{}, fileReport: newFileReport()}
	if isWithin(path, archiveConfig(cfg, nil).Directory) {
		return nil, errors.New("it is in the archive of this node (cleanup.directory), which it answers from already")
	}
	var err error
	if i.kind, err = kindOfFile(path); err != nil {
		return nil, err
	}
	plain := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
	switch {
	case i.kind == kindCheckpoint:
		return nil, errors.New("it is a checkpoint of this program: put it and its segments into the directory of the checkpoints of a node that is stopped, or -export it as Parquet, and import that")
	case original.IsCheckpoint(filepath.Base(path)):
		return nil, errors.New("it is one checkpoint of ClusterCockpit's metric store: give the directory that has the clusters in it, as its names are those of cluster and host")
	case i.kind != kindParquet && strings.HasSuffix(path, ".parquet"):
		return nil, errors.New("it is no Parquet file, but for its name: is it complete? -import takes line protocol under any other name")
	case i.kind != kindParquet && (strings.HasSuffix(plain, ".csv") || strings.HasSuffix(plain, ".jsonl")):
		return nil, errors.New("of what -export writes, lp and parquet are imported")
	}
	if isText, err := looksLikeText(path); i.kind == kindText && !isText {
		return nil, cmp.Or(err, errors.New("it is neither a Parquet file nor text, such as line protocol"))
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	i.size = info.Size()
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

func (i *fileImporter) isEmpty() bool { return false }

func (i *fileImporter) what() string { return i.path }

func (i *fileImporter) bytes() (done, total int64) { return i.read.Load(), i.size }

func (i *fileImporter) progress() string {
	return fmt.Sprintf("importing %s: %.0f %% of %d bytes read, %d samples kept", i.path, 100*float64(i.read.Load())/float64(max(i.size, 1)), i.size, i.kept())
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
	var stopped error // of the target, which is no damage
	emit := func(at int64, line []byte) error {
		if stopped == nil && i.sorter.isFull(len(line)) {
			stopped = i.sendSorted(ctx)
		}
		i.sorter.add(at, line)
		return stopped
	}
	read := i.readLines
	if i.kind == kindParquet {
		read = i.readParquet
	}
	err := read(ctx, emit)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case stopped != nil:
		return stopped
	}
	i.damage = err
	i.read.Store(i.size)
	if err := i.sendSorted(ctx); err != nil {
		return err
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
func (i *fileImporter) readParquet(ctx context.Context, emit func(int64, []byte) error) error {
	infos, err := archive.List(i.path)
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
	done := int64(0)
	return archive.Scan(ctx, i.path, archive.ScanSelection{From: math.MinInt64}, func(cluster, host string, r *archive.Rows) error {
		done += int64(len(r.Times))
		i.read.Store(int64(float64(i.size) * float64(done) / float64(max(rows, 1))))
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
