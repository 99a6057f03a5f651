package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// From the moment when nats-server has recovered all streams.
	startTimeout = 30 * time.Second
	// A start that takes longer is logged, and then once in repeatLog.
	longStart = 5 * time.Second
)

// lockDir makes the directory if need be, and locks it.
func (s *Server) lockDir() (err error) {
	if isDir(s.cfg.Directory) {
		for _, name := range []string{lockName, manifestName} {
			if err := s.needFile(filepath.Join(s.cfg.Directory, name)); err != nil {
				return err
			}
		}
	}
	s.lock, err = lockDirectory(s.cfg.Directory)
	return err
}

// launch mends the directory and starts a server on it. If nats-server refuses a stream of ours
// all the same, the stream is quarantined, so that nothing waits for ever. After an error no
// server is left running.
func (s *Server) launch(ctx context.Context) error {
	defer s.warnIfLong(ctx)()
	s.manifest, s.ends = s.readManifest(), map[string]streamEnd{}
	for attempt := 0; ; attempt++ {
		surveys, err := s.mend(ctx)
		if errors.Is(err, errReplica) && attempt == 0 {
			if err := s.giveUpReplica(err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.setPhase("recovering the streams in " + s.cfg.Directory)
		ns, warned, err := s.begin(ctx)
		if err != nil {
			return err
		}
		of := states(ns)
		refused := s.refused(of)
		if len(refused) > 0 {
			end(ns)
			if err := s.giveUp(refused, warned, attempt); err != nil {
				return err
			}
			continue
		}
		if s.cfg.Cluster == nil { // in one, what is gone comes back from the other servers
			s.findLosses(of, surveys)
		}
		s.nameForeign(of)
		s.updateManifest(ns)
		s.findKnownGaps()
		s.mu.Lock()
		s.ns, s.gone = ns, nil
		s.mu.Unlock()
		return nil
	}
}

// giveUp quarantines the streams that nats-server refuses. It fails if that is no use: it was
// tried before, or the directory cannot be written.
func (s *Server) giveUp(refused []string, warned error, attempt int) error {
	if attempt > 0 {
		return fmt.Errorf("nats-server does not recover %s: %w", strings.Join(refused, ", "), warned)
	}
	if err := writable(s.cfg.Directory); err != nil {
		return fmt.Errorf("nats-server does not recover %s: %w; %w", strings.Join(refused, ", "), warned, err)
	}
	for _, name := range refused {
		if err := s.quarantine(s.streamDir(name), fmt.Sprintf("nats-server does not recover the stream (%v)", warned)); err != nil {
			return err
		}
	}
	return nil
}

// giveUpReplica quarantines all that this server of a cluster has of the streams, damaged as it
// is: it comes back from the other servers. Parts of it would not: a server that has the log of
// a stream's changes, and not the entries, counts as whole.
func (s *Server) giveUpReplica(damage error) error {
	return s.quarantine(filepath.Join(s.cfg.Directory, server.JetStreamStoreDir), fmt.Sprintf("%v: it is copied anew from the other servers of the cluster", damage))
}

// begin starts a server. warned is the newest warning that it logged.
func (s *Server) begin(ctx context.Context) (ns *server.Server, warned error, err error) {
	if err := s.listenable(); err != nil {
		return nil, nil, err
	}
	if s.cfg.Cluster != nil {
		if err := s.cfg.Cluster.listenable(); err != nil {
			return nil, nil, err
		}
	}
	if ns, err = server.NewServer(s.opts.Clone()); err != nil { // NewServer changes the options
		return nil, nil, err
	}
	logger := newServerLogger(s.cfg.Logger)
	ns.SetLoggerV2(logger, false, false, false)
	ns.Start()
	if s.cfg.Cluster != nil {
		s.cfg.Cluster.startRouting(ns)
	}
	if err := awaitReady(ctx, ns, logger.gaveUp); err != nil {
		end(ns)
		return nil, nil, errors.Join(err, logger.lastError())
	}
	if err := boundJetStream(ns); err != nil {
		end(ns)
		return nil, nil, err
	}
	return ns, logger.lastWarning(), nil
}

// end stops a server and waits for that.
func end(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

// setPhase sets what Phase returns.
func (s *Server) setPhase(phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = phase
}

// Phase says what a start that goes on is doing, empty if none does.
func (s *Server) Phase() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

// warnIfLong warns of a start that takes long, again and again until the function
// that it returns is called.
func (s *Server) warnIfLong(ctx context.Context) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	var warning sync.WaitGroup
	warning.Go(func() {
		for wait := longStart; ; wait = repeatLog {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				s.cfg.Logger.Warn("the embedded nats-server is still starting", "phase", s.Phase())
			}
		}
	})
	return func() {
		cancel()
		warning.Wait()
		s.setPhase("")
	}
}

// listenable returns a clear error if the address cannot be listened at: nats-server would only
// log one.
func (s *Server) listenable() error {
	if s.cfg.Addr == "" || s.opts.Port == server.RANDOM_PORT {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(s.opts.Host, strconv.Itoa(s.opts.Port)))
	if err != nil {
		return fmt.Errorf("%w (is another nats-server running? nats.embedded.addr or the flag -nats-addr sets the address)", err)
	}
	return l.Close()
}

// awaitReady waits until the server accepts connections and has JetStream.
func awaitReady(ctx context.Context, ns *server.Server, gaveUp <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if !ns.Running() {
			return errors.New("it stopped during the start")
		}
		if ns.ReadyForConnections(100*time.Millisecond) && ns.JetStreamEnabled() {
			return nil
		}
		select {
		case <-gaveUp:
			return errors.New("it gave up")
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}
