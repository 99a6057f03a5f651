package original

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Report says what was read and what was not. It is used by one goroutine.
type Report struct {
	Clusters map[string]*Cluster
	Files    [kinds]int
	// Samples were read and handed on. Late ones were left out, as they are not older than
	// Config.Before; Unusable ones, as their value is infinite or no line can name them.
	Samples, Late, Unusable int64

	// Unopened files and directories could not be opened. They are among Damaged.
	Unopened int

	// Unknown counts the samples of metrics that are not configured, by name.
	Unknown map[string]int64
	// UnknownMore counts those of further names.
	UnknownMore int64

	unclear   list
	damaged   list
	ignored   list
	intervals list
	noted     map[string]bool
}

// Cluster is what was read of a cluster.
type Cluster struct {
	Samples  int64
	From, To int64 // of the oldest and the newest sample, Unix seconds; valid if there are Samples
	// Killed hosts have a write-ahead file: the original was not stopped in order. What it had
	// not yet written then is nowhere.
	Killed int
	// Gaps counts the killed hosts that have no samples between the newest snapshot and the
	// write-ahead file, as those that came while the snapshot was written are in neither. All
	// gaps are between GapFrom and GapTo.
	Gaps           int
	GapFrom, GapTo int64

	ends map[string]int64 // of the newest sample of each host; math.MinInt64: it has none
}

// Hosts returns the number of hosts.
func (c *Cluster) Hosts() int { return len(c.ends) }

// Earliest returns the host whose samples end first, and when.
func (c *Cluster) Earliest() (host string, end int64) {
	end = math.MaxInt64
	for name, at := range c.ends {
		if at != math.MinInt64 && (at < end || at == end && name < host) {
			host, end = name, at
		}
	}
	return host, end
}

// addHost adds what was read of a host.
func (r *Report) addHost(h *hostReader) {
	c := r.cluster(h.host.Cluster)
	end, ok := c.ends[h.host.Name]
	if !ok {
		end = math.MinInt64
	}
	c.ends[h.host.Name] = max(end, h.last)
	if h.logged != 0 {
		c.addKilled(h.snapshots, h.logged, h.interval)
	}
}

// addInterval notes that files have another interval than the configuration.
func (r *Report) addInterval(metric string, files, configured int64) {
	if configured != 0 && configured != files && r.once("interval "+metric) {
		r.intervals.add(fmt.Sprintf("%s: every %d s in the files, every %d s in the configuration", metric, files, configured))
	}
}

// addKilled takes a host with a write-ahead file, which begins at logged; the snapshots end with
// a sample at the time snapshots, and have the interval if there are any.
func (c *Cluster) addKilled(snapshots, logged, interval int64) {
	c.Killed++
	if interval == 0 || snapshots < 0 || logged-snapshots <= interval {
		return
	}
	if c.Gaps == 0 {
		c.GapFrom, c.GapTo = snapshots, logged
	}
	c.Gaps++
	c.GapFrom, c.GapTo = min(c.GapFrom, snapshots), max(c.GapTo, logged)
}

// maxListed bounds what is listed of one kind.
const maxListed = 200

// list is a list of texts of bounded length.
type list struct {
	texts []string
	more  int
}

func (l *list) add(text string) {
	if len(l.texts) == maxListed {
		l.more++
		return
	}
	l.texts = append(l.texts, text)
}

// lines returns the texts, and a last one that counts those that are left out.
func (l *list) lines() []string {
	if l.more == 0 {
		return slices.Clone(l.texts)
	}
	return append(slices.Clone(l.texts), fmt.Sprintf("and %d more", l.more))
}

func newReport(t *Tree) *Report {
	r := &Report{Clusters: map[string]*Cluster{}, Unknown: map[string]int64{}, noted: map[string]bool{}}
	r.ignored.texts, r.ignored.more = slices.Clone(t.ignored.texts), t.ignored.more
	r.damaged.texts, r.damaged.more = slices.Clone(t.failed.texts), t.failed.more
	r.Unopened = len(t.failed.texts) + t.failed.more
	return r
}

// Unclear lists the names of levels whose type is not known, and what they were taken for.
func (r *Report) Unclear() []string { return r.unclear.lines() }

// Damaged lists the files that could not be read to their end, why, and how far they were read,
// and those that could not be opened.
func (r *Report) Damaged() []string { return r.damaged.lines() }

// Ignored lists the files and directories that are no files of samples.
func (r *Report) Ignored() []string { return r.ignored.lines() }

// Intervals lists the metrics whose files have another interval than the configuration.
func (r *Report) Intervals() []string { return r.intervals.lines() }

// UnknownNames returns the names of Unknown, those with most samples first.
func (r *Report) UnknownNames() []string {
	return slices.SortedFunc(maps.Keys(r.Unknown), func(a, b string) int {
		if d := r.Unknown[b] - r.Unknown[a]; d != 0 {
			return int(min(max(d, -1), 1))
		}
		return slices.Compare([]byte(a), []byte(b))
	})
}

// once reports whether a text is noted for the first time; of too many none is.
func (r *Report) once(text string) bool {
	if r.noted[text] || len(r.noted) > 10*maxListed {
		return false
	}
	r.noted[text] = true
	return true
}

func (r *Report) addUnknown(metric string) {
	if _, ok := r.Unknown[metric]; !ok && len(r.Unknown) == maxListed {
		r.UnknownMore++
		return
	}
	r.Unknown[metric]++
}

// cluster returns what is known of a cluster. There are as many as directories.
func (r *Report) cluster(name string) *Cluster {
	c := r.Clusters[name]
	if c == nil {
		c = &Cluster{ends: map[string]int64{}}
		r.Clusters[name] = c
	}
	return c
}
