package original

import (
	"fmt"
	"math"
	"strings"
)

// The archive of the original is Parquet files, which another package reads. They lack what the
// levels of checkpoints have: a level that is not of some known types is a scope without an id, and of a
// level below another one the upper one is forgotten. The checkpoints tell it, if they have the same level, and so
// they do the phase of the samples: see Reader.Scout. What is in the archive is older than what they have.

// Archived is samples of one series in a Parquet file.
type Archived struct {
	Cluster, Host, Metric string
	// Part is as the file names it: its Type is empty for the host itself, and the whole key of a level
	// if there is no id.
	Part      Part
	Frequency int64   // seconds
	Times     []int64 // Unix seconds, ascending
	Values    []float64
	// Single says that the file has them as float32, as those of the original. Times of others are those of samples, not
	// of slots.
	Single bool
}

// Archive takes the samples of Parquet files. Make one with NewArchive.
type Archive struct {
	r        *Reader
	take     func(Sample) error
	current  *hostReader // nil: there was none yet
	advanced int64       // bytes of the file that is read
}

// NewArchive takes nothing yet. The samples are given to take, as those of ReadHost.
func (r *Reader) NewArchive(take func(Sample) error) *Archive {
	return &Archive{r: r, take: take}
}

// Add takes samples, and hands on those of the host before. It returns the error of take. It keeps
// nothing of s.
func (a *Archive) Add(s *Archived) error {
	if h := a.current; h == nil || h.host.Cluster != s.Cluster || h.host.Name != s.Host {
		if err := a.flush(); err != nil {
			return err
		}
		h = newHostReader(a.r, Host{Cluster: s.Cluster, Name: s.Host}, a.take)
		h.isArchived = true
		h.snapshot = &snapshot{single: s.Single, emit: h.emit, align: h.align}
		a.current = h
	}
	k := a.find(s)
	if interval, ok := a.r.cfg.Known(s.Metric); ok {
		a.r.report.addInterval(s.Metric, s.Frequency, interval)
	}
	step := min(max(s.Frequency, 1), maxFrequency)
	next := int64(math.MinInt64)
	for i, at := range s.Times {
		v := s.Values[i]
		if k.Series == nil {
			a.current.refuse(k, v)
			continue
		}
		if at != next {
			if err := a.current.snapshot.begin(k.Series, at, step, s.Single); err != nil {
				return err
			}
		}
		next = at + step
		if err := a.current.snapshot.add(v); err != nil {
			return err
		}
	}
	return nil
}

// End says that a file was read, or why not to its end. It hands on what is held.
func (a *Archive) End(f File, fault error) error {
	if fault != nil {
		a.r.report.damaged.add(fmt.Sprintf("%s (%d bytes): %v", f.Path, f.Size, fault))
	}
	a.r.report.Files[Parquet]++
	a.Advance(f.Size)
	a.advanced = 0
	return a.flush()
}

// Advance says how many bytes of the file are behind the reader.
func (a *Archive) Advance(bytes int64) {
	a.r.bytes.Add(bytes - a.advanced)
	a.advanced = bytes
}

func (a *Archive) flush() error {
	if a.current == nil {
		return nil
	}
	h := a.current
	err := h.snapshot.flush()
	a.r.report.addHost(h)
	a.r.keep(h.host, h.align)
	a.current = nil
	return err
}

// find returns the series of samples.
func (a *Archive) find(s *Archived) *known {
	h := a.current
	scope := s.Part.Type
	switch {
	case scope == "" || scope == "node":
		return h.find(nil, s.Metric)
	case s.Part.TypeID != "" || s.Part.SubType != "":
		return h.findPart(fmt.Sprintf("%q", s.Part), s.Metric, s.Part.String(), func() (Part, bool) {
			p := s.Part
			if s.Single && p.Type == "hwthread" {
				p.Type = a.r.threadType(s.Cluster, s.Metric)
			}
			return p, true
		})
	}
	return h.findPart("\x00"+scope, s.Metric, scope, func() (Part, bool) { return a.r.partOfScope(h.host, s.Metric, scope) })
}

// partOfScope returns the part that a scope without an id names, with the level above it if the
// checkpoints tell.
func (r *Reader) partOfScope(h Host, metric, scope string) (p Part, isClear bool) {
	if p, isClear = PartOfScope(scope, ""); isClear {
		return p, true
	}
	if above, ok := r.above[joinNames(h.Cluster, metric, scope)]; ok && above != "" {
		return partOf([]string{above, scope})
	}
	return p, false
}

// maxAbove bounds the levels that are remembered with the one above them.
const maxAbove = 100_000

// threadType returns what the checkpoints call hardware threads of a metric, if that is one name: the original's
// Parquet files call the levels hwthread0 and cpu0 alike.
func (r *Reader) threadType(cluster, metric string) string {
	if kind := r.threads[joinNames(cluster, metric)]; kind != "" {
		return kind
	}
	return "hwthread"
}

// learnThreads remembers how a cluster names hardware threads of a metric: "" are both names.
func (r *Reader) learnThreads(cluster, metric string, keys []string) {
	if len(keys) == 0 {
		return
	}
	kind, _, _ := splitKey(keys[0], partTypes())
	if kind != "cpu" && kind != "hwthread" {
		return
	}
	k := joinNames(cluster, metric)
	switch before, ok := r.threads[k]; {
	case !ok && len(r.threads) < maxAbove:
		r.threads[k] = kind
	case ok && before != kind:
		r.threads[k] = ""
	}
}

// learnAbove remembers that in a cluster a metric has a level below another one. That several
// have it is remembered, too.
func (r *Reader) learnAbove(cluster, metric string, keys []string) {
	if len(keys) != 2 {
		return
	}
	k := joinNames(cluster, metric, keys[1])
	switch above, ok := r.above[k]; {
	case !ok && len(r.above) < maxAbove:
		r.above[k] = keys[0]
	case ok && above != keys[0]:
		r.above[k] = ""
	}
}

func joinNames(names ...string) string {
	return strings.Join(names, "\x00")
}
