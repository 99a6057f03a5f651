package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves the HTTP interface. Make one with New, then call Listen and
// Run once each. URL is safe for concurrent use after Listen.
type Server struct {
	cfg      Config
	tls      *tls.Config
	handler  http.Handler
	api      *api
	listener net.Listener
	conns    *connections

	mu       sync.Mutex
	stopping bool
	active   sync.WaitGroup // requests being handled; grows while !stopping
}

// New returns a server that answers from s and writes to l, or an error that
// names all faults of cfg. It starts nothing.
func New(cfg Config, s Store, l Log) (*Server, error) {
	cfg = cfg.withDefaults()
	set, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("configure REST: %w", err)
	}
	a := newAPI(cfg, set, s, l)
	h, err := a.routes(cfg)
	if err != nil {
		return nil, fmt.Errorf("configure REST: %w", err)
	}
	return &Server{cfg: cfg, tls: set.tls, handler: h, api: a, conns: newConnections(mostConnections(), cfg.Logger)}, nil
}

// Listen binds the address. Connections wait until Run serves them.
func (s *Server) Listen() error {
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for REST: %w", err)
	}
	s.listener = s.conns.listen(l)
	return nil
}

// addr returns the address that the server listens on, with the port that it
// was given if the configured one is 0; before Listen the configured address.
func (s *Server) addr() string {
	if s.listener == nil {
		return s.cfg.Addr
	}
	return s.listener.Addr().String()
}

// URL returns an address under which a client on this machine reaches the
// server, without a slash at the end.
func (s *Server) URL() string {
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.addr())
	if err != nil {
		return scheme + "://" + s.addr()
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// Connections returns how many connections are open, and how many were closed or refused
// since the start because as many were open as are possible. It is safe for concurrent
// use.
func (s *Server) Connections() (open int, evicted int64) {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	return len(s.conns.open), s.conns.evicted.Load()
}

// Run serves until ctx ends, and returns nil after all requests are answered.
// Requests that take longer than 10 s are cut off, which is an error, and their handlers
// are waited for.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		return errors.New("serve REST: there is no listener: call Listen first")
	}
	requests, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	srv := &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.conns.connState,
		ConnContext:       s.conns.connContext,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          log.New(&serverLogger{logger: s.cfg.Logger}, "", 0),
	}
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	served := make(chan error, 1)
	go func() { served <- s.serve(srv) }()

	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serve REST on %s: %w", s.addr(), err)
	case <-ctx.Done():
		err = s.shutdown(ctx, srv)
		<-served
	}
	cutOff()
	s.drain(srv)
	return err
}

// serve accepts connections until srv is closed.
func (s *Server) serve(srv *http.Server) error {
	if s.tls == nil {
		return srv.Serve(s.listener)
	}
	return s.serveTLS(srv)
}

// shutdown lets the requests that are under way finish within stopTimeout. Those that wait
// for their turn, or for a slow client, are ended after half of it.
func (s *Server) shutdown(ctx context.Context, srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	finished, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.endWaiting(finished)
	}()
	err := srv.Shutdown(ctx)
	close(finished)
	<-ended
	if err != nil {
		return fmt.Errorf("stop REST: cut off the requests still running after %v: %w", stopTimeout, err)
	}
	return nil
}

// endWaiting ends all waiting for a turn or a slow client from half of stopTimeout on,
// until finished is closed.
func (s *Server) endWaiting(finished <-chan struct{}) {
	for pause := stopTimeout / 2; ; pause = evictInterval {
		select {
		case <-time.After(pause):
			s.api.gates.close()
			s.api.clients.giveUp()
		case <-finished:
			return
		}
	}
}

// drain closes all connections and waits for the handlers, which http.Server.Close does
// not do.
func (s *Server) drain(srv *http.Server) {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	_ = srv.Close() // an error of the listener means nothing any more
	s.active.Wait()
}

// serveHTTP handles a request, which drain waits for.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		panic(http.ErrAbortHandler) // its connection is being closed
	}
	s.active.Add(1)
	s.mu.Unlock()
	defer s.active.Done()
	s.conns.headerRead(r.Context())
	s.handler.ServeHTTP(w, r)
}
