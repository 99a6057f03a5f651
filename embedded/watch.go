package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// What is wrong is logged at once and then in this interval.
	repeatLog = time.Minute
	// One bad answer may come while a stream is being created or deleted.
	checksToBelieve = 3
	// After a restart that did not help, as many checks pass until the next
	// one: each one interrupts the publishers.
	checksBetweenRestarts = 10
)

// Health returns nil if the log can be read and written, otherwise why not.
func (s *Server) Health() error {
	ns := s.current()
	if ns == nil {
		return errDown
	}
	return health(ns)
}

func health(ns *server.Server) error {
	if h := ns.Healthz(&server.HealthzOptions{}); h.Status != "ok" {
		return errors.New(h.Error)
	}
	return nil
}

// Watch looks after a started server until ctx ends. nats-server never writes
// to a stream again after the first error of the disk, even if that was full
// for a moment only. So when the directory takes data again, Watch starts the
// server anew; clients find it at the same address.
func (s *Server) Watch(ctx context.Context) {
	tick := time.NewTicker(s.cfg.CheckInterval)
	defer tick.Stop()
	var logged time.Time
	failures, pause := 0, 0 // checks
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.Health()
		if err == nil {
			if failures >= checksToBelieve {
				s.cfg.Logger.Warn("the embedded log is written again", "directory", s.cfg.Directory)
			}
			failures, logged, pause = 0, time.Time{}, max(pause-1, 0)
			continue
		}
		if failures++; failures < checksToBelieve {
			continue
		}
		if pause > 0 {
			pause--
		} else if remedy := writable(s.cfg.Directory); remedy != nil {
			err = fmt.Errorf("%w; %w", err, remedy)
		} else {
			pause = checksBetweenRestarts
			if err = s.restart(ctx, err); err == nil {
				continue
			}
		}
		if ctx.Err() == nil && time.Since(logged) >= repeatLog {
			logged = time.Now()
			s.cfg.Logger.Error("the embedded log cannot be written: samples are lost until it can; it is opened again by itself when its directory takes data",
				"directory", s.cfg.Directory, "error", err)
		}
	}
}

func (s *Server) restart(ctx context.Context, cause error) error {
	s.cfg.Logger.Warn("starting the embedded nats-server anew, as its directory takes data again", "directory", s.cfg.Directory, "was", cause)
	s.halt()
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("start embedded nats-server again in %s: %w", s.cfg.Directory, err)
	}
	return nil
}
