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
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Config describes a Server. The zero value of each optional field means its
// default.
type Config struct {
	// Directory holds the log. Required; it is created if need be and locked
	// against a second process.
	Directory string
	// Addr is the host:port at which the server listens for others. Empty: it
	// is reached within this process only.
	Addr string
	// Username and Password are asked of every client if Username is set.
	Username, Password string
	// MaxPayload is the largest message in bytes. Default and at most 31 MiB:
	// the log takes no larger one, and a publisher that does not wait for an
	// acknowledgement would never know.
	MaxPayload int64
	// MaxStore bounds the bytes of the log on disk. Default: three quarters of
	// the free space of the file system, as nats-server decides it.
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
	// Logger receives the server's warnings and errors; its notices at debug
	// level. Default: discard.
	Logger *slog.Logger
}

const (
	// JetStream's file store refuses messages of 32 MiB, headers included.
	largestPayload = 31 << 20
	maxBuffered    = 2 << 30
	// Consumers keep their state in memory; it is a few kilobytes.
	maxConsumerMemory = 64 << 20
	// A reader may be sent this much at once besides one largest message.
	pendingReserve = 192 << 20
	// The index of a long log may have to be rebuilt at the start.
	startTimeout = 5 * time.Minute
)

// Server is an embedded nats-server. Make one with New.
type Server struct {
	cfg  Config
	opts server.Options
	ns   *server.Server
	lock *os.File
}

// New validates cfg and reports all its faults. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = largestPayload
	}
	if cfg.MaxBuffered == 0 {
		cfg.MaxBuffered = min(maxBuffered, memoryBytes()/4)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	var faults []error
	if cfg.Directory == "" {
		faults = append(faults, errors.New("directory is empty"))
	}
	if cfg.MaxPayload < 1024 || cfg.MaxPayload > largestPayload {
		faults = append(faults, fmt.Errorf("max payload of %d bytes is not within 1 KiB and 31 MiB", cfg.MaxPayload))
	}
	if cfg.MaxStore < 0 || cfg.MaxBuffered < 0 || cfg.SyncInterval < 0 {
		faults = append(faults, errors.New("max store, max buffered and sync interval cannot be negative"))
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
		s.opts.Host, s.opts.Port, s.opts.DontListen = host, port, false
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure embedded nats-server: %w", errors.Join(faults...))
	}
	return s, nil
}

func (c Config) options() server.Options {
	return server.Options{
		ServerName:             "cc-metric-store",
		DontListen:             true,
		NoSigs:                 true, // its handlers would end the process under us
		Username:               c.Username,
		Password:               c.Password,
		MaxPayload:             int32(c.MaxPayload),
		MaxPending:             c.MaxPayload + pendingReserve,
		JetStream:              true,
		StoreDir:               c.Directory,
		JetStreamMaxStore:      c.MaxStore,
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

// Start locks the directory, starts the server and returns when it takes
// connections and its log is readable. After an error nothing is left running.
// Start is called once.
func (s *Server) Start(ctx context.Context) error {
	if err := s.listenable(); err != nil {
		return fmt.Errorf("start embedded nats-server: %w", err)
	}
	lock, err := lockDirectory(s.cfg.Directory)
	if err != nil {
		return fmt.Errorf("start embedded nats-server: %w", err)
	}
	s.lock = lock
	ns, err := server.NewServer(&s.opts)
	if err != nil {
		s.unlock()
		return fmt.Errorf("start embedded nats-server in %s: %w", s.cfg.Directory, err)
	}
	logger := &serverLog{log: s.cfg.Logger}
	ns.SetLoggerV2(logger, false, false, false)
	s.ns = ns
	ns.Start()
	if err := s.awaitReady(ctx); err != nil {
		s.Stop()
		return fmt.Errorf("start embedded nats-server in %s: %w", s.cfg.Directory, errors.Join(err, logger.lastError()))
	}
	return nil
}

// listenable fails with a clear error where the server would only log one.
func (s *Server) listenable() error {
	if s.opts.DontListen || s.opts.Port == server.RANDOM_PORT {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(s.opts.Host, strconv.Itoa(s.opts.Port)))
	if err != nil {
		return fmt.Errorf("%w (is another nats-server running? nats.embedded.addr sets the address)", err)
	}
	return l.Close()
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if !s.ns.Running() {
			return errors.New("it stopped during the start")
		}
		if s.ns.ReadyForConnections(100*time.Millisecond) && s.ns.JetStreamEnabled() &&
			s.ns.Healthz(&server.HealthzOptions{JSEnabledOnly: false}).Status == "ok" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// InProcessConn returns a connection to the server that leaves out the
// network. Clients hand it to their library.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// URL returns the address at which the server listens, empty if it does not.
func (s *Server) URL() string {
	if s.opts.DontListen {
		return ""
	}
	return s.ns.ClientURL()
}

// Stop ends the server and returns when its files are closed. Clients should be
// gone by then.
func (s *Server) Stop() {
	if s.ns == nil {
		return
	}
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	s.unlock()
}

func (s *Server) unlock() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}

// lockName is the file in the directory whose lock says that it is in use.
const lockName = "LOCK"

// lockDirectory creates the directory and locks it until the file is closed or
// the process ends. nats-server itself has no such guard, and two processes in
// one directory destroy the log.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create directory: %w", err)
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	if err := tryLock(f); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("directory %s is in use by another process (pid %s): stop it, or give this one a directory of its own (nats.embedded.directory): %w",
			dir, owner, err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}
