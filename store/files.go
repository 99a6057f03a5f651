package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"time"

	"cc-metric-store/store/archive"
	"cc-metric-store/store/checkpoint"
)

// NewestCheckpoint returns the path of the newest checkpoint in a directory, and false if there is none.
func NewestCheckpoint(directory string) (path string, ok bool, err error) {
	return checkpoint.Newest(directory)
}

// ReadArchive returns a store that has the files of an archive, or one file, and nothing in memory, so that
// they can be exported. It takes no lock and changes nothing, and may run beside the process that
// owns the archive. Files that cannot be read are logged and left out: archive.List names them. The caller closes it with
// CloseArchive.
func ReadArchive(path string, logger *slog.Logger) (*Store, error) {
	s, err := newReadStore()
	if err != nil {
		return nil, err
	}
	a, err := archive.Open(archive.Config{Directory: path, ReadOnly: true, Logger: logger})
	if err != nil {
		return nil, err
	}
	s.archived.opened.Store(a)
	return s, nil
}

// newReadStore returns a store that takes whatever files hold.
func newReadStore() (*Store, error) {
	return New(Config{
		AnyMetric: &MetricConfig{Frequency: 60}, Retention: math.MaxInt64,
		MaxSeries: math.MaxInt32, MaxHosts: math.MaxInt32, MaxMetrics: maxMetrics, Stripes: 1 << 10,
	})
}

// ReadCheckpoint returns a store that has what the file of a checkpoint holds, all in memory. It takes no lock
// and changes nothing, and may run beside the process that owns the directory. A checkpoint that cannot be
// read to its end is an error; if only some blocks cannot be read, the store has the others, and the error says so.
func ReadCheckpoint(ctx context.Context, path string) (*Store, error) {
	s, err := newReadStore()
	if err != nil {
		return nil, err
	}
	r := &restore{store: s, epoch: restoredEpoch, series: map[string]int{}}
	s.tombstones.open()
	contents, err := checkpoint.ReadFile(ctx, path, runtime.GOMAXPROCS(0), r.add)
	if err != nil {
		return nil, err
	}
	return s, errors.Join(lostBlocks(path, contents.Lost), r.leftOut(path))
}

// leftOut says that there was no room for all series.
func (r *restore) leftOut(path string) error {
	n := 0
	for _, more := range r.series {
		n += more
	}
	if n == 0 && r.hosts == 0 {
		return nil
	}
	return fmt.Errorf("read checkpoint %s: %d series and %d hosts are left out, as there are too many", path, n, r.hosts)
}

// lostBlocks says which blocks of a checkpoint could not be read.
func lostBlocks(path string, lost []checkpoint.Loss) error {
	if len(lost) == 0 {
		return nil
	}
	l := lost[0]
	return fmt.Errorf("read checkpoint %s: %d blocks cannot be read, such as that of host %q, cluster %q, from %s: %w",
		path, len(lost), l.Host, l.Cluster, time.Unix(l.Start, 0).UTC().Format(time.RFC3339), l.Err)
}

// FileContents is what a file, or several, hold of a cluster.
type FileContents struct {
	Hosts, Metrics map[string]bool
	Samples        int64
	First, Last    int64 // times of the oldest and the newest sample, Unix seconds; valid if there are Samples
}

// Add adds a sample or more of a series, which begin and end at these times.
func (f *FileContents) Add(host, metric string, samples, first, last int64) {
	if f.Hosts == nil {
		f.Hosts, f.Metrics = map[string]bool{}, map[string]bool{}
	}
	if f.Samples == 0 {
		f.First, f.Last = first, last
	}
	f.Hosts[host], f.Metrics[metric] = true, true
	f.Samples += samples
	f.First, f.Last = min(f.First, first), max(f.Last, last)
}

// ListCheckpoint returns what a checkpoint holds, by cluster, and the size of its file and of its segments. It
// holds one host in memory at a time. The error may be of some blocks alone; then all others are in
// the result.
func ListCheckpoint(ctx context.Context, path string) (clusters map[string]*FileContents, bytes int64, err error) {
	s, err := newReadStore()
	if err != nil {
		return nil, 0, err
	}
	// A host that went while the checkpoint was written is there twice.
	gone := map[hostKey]uint64{}
	contents, err := checkpoint.ReadFrames(ctx, path, 1, func(_ []string, h *checkpoint.Host) error {
		if key := (hostKey{h.Cluster, h.Name}); h.Gone {
			gone[key] = max(gone[key], h.Applied)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if info, err := os.Stat(path); err == nil {
		bytes = info.Size()
	}
	for _, segment := range contents.End.Segments {
		bytes += segment.Bytes
	}
	clusters = map[string]*FileContents{}
	r := &restore{store: s, epoch: restoredEpoch, series: map[string]int{}}
	contents, err = checkpoint.ReadFile(ctx, path, 1, func(metrics []string, h *checkpoint.Host) error {
		key := hostKey{h.Cluster, h.Name}
		if h.Gone || gone[key] > h.Applied {
			return nil
		}
		if err := r.add(metrics, h); err != nil {
			return err
		}
		c := clusters[h.Cluster]
		if c == nil {
			c = &FileContents{}
			clusters[h.Cluster] = c
		}
		err := s.countHost(ctx, key, c)
		s.clear()
		return err
	})
	if err != nil {
		return nil, bytes, err
	}
	return clusters, bytes, errors.Join(lostBlocks(path, contents.Lost), r.leftOut(path))
}

// countHost adds what the store holds of a host.
func (s *Store) countHost(ctx context.Context, key hostKey, to *FileContents) error {
	var values []float64
	all := &ExportSelection{From: -timeBound, To: timeBound}
	e := exporter{store: s, key: key, sel: all, metrics: map[string]*exportedMetric{}, use: func(id *SeriesID, r *Run) error {
		values = r.AppendTo(values[:0])
		n, first, last := int64(0), 0, 0
		for i, v := range values {
			if v == v {
				if n == 0 {
					first = i
				}
				n, last = n+1, i
			}
		}
		to.Add(id.Host, id.Metric, n, r.Start+int64(first)*r.Step, r.Start+int64(last)*r.Step)
		return nil
	}}
	return e.run(ctx)
}
