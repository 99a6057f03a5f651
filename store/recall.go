package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"time"

	"cc-metric-store/store/archive"
)

const (
	// maxRecalled bounds what one recall may take, in bytes: 30 days of 128 hardware threads at 10 s
	// fit.
	maxRecalled = 320 << 20
	// Beyond smallRecall, a recall needs one of largeRecalls places: most take a few MiB at the most.
	smallRecall  = 16 << 20
	largeRecalls = 2
	// recallPatience is how long it waits while none comes to an end, as clients do not read. They give up
	// after 10 s themselves.
	recallPatience = 8 * time.Second
)

// RecallError is returned for a query of more archived samples than fit into memory at once.
type RecallError struct {
	Cluster, Host, Metric string
	From, To              int64
}

func (e *RecallError) Error() string {
	return fmt.Sprintf("[METRICSTORE]> the archive has too many samples of %s of host %s of cluster %s from %d to %d to be read at once (more than %d MiB in memory): ask for a shorter time or fewer parts",
		e.Metric, e.Host, e.Cluster, e.From, e.To, maxRecalled>>20)
}

// ErrRecallsBusy is returned for a query of very many archived samples while others of this kind are answered.
var ErrRecallsBusy = errors.New("[METRICSTORE]> other queries of very many samples in the archive are being answered: ask again, for a shorter time or for fewer parts")

// errLargeRecall says that a recall does not fit into smallRecall.
var errLargeRecall = errors.New("a recall is large")

// isArchived reports whether the archive may have samples of the cluster in slots that cover from
// or a later time.
func (s *Store) isArchived(cluster string, from int64) bool {
	a := s.archived.opened.Load()
	if a == nil {
		return false
	}
	newest, ok := a.Newest(cluster)
	if s.testHooks.onAsked != nil {
		s.testHooks.onAsked()
	}
	return ok && from-s.longest(cluster) <= newest
}

// longest returns the longest interval of samples of a cluster, in memory or in the archive: a slot that
// covers a time has its sample no further from it.
func (s *Store) longest(cluster string) int64 {
	longest := s.metrics.longest()
	if a := s.archived.opened.Load(); a != nil {
		longest = max(longest, a.Longest(cluster))
	}
	return longest
}

// recall is a host as it would be in memory if nothing of one metric had gone to the archive. It
// is made for one query, from copies of what is in memory and what the archive has, and belongs
// to one goroutine. It has the parts that memory knows, and those that the archive has in the files
// that the window touches: a part that has no samples in the window is a gap in a sum. So that queries need no second way, it is a host like others, with one metric
// and a table of its own: the columns of the metric are numbered anew, and all blocks have heads.
type recall struct {
	store   *Store
	wanted  recallWanted
	table   *metricTable
	host    *host
	bytes   int  // taken so far, about
	limit   int  // of these
	isLarge bool // it has a place

	// What the rows of the last call of add were of.
	last     recalledSeries
	lastPart archive.Part
}

// recallWanted says what a recall is for: a metric of a host, of parts of one type or of all, of those
// with some ids or with any, and of one part alone if part is not nil, in the slots that cover the times
// [from, to).
type recallWanted struct {
	hostKey
	metric   string
	typ      *string
	ids      *idSet
	part     *Part
	from, to int64
	// extents says that it matters whether series have samples outside of these times.
	extents bool
}

// idSet is a set of ids of parts.
type idSet map[string]struct{}

// maxReadIDs is for how many ids pages are looked at one by one whether they have any of them.
const maxReadIDs = 64

// recalledSeries is a series of the recalled host.
type recalledSeries struct {
	grid   *grid // nil: none
	column int32
}

// recall reads what memory and the archive have. What memory has counts more; of the archive, a
// file that was written later does. The caller calls release when it does not need what the recall has
// any more.
func (s *Store) recall(ctx context.Context, w recallWanted) (*recall, error) {
	r := &recall{store: s, limit: min(s.cfg.smallRecall, maxRecalled-1)}
	err := r.fill(ctx, w)
	if errors.Is(err, errLargeRecall) {
		// What it has read is let go before it waits, so that none waits for another one's memory.
		if err := s.enterRecall(ctx); err != nil {
			return nil, err
		}
		r = &recall{store: s, limit: maxRecalled, isLarge: true}
		err = r.fill(ctx, w)
	}
	if err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// enterRecall waits for a place of a large recall.
func (s *Store) enterRecall(ctx context.Context) error {
	for {
		before := s.recallsLeft.Load()
		patience := time.NewTimer(s.cfg.recallPatience)
		select {
		case s.largeRecalls <- struct{}{}:
			patience.Stop()
			return nil
		case <-ctx.Done():
			patience.Stop()
			return ctx.Err()
		case <-patience.C:
			if s.recallsLeft.Load() == before {
				return ErrRecallsBusy
			}
		}
	}
}

func (s *Store) leaveRecall() {
	s.recallsLeft.Add(1)
	<-s.largeRecalls
}

// release gives the place of a large recall back. A recall that is nil has none.
func (r *recall) release() {
	if r != nil && r.isLarge {
		r.store.leaveRecall()
		r.isLarge = false
	}
}

// fill reads what is wanted.
func (r *recall) fill(ctx context.Context, w recallWanted) error {
	config, _ := r.store.metrics.config(w.metric)
	r.wanted = w
	r.table = newMetricTable(&Config{Metrics: map[string]MetricConfig{w.metric: config}})
	r.host = newHost(w.hostKey)
	if err := r.addMemory(); err != nil {
		return err
	}
	selection := w.selection()
	selection.AllSeries = true
	// The slots around the ends of the window are half an interval longer.
	if longest := r.store.longest(w.cluster); w.from > -timeBound {
		selection.From, selection.To = w.from-longest, w.to+longest
	}
	if err := r.read(ctx, selection, r.add); err != nil {
		return err
	}
	r.host.arrange()
	return nil
}

// read reads the archive.
func (r *recall) read(ctx context.Context, selection *archive.Selection, use func(*archive.Rows) error) error {
	if err := r.store.archived.opened.Load().Read(ctx, selection, use); err != nil {
		w := &r.wanted
		return fmt.Errorf("[METRICSTORE]> read %s of host %s of cluster %s in the archive: %w", w.metric, w.host, w.cluster, err)
	}
	return nil
}

// selection is what is read of the archive, of all times.
func (w *recallWanted) selection() *archive.Selection {
	selection := &archive.Selection{Cluster: w.cluster, Host: w.host, Metrics: []string{w.metric}, From: math.MinInt64, To: math.MaxInt64}
	if w.typ != nil {
		selection.Types = []string{*w.typ}
	}
	if w.part != nil {
		selection.IDs = []string{w.part.ID}
	} else if w.ids != nil && len(*w.ids) <= maxReadIDs {
		selection.IDs = slices.Collect(maps.Keys(*w.ids))
	}
	return selection
}

// HostsIn returns the names of the hosts of a cluster, ascending, that have samples in memory, and of
// those that have some in the files of the archive that the times [from, to) touch, in Unix seconds.
// It reads the archive, and may fail and wait for that; ctx ends it.
func (s *Store) HostsIn(ctx context.Context, cluster string, from, to int64) ([]string, error) {
	from, to = max(from, -timeBound), min(to, timeBound)
	held := s.Hosts(cluster)
	if !s.isArchived(cluster, from) {
		return held, nil
	}
	longest := s.longest(cluster)
	archived, err := s.archived.opened.Load().Hosts(ctx, cluster, from-longest, to+longest)
	if err != nil {
		return nil, fmt.Errorf("[METRICSTORE]> read the hosts of cluster %s in the archive: %w", cluster, err)
	}
	all := slices.Concat(held, archived)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// recalledSnapshots is snapshots for a window that begins where samples are archived. The caller releases the
// recall, which may be nil, when it does not need the snapshots any more.
func (s *Store) recalledSnapshots(ctx context.Context, memory *queryMemory, q *Query, config *queriedMetric) (*recall, []snapshot, error) {
	w := recallWanted{hostKey: hostKey{q.Cluster, q.Host}, metric: q.Metric, from: q.From, to: q.To, extents: q.Unpadded}
	if q.Type != "" {
		ids := idSet{}
		for _, id := range q.TypeIDs {
			ids[id] = struct{}{}
		}
		w.typ, w.ids = &q.Type, &ids
	}
	r, err := s.recall(ctx, w)
	if err != nil {
		return r, nil, err
	}
	// Archived samples may have a shorter interval than those in memory.
	recalled, _ := r.table.queried(q.Metric)
	if recalled.finest < config.Frequency {
		if err := q.checkWindow(recalled.finest); err != nil {
			return r, nil, err
		}
	}
	snapshots, err := s.snapshotsOf(memory, r.host, r.table, q, &recalled)
	if err != nil || !q.Unpadded {
		return r, snapshots, err
	}
	front, back := isCut(q, snapshots)
	if !front && !back {
		return r, snapshots, nil
	}
	if err := r.findExtents(ctx, front, back); err != nil {
		return r, nil, err
	}
	recalled, _ = r.table.queried(q.Metric) // samples of another interval may have been found
	snapshots, err = s.snapshotsOf(memory, r.host, r.table, q, &recalled)
	return r, snapshots, err
}

// wants reports whether the part is asked for.
func (w *recallWanted) wants(p *Part) bool {
	if w.part != nil {
		return *p == *w.part
	}
	if w.ids != nil {
		if _, ok := (*w.ids)[p.ID]; !ok {
			return false
		}
	}
	return w.typ == nil || p.Type == *w.typ
}

// take counts bytes that the recall takes, about. It fails if they are too many; for a recall that becomes large
// while there is no place for it with errLargeRecall.
func (r *recall) take(bytes int) error {
	if r.bytes += bytes; r.bytes <= r.limit {
		return nil
	}
	if !r.isLarge {
		select {
		case r.store.largeRecalls <- struct{}{}:
			r.isLarge, r.limit = true, maxRecalled
		default:
			return errLargeRecall
		}
	}
	if r.bytes > r.limit {
		w := &r.wanted
		return &RecallError{w.cluster, w.host, w.metric, w.from, w.to}
	}
	return nil
}

// obtainGrid returns the grid with the interval, and the metric with it. There is none if the
// table is full.
func (r *recall) obtainGrid(frequency int64) (*grid, MetricID, bool) {
	m, ok := r.table.obtain(r.wanted.metric, frequency)
	if !ok {
		return nil, 0, false
	}
	at := r.table.at(m).grid
	g := r.host.grid(at)
	if g == nil {
		g = &grid{frequency: frequency, slots: int64(r.store.cfg.blockSlots)}
		r.host.setGrid(at, g)
	}
	return g, m, true
}

// addSeries returns the column of the part's series, which may be new.
func (r *recall) addSeries(g *grid, m MetricID, p Part) int32 {
	i := r.host.obtain(maphash.Comparable(r.store.seed, p), p)
	if c, ok := r.host.column(i, m); ok {
		return c
	}
	r.bytes += partBytes + seriesBytes
	c := g.addColumn()
	r.host.addSeries(i, m, r.table, c)
	return c
}

func (r *recall) newBlock(start, end, slots int64) *block {
	r.bytes += blockBytes
	b := newBlock(start, end, slots)
	b.head = &head{}
	return b
}

// set stores a value in a block that has a head.
func (r *recall) set(g *grid, b *block, slot int64, column int32, v float64) error {
	if err := r.take(int(b.head.growth(slot, column, g.columns)) * valueBytes); err != nil {
		return err
	}
	b.head.set(slot, column, g.columns, v)
	return nil
}
