package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Scan calls use for all selected samples of a file or of a directory of an archive, file after file: by cluster, and
// within one in the order in which files were written. It takes no lock and changes nothing, so that
// it may run beside the process that owns the archive; files that come or go meanwhile may be there
// or not. Otherwise it does as Archive.Read. A row group or a file that cannot be read does not keep it from the others; the
// error names all files that have one.
func Scan(ctx context.Context, path string, s ScanSelection, use func(cluster, host string, r *Rows) error) error {
	files, faults := listFiles(path)
	pages, err := newPageReader()
	if err != nil {
		return fmt.Errorf("scan archive %s: %w", path, err)
	}
	defer pages.decoder.Close()
	g, f := newGroupReader(pages), s.filter()
	for _, file := range files {
		i := &file.info
		if s.Clusters != nil && !slices.Contains(s.Clusters, i.Cluster) || i.Last < f.from || i.First >= f.to {
			continue
		}
		wanted := f
		if file.isShared {
			wanted = newFilter([]string{i.Cluster}, s.Hosts, s.Metrics, s.Types, f.from, f.to)
		}
		wanted.salvage = true
		err := scanFile(ctx, g, i.Path, wanted, use)
		var ofUse *useError
		if errors.As(err, &ofUse) || ctx.Err() != nil {
			return readError(i.Path, err)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			faults = append(faults, readError(i.Path, err))
		}
	}
	return errors.Join(faults...)
}

func scanFile(ctx context.Context, g *groupReader, path string, f *filter, use visitor) error {
	open, err := openFile(path)
	if err != nil {
		return err
	}
	defer open.file.Close()
	open.forget()
	return readFile(ctx, &open.source, g, f, use)
}

// List returns what a file, or all files of a directory of an archive, hold, from their footers: a file of
// several clusters, as Create may have made it, once for each. It takes no lock and
// changes nothing. The error names files that cannot be read; the others are in the result.
func List(path string) ([]FileInfo, error) {
	files, faults := listFiles(path)
	infos := make([]FileInfo, len(files))
	for i, f := range files {
		infos[i] = f.info
	}
	return infos, errors.Join(faults...)
}

// listFiles finds files, by cluster in the order in which they were written.
func listFiles(path string) (files []*file, faults []error) {
	paths := []string{path}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		paths, faults, err = findFiles(path, false)
	}
	if err != nil {
		return nil, []error{fmt.Errorf("list archive: %w", err)}
	}
	for _, p := range paths {
		found, err := inspect(p)
		if err != nil {
			faults = append(faults, fmt.Errorf("read archive file %s: %w", p, err))
		}
		files = append(files, found...)
	}
	return newState(files, 0).files(), faults
}
