package config

import (
	"strconv"
	"strings"
)

const flatWarning = "this is the old flat format, which is still read. Today's sections: " +
	"main (instead of http-api, jwt-public-key, debug), metrics, nats (one server instead of a list) and " +
	"metric-store (instead of retention-in-memory, num-workers, checkpoints, archive, nats[].subscriptions)"

// isFlat reports whether a file has the old format, by its top level.
func isFlat(root *node) bool {
	if root.at("main") != nil || root.at("metric-store") != nil {
		return false
	}
	for _, key := range []string{"http-api", "retention-in-memory", "jwt-public-key", "checkpoints", "archive"} {
		if root.at(key) != nil {
			return true
		}
	}
	_, servers := read[any](root, nil, "nats").(list)
	return servers
}

// flatFormat describes the old format.
func flatFormat() field {
	server := natsClientKeys()
	server["subscriptions"] = subscriptions()
	keys := map[string]field{
		"metrics": metricsSection(on(flatAggregation)),
		"http-api": {kind: section, keys: map[string]field{
			"address":         restAddress(),
			"https-cert-file": {kind: text, valid: on(readableFile)},
			"https-key-file":  {kind: text, valid: on(readableFile)},
		}},
		"jwt-public-key":      {kind: text, valid: on(publicKey)},
		"debug":               debugSection(),
		"retention-in-memory": retention(),
		"num-workers":         workers(),
		"checkpoints":         checkpoints(),
		"archive":             archive(),
		"nats":                {kind: items, element: &field{kind: section, keys: server}},
	}
	addForeign(keys)
	return field{kind: section, keys: keys}
}

// unflatten returns a tree of sections with the values of a checked tree of the old format.
// The nodes keep their paths.
func unflatten(root *node, found *findings) *node {
	if servers := root.at("nats"); servers != nil {
		if many := read(root, list{}, "nats"); len(many) > 1 {
			found.fault(servers, "lists %d servers, but a store reads one log: keep one and list its cluster's other "+
				"servers in its address, separated by commas; start one store for each further broker", len(many))
		}
	}
	moves := []struct{ from, to string }{
		{"metrics", "metrics"},
		{"http-api.address", "main.addr"},
		{"http-api.https-cert-file", "main.https-cert-file"},
		{"http-api.https-key-file", "main.https-key-file"},
		{"jwt-public-key", "main.jwt-public-key"},
		{"debug", "main.debug"},
		{"nats.0.address", "nats.address"},
		{"nats.0.username", "nats.username"},
		{"nats.0.password", "nats.password"},
		{"nats.0.creds-file-path", "nats.creds-file-path"},
		{"nats.0.nkey-seed-file", "nats.nkey-seed-file"},
		{"nats.0.subscriptions", "metric-store.nats-subscriptions"},
		{"retention-in-memory", "metric-store.retention-in-memory"},
		{"num-workers", "metric-store.num-workers"},
		{"checkpoints", "metric-store.checkpoints"},
		{"archive", "metric-store.archive"},
	}
	sections := &node{value: object{}}
	for _, move := range moves {
		if moved := atPath(root, move.from); moved != nil {
			put(sections, move.to, moved)
		}
	}
	return sections
}

// atPath is node.at with a dotted path in which a number selects from a list.
func atPath(n *node, path string) *node {
	for _, key := range strings.Split(path, ".") {
		index, err := strconv.Atoi(key)
		if err != nil {
			n = n.at(key)
			continue
		}
		servers := read(n, list{})
		if index >= len(servers) {
			return nil
		}
		n = servers[index]
	}
	return n
}

// put adds moved below root, and the sections on the path that are not there.
func put(root *node, path string, moved *node) {
	section, key, below := strings.Cut(path, ".")
	members := read(root, object{})
	if !below {
		members[section] = moved
		return
	}
	if members[section] == nil {
		members[section] = root.child(section, object{})
	}
	put(members[section], key, moved)
}
