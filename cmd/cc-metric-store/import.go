package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"cc-metric-store/config"
	"cc-metric-store/ingest/original"
	"cc-metric-store/store/archive"
)

// importer writes the files of the original to a target, host after host: while one body is on
// its way, the next one is made. Make one with newImporter; run is called once. The other
// methods are safe for concurrent use.
type importer struct {
	tree   *original.Tree
	reader *original.Reader
	importSender
	// archives says that Parquet files are imported, too.
	archives bool
	skipped  int // files that were imported before
}

// newImporter looks for the files. Samples that are not older than before, in Unix seconds, are
// left out; 0: none.
func newImporter(ctx context.Context, dir string, cfg *config.Config, before int64) (*importer, error) {
	tree, err := original.Find(ctx, dir)
	if err != nil {
		return nil, err
	}
	tree.Dir = absolute(dir)
	return importerOf(tree, cfg, before), nil
}

func importerOf(tree *original.Tree, cfg *config.Config, before int64) *importer {
	reader := original.NewReader(tree, original.Config{Known: knownMetric(cfg), Before: before})
	return &importer{tree: tree, reader: reader, importSender: newImportSender()}
}

// knownMetric says which metrics are stored, and how often they come.
func knownMetric(cfg *config.Config) func(string) (int64, bool) {
	other, all := cfg.Metrics[config.Wildcard]
	return func(name string) (int64, bool) {
		if m, ok := cfg.Metrics[name]; ok && name != config.Wildcard {
			return m.Frequency, true
		}
		return other.Frequency, all
	}
}

// run imports everything. It returns when all of it is kept, or with the first error of the
// target, or of ctx.
func (i *importer) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := i.readAll(ctx); err != nil {
		cancel()
		_ = i.await() // it ends with ctx
		return err
	}
	return i.await()
}

func (i *importer) readAll(ctx context.Context) error {
	if !i.archives {
		i.reader.Skip(i.tree.Archives)
	} else if err := i.readArchives(ctx); err != nil {
		return err
	}
	for _, h := range i.tree.Hosts {
		files, err := h.Files()
		if err != nil {
			i.reader.Missing(err)
			continue
		}
		if left := i.state.without(files); len(left) == 0 {
			i.reader.Skip(files)
			i.skipped += len(files)
			continue
		}
		unopened := i.reader.Report().Unopened
		if err := i.reader.ReadHost(ctx, h, files, func(s original.Sample) error { return i.add(ctx, s) }); err != nil {
			return err
		}
		if i.reader.Report().Unopened == unopened {
			i.finished = append(i.finished, files...)
		}
	}
	return i.flush(ctx)
}

// readArchives reads the Parquet files, which have what is older than the checkpoints, and are understood with the help of
// these. What both have is the same.
func (i *importer) readArchives(ctx context.Context) error {
	if len(i.tree.Archives) == 0 {
		return nil
	}
	for _, h := range i.tree.Hosts {
		files, err := h.Files()
		if err != nil {
			continue // as is said later
		}
		if err := i.reader.Scout(ctx, h, files); err != nil {
			return err
		}
	}
	var failed error // of the target
	to := i.reader.NewArchive(func(s original.Sample) error {
		failed = i.add(ctx, s)
		return failed
	})
	for _, f := range i.tree.Archives {
		info, _ := archive.List(f.Path) // what is wrong is said by Scan
		single, rows, done := areOfOriginal(info), int64(1), int64(0)
		for _, one := range info {
			rows += one.Rows
		}
		fault := archive.Scan(ctx, f.Path, archive.ScanSelection{From: math.MinInt64}, func(cluster, host string, r *archive.Rows) error {
			done += int64(len(r.Times))
			to.Advance(int64(float64(f.Size) * min(float64(done)/float64(rows), 1)))
			return to.Add(&original.Archived{Cluster: cluster, Host: host, Metric: r.Metric, Part: original.Part{Type: r.Part.Type, TypeID: r.Part.ID, SubType: r.Part.Subtype, SubTypeID: r.Part.SubID},
				Frequency: r.Frequency, Times: r.Times, Values: r.Values, Single: single})
		})
		if failed == nil && ctx.Err() == nil {
			failed = to.End(f, fault)
		}
		if err := cmp.Or(failed, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// areOfOriginal reports whether Parquet files are those that the original has written: other programs keep values as float64.
func areOfOriginal(infos []archive.FileInfo) bool {
	return len(infos) > 0 && !slices.ContainsFunc(infos, func(i archive.FileInfo) bool { return !i.Foreign || !i.Single })
}

// inArchive reports whether Parquet files are in the directory of the archive of this node, from which
// they are answered as they are.
func (i *importer) inArchive(directory string) bool {
	own, err := os.Stat(directory)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(i.tree.Archives, func(f original.File) bool {
		other, err := os.Stat(filepath.Dir(filepath.Dir(f.Path)))
		return err == nil && os.SameFile(own, other)
	})
}

// add adds a sample to the next body.
func (i *importer) add(ctx context.Context, s original.Sample) error {
	i.lines = s.AppendLine(i.lines)
	return i.added(ctx)
}

// unopened returns an error if some of the files could not even be opened.
func (i *importer) unopened() error {
	if n := i.reader.Report().Unopened; n > 0 {
		return fmt.Errorf("%d of the files and directories could not be opened: may this user (%d) read them? If a running original has removed them, import again", n, os.Getuid())
	}
	return nil
}

// isEmpty reports whether there are no files.
func (i *importer) isEmpty() bool { return len(i.tree.Hosts) == 0 && len(i.tree.Archives) == 0 }

// what says what is imported.
func (i *importer) what() string {
	if i.tree.Files == 1 {
		return i.tree.Dir
	}
	return fmt.Sprintf("%d files", i.tree.Files)
}

// bytes returns how much of the files is read. It is safe for concurrent use.
func (i *importer) bytes() (done, total int64) { return i.reader.BytesRead(), i.tree.Bytes }

// share returns how much of the files is read, from 0 to 1.
func (i *importer) share() float64 {
	if i.tree.Bytes == 0 {
		return 1
	}
	return math.Min(float64(i.reader.BytesRead())/float64(i.tree.Bytes), 1)
}

// progress says how far the import is.
func (i *importer) progress() string {
	return fmt.Sprintf("importing files of ClusterCockpit's metric store: %.0f %% of %d files read, %d samples kept", 100*i.share(), i.tree.Files, i.written.Load())
}
