package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
// the two brings blocks back whose samples are in a file: these are not written again. A file of which
// anything is freed before it has its name is given up, and written anew without that.
//
// It returns how many blocks of series were dropped. After an error, the blocks that are not in a
// file stay in memory; a cluster that fails does not keep others from it.
func (s *Store) archivePass(ctx context.Context, before int64, keeps func(hostKey) bool) (freed int, err error) {
	var faults []error
	for _, cluster := range s.hosts.clusterNames() {
		p := archivePass{store: s, archive: s.archived.opened.Load(), cluster: cluster, before: before}
		hosts := slices.DeleteFunc(s.Hosts(cluster), func(host string) bool { return keeps(hostKey{cluster, host}) })
		var err error
		for len(hosts) > 0 && err == nil {
			hosts, err = p.writeHosts(ctx, hosts)
		}
		freed += p.freed
		if err != nil {
			faults = append(faults, fmt.Errorf("archive samples of cluster %q that are older than %s: %w", cluster, time.Unix(before, 0).UTC().Format(time.DateTime), err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return freed, errors.Join(faults...)
}

// archivePass is a pass over the hosts of a cluster, in order of their names.
type archivePass struct {
	store   *Store
	archive *archive.Archive
	cluster string
	before  int64
	writer  *archive.Writer // nil: no file is begun
	hosts   []string        // those with blocks in the file that is not finished yet, and maybe more
	written []leavingBlock  // these blocks
	freed   int
	values  [chunk.MaxSlots]float64
	isTold  bool // that a file cannot be read
}

// writeHosts writes blocks of hosts, whose names ascend, and drops them. It returns the hosts
// that have more of them: in a file, each host has one place.
func (p *archivePass) writeHosts(ctx context.Context, hosts []string) (again []string, err error) {
	defer p.abort()
	for _, host := range hosts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.hosts = append(p.hosts, host)
		more, err := p.writeHost(ctx, hostKey{p.cluster, host})
		if err == nil && p.writer != nil && p.writer.Rows() >= archiveRows {
			err = p.finish()
		}
		switch {
		case errors.Is(err, errFreed):
			again = append(again, p.giveUp()...)
		case err != nil:
			return nil, err
		case more:
			again = append(again, host)
		}
	}
	if err = p.finish(); errors.Is(err, errFreed) {
		again, err = append(again, p.giveUp()...), nil
	}
	slices.Sort(again)
	return slices.Compact(again), err
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
	first  int64 // how many slots the blocks of the grid before this one have
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
	if err := p.begin(); err != nil {
		return false, err
	}
	if hook := p.store.testHooks.onTaken; hook != nil {
		hook(key)
	}
	known, err := p.findArchived(ctx, &h)
	if err != nil {
		return false, err
	}
	for i := range h.series {
		if err := known.read(ctx, i); err != nil {
			return false, err
		}
		if err := p.writeSeries(&h, i, known); err != nil {
			return false, err
		}
	}
	p.written = append(p.written, blocks...)
	return h.more, nil
}

// writeSeries writes what the blocks have of a series, without the samples that are archived.
func (p *archivePass) writeSeries(h *leavingHost, number int, known *archivedSamples) error {
	one := &h.series[number]
	for i := range h.blocks[one.grid] {
		b := &h.blocks[one.grid][i]
		if !b.sealed.Has(one.column) {
			continue
		}
		values := p.values[:b.slots]
		decode(values, b.sealed, one.column, 0)
		if known.remove(values, number, b) {
			continue
		}
		if err := p.add(h.key.host, one, b, values); err != nil {
			return err
		}
	}
	return nil
}

// add writes a block of a series, into another file if the one that is begun is full.
func (p *archivePass) add(host string, one *leavingSeries, b *leavingBlock, values []float64) error {
	err := p.writer.Add(host, one.metric, archive.Part(one.part), b.of, values)
	if !errors.Is(err, archive.ErrFull) {
		return err
	}
	if err := p.finish(); err != nil {
		return err
	}
	p.hosts = append(p.hosts, host) // its blocks are not in a file as a whole
	if err := p.begin(); err != nil {
		return err
	}
	return p.writer.Add(host, one.metric, archive.Part(one.part), b.of, values)
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
			first := int64(0)
			if n := len(out.blocks[i]); n > 0 {
				first = out.blocks[i][n-1].first + out.blocks[i][n-1].slots
			}
			s.archived.leaving.take(b)
			of := archive.Block{Start: b.start, End: b.end, Frequency: g.frequency}
			out.blocks[i] = append(out.blocks[i], leavingBlock{h.key, i, b, b.sealed, of, b.slots, first})
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

// begin begins a file if there is none.
func (p *archivePass) begin() (err error) {
	if p.writer == nil {
		p.writer, err = p.archive.NewWriter(p.cluster, p.before)
	}
	return err
}

// finish ends the file, and drops the blocks that it has. It returns errFreed if some of them were freed:
// then there is no file.
func (p *archivePass) finish() error {
	if p.writer == nil {
		p.hosts = nil
		return nil
	}
	leaving := &p.store.archived.leaving
	if leaving.isFreed() {
		return errFreed
	}
	info, err := p.writer.CommitIf(leaving.unlessFreed)
	if errors.Is(err, archive.ErrGivenUp) {
		return errFreed
	}
	p.writer = nil
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
	leaving.forget(p.written)
	p.hosts, p.written = nil, nil
	return nil
}

// giveUp gives up the file that is not finished, and returns the hosts that it was to have.
func (p *archivePass) giveUp() []string {
	hosts := p.hosts
	p.abort()
	return hosts
}

// abort gives up a file that is not finished. Its blocks stay in memory.
func (p *archivePass) abort() {
	if p.writer != nil {
		p.writer.Abort()
		p.writer = nil
	}
	p.hosts, p.written = nil, nil
	p.store.archived.leaving.clear()
}
