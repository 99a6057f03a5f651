package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// topologyJSON describes the machines of the documented load, one object for each cluster.
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

// knownScopes returns all scopes in message order.
func knownScopes() []string {
	return []string{scopeNode, scopeSocket, scopeMemoryDomain, scopeHWThread, scopeAccelerator}
}

// topology is what one cluster is made of. All its hosts are alike.
type topology struct {
	Hosts         []string            `json:"hosts"`
	Sockets       int                 `json:"sockets"`
	MemoryDomains int                 `json:"memoryDomains"`
	HWThreads     int                 `json:"hwthreads"`
	Accelerators  []string            `json:"accelerators"`
	Metrics       map[string][]string `json:"metrics"` // by scope
}

// loadTopologies decodes the embedded description of all clusters.
func loadTopologies() (map[string]topology, error) {
	var clusters map[string]topology
	if err := json.Unmarshal([]byte(topologyJSON), &clusters); err != nil {
		return nil, fmt.Errorf("decode embedded topology: %w", err)
	}
	return clusters, nil
}

// typeIDs returns the ids of the parts that a host has at scope. The host itself is a single
// part without an id.
func (t *topology) typeIDs(scope string) []string {
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

// hostNames returns the first n hosts of the cluster, invented ones (n0001, n0002, …) after the
// known ones, and all known ones for n = 0.
func (t *topology) hostNames(n int) []string {
	if n == 0 {
		return t.Hosts
	}
	names := slices.Clone(t.Hosts[:min(n, len(t.Hosts))])
	for i := 1; len(names) < n; i++ {
		names = append(names, fmt.Sprintf("n%04d", i))
	}
	return names
}

// clusterNames returns the names of clusters in alphabetical order, separated by commas.
func clusterNames(clusters map[string]topology) string {
	names := make([]string, 0, len(clusters))
	for name := range clusters {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}
