package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cc-metric-store/config"
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

// newImportJob looks for what can be imported: a file, or in a directory the checkpoints of the original, and its
// archive or ours.
func newImportJob(ctx context.Context, path string, cfg *config.Config) (importJob, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		f, err := newFileImporter([]string{path}, nil, cfg)
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", absolute(path), err)
		}
		return f, nil
	}
	original, err := newImporter(ctx, path, cfg, 0)
	if err != nil {
		return nil, err
	}
	own := archiveConfig(cfg, nil).Directory
	paths, faults, isOwn := findParquet(path, own)
	files, err := newFileImporter(paths, faults, cfg)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", absolute(path), err)
	}
	switch {
	case files.isEmpty() && original.isEmpty() && isOwn:
		return nil, fmt.Errorf("import %s: it has the archive of this node (cleanup.directory), which it answers from already, and nothing else", absolute(path))
	case files.isEmpty():
		return original, nil
	case original.isEmpty():
		return files, nil
	}
	original.taken = filepath.Join(path, "archive") + string(filepath.Separator)
	return &importJobs{[]importJob{files, original}}, nil // the checkpoints are newer
}

// findParquet returns the files of an archive, in the order in which they were written, in the
// directory or in its directory "archive", and the faults of those that are damaged. isOwn says that it left out the
// archive that this node answers from.
func findParquet(dir, own string) (paths, faults []string, isOwn bool) {
	for _, d := range []string{dir, filepath.Join(dir, "archive")} {
		if info, err := os.Stat(d); err != nil || !info.IsDir() {
			continue
		}
		if isWithin(d, own) {
			isOwn = true
			continue
		}
		infos, err := archive.List(d)
		faults = append(faults, splitFaults(err)...)
		for _, i := range infos {
			paths = append(paths, i.Path)
		}
	}
	return paths, faults, isOwn
}

// importJobs are several, one after the other.
type importJobs struct{ all []importJob }

func (j *importJobs) into(target importTarget) {
	for _, one := range j.all {
		one.into(target)
	}
}

func (j *importJobs) run(ctx context.Context) error {
	for _, one := range j.all {
		if err := one.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (j *importJobs) report(limit int) (lines []string) {
	for _, one := range j.all {
		lines = append(lines, one.report(limit)...)
	}
	return lines
}

func (j *importJobs) unopened() error {
	var faults []error
	for _, one := range j.all {
		faults = append(faults, one.unopened())
	}
	return errors.Join(faults...)
}

func (j *importJobs) isEmpty() bool { return false }

func (j *importJobs) what() string {
	var texts []string
	for _, one := range j.all {
		texts = append(texts, one.what())
	}
	return strings.Join(texts, " and ")
}

func (j *importJobs) progress() string {
	done, total := j.bytes()
	return fmt.Sprintf("importing: %.0f %% of %s read, %d samples kept", 100*float64(done)/float64(max(total, 1)), j.what(), j.kept())
}

func (j *importJobs) bytes() (done, total int64) {
	for _, one := range j.all {
		d, t := one.bytes()
		done, total = done+d, total+t
	}
	return done, total
}

func (j *importJobs) kept() (n int64) {
	for _, one := range j.all {
		n += one.kept()
	}
	return n
}
