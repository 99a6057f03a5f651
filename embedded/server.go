// Package embedded runs a nats-server with JetStream inside this process, for
// sites without one: the log of a single box.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is an embedded nats-server. Make one with New. After Start, all methods but Stop are
// safe for concurrent use.
type Server struct {
	cfg  Config
	opts server.Options

	// For Start, Watch and Stop, of which only one runs at a time.
	lock      *os.File
	streams   []Stream
	automatic int64 // the default that was chosen for MaxStore, 0: it is configured
	manifest  manifest
	ends      map[string]streamEnd // by stream
	knownGaps map[string]bool      // in the numbers of blocks, by the path of the block that follows

	mu sync.Mutex
	// Guarded by mu.
	ns     *server.Server    // Watch may replace it
	phase  string            // what a start is doing, empty: nothing
	gone   error             // why the files of the running server are believed to be gone
	losses []loss            // the first ones
	lost   map[string]uint64 // entries, by stream
}

// New validates cfg and reports all its faults. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = largestPayload
	}
	if cfg.MaxBuffered == 0 {
		cfg.MaxBuffered = min(maxBuffered, memoryBytes()/4)
	}
	if cfg.checkInterval == 0 {
		cfg.checkInterval = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	var faults []error
	if cfg.Directory == "" {
		faults = append(faults, errors.New("directory is empty"))
	} else if path, err := filepath.Abs(cfg.Directory); err == nil {
		cfg.Directory = path
		if cfg.Cluster != nil {
			cfg.Directory = filepath.Join(path, ClusterName)
		}
	}
	if cfg.Cluster != nil {
		if err := cfg.Cluster.validate(); err != nil {
			faults = append(faults, err)
		}
	}
	if cfg.MaxPayload < 1024 || cfg.MaxPayload > largestPayload {
		faults = append(faults, fmt.Errorf("max payload of %d bytes is not within 1 KiB and 31 MiB", cfg.MaxPayload))
	}
	if cfg.MaxStore < 0 || cfg.MaxBuffered < 0 || cfg.SyncInterval < 0 || cfg.checkInterval < 0 {
		faults = append(faults, errors.New("max store, max buffered, sync interval and check interval cannot be negative"))
	}
	if cfg.MaxStore > 0 && cfg.MaxStore < smallestStore {
		faults = append(faults, fmt.Errorf("max store of %d bytes is below 64 MiB", cfg.MaxStore))
	}
	if cfg.Username == "" && cfg.Password != "" {
		faults = append(faults, errors.New("a password without a username"))
	}
	s := &Server{cfg: cfg}
	s.opts = cfg.options()
	if cfg.Addr != "" {
		host, port, err := splitAddr(cfg.Addr)
		if err != nil {
			faults = append(faults, err)
		}
		s.opts.Host, s.opts.Port = host, port
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure embedded nats-server: %w", errors.Join(faults...))
	}
	return s, nil
}

// Start locks the directory, mends what is damaged in it, and starts the server. It returns when
// the server accepts connections and its log can be read. After an error nothing is left
// running. Start is called once.
func (s *Server) Start(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		s.unlock()
		return fmt.Errorf("start the embedded nats-server in %s (nats.embedded.directory): %w", s.cfg.Directory, err)
	}
	return nil
}

// enter locks the directory and starts a server on it.
func (s *Server) enter(ctx context.Context) (err error) {
	if err := s.lockDir(); err != nil {
		return err
	}
	if s.cfg.MaxStore == 0 {
		if s.automatic, err = defaultMaxStore(s.cfg.Directory, s.readManifest().MaxStore); err != nil {
			return err
		}
		s.cfg.MaxStore = s.automatic
	}
	if s.cfg.Streams != nil {
		s.streams = s.cfg.Streams(s.cfg.MaxStore)
	}
	if s.cfg.Cluster != nil {
		if err := s.checkAlone(); err != nil {
			return err
		}
	}
	return s.launch(ctx)
}

// InProcessConn returns a connection to the server that does not use the network, for nats.go.
func (s *Server) InProcessConn() (net.Conn, error) {
	ns := s.current()
	if ns == nil {
		return nil, errDown
	}
	return ns.InProcessConn()
}

// Listen lets others connect at Addr, if that is configured. It is called when the subscriptions
// exist that take what they publish, and again after Watch has restarted the server. If the
// server listens already, it does nothing.
func (s *Server) Listen() error {
	if s.cfg.Addr == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ns == nil {
		return errDown
	}
	if s.ns.Addr() != nil {
		return nil
	}
	s.ns.AcceptLoop(make(chan struct{}))
	at, ok := s.ns.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("the embedded nats-server does not listen at %s (nats.embedded.addr sets the address)", s.cfg.Addr)
	}
	s.opts.Port = at.Port // a server that is started anew uses the same
	return nil
}

// MaxBuffered returns how many bytes of messages may wait to be stored.
func (s *Server) MaxBuffered() int64 { return s.cfg.MaxBuffered }

// MaxStore returns how many bytes the streams may have on disk together.
func (s *Server) MaxStore() int64 { return s.cfg.MaxStore }

// URL returns the address at which the server listens, empty if it does not.
func (s *Server) URL() string {
	ns := s.current()
	if ns == nil || ns.Addr() == nil {
		return ""
	}
	return ns.ClientURL()
}

// Stop stops the server and returns when its files are closed. Clients should be gone by then.
func (s *Server) Stop() {
	of, gone := map[string]streamState{}, s.missing()
	if ns := s.current(); ns != nil {
		of = states(ns)
	}
	s.halt()
	if gone == nil {
		s.writeManifest(of, true)
	}
	s.unlock()
}

// halt stops the server, if there is one. The directory stays locked.
func (s *Server) halt() {
	s.mu.Lock()
	ns := s.ns
	s.ns = nil
	s.mu.Unlock()
	if ns == nil {
		return
	}
	if s.cfg.Cluster != nil {
		defer s.keepAway(ns)()
		s.handOver(ns)
	}
	end(ns)
}

// errDown says that there is no server at the moment.
var errDown = errors.New("the embedded nats-server does not run")

// current returns the running server, nil if there is none.
func (s *Server) current() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ns
}

// unlock unlocks the directory.
func (s *Server) unlock() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}
