package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"cc-metric-store/ingest/original"
	"cc-metric-store/store"
	"cc-metric-store/store/archive"
)

// listing is what files of one kind hold.
type listing struct {
	what     string // the kind, and where
	clusters map[string]*listedCluster
	files    int
	bytes    int64
	// perCluster says that files and bytes are known of each cluster.
	perCluster bool
	faults     []string // of files that cannot be read
}

// listedCluster is what files hold of a cluster.
type listedCluster struct {
	store.FileContents
	files int
	bytes int64
}

// list prints what the files of a directory, or one file, hold: an archive, our checkpoints, or those of
// the original. It changes nothing and takes no lock. Files that cannot be read are named at
// the end, and are an error then.
func list(ctx context.Context, stdout io.Writer, path string) error {
	listings, err := listAll(ctx, path)
	if err != nil {
		return fmt.Errorf("list %s: %w", path, err)
	}
	var faults []string
	for i, l := range listings {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := l.print(stdout); err != nil {
			return err
		}
		faults = append(faults, l.faults...)
	}
	if len(faults) > 0 {
		return fmt.Errorf("list %s: %d files cannot be read:\n  %s", path, len(faults), strings.Join(faults, "\n  "))
	}
	return nil
}

// errNothingToList is returned for a directory without files of samples.
var errNothingToList = errors.New("there are no files of an archive or of checkpoints")

func listAll(ctx context.Context, path string) ([]*listing, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		l, err := listFile(ctx, path)
		return []*listing{l}, err
	}
	var all []*listing
	newest, ok, err := store.NewestCheckpoint(path)
	if below := filepath.Join(path, "checkpoints"); err == nil && !ok && isDirectory(below) {
		newest, ok, err = store.NewestCheckpoint(below)
	}
	if err != nil {
		return nil, err
	}
	if ok {
		l, err := listCheckpoint(ctx, newest)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	for _, find := range []func(context.Context, string) (*listing, error){listArchives, listOriginal} {
		l, err := find(ctx, path)
		if err != nil && (len(all) == 0 || ctx.Err() != nil) {
			return nil, err
		}
		if l != nil && err == nil {
			all = append(all, l)
		}
	}
	if len(all) == 0 {
		return nil, errNothingToList
	}
	return all, nil
}

// listFile lists a single file.
func listFile(ctx context.Context, path string) (*listing, error) {
	kind, err := kindOfFile(path)
	switch {
	case err != nil:
		return nil, err
	case kind == kindParquet:
		l, err := listArchive(ctx, path)
		if l == nil && err == nil {
			l = &listing{what: "archive " + path + ", which has no samples"}
		}
		return l, err
	case kind == kindCheckpoint:
		return listCheckpoint(ctx, path)
	}
	return nil, errors.New("it is no Parquet file and no checkpoint; of the original's checkpoints, give the directory that has the clusters in it")
}

func (l *listing) cluster(name string) *listedCluster {
	if l.clusters == nil {
		l.clusters = map[string]*listedCluster{}
	}
	c := l.clusters[name]
	if c == nil {
		c = &listedCluster{}
		l.clusters[name] = c
	}
	return c
}

func listCheckpoint(ctx context.Context, path string) (*listing, error) {
	clusters, bytes, err := store.ListCheckpoint(ctx, path)
	if clusters == nil {
		return nil, err
	}
	l := &listing{what: "checkpoint " + path, files: 1, bytes: bytes}
	for name, c := range clusters {
		l.cluster(name).FileContents = *c
	}
	if err != nil {
		l.faults = append(l.faults, err.Error())
	}
	return l, nil
}

// listArchive returns nil if there are no files.
func listArchive(ctx context.Context, path string) (*listing, error) {
	infos, err := archive.List(path)
	if err == nil && len(infos) == 0 {
		return nil, nil
	}
	l := &listing{what: "archive " + path, perCluster: true, faults: splitFaults(err)}
	files := map[string]bool{}
	for _, f := range infos {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := l.cluster(f.Cluster)
		hosts, metrics, err := archive.Names(ctx, f.Path, f.Cluster)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		}
		if err != nil {
			l.faults = append(l.faults, err.Error())
			continue
		}
		c.addNames(hosts, metrics)
		if c.Samples == 0 {
			c.First, c.Last = f.First, f.Last
		}
		c.First, c.Last = min(c.First, f.First), max(c.Last, f.Last)
		c.Samples += f.Rows
		c.files++
		c.bytes += f.Bytes
		l.bytes += f.Bytes
		files[f.Path] = true
	}
	l.files = len(files)
	return l, nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// listArchives lists an archive, or that in the directory of the original or of this program. It returns nil if there are no files.
func listArchives(ctx context.Context, path string) (*listing, error) {
	l, err := listArchive(ctx, path)
	if below := filepath.Join(path, "archive"); l == nil && err == nil && isDirectory(below) {
		return listArchive(ctx, below)
	}
	return l, err
}

// splitFaults returns the messages of errors that were joined.
func splitFaults(err error) []string {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range joined.Unwrap() {
			all = append(all, one.Error())
		}
		return all
	}
	return []string{err.Error()}
}

func (c *listedCluster) addNames(hosts, metrics []string) {
	if c.Hosts == nil {
		c.Hosts, c.Metrics = map[string]bool{}, map[string]bool{}
	}
	for _, h := range hosts {
		c.Hosts[h] = true
	}
	for _, m := range metrics {
		c.Metrics[m] = true
	}
}

// listOriginal returns nil if there are no files.
func listOriginal(ctx context.Context, path string) (*listing, error) {
	tree, err := original.Find(ctx, path)
	if err != nil {
		return nil, err
	}
	if len(tree.Hosts) == 0 {
		return nil, nil
	}
	l := &listing{what: "checkpoints of the original in " + path, perCluster: true} // the tree may have an archive as well
	reader := original.NewReader(tree, original.Config{})
	for _, h := range tree.Hosts {
		files, err := h.Files()
		if err != nil {
			reader.Missing(err)
			continue
		}
		c := l.cluster(h.Cluster)
		c.files += len(files)
		l.files += len(files)
		for _, f := range files {
			c.bytes += f.Size
			l.bytes += f.Size
		}
		c.addNames([]string{h.Name}, nil)
		if err := reader.ReadHost(ctx, h, files, func(s original.Sample) error {
			c.Add(h.Name, s.Series.Metric, 1, s.Time, s.Time)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	l.faults = reader.Report().Damaged()
	return l, nil
}

// print prints the listing as aligned text.
func (l *listing) print(out io.Writer) error {
	fmt.Fprintln(out, l.what)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cluster\tfiles\thosts\tmetrics\tfirst\tlast\tsamples\tbytes")
	total := listedCluster{files: l.files, bytes: l.bytes}
	hosts := 0
	for _, name := range slices.Sorted(maps.Keys(l.clusters)) {
		c := l.clusters[name]
		l.printRow(w, quoteName(name), c, len(c.Hosts), l.perCluster)
		if c.Samples > 0 {
			if total.Samples == 0 {
				total.First, total.Last = c.First, c.Last
			}
			total.First, total.Last = min(total.First, c.First), max(total.Last, c.Last)
		}
		total.Samples += c.Samples
		hosts += len(c.Hosts)
		total.addNames(nil, slices.Collect(maps.Keys(c.Metrics)))
	}
	l.printRow(w, "total", &total, hosts, true)
	return w.Flush()
}

func (l *listing) printRow(w io.Writer, name string, c *listedCluster, hosts int, hasFiles bool) {
	first, last, files, bytes := "-", "-", "-", "-"
	if c.Samples > 0 {
		first, last = timeOf(c.First), timeOf(c.Last)
	}
	if hasFiles {
		files, bytes = strconv.Itoa(c.files), strconv.FormatInt(c.bytes, 10)
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%s\n", name, files, hosts, len(c.Metrics), first, last, c.Samples, bytes)
}

// quoteName makes a name visible, whatever it is.
func quoteName(name string) string {
	if name == "" || name == "total" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || !strconv.IsPrint(r) || r == '"' }) {
		return strconv.Quote(name)
	}
	return name
}
