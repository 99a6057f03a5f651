package store

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// checkHostIndex compares the index of hosts with the stripes.
func checkHostIndex(t *testing.T, s *Store) {
	t.Helper()
	want, all := map[string]map[string]struct{}{}, 0
	for i := range s.stripes {
		for k := range s.stripes[i].hosts {
			if want[k.cluster] == nil {
				want[k.cluster] = map[string]struct{}{}
			}
			want[k.cluster][k.host] = struct{}{}
			all++
		}
	}
	if !reflect.DeepEqual(s.hosts.clusters, want) || s.hosts.all != all {
		t.Fatalf("the index has %d hosts: %q; the stripes have %d: %q", s.hosts.all, s.hosts.clusters, all, want)
	}
	for cluster, hosts := range want {
		if got := s.Hosts(cluster); !slices.Equal(got, slices.Sorted(maps.Keys(hosts))) {
			t.Fatalf("hosts of cluster %s: %q; the stripes have %q", cluster, got, hosts)
		}
	}
	if len(s.hosts.sorted) != len(want) {
		t.Fatalf("the index keeps the sorted hosts of %d clusters, of %d", len(s.hosts.sorted), len(want))
	}
}

// TestHostIndexBounds adds hosts up to each limit.
func TestHostIndexBounds(t *testing.T) {
	x := hostIndex{clusters: map[string]map[string]struct{}{}}
	add := func(cluster, host string, want bool) {
		t.Helper()
		if x.add(hostKey{cluster, host}, 2) != want {
			t.Errorf("host %s of cluster %s: added %v", host, cluster, !want)
		}
	}
	add("a", "1", true)
	add("a", "2", true)
	add("a", "2", true) // it is there
	add("a", "3", false)
	for _, c := range []string{"b", "c", "d"} {
		add(c, "1", true)
		add(c, "2", true)
	}
	add("e", "1", false) // four full clusters
	x.remove(hostKey{"a", "3"})
	x.remove(hostKey{"a", "2"})
	x.remove(hostKey{"a", "1"})
	add("e", "1", true)
	if got := x.clusterNames(); !reflect.DeepEqual(got, []string{"b", "c", "d", "e"}) || x.all != 7 {
		t.Errorf("clusters %q with %d hosts", got, x.all)
	}
}
