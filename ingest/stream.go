package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logStream is the log: an open stream, on the external broker or in the
// embedded server.
type logStream struct {
	nc       *nats.Conn // to where the log is
	js       jetstream.JetStream
	name     string
	writes   string // subject of the lines written over REST
	frees    string // subject of the frees
	embedded bool
	dead     *deadLetters
	bridge   *bridge // nil: the stream captures the metrics itself

	reattach chan struct{} // a token after each outage of the broker
}

// open reaches the log, for as long as it takes. It returns nil without an
// error if ctx ends before.
func (in *Ingest) open(ctx context.Context) (*logStream, error) {
	l, err := in.reach(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, fmt.Errorf("open the log: %w", err)
	}
	for r := (retry{in: in, what: "open stream " + l.name}); ; {
		err := withTimeout(ctx, func(ctx context.Context) error {
			if err := in.ensure(ctx, l); err != nil {
				return err
			}
			return l.dead.resume(ctx)
		})
		if err == nil {
			return l, nil
		}
		if r.wait(ctx, err) != nil {
			l.close()
			return nil, nil
		}
	}
}

// reach connects to where the log is.
func (in *Ingest) reach(ctx context.Context) (*logStream, error) {
	l := &logStream{
		name:     in.cfg.Stream.Name,
		writes:   in.cfg.Stream.Name + ".write",
		frees:    in.cfg.Stream.Name + ".free",
		reattach: make(chan struct{}, 1),
	}
	l.dead = newDeadLetters(in, l)
	if in.cfg.Broker.URL == "" {
		return l, in.useEmbedded(ctx, l)
	}
	nc, err := in.connectBroker(ctx, func() {
		select {
		case l.reattach <- struct{}{}:
		default: // one is waiting already
		}
	})
	if err != nil {
		return nil, err
	}
	l.nc = nc
	if l.js, err = jetstream.New(nc); err != nil {
		nc.Close()
		return nil, err
	}
	ok, err := in.hasJetStream(ctx, l.js)
	if err != nil {
		nc.Close()
		return nil, err
	}
	if ok {
		return l, nil
	}
	in.log.Warn("the broker has no JetStream: its messages are copied into an embedded log, "+
		"and what is sent while this node is down is lost; enable JetStream on the broker (nats-server -js) to close this gap",
		"address", in.cfg.Broker.URL)
	l.bridge = newBridge(in, l, nc)
	if err := in.useEmbedded(ctx, l); err != nil {
		nc.Close()
		return nil, err
	}
	return l, nil
}

func (in *Ingest) useEmbedded(ctx context.Context, l *logStream) error {
	nc, err := in.connectEmbedded(ctx)
	if err != nil {
		return err
	}
	l.nc, l.embedded = nc, true
	if l.bridge == nil {
		in.counters.connected.Store(true)
	}
	l.js, err = jetstream.New(nc)
	return err
}

// close ends the connections.
func (l *logStream) close() {
	if l.bridge != nil {
		l.bridge.source.Close()
	}
	l.nc.Close()
}

// ensure creates the stream or checks the one that is there.
func (in *Ingest) ensure(ctx context.Context, l *logStream) error {
	want := in.streamConfig(l)
	stream, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = l.js.CreateStream(ctx, want); err != nil {
			return in.explain(ctx, l, err)
		}
		in.log.Info("created the log", "stream", l.name, "subjects", want.Subjects, "max_age", want.MaxAge)
		return l.dead.ensure(ctx)
	}
	if err != nil {
		return err
	}
	if err := in.adopt(ctx, l, stream.CachedInfo().Config, want); err != nil {
		return err
	}
	return l.dead.ensure(ctx)
}

func (in *Ingest) streamConfig(l *logStream) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:        l.name,
		Description: "log of cc-metric-store",
		Subjects:    append(subjects(in.cfg.Subscriptions), l.writes, l.frees),
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		MaxAge:      in.cfg.Stream.MaxAge,
		MaxBytes:    in.cfg.Stream.MaxBytes,
		Replicas:    in.cfg.Stream.Replicas,
		AllowDirect: true,
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = -1
	}
	if in.cfg.Stream.Compression {
		c.Compression = jetstream.S2Compression
	}
	return c
}

// adopt checks an existing stream. Missing subjects are added, or nothing would
// arrive. Other settings are changed in the embedded log, which is ours alone;
// elsewhere somebody may have chosen them, and the operator is told.
func (in *Ingest) adopt(ctx context.Context, l *logStream, have, want jetstream.StreamConfig) error {
	if have.Retention != jetstream.LimitsPolicy || have.Storage != jetstream.FileStorage {
		return fmt.Errorf("stream %s has %v retention and %v storage, the log needs limits retention and file storage: "+
			"name another one in nats.stream.name, or delete this one", l.name, have.Retention, have.Storage)
	}
	update := have
	var changes []string
	for _, s := range want.Subjects {
		if !slices.ContainsFunc(have.Subjects, func(h string) bool { return covers(h, s) }) {
			update.Subjects = append(dropCovered(update.Subjects, s), s)
			changes = append(changes, "subject "+s)
		}
	}
	differences := settingDifferences(have, want)
	if l.embedded && len(differences) > 0 {
		update.MaxAge, update.MaxBytes, update.Compression = want.MaxAge, want.MaxBytes, want.Compression
		changes, differences = append(changes, differences...), nil
	}
	if len(differences) > 0 {
		in.log.Warn("the stream has other settings than the configuration asks for; they are left as they are (nats stream edit changes them)",
			"stream", l.name, "differences", strings.Join(differences, ", "))
	}
	if len(changes) == 0 {
		return nil
	}
	if _, err := l.js.UpdateStream(ctx, update); err != nil {
		return in.explain(ctx, l, err)
	}
	in.log.Warn("changed the stream to what the configuration asks for", "stream", l.name, "changes", strings.Join(changes, ", "))
	return nil
}

func settingDifferences(have, want jetstream.StreamConfig) []string {
	var d []string
	if have.MaxAge != want.MaxAge {
		d = append(d, fmt.Sprintf("max age %v, not %v", limit(have.MaxAge), limit(want.MaxAge)))
	}
	if have.MaxBytes != want.MaxBytes {
		d = append(d, fmt.Sprintf("max bytes %v, not %v", limit(have.MaxBytes), limit(want.MaxBytes)))
	}
	if have.Replicas != want.Replicas {
		d = append(d, fmt.Sprintf("replicas %d, not %d", have.Replicas, want.Replicas))
	}
	if have.Compression != want.Compression {
		d = append(d, fmt.Sprintf("compression %v, not %v", have.Compression, want.Compression))
	}
	return d
}

// limit formats a limit of which 0 and below mean none.
func limit[T int64 | time.Duration](n T) string {
	if n <= 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// explain names the stream that holds a subject of the log, if that is the
// cause.
func (in *Ingest) explain(ctx context.Context, l *logStream, err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != overlapCode {
		return err
	}
	for _, s := range subjects(in.cfg.Subscriptions) {
		if other, lookupErr := l.js.StreamNameBySubject(ctx, s); lookupErr == nil && other != l.name {
			return fmt.Errorf("subject %q belongs to stream %s already: set nats.stream.name to %s to use it as the log, or take the subject out of it: %w",
				s, other, other, err)
		}
	}
	return err
}

// overlapCode is JetStream's error for a subject that another stream captures.
const overlapCode = 10065

// subjects returns the subjects of the subscriptions without those that
// another one covers: a stream takes each message once.
func subjects(subs []Subscription) []string {
	var out []string
	for _, s := range subs {
		if !slices.ContainsFunc(out, func(o string) bool { return covers(o, s.Subject) }) {
			out = append(dropCovered(out, s.Subject), s.Subject)
		}
	}
	return out
}

func dropCovered(subjects []string, by string) []string {
	return slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return covers(by, s) })
}

// covers reports whether each subject that matches b matches a too.
func covers(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, t := range as {
		switch {
		case t == ">":
			return len(bs) > i
		case i >= len(bs) || bs[i] == ">":
			return false
		case t != "*" && t != bs[i]:
			return false
		}
	}
	return len(as) == len(bs)
}

// clusterOf returns the cluster of untagged lines of a message: that of the
// first subscription that its subject matches.
func (in *Ingest) clusterOf(subject string) string {
	for _, s := range in.cfg.Subscriptions {
		if covers(s.Subject, subject) {
			return s.Cluster
		}
	}
	return ""
}
