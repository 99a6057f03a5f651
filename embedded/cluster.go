package embedded

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// ClusterName is the directory, in Config.Directory, of a server in a cluster. A server that is
// started with others deletes the streams that they do not know, so one without a cluster has
// its data elsewhere.
const ClusterName = "cluster"

// Cluster describes the servers that keep the log together. All of them have the same Username,
// Password and streams.
type Cluster struct {
	// Name is that of the cluster, Node that of this server, which no other one has.
	Name, Node string
	// Addr is the host:port at which the other servers connect.
	Addr string
	// Routes has the host:port of all servers. This one may be among them.
	Routes []string
	// Own are subjects whose messages stay at the server that they were sent to: each server
	// takes what its own clients send, so that nothing is taken twice.
	Own []string
}

// validate reports all faults.
func (c *Cluster) validate() error {
	var faults []error
	if c.Name == "" || c.Node == "" {
		faults = append(faults, errors.New("a cluster without a name, or a name of this node"))
	}
	if _, port, err := splitAddr(c.Addr); err != nil || port == server.RANDOM_PORT {
		faults = append(faults, fmt.Errorf("cluster address %q is not host:port, with a port that the others know", c.Addr))
	}
	for _, route := range c.Routes {
		if _, _, err := net.SplitHostPort(route); err != nil {
			faults = append(faults, fmt.Errorf("route %q is not host:port", route))
		}
	}
	if len(c.Routes) < 3 {
		faults = append(faults, fmt.Errorf("a cluster of %d servers: it goes on without one of them only if there are three", len(c.Routes)))
	}
	return errors.Join(faults...)
}

// apply sets the options of nats-server.
func (c *Cluster) apply(opts *server.Options) {
	host, port, _ := splitAddr(c.Addr) // which validate has checked
	stay := &server.SubjectPermission{Deny: slices.Clone(c.Own)}
	opts.ServerName = c.Node
	opts.Cluster = server.ClusterOpts{
		Name: c.Name, Host: host, Port: port, Username: opts.Username, Password: opts.Password,
		// Addresses as the servers see them are of no use to clients behind a router.
		NoAdvertise: true,
		Permissions: &server.RoutePermissions{Import: stay, Export: stay},
	}
	for _, route := range c.Routes {
		u := &url.URL{Scheme: "nats-route", Host: route}
		if opts.Username != "" {
			u.User = url.UserPassword(opts.Username, opts.Password)
		}
		opts.Routes = append(opts.Routes, u)
	}
}

// startRouting lets the server find the others. nats-server waits with that until clients may
// connect, which they may only once Listen was called.
func (c *Cluster) startRouting(ns *server.Server) {
	listening := make(chan struct{})
	close(listening)
	// It marks a goroutine as done, in place of the one that Start has left waiting for ever: so
	// it is called once for each server.
	ns.StartRouting(listening)
}

// listenable is Server.listenable for the address of the cluster.
func (c *Cluster) listenable() error {
	host, port, err := splitAddr(c.Addr)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w (nats.embedded.cluster.addr sets the address)", err)
	}
	return l.Close()
}

// isWriteError reports whether an error of Healthz in a cluster is one that a restart of the
// server helps against. All else that it finds passes by itself: there is no leader, or this
// server is behind the others.
func isWriteError(err error) bool { return strings.Contains(err.Error(), "write error") }

// Leads reports whether the server leads a stream, which only one of a cluster does.
func (s *Server) Leads(stream string) bool {
	ns := s.current()
	return ns != nil && ns.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)
}

// MetaHealth returns nil if the server is at one with the others about which streams there are,
// otherwise why not.
func (s *Server) MetaHealth() error {
	ns := s.current()
	if ns == nil {
		return errDown
	}
	return ask(ns, &server.HealthzOptions{JSMetaOnly: true})
}

// Disconnect closes all connections from outside. In a cluster, their clients go on with another
// server.
func (s *Server) Disconnect() {
	if ns := s.current(); ns != nil {
		disconnect(ns)
	}
}

func disconnect(ns *server.Server) {
	list, err := ns.Connz(&server.ConnzOptions{Limit: maxConnections})
	if err != nil {
		return // only wrong options fail, and these are right
	}
	for _, c := range list.Conns {
		if isOutside(c) {
			_ = ns.DisconnectClientByID(c.Cid) // fails if it is gone already
		}
	}
}
