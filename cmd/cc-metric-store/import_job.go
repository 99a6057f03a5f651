package main

import (
	"context"
	"fmt"
	"os"

	"cc-metric-store/config"
	"cc-metric-store/ingest/original"
	"cc-metric-store/store/archive"
)

// importJob imports files of some kind. run is called once, after into; report and unopened when it
// has returned. The other methods are safe for concurrent use.
type importJob interface {
	into(target importTarget)
	run(ctx context.Context) error
	report(limit int) []string
	// unopened returns an error if some files were not read.
	unopened() error

	isEmpty() bool
	what() string
	progress() string
	bytes() (done, total int64)
	kept() int64
}

// newImportJob looks for what can be imported: a file of samples, or the files of the original in a directory.
func newImportJob(ctx context.Context, path string, cfg *config.Config) (importJob, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		i, err := newImporter(ctx, path, cfg, 0)
		if err != nil {
			return nil, err
		}
		i.archives = !i.inArchive(cfg.MetricStore.Archive.Directory)
		return i, nil
	}
	f, err := newFileImporter(path, cfg)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", absolute(path), err)
	}
	if f.kind == kindParquet {
		if infos, err := archive.List(path); err == nil && areOfOriginal(infos) {
			file := original.File{Path: path, Kind: original.Parquet, Size: f.size}
			i := importerOf(&original.Tree{Dir: path, Archives: []original.File{file}, Files: 1, Bytes: f.size}, cfg, 0)
			i.archives = true
			return i, nil
		}
	}
	return f, nil
}
