package archive

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
)

// Hosts returns the names of the hosts, ascending, that have samples in the files of a cluster which
// the times [from, to) touch. The names of a file are read once. It waits and fails as Read does.
func (a *Archive) Hosts(ctx context.Context, cluster string, from, to int64) ([]string, error) {
	c := a.state.Load().clusters[cluster]
	if c == nil || from >= to {
		return nil, nil
	}
	names := map[string]struct{}{}
	for _, file := range c.files {
		if file.info.Last < from || file.info.First >= to {
			continue
		}
		hosts := file.names.Load()
		if hosts == nil {
			read, err := a.readHosts(ctx, file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, readError(file.info.Path, err)
			}
			hosts = &read
			file.names.Store(hosts)
		}
		for _, name := range *hosts {
			names[name] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// readHosts returns the names of the hosts in a file.
func (a *Archive) readHosts(ctx context.Context, file *file) (names []string, err error) {
	if err := a.enter(ctx); err != nil {
		return nil, err
	}
	defer a.leave()
	open, err := a.cache.open(file.info.Path)
	if err != nil {
		return nil, err
	}
	defer a.cache.release(open)
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
		if !open.meta.groups[i].chunks[columnCluster].bounds.has(file.info.Cluster) {
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
