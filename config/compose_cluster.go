package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"unicode"
)

const (
	// clusterReplicas is how many servers of a cluster keep the log: with one of them down, it
	// takes entries.
	clusterReplicas = 3
	leastRoutes     = 3

	wantedRoutes = `host and port of all servers, such as ["a.example:6222", "b.example:6222", "c.example:6222"]`
)

// clusterName accepts the name of a cluster or of one of its nodes.
func clusterName(name string) error {
	if len(name) > maxStreamName || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return fmt.Errorf("%q is no name: it has at most %d bytes and no blank", name, maxStreamName)
	}
	return nil
}

// clusterPort accepts the address of a server of a cluster, which the others have to know.
func clusterPort(address string) error {
	if err := hostPort(address); err != nil {
		return err
	}
	if _, port, _ := net.SplitHostPort(address); strings.Trim(port, "0") == "" {
		return errors.New("has no port: the other servers have to know it, such as 6222")
	}
	return nil
}

// cluster reads nats.embedded.cluster. e is what is known of the embedded server.
func (c composer) cluster(n *node, e Embedded) Cluster {
	if n == nil || n.value == any(invalid{}) {
		return Cluster{}
	}
	host, _ := os.Hostname() // without one, node has to be given
	out := Cluster{
		Name: read(n, defaultClusterName, "name"),
		Node: read(n, host, "node"),
		Addr: read(n, defaultClusterAddr, "addr"),
	}
	routes := n.at("routes")
	known := map[string]bool{}
	for _, item := range read(routes, list{}) {
		route := read(item, "")
		if known[route] && route != "" {
			c.found.fault(item, "%s is listed already: each server has one place", route)
		}
		known[route] = true
		out.Routes = append(out.Routes, route)
	}
	switch len(out.Routes) {
	case 0:
		if _, isList := read[any](routes, nil).(list); isList {
			c.found.fault(routes, "is empty: give %s, or leave cluster out", wantedRoutes)
		}
	case 1:
		c.found.fault(routes, "lists one server, which is no cluster: leave cluster out")
	case leastRoutes - 1:
		c.found.fault(routes, "lists two servers: the log would stop when either is down; name three, of which the third may be a small machine")
	}
	if out.Node == "" {
		c.found.fault(n.child("node", nil), "is required, as this machine has no name")
	}
	if c.external() {
		c.found.fault(n, "is given together with nats.address: the log is in the embedded servers, or on that broker; leave one of the two out")
	}
	if e.Username == "" && !isLoopback(out.Addr) {
		c.found.fault(n, "needs nats.embedded.username and password, with which the servers log in to each other: without them, whoever reaches %s could take and delete the log", out.Addr)
	}
	return out
}

// isLoopback reports whether an address is reached from this machine alone.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// clusterReplicas reports a number of replicas that a cluster of so many servers cannot keep, or
// with which the log would stop when one is down.
func (c composer) clusterReplicas(n *node, replicas, routes int) {
	if n == nil || routes < leastRoutes {
		return // it is the default, or a fault already
	}
	if replicas > routes || replicas != clusterReplicas && replicas != 5 {
		few := strconv.Itoa(clusterReplicas)
		if routes >= 5 {
			few += " or 5"
		}
		c.found.fault(n, "%d replicas are not possible in a cluster of %d servers: give %s", replicas, routes, few)
	}
}
