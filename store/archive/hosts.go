package archive

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
)

// Hosts returns the names of the hosts, ascending, that have samples in the files of a cluster which
// the times [from, to) touch. It waits and fails as Read does.
func (a *Archive) Hosts(ctx context.Context, cluster string, from, to int64) ([]string, error) {
	c := a.state.Load().clusters[cluster]
	if c == nil || from >= to {
		return nil, nil
	}
	all := map[string]struct{}{}
	p := place{archive: a}
	defer p.leave()
	for _, file := range c.files {
		if file.info.Last < from || file.info.First >= to {
			continue
		}
		if err := p.enter(ctx); err != nil {
			return nil, err
		}
		names, err := a.hosts(ctx, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, readError(file.info.Path, err)
		}
		for _, name := range names {
			all[name] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// hosts returns the names of the hosts in a file, which are kept with it unless others share it.
func (a *Archive) hosts(ctx context.Context, file *file) ([]string, error) {
	open, err := a.cache.open(file.info.Path)
	if err != nil {
		return nil, err
	}
	defer a.cache.release(open)
	if file.isShared {
		return a.readHosts(ctx, open, file.info.Cluster)
	}
	names := open.knownHosts()
	if names == nil {
		if names, err = a.readHosts(ctx, open, file.info.Cluster); err == nil {
			open.keepHosts(names)
		}
	}
	return names, err
}

// readHosts reads the names of the hosts of a cluster in a file.
func (a *Archive) readHosts(ctx context.Context, open *cached, cluster string) (names []string, err error) {
	g := a.readers.Get().(*groupReader)
	defer func() {
		g.close()
		a.readers.Put(g)
	}()
	defer func() {
		if p := recover(); p != nil {
			err = errDamaged(p)
		}
	}()
	known := map[string]struct{}{}
	for i := range open.meta.groups {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !open.meta.groups[i].chunks[columnCluster].bounds.has(cluster) {
			continue
		}
		if err := g.open(&open.source, i); err != nil {
			return nil, err
		}
		for row := int64(0); row < g.rows; {
			name, end, err := g.strings[columnHost].value(row)
			if err != nil {
				return nil, err
			}
			known[name] = struct{}{}
			row = end
		}
	}
	return slices.Sorted(maps.Keys(known)), nil
}
