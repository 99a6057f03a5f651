package archive

import (
	"errors"
	"math"
	"slices"
	"sort"
	"strconv"
)

const (
	// maxCallRows bounds the samples that one call of use gets, and those that wait for it.
	maxCallRows = 1 << 16
	// maxCallSeries bounds the series that wait.
	maxCallSeries = 1 << 12
)

// filter is what a read asks for. Make one with newFilter.
type filter struct {
	clusters, hosts, metrics, types, ids []string // nil: all
	from, to                             int64
	// values are those that the bounds of pages are compared with, by column; nil: all.
	values    [columns][]string
	allSeries bool // also those without samples in this time
	onlyNames bool // no samples at all
	salvage   bool // what is not damaged, of a file that is
	// part takes the names of parts in files of the original program apart; nil: they are as they are.
	part func(Part) Part
}

func newFilter(clusters, hosts, metrics, types []string, from, to int64) *filter {
	f := &filter{clusters: clusters, hosts: hosts, metrics: metrics, types: types, from: from, to: to}
	f.values[columnCluster] = clusters
	f.values[columnHost], f.values[columnMetric], f.values[columnScope] = hosts, metrics, scopes(types)
	return f
}

func (f *filter) cluster(v string) bool {
	return f.clusters == nil || slices.Contains(f.clusters, v)
}
func (f *filter) host(v string) bool   { return f.hosts == nil || slices.Contains(f.hosts, v) }
func (f *filter) metric(v string) bool { return f.metrics == nil || slices.Contains(f.metrics, v) }
func (f *filter) kind(v string) bool   { return f.types == nil || slices.Contains(f.types, v) }
func (f *filter) id(v string) bool     { return f.ids == nil || slices.Contains(f.ids, v) }

// scopes are the scopes in files for the types.
func scopes(types []string) []string {
	if types == nil {
		return nil
	}
	all := []string{}
	for _, t := range types {
		switch t {
		case "":
			all = append(all, nodeScope)
		case threadScope:
			all = append(all, threadScope, foreignCPU)
		default:
			all = append(all, t)
		}
	}
	return all
}

// visitor takes the rows of a series.
type visitor func(cluster, host string, r *Rows) error

// gatherer joins the samples of a series that a file has in pieces.
type gatherer struct {
	use     visitor
	isOurs  bool // one series after the other
	narrow  bool // values are of float32
	all     bool // series without samples count
	wait    map[rowsKey]*Rows
	order   []rowsKey
	current *Rows // of the key last
	last    rowsKey
	rows    int // that wait
	free    []*Rows
	digits  []byte
}

type rowsKey struct {
	cluster, host, metric string
	part                  Part
	frequency             int64
	block                 Block
}

// begin makes the series the one whose samples follow.
func (g *gatherer) begin(k *rowsKey) error {
	if g.current == nil || *k != g.last {
		if g.isOurs {
			if err := g.flush(); err != nil {
				return err
			}
		}
		if len(g.order) >= maxCallSeries {
			if err := g.flush(); err != nil {
				return err
			}
		}
		g.current = g.wait[*k]
		if g.current == nil && len(g.order) >= maxCallSeries { // all without samples
			if err := g.flush(); err != nil {
				return err
			}
		}
		if g.current == nil {
			g.current = g.take()
			g.current.Metric, g.current.Part, g.current.Frequency, g.current.Block = k.metric, k.part, k.frequency, k.block
			g.wait[*k] = g.current
			g.order = append(g.order, *k)
		}
		g.last = *k
	}
	return nil
}

// add takes samples of a series.
func (g *gatherer) add(k *rowsKey, times []int64, values []float64, f *filter) error {
	if err := g.begin(k); err != nil {
		return err
	}
	r := g.current
	before := len(r.Times)
	if g.isOurs { // the times ascend
		i := sort.Search(len(times), func(i int) bool { return times[i] >= f.from })
		j := sort.Search(len(times), func(j int) bool { return times[j] >= f.to })
		if i < j {
			r.Times = append(r.Times, times[i:j]...)
			r.Values = append(r.Values, values[i:j]...)
		}
	} else {
		for i, t := range times {
			if v := values[i]; f.from <= t && t < f.to && v == v {
				if g.narrow {
					v = g.widen(v)
				}
				r.Times = append(r.Times, t)
				r.Values = append(r.Values, v)
			}
		}
	}
	if g.rows += len(r.Times) - before; g.rows >= maxCallRows || len(g.order) >= maxCallSeries {
		return g.flush()
	}
	return nil
}

// widen returns the shortest decimal number that is the same float32: what was measured most likely.
func (g *gatherer) widen(v float64) float64 {
	const exact = 1 << 24
	if v == math.Trunc(v) && math.Abs(v) < exact || math.IsInf(v, 0) {
		return v
	}
	g.digits = strconv.AppendFloat(g.digits[:0], v, 'g', -1, 32)
	wide, _ := strconv.ParseFloat(string(g.digits), 64) // it has just been printed
	return wide
}

func (g *gatherer) take() *Rows {
	if n := len(g.free); n > 0 {
		r := g.free[n-1]
		g.free = g.free[:n-1]
		return r
	}
	return &Rows{}
}

// flush hands on what waits.
func (g *gatherer) flush() error {
	for _, k := range g.order {
		r := g.wait[k]
		if len(r.Times) > 0 || g.all {
			if !g.isOurs && !slices.IsSorted(r.Times) {
				sort.Stable((*byTime)(r))
			}
			if !g.isOurs {
				r.dropReplaced()
			}
			if err := g.use(k.cluster, k.host, r); err != nil {
				return &useError{err}
			}
		}
		r.Times, r.Values = r.Times[:0], r.Values[:0]
		g.free = append(g.free, r)
	}
	clear(g.wait)
	g.order, g.current, g.rows = g.order[:0], nil, 0
	return nil
}

// dropReplaced drops the samples, of those in order of time, that are followed by another one for the
// same time.
func (r *Rows) dropReplaced() {
	n := 0
	for i, t := range r.Times {
		if i+1 == len(r.Times) || r.Times[i+1] != t {
			r.Times[n], r.Values[n] = t, r.Values[i]
			n++
		}
	}
	r.Times, r.Values = r.Times[:n], r.Values[:n]
}

// byTime sorts samples.
type byTime Rows

func (b *byTime) Len() int           { return len(b.Times) }
func (b *byTime) Less(i, j int) bool { return b.Times[i] < b.Times[j] }
func (b *byTime) Swap(i, j int) {
	b.Times[i], b.Times[j] = b.Times[j], b.Times[i]
	b.Values[i], b.Values[j] = b.Values[j], b.Values[i]
}

// useError is an error of the caller's function, which is returned as it is.
type useError struct{ err error }

func (e *useError) Error() string { return e.err.Error() }

var errFrequency = errors.New("a sample has no frequency")

// keyAt reads what is the same for the rows from row on, and up to which row.
func (g *groupReader) keyAt(row int64, k *rowsKey) (end int64, err error) {
	if end, err = g.nameAt(row, k, true); err != nil {
		return 0, err
	}
	for c, to := range [columns]*int64{columnFrequency: &k.frequency, columnBlockStart: &k.block.Start, columnBlockEnd: &k.block.End} {
		if to == nil {
			continue
		}
		v, e, err := g.ints[c].value(row)
		if err != nil {
			return 0, err
		}
		*to, end = v, min(end, e)
	}
	k.block.Frequency = 0
	if k.block.End > k.block.Start {
		k.block.Frequency = k.frequency
	}
	if k.frequency <= 0 {
		return 0, g.fault(columnFrequency, errFrequency)
	}
	return end, nil
}

// nameAt reads the name of the series of the rows from row on, and up to which row it is that; without parts, it
// leaves the part out.
func (g *groupReader) nameAt(row int64, k *rowsKey, parts bool) (end int64, err error) {
	end = g.rows
	for c, to := range [columns]*string{
		columnCluster: &k.cluster, columnHost: &k.host, columnMetric: &k.metric, columnScope: &k.part.Type,
		columnScopeID: &k.part.ID, columnSubtype: &k.part.Subtype, columnSubtypeID: &k.part.SubID,
	} {
		if to == nil || !parts && column(c) >= columnScope {
			continue
		}
		v, e, err := g.strings[c].value(row)
		if err != nil {
			return 0, err
		}
		*to, end = v, min(end, e)
	}
	switch {
	case k.part.Type == nodeScope:
		k.part.Type = ""
	case k.part.Type == foreignCPU && g.source.meta.version == 0:
		k.part.Type = threadScope
	}
	return end, nil
}
