package archive

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// file is one file of the archive. It is immutable.
type file struct {
	info         FileInfo
	sequence     uint64 // order of writing; 0 if it does not say
	time, number int64  // of its name
	hosts        bounds
	isShared     bool  // with other clusters
	longest      int64 // interval in seconds, 0 if it does not say
}

// bounds are the lowest and the highest value.
type bounds struct {
	min, max string
	known    bool
}

// cutBound is the length at which other programs cut bounds off.
const cutBound = 16

// has reports whether the text may be within the bounds.
func (b *bounds) has(v string) bool {
	return !b.known || b.min <= v && (v <= b.max || len(b.max) >= cutBound && strings.HasPrefix(v, b.max))
}

// cluster is the files of a cluster, in the order in which they were written.
type cluster struct {
	files   []*file
	newest  int64
	longest int64 // interval in seconds
}

// state is what the archive holds. It is immutable.
type state struct {
	clusters map[string]*cluster
	stats    Stats
}

// compare orders files as they were written: those of the original program first.
func (f *file) compare(o *file) int {
	return cmp.Or(cmp.Compare(f.sequence, o.sequence), cmp.Compare(f.time, o.time), cmp.Compare(f.number, o.number), cmp.Compare(f.info.Path, o.info.Path))
}

func newState(files []*file, left int64) *state {
	s := &state{clusters: map[string]*cluster{}, stats: Stats{Left: left}}
	for _, f := range files {
		c := s.clusters[f.info.Cluster]
		if c == nil {
			c = &cluster{newest: f.info.Last + 1}
			s.clusters[f.info.Cluster] = c
		}
		c.files = append(c.files, f)
		c.newest = max(c.newest, f.info.Last+1)
		c.longest = max(c.longest, min(f.longest, maxTime))
		if s.stats.Files == 0 {
			s.stats.Oldest, s.stats.Newest = f.info.First, f.info.Last
		}
		s.stats.Files++
		s.stats.Rows += f.info.Rows
		s.stats.Bytes += f.info.Bytes
		s.stats.Oldest = min(s.stats.Oldest, f.info.First)
		s.stats.Newest = max(s.stats.Newest, f.info.Last)
	}
	for _, c := range s.clusters {
		slices.SortFunc(c.files, (*file).compare)
	}
	return s
}

// files returns all files, by cluster.
func (s *state) files() []*file {
	var all []*file
	for _, name := range slices.Sorted(maps.Keys(s.clusters)) {
		all = append(all, s.clusters[name].files...)
	}
	return all
}

// byAge sorts files of all clusters: the one with the oldest newest sample first.
func byAge(files []*file) []*file {
	slices.SortStableFunc(files, func(f, o *file) int { return cmp.Or(cmp.Compare(f.info.Last, o.info.Last), f.compare(o)) })
	return files
}
