// Package load is the load of the documented clusters: their hosts, the series
// of each, and the values of those, which follow from a seed.
// cc-metric-generator sends it; tests take it directly.
package load

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// topologyJSON describes the machines of the documented load, one object for
// each cluster.
//
//go:embed topology.json
var topologyJSON string

// Scopes in the order in which a message lists them.
const (
	scopeNode         = "node"
	scopeSocket       = "socket"
	scopeMemoryDomain = "memoryDomain"
	scopeHWThread     = "hwthread"
	scopeAccelerator  = "accelerator"
)

// Scopes returns all scopes in message order.
func Scopes() []string {
	return []string{scopeNode, scopeSocket, scopeMemoryDomain, scopeHWThread, scopeAccelerator}
}

// Topology is what one cluster is made of. All its hosts are alike.
type Topology struct {
	Hosts         []string            `json:"hosts"`
	Sockets       int                 `json:"sockets"`
	MemoryDomains int                 `json:"memoryDomains"`
	HWThreads     int                 `json:"hwthreads"`
	Accelerators  []string            `json:"accelerators"`
	Metrics       map[string][]string `json:"metrics"` // by scope
}

// Clusters returns what the documented clusters are made of, by name.
func Clusters() (map[string]Topology, error) {
	var clusters map[string]Topology
	if err := json.Unmarshal([]byte(topologyJSON), &clusters); err != nil {
		return nil, fmt.Errorf("decode embedded topology: %w", err)
	}
	return clusters, nil
}

// typeIDs returns the ids of the parts that a host has at scope. The host
// itself is a single part without an id.
func (t *Topology) typeIDs(scope string) []string {
	switch scope {
	case scopeNode:
		return []string{""}
	case scopeSocket:
		return numbered(t.Sockets)
	case scopeMemoryDomain:
		return numbered(t.MemoryDomains)
	case scopeHWThread:
		return numbered(t.HWThreads)
	case scopeAccelerator:
		return t.Accelerators
	default:
		return nil
	}
}

// HostNames returns the first n hosts of the cluster, invented ones (n0001,
// n0002, …) after the known ones, and all known ones for n = 0.
func (t *Topology) HostNames(n int) []string {
	if n == 0 {
		return t.Hosts
	}
	names := slices.Clone(t.Hosts[:min(n, len(t.Hosts))])
	for i := 1; len(names) < n; i++ {
		names = append(names, fmt.Sprintf("n%04d", i))
	}
	return names
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}
