package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"cc-metric-store/store/archive"
	"cc-metric-store/store/chunk"
)

// archiveRows is with how many rows a file of the archive is finished, and its blocks leave
// memory: a crash costs so much work at the most.
const archiveRows = 1 << 26

// archivePass writes the blocks to the archive that end before a time in Unix seconds, those of
// hosts for which keeps returns true excepted, and drops them. Blocks are dropped when the file
// with them is on the disk, so that each is in memory or in a file at any moment. A crash between
// the two brings blocks back whose samples are in a file: these are not written again.
//
// It returns how many blocks of series were dropped. After an error, the blocks that are not in a
// file stay in memory.
func (s *Store) archivePass(ctx context.Context, before int64, keeps func(hostKey) bool) (freed int, err error) {
	for _, cluster := range s.hosts.clusterNames() {
		p := archivePass{store: s, archive: s.archived.opened.Load(), cluster: cluster, before: before}
		hosts := slices.DeleteFunc(s.Hosts(cluster), func(host string) bool { return keeps(hostKey{cluster, host}) })
		for len(hosts) > 0 && err == nil {
			hosts, err = p.writeHosts(ctx, hosts)
		}
		freed += p.freed
		if err != nil {
			return freed, fmt.Errorf("archive samples of cluster %q that are older than %s: %w", cluster, time.Unix(before, 0).UTC().Format(time.DateTime), err)
		}
	}
	return freed, nil
}

// archivePass is a pass over the hosts of a cluster, in order of their names.
type archivePass struct {
	store   *Store
	archive *archive.Archive
	cluster string
	before  int64
	writer  *archive.Writer // nil: no file is begun
	written []leavingBlock  // blocks in the file that is not finished yet
	freed   int
	values  [chunk.MaxSlots]float64
}

// writeHosts writes blocks of hosts, whose names ascend, and drops them. It returns the hosts
// that have more of them: in a file, each host has one place.
func (p *archivePass) writeHosts(ctx context.Context, hosts []string) (again []string, err error) {
	defer p.abort()
	for _, host := range hosts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := p.writeHost(ctx, hostKey{p.cluster, host})
		if err != nil {
			return nil, err
		}
		if more {
			again = append(again, host)
		}
		if p.writer != nil && p.writer.Rows() >= archiveRows {
			if err := p.finish(); err != nil {
				return nil, err
			}
		}
	}
	return again, p.finish()
}

// leavingBlock is a sealed block of a host that goes to the archive. The sealed values are
// immutable; the block may change meanwhile.
type leavingBlock struct {
	host   hostKey
	grid   int // index into host.grids
	block  *block
	sealed chunk.Group
	of     archive.Block
	slots  int64
}

// leavingSeries is a series of a host that has such blocks.
type leavingSeries struct {
	metric string
	part   Part
	grid   int
	column int32
	of     int64 // the interval in seconds
}

// leavingHost is what goes of a host: the blocks by grid, each in order of time, and the series
// in the order of the archive.
type leavingHost struct {
	key    hostKey
	blocks [][]leavingBlock // by index into host.grids
	series []leavingSeries
	more   bool // the host has more of them
}

// all returns the blocks of all grids.
func (h *leavingHost) all() []leavingBlock { return slices.Concat(h.blocks...) }

// writeHost writes the blocks of a host, some of them if there are very many.
func (p *archivePass) writeHost(ctx context.Context, key hostKey) (more bool, err error) {
	h := p.take(key)
	blocks := h.all()
	if len(blocks) == 0 {
		return false, nil
	}
	if p.writer == nil {
		if p.writer, err = p.archive.NewWriter(p.cluster, p.before); err != nil {
			return false, err
		}
	}
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range blocks {
		from, to = min(from, blocks[i].of.Start), max(to, blocks[i].of.End+blocks[i].of.Frequency)
	}
	some, err := p.hasArchived(ctx, &h, from, to)
	if err != nil {
		return false, err
	}
	var known archivedSamples
	for i := range h.series {
		one := &h.series[i]
		if some && (i == 0 || one.metric != h.series[i-1].metric) {
			if known, err = p.readArchived(ctx, key, one.metric, from, to); err != nil {
				return false, err
			}
		}
		if err := p.writeSeries(key, one, h.blocks[one.grid], known); err != nil {
			return false, err
		}
	}
	p.written = append(p.written, blocks...)
	return h.more, nil
}

// writeSeries writes what the blocks have of a series, without the samples that are archived.
func (p *archivePass) writeSeries(key hostKey, one *leavingSeries, blocks []leavingBlock, known archivedSamples) error {
	for i := range blocks {
		b := &blocks[i]
		if !b.sealed.Has(one.column) {
			continue
		}
		values := p.values[:b.slots]
		decode(values, b.sealed, one.column, 0)
		if known.remove(values, one, b) {
			continue
		}
		if err := p.writer.Add(key.host, one.metric, archive.Part(one.part), b.of, values); err != nil {
			return err
		}
	}
	return nil
}

// archivedSamples are samples of one metric of a host that are in the archive, by series and
// time.
type archivedSamples map[archivedSeries]map[int64]float64

type archivedSeries struct {
	part      Part
	frequency int64
}

// remove makes gaps of those values that are archived as they are. It reports whether none is
// left.
func (a archivedSamples) remove(values []float64, one *leavingSeries, b *leavingBlock) bool {
	known := a[archivedSeries{one.part, one.of}]
	if len(known) == 0 {
		return false
	}
	for i, v := range values {
		if old, ok := known[b.of.Start+one.of/2+int64(i)*one.of]; ok && math.Float64bits(old) == math.Float64bits(v) {
			values[i] = math.NaN()
		}
	}
	return !hasValue(values)
}

var errSome = errors.New("there is a sample")

// hasArchived reports whether the archive may have samples of the blocks, all of which lie between
// from and to. Usually it has none, and then little is read, if anything: of grids with another
// interval.
func (p *archivePass) hasArchived(ctx context.Context, h *leavingHost, from, to int64) (bool, error) {
	if newest, ok := p.archive.Newest(h.key.cluster); !ok || newest < from {
		return false, nil
	}
	err := p.archive.Read(ctx, &archive.Selection{Cluster: h.key.cluster, Host: h.key.host, From: from, To: to},
		func(rows *archive.Rows) error {
			if h.covers(rows) {
				return errSome
			}
			return nil
		})
	if errors.Is(err, errSome) {
		return true, nil
	}
	return false, err
}

// covers reports whether any of the rows may be of a slot of the blocks.
func (h *leavingHost) covers(rows *archive.Rows) bool {
	for _, blocks := range h.blocks {
		if len(blocks) == 0 || blocks[0].of.Frequency != rows.Frequency || len(rows.Times) == 0 {
			continue
		}
		first, last := rows.Times[0], rows.Times[len(rows.Times)-1]
		// The first block that ends after the first row.
		at := search(len(blocks), func(i int) bool { return blocks[i].of.End+rows.Frequency > first })
		for ; at < len(blocks) && blocks[at].of.Start <= last; at++ {
			if of := rows.Block; of.Frequency == 0 || of.Start < blocks[at].of.End && blocks[at].of.Start < of.End {
				return true
			}
		}
	}
	return false
}

// readArchived returns what the archive has of a metric of the host in a time. Of several samples
// for one time, it is that of the newest file.
func (p *archivePass) readArchived(ctx context.Context, key hostKey, metric string, from, to int64) (archivedSamples, error) {
	known := archivedSamples{}
	selection := archive.Selection{Cluster: key.cluster, Host: key.host, Metrics: []string{metric}, From: from, To: to}
	err := p.archive.Read(ctx, &selection, func(rows *archive.Rows) error {
		of := archivedSeries{Part(rows.Part), rows.Frequency}
		samples := known[of]
		if samples == nil {
			samples = map[int64]float64{}
			known[archivedSeries{of.part.clone(), of.frequency}] = samples
		}
		for i, t := range rows.Times {
			if _, newer := samples[t]; !newer {
				samples[t] = rows.Values[i]
			}
		}
		return nil
	})
	return known, err
}

const (
	// leaveRun is how many blocks are sealed under one hold of the stripe's lock.
	leaveRun = 32
	// leaveMost is how many blocks of a grid are taken at once.
	leaveMost = 4096
)

// take seals the blocks of a host that go, and returns them.
func (p *archivePass) take(key hostKey) leavingHost {
	h := leavingHost{key: key}
	for more := true; more; {
		more = p.takeSome(&h)
	}
	slices.SortFunc(h.series, func(a, b leavingSeries) int {
		return cmp.Or(cmp.Compare(a.metric, b.metric), a.part.compare(b.part), cmp.Compare(a.of, b.of))
	})
	return h
}

// takeSome is take, but if many blocks have to be sealed, it seals some and returns sealing: then
// it is to be called again.
func (p *archivePass) takeSome(out *leavingHost) (sealing bool) {
	s := p.store
	st := s.stripeOf(out.key)
	st.mu.Lock()
	defer st.mu.Unlock()
	out.blocks, out.series, out.more = nil, nil, false
	h := st.hosts[out.key]
	if h == nil {
		return false
	}
	sealed := 0
	out.blocks = make([][]leavingBlock, len(h.grids))
	for i, g := range h.grids {
		if g == nil {
			continue
		}
		leaving := g.leaving(p.before)
		out.more = out.more || len(leaving) == leaveMost
		for _, b := range leaving {
			if b.sealed == nil || len(b.patches.list) > 0 {
				if sealed++; sealed > leaveRun {
					return true
				}
				s.sealLocked(h, g, b)
				if b.sealed == nil {
					continue // it had no values, and is gone
				}
			}
			out.blocks[i] = append(out.blocks[i], leavingBlock{h.key, i, b, b.sealed, archive.Block{Start: b.start, End: b.end, Frequency: g.frequency}, b.slots})
		}
	}
	for k, c := range h.series {
		m := s.metrics.at(k.metric)
		if i := int(m.grid); len(out.blocks[i]) > 0 {
			out.series = append(out.series, leavingSeries{m.name, h.parts[k.part], i, c, m.frequency})
		}
	}
	return false
}

// leaving returns the first blocks that end before a time, in a slice of their own.
func (g *grid) leaving(before int64) []*block {
	var out []*block
	for b := range g.blocks.all() {
		if b.end+g.frequency/2 >= before || len(out) == leaveMost {
			break
		}
		out = append(out, b)
	}
	return out
}

// finish ends the file, and drops the blocks that it has.
func (p *archivePass) finish() error {
	if p.writer == nil {
		return nil
	}
	w := p.writer
	p.writer = nil
	info, err := w.Commit()
	if err != nil {
		return err
	}
	p.store.counters.archived.Add(info.Rows)
	for i := 0; i < len(p.written); {
		n := i + 1
		for n < len(p.written) && p.written[n].host == p.written[i].host && n-i < freeRun {
			n++
		}
		p.freed += p.store.dropArchived(p.written[i:n])
		i = n
	}
	p.written = nil
	return nil
}

// abort gives up a file that is not finished. Its blocks stay in memory.
func (p *archivePass) abort() {
	if p.writer != nil {
		p.writer.Abort()
		p.writer = nil
	}
}

// dropArchived drops blocks of one host, but none that changed since it was written: what is new
// of it goes with the next pass.
func (s *Store) dropArchived(blocks []leavingBlock) (freed int) {
	st := s.stripeOf(blocks[0].host)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[blocks[0].host]
	if h == nil {
		return 0
	}
	for i := range blocks {
		one := &blocks[i]
		g := h.grid(uint16(one.grid))
		if g == nil || !one.isUnchanged() {
			continue
		}
		all := g.blocks.len()
		if s.removeBlockLocked(g, one.block); g.blocks.len() < all {
			freed += one.sealed.Count()
		}
	}
	if h.dropped += freed; h.dropped > 0 {
		s.pruneLocked(st, h)
	}
	return freed
}

// isUnchanged reports whether the block has the values that were written.
func (b *leavingBlock) isUnchanged() bool {
	now := b.block
	return now.head == nil && len(now.patches.list) == 0 && len(now.sealed) > 0 && &now.sealed[0] == &b.sealed[0]
}

// pressure returns the time in Unix seconds before which the blocks are to leave memory, so that
// the memory cap does not drop any: false while there is room. The newest block of each grid
// stays.
func (s *Store) pressure() (before int64, ok bool) {
	used := s.usedBytes.Load()
	if s.cfg.MemoryCap == 0 || used < s.cfg.MemoryCap/8*7 {
		return 0, false
	}
	const step = 600 // seconds
	ends := map[int64]int64{}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for _, h := range st.hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				newest := g.blocks.last()
				for b := range g.blocks.all() {
					if b != newest {
						ends[floorDiv(b.end+g.frequency/2, step)] += b.size()
					}
				}
			}
		}
		st.mu.RUnlock()
	}
	wanted := used - s.cfg.MemoryCap/4*3
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		before, ok = (end+1)*step, true
		if wanted -= ends[end]; wanted <= 0 {
			break
		}
	}
	return before, ok
}
