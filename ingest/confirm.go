package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Behind a broken link, nothing tells a node of a cluster that its log does not go on: the server
// in its process answers, and so does a consumer that lies there. So it asks, again and again, how
// far the log is. Only an answer of a leader that most servers follow counts, and only when all
// entries up to there are in the store.

// confirmation is the newest such answer. It is safe for concurrent use.
type confirmation struct {
	mu sync.Mutex
	// Guarded by mu.
	at       time.Time // when it was asked for; zero: there was none yet
	replicas int       // that have the whole log, the leader's with them
	problem  error     // why there was none since, nil if there was
}

const (
	// A leader whose followers were not heard of for so long may have been replaced. It hears of
	// them every second.
	lastHeard = 3 * time.Second
	// confirmAgain is the interval after an answer that does not count.
	confirmAgain = time.Second
)

// errNoLeader says that no server leads the log.
var errNoLeader = errors.New("no server of the cluster leads the log: most of them are out of reach, or they are choosing one")

// errUnconfirmed says that a cluster has not confirmed yet that this node has the whole log.
var errUnconfirmed = errors.New("asking the cluster how far the log is")

// confirm asks until ctx ends.
func (in *Ingest) confirm(ctx context.Context, l *logStream) {
	for wait := time.Duration(0); ; {
		if pause(ctx, wait) != nil {
			return
		}
		asked := time.Now()
		replicas, err := in.askLeader(ctx, l)
		if ctx.Err() != nil {
			return
		}
		if wait = in.cfg.timings.confirm; err != nil {
			wait = min(wait, confirmAgain)
		}
		in.confirmed.record(asked, replicas, err)
	}
}

// askLeader returns how many replicas have the whole log, when the store has as much of it as the
// leader had.
func (in *Ingest) askLeader(ctx context.Context, l *logStream) (replicas int, err error) {
	var info *jetstream.StreamInfo
	err = in.ask(ctx, l, func(ctx context.Context) error {
		stream, err := l.js.Stream(ctx, l.name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	replicas, err = countReplicas(info)
	if err != nil {
		return replicas, err
	}
	return replicas, withTimeout(ctx, func(ctx context.Context) error {
		if err := in.replay.awaitSeq(ctx, info.State.LastSeq); err != nil {
			return fmt.Errorf("the log is at entry %d, and the store not yet: %w", info.State.LastSeq, err)
		}
		return nil
	})
}

// countReplicas returns how many replicas have the whole log. It fails unless there is a leader
// that most servers follow.
func countReplicas(info *jetstream.StreamInfo) (current int, err error) {
	c := info.Cluster
	if c == nil || c.Leader == "" {
		return 0, errNoLeader
	}
	current, following := 1, 1
	for _, r := range c.Replicas {
		if r.Current && !r.Offline {
			current++
		}
		if !r.Offline && r.Active < lastHeard {
			following++
		}
	}
	if following <= (len(c.Replicas)+1)/2 {
		return current, errNoLeader
	}
	return current, nil
}

// record records an answer to a question that was asked at a time.
func (c *confirmation) record(asked time.Time, replicas int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas, c.problem = replicas, err
	if err == nil {
		c.at = asked
	}
}

// read returns the newest answer that counts, and why there was none since.
func (c *confirmation) read() (at time.Time, replicas int, problem error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at, c.replicas, c.problem
}
