package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
)

// Selection says which samples a read asks for.
type Selection struct {
	Cluster, Host string
	Metrics       []string // nil: all
	Types         []string // of parts; nil: all; "" is the host itself
	IDs           []string // of parts; nil: all
	From, To      int64    // times of samples in Unix seconds, without To
	// AllSeries asks for all series that are selected in the files that the time touches: one
	// without samples there comes as Rows without any, at least once.
	AllSeries bool
}

// Rows are samples of one series in one block, ascending in time. Values that a file of the original
// program has as float32 are the shortest decimal numbers that are the same float32. Its slices belong to the archive
// again when the function that got them returns.
type Rows struct {
	Metric    string
	Part      Part
	Frequency int64   // seconds, above 0
	Block     Block   // its frequency is 0 if the file does not say, as those of the original program
	Times     []int64 // when the samples are expected, Unix seconds
	Values    []float64
}

// Read calls use for the samples that are selected, file after file, the one that was written last
// first: what comes first counts more. Of our files it is one call for a block of a series (more for one of
// more than 65,536 samples), of those of the original program one for some thousands of samples.
//
// It waits for one of Config.Readers places, and a read of many files does so again and again, so that it lets others in.
// The end of ctx ends that, and the read. Errors name the file, but for one of use, which ends the read and is returned as it is. A file that was removed
// meanwhile is no error. use must not call Read.
func (a *Archive) Read(ctx context.Context, s *Selection, use func(*Rows) error) error {
	c := a.state.Load().clusters[s.Cluster]
	if c == nil || s.From >= s.To {
		return nil
	}
	f := newFilter([]string{s.Cluster}, []string{s.Host}, s.Metrics, s.Types, s.From, s.To)
	f.ids, f.values[columnScopeID] = s.IDs, s.IDs
	f.allSeries, f.part = s.AllSeries, a.part
	p := place{archive: a}
	defer p.leave()
	for _, file := range slices.Backward(c.files) {
		if file.info.Last < s.From || file.info.First >= s.To || !file.hosts.has(s.Host) {
			continue
		}
		if err := p.enter(ctx); err != nil {
			return fmt.Errorf("read the archive of host %q, cluster %q: %w", s.Host, s.Cluster, err)
		}
		if err := a.read(ctx, file, f, func(_, _ string, r *Rows) error { return use(r) }); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) read(ctx context.Context, file *file, f *filter, use visitor) error {
	open, err := a.cache.open(file.info.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer a.cache.release(open)
		g := a.readers.Get().(*groupReader)
		defer func() {
			g.close()
			a.readers.Put(g)
		}()
		err = readFile(ctx, &open.source, g, f, use)
	}
	return readError(file.info.Path, err)
}

// readError names the file in an error, unless it is one of the caller's function.
func readError(path string, err error) error {
	var e *useError
	if err == nil || errors.As(err, &e) {
		if e != nil {
			return e.err
		}
		return nil
	}
	return fmt.Errorf("read archive file %s: %w", path, err)
}

// ScanSelection says which samples Scan gives. The zero value is all.
type ScanSelection struct {
	Clusters, Hosts, Metrics, Types []string // nil: all
	From, To                        int64    // times of samples in Unix seconds, without To; To 0: no end
}

func (s *ScanSelection) filter() *filter {
	to := s.To
	if to == 0 {
		to = math.MaxInt64
	}
	return newFilter(s.Clusters, s.Hosts, s.Metrics, s.Types, s.From, to)
}
