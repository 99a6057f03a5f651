package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FileWriter writes one file that belongs to no archive, with samples of any number of clusters. It
// has its name when it is complete. Memory is bounded as that of a Writer. One goroutine uses it.
type FileWriter struct {
	path string
	w    *Writer
}

// Create begins a file, which replaces one that is there. Commit or Abort ends it.
func Create(path string) (*FileWriter, error) {
	w, err := newFileIn(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	w.isLoose = true
	return &FileWriter{path, w}, nil
}

// Add writes the samples of a series in one block, as Writer.Add does. Calls come in ascending
// order of cluster, host and metric, and for one metric of a host in any order. No two have the same
// series and block. After an error nothing but Abort helps.
func (f *FileWriter) Add(cluster, host, metric string, p Part, b Block, values []float64) error {
	if err := f.begin(cluster); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	err := f.w.Add(host, metric, p, b, values)
	if errors.Is(err, ErrFull) {
		return fmt.Errorf("write %s: a file takes no more than some four thousand million samples: write several, each with a part", f.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// begin begins a cluster: it has row groups of its own.
func (f *FileWriter) begin(cluster string) error {
	w := f.w
	switch {
	case cluster == w.cluster:
		return nil
	case len(cluster) > maxName:
		return errors.New("the name of a cluster is too long")
	case w.rows > 0 && cluster < w.cluster:
		return fmt.Errorf("cluster %q does not come after %q", cluster, w.cluster)
	case w.rows > 0 && w.file != nil:
		if err := errors.Join(w.endPage(), w.endGroup()); err != nil {
			w.err = err
			return err
		}
	}
	w.cluster, w.isNew = cluster, true
	return nil
}

// Rows returns how many samples were added.
func (f *FileWriter) Rows() int64 { return f.w.Rows() }

// Commit completes the file, brings it to disk and gives it its name. A file without samples is
// complete, too.
func (f *FileWriter) Commit() error {
	if err := f.commit(); err != nil {
		f.Abort()
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

func (f *FileWriter) commit() error {
	w := f.w
	if w.err != nil {
		return w.err
	}
	if w.file == nil {
		return errClosed
	}
	if w.rows > 0 {
		if err := errors.Join(w.endPage(), w.endGroup()); err != nil {
			return err
		}
	}
	if err := w.file.finish(w.rows, w.hosts, 0); err != nil {
		return err
	}
	if err := os.Rename(w.file.file.Name(), f.path); err != nil {
		return err
	}
	w.file.file.Close() // all is on disk
	w.file.file = nil
	w.Abort()
	return syncDirectory(filepath.Dir(f.path))
}

// Abort gives up the file and removes what was written. After Commit it does nothing.
func (f *FileWriter) Abort() { f.w.Abort() }
