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
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Config describes a Server. The zero value of each optional field means its
// default.
type Config struct {
	// Directory holds the log. Required; it is created if need be and locked
	// against a second process.
	Directory string
	// Addr is the host:port at which the server listens for others, once Listen is
	// called. Empty: it is reached within this process only.
	Addr string
	// Username and Password are asked of every client if Username is set.
	Username, Password string
	// MaxPayload is the largest message in bytes. Default and at most 31 MiB:
	// the log takes no larger one, and a publisher that does not wait for an
	// acknowledgement would never know.
	MaxPayload int64
	// MaxStore is what the log may take on disk in bytes, at least 64 MiB; the
	// streams have to be bound to it, as the server itself would refuse the
	// newest data instead of dropping the oldest. Default: three quarters of
	// what the file system has for the log, which is its free space and what
	// the log takes already.
	MaxStore int64
	// MaxBuffered bounds the bytes of messages that were received but not
	// stored yet; what exceeds it is lost to publishers that do not wait for
	// acknowledgements. Default: a quarter of the machine's memory, at most
	// 2 GiB, which takes the simultaneous tick of 5,000 nodes.
	MaxBuffered int64
	// SyncInterval is how often the log is flushed to the disk itself; what was
	// acknowledged since survives the end of the process but not of the
	// machine. 0 flushes each message before it is acknowledged.
	SyncInterval time.Duration
	// checkInterval is how often Watch checks the server. Default 5 s; only tests set it.
	checkInterval time.Duration
	// Streams returns those of this program, of which maxStore bytes may be on the
	// disk. They are mended before the server starts and watched over. Optional.
	Streams func(maxStore int64) []Stream
	// Hold is called when the files of the log are gone, before its server is
	// stopped: when it returns, what the log has taken was read, and nothing is added
	// to it until release is called. Optional.
	Hold func(ctx context.Context) (release func())
	// Keep is called between that and the start of another log: it keeps elsewhere
	// what was in the one that is gone. Optional.
	Keep func(ctx context.Context)
	// Logger receives the server's warnings and errors; its notices at debug
	// level. Default: discard.
	Logger *slog.Logger
}

const (
	// JetStream's file store refuses messages of 32 MiB, headers included.
	largestPayload = 31 << 20
	maxBuffered    = 2 << 30
	smallestStore  = 64 << 20
	unbounded      = 1 << 60
	// Consumers keep their state in memory; it is a few kilobytes.
	maxConsumerMemory = 64 << 20
	// A reader may be sent this much at once besides one largest message.
	pendingReserve = 192 << 20
)

// Server is an embedded nats-server. Make one with New. Its methods but Start
// and Stop are safe for concurrent use after Start.
type Server struct {
	cfg  Config
	opts server.Options

	// Of Start, Watch and Stop, of which one runs at a time.
	lock      *os.File
	streams   []Stream
	automatic int64 // the default of MaxStore, 0: it is configured
	manifest  manifest
	ends      map[string]streamEnd // by stream
	knownGaps map[string]bool      // by the path of the block behind it

	mu sync.Mutex
	// Guarded by mu.
	ns     *server.Server    // Watch may replace it
	phase  string            // what a start is doing, empty: nothing
	gone   error             // the files of the running server are not there any more
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

func (c Config) options() server.Options {
	return server.Options{
		ServerName:             "cc-metric-store",
		DontListen:             true, // until Listen
		NoSigs:                 true, // its handlers would end the process under us
		Username:               c.Username,
		Password:               c.Password,
		MaxPayload:             int32(c.MaxPayload),
		MaxConn:                maxConnections,
		MaxSubs:                maxSubscriptions,
		MaxPending:             max(c.MaxPayload+pendingReserve, c.MaxBuffered),
		JetStream:              true,
		StoreDir:               c.Directory,
		JetStreamMaxStore:      unbounded,
		JetStreamMaxMemory:     maxConsumerMemory,
		StreamMaxBufferedMsgs:  1 << 20,
		StreamMaxBufferedSize:  c.MaxBuffered,
		SyncInterval:           c.SyncInterval,
		SyncAlways:             c.SyncInterval == 0,
		DisableJetStreamBanner: true,
	}
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("address %q is not host:port", addr)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: port is not within 0 and 65535", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Start locks the directory, mends what is damaged in it, starts the server and
// returns when it takes connections and its log is readable. After an error nothing
// is left running. Start is called once.
func (s *Server) Start(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		s.unlock()
		return fmt.Errorf("start the embedded nats-server in %s (nats.embedded.directory): %w", s.cfg.Directory, err)
	}
	return nil
}

// enter takes the directory and starts a server on it.
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
	return s.launch(ctx)
}

// InProcessConn returns a connection to the server that leaves out the
// network. Clients hand it to their library.
func (s *Server) InProcessConn() (net.Conn, error) {
	ns := s.current()
	if ns == nil {
		return nil, errDown
	}
	return ns.InProcessConn()
}

// Listen lets others connect, at Addr, if there is one. Who takes what they send
// calls it when he is ready, and again when Watch has started the server anew; at
// a server that listens already it does nothing.
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
	s.opts.Port = at.Port // a server that is started anew takes the same
	return nil
}

// MaxBuffered returns how many bytes of messages may wait to be stored.
func (s *Server) MaxBuffered() int64 { return s.cfg.MaxBuffered }

// MaxStore returns what the streams may take on disk together, in bytes.
func (s *Server) MaxStore() int64 { return s.cfg.MaxStore }

// URL returns the address at which the server listens, empty if it does not.
func (s *Server) URL() string {
	ns := s.current()
	if ns == nil || ns.Addr() == nil {
		return ""
	}
	return ns.ClientURL()
}

// Stop ends the server and returns when its files are closed. Clients should be
// gone by then.
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

func (s *Server) halt() {
	s.mu.Lock()
	ns := s.ns
	s.ns = nil
	s.mu.Unlock()
	if ns != nil {
		end(ns)
	}
}

// errDown says that there is no server at the moment.
var errDown = errors.New("the embedded nats-server does not run")

// current returns the running server, nil if there is none.
func (s *Server) current() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ns
}

func (s *Server) unlock() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}
