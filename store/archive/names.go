package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// maxNames bounds how many names Names returns of each kind.
const maxNames = 1 << 20

// Names returns the hosts and the metrics of a cluster in a file, ascending. It reads no samples, only the columns of
// the names, and takes no lock. It fails for more than 1,048,576 hosts or metrics.
func Names(ctx context.Context, path, cluster string) (hosts, metrics []string, err error) {
	found := [2]map[string]bool{{}, {}}
	if err := readNames(ctx, path, cluster, &found); err != nil {
		return nil, nil, readError(path, err)
	}
	return slices.Sorted(maps.Keys(found[0])), slices.Sorted(maps.Keys(found[1])), nil
}

func readNames(ctx context.Context, path, cluster string, found *[2]map[string]bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errDamaged(p)
		}
	}()
	pages, err := newPageReader()
	if err != nil {
		return err
	}
	defer pages.decoder.Close()
	open, err := openFile(path)
	if err != nil {
		return err
	}
	defer open.file.Close()
	open.forget()
	g := newGroupReader(pages)
	for i := range open.meta.groups {
		if !open.meta.groups[i].chunks[columnCluster].bounds.has(cluster) {
			continue
		}
		if err := g.open(&open.source, i); err != nil {
			return err
		}
		for k, c := range []column{columnHost, columnMetric} {
			for row := int64(0); row < g.rows; {
				name, end, err := g.strings[c].value(row)
				if err != nil {
					return err
				}
				if found[k][name] = true; len(found[k]) > maxNames {
					return fmt.Errorf("it has more than %d names", maxNames)
				}
				row = end
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
