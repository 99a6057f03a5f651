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
	of       int       // replicas that there are to be
	problem  error     // why there was none since, nil if there was
	nodes    []Node    // what the server last said of them, be it counted or not
	seen     time.Time // when it did
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
		replicas, of, err := in.askLeader(ctx, l)
		if ctx.Err() != nil {
			return
		}
		if wait = in.cfg.timings.confirm; err != nil {
			wait = min(wait, confirmAgain)
		}
		in.confirmed.record(asked, replicas, of, err)
	}
}

// askLeader returns how many replicas have the whole log, of how many, when the store has as much
// of it as the leader had.
func (in *Ingest) askLeader(ctx context.Context, l *logStream) (replicas, of int, err error) {
	var info *jetstream.StreamInfo
	err = in.ask(ctx, l, func(ctx context.Context) error {
		stream, err := l.js.Stream(ctx, l.name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	of = info.Config.Replicas
	in.confirmed.see(nodesOf(info))
	replicas, err = countReplicas(info)
	if err != nil {
		return replicas, of, err
	}
	return replicas, of, in.awaitAll(ctx, l, info.State)
}

// awaitAll returns when the store holds all that the log had in a state.
func (in *Ingest) awaitAll(ctx context.Context, l *logStream, was jetstream.StreamState) error {
	if was.Msgs == 0 {
		return nil // all of its entries were dropped, if there were any
	}
	err := withTimeout(ctx, func(ctx context.Context) error { return in.replay.awaitSeq(ctx, was.LastSeq) })
	if err == nil {
		return nil
	}
	// The last entry may have been removed, so that it never comes.
	at, _ := in.Applied()
	missing := in.ask(ctx, l, func(ctx context.Context) error {
		_, err := getMsg(ctx, l.nc, l.name, msgRequest{Seq: at.Entry.Seq + 1, Next: ">"})
		return err
	})
	if errors.Is(missing, errNoEntry) {
		return nil
	}
	return fmt.Errorf("the log is at entry %d, the store at %d: %w", was.LastSeq, at.Entry.Seq, err)
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
func (c *confirmation) record(asked time.Time, replicas, of int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas, c.of, c.problem = replicas, of, err
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

// logPatience is how long a node of a cluster serves on although the log takes nothing, or does
// not confirm that this node has all of it: for longer than the choice of a leader takes, in which
// no node is better than another.
const logPatience = 15 * time.Second

// Serving returns nil if requests may be sent to this node rather than to another one, otherwise an
// error that says why not. In a cluster, what passes within logPatience is no reason.
func (in *Ingest) Serving() error {
	if err := in.Ready(); err != nil || !in.cfg.Clustered {
		return errors.Join(err, in.Writable())
	}
	at, _, problem := in.confirmed.read()
	if age := time.Since(at); age >= logPatience {
		return fmt.Errorf("the answers may be old: for %v the cluster has not confirmed that this node has the whole log: %w", age.Round(time.Second), problem)
	}
	if err := in.writable.errSince(logPatience); err != nil {
		return fmt.Errorf("for %v the log takes no entries (see to the other nodes, and to the disk here): %w", logPatience, err)
	}
	return nil
}

// Settled returns nil if another node of the cluster may be stopped: this one is serving, the log
// takes entries now, and all replicas have all of it. Otherwise the error says what is missing.
func (in *Ingest) Settled() error {
	if err := errors.Join(in.Serving(), in.Writable()); err != nil || !in.cfg.Clustered {
		return err
	}
	in.confirmed.mu.Lock()
	defer in.confirmed.mu.Unlock()
	switch c := &in.confirmed; {
	case c.problem != nil:
		return c.problem
	case c.replicas < c.of:
		return fmt.Errorf("%d of %d nodes have the whole log", c.replicas, c.of)
	}
	return nil
}
