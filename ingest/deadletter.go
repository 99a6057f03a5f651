package ingest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

const (
	deadLetterQueue   = 1024
	deadLetterMaxAge  = 7 * 24 * time.Hour
	deadLetterMaxSize = 16 << 20
	flushTimeout      = 2 * time.Second
)

// deadLetters keeps the refused lines, with the reasons, in a small stream beside the log.
// A line that comes too fast for that stream is only counted.
type deadLetters struct {
	in     *Ingest
	stream *logStream
	name   string // of the stream
	queue  chan *nats.Msg
	known  recentLettersCache

	open   atomic.Bool // the stream is there, and resume is done
	warned bool        // the operator was told that the stream cannot be opened
	tried  bool        // it could not be opened once

	// Set by resume: the entry of the newest letter of an earlier run, by the creation of its
	// log and its sequence number. A replay does not write the letters up to it again.
	lastCreated string
	lastSeq     uint64
}

func newDeadLetters(in *Ingest, l *logStream) *deadLetters {
	return &deadLetters{in: in, stream: l, name: l.name + deadLettersSuffix, queue: make(chan *nats.Msg, deadLetterQueue),
		known: recentLettersCache{busy: make(chan struct{}, 1)}}
}

// begin opens the stream. If it cannot, because there is no room or no right for
// it, the operator is told once and letters are counted as lost: the log works
// without. run tries again.
func (d *deadLetters) begin(ctx context.Context) {
	if d.open.Load() {
		return
	}
	err := d.in.askAbout(ctx, d.stream, d.name, func(ctx context.Context) error {
		if err := d.ensure(ctx); err != nil {
			return err
		}
		return d.resume(ctx)
	})
	switch {
	case err == nil:
		d.open.Store(true)
		if d.warned {
			d.in.logger.Info("refused lines are kept from now on", "stream", d.name)
		}
	case d.in.cfg.Clustered && !d.tried: // whose servers have just found each other
		d.tried = true
	case !d.warned && ctx.Err() == nil:
		d.warned = true
		d.in.logger.Warn("refused lines cannot be kept: they are counted (dead_letters_lost_total), and all others are stored; "+remedy(err),
			"stream", d.name, "error", err)
	}
}

func (d *deadLetters) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        d.name,
		Description: deadLettersDescription,
		Subjects:    []string{deadLetterSubject(d.stream.name, anyToken)},
		Storage:     jetstream.FileStorage,
		MaxAge:      deadLetterMaxAge,
		MaxBytes:    deadLetterMaxSize,
		Replicas:    d.in.cfg.Stream.Replicas,
	}
}

// ensure creates the stream if there is none.
func (d *deadLetters) ensure(ctx context.Context) error {
	_, err := d.stream.js.Stream(ctx, d.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = d.stream.js.CreateStream(ctx, d.config())
	}
	return err
}

// resume reads the newest letter.
func (d *deadLetters) resume(ctx context.Context) error {
	last, err := getMsg(ctx, d.stream.nc, d.name, msgRequest{Last: deadLetterSubject(d.stream.name, anyToken)})
	if errors.Is(err, errNoEntry) {
		return nil
	}
	if err != nil {
		return err
	}
	if parts := strings.Split(last.header().Get(headerEntry), "."); len(parts) == 3 {
		d.lastCreated = parts[0]
		d.lastSeq, _ = strconv.ParseUint(parts[1], 10, 64)
	}
	return nil
}

// put hands over the refused lines of an entry that were kept, and counts the
// others as lost. It never waits.
func (d *deadLetters) put(e *entry) {
	if len(e.out.Faults) == 0 {
		return
	}
	if !d.open.Load() {
		d.in.counters.lostDeadLetters.Add(int64(e.out.FaultyLines()))
		return
	}
	created := strconv.FormatInt(e.created.UnixNano(), 10)
	if created == d.lastCreated && e.seq <= d.lastSeq {
		return
	}
	if more := e.out.FaultyLines() - len(e.out.Faults); more > 0 {
		d.in.counters.lostDeadLetters.Add(int64(more))
	}
	for _, f := range e.out.Faults {
		id := created + "." + strconv.FormatUint(e.seq, 10) + "." + strconv.Itoa(f.Line)
		m := nats.NewMsg(deadLetterSubject(d.stream.name, f.Reason.String()))
		m.Data = append([]byte(nil), f.Text[:min(len(f.Text), deadLetterText)]...)
		m.Header.Set(headerReason, f.Detail)
		m.Header.Set(headerSubject, e.subject)
		setName(m.Header, headerCluster, f.Cluster)
		setName(m.Header, headerHost, f.Host)
		m.Header.Set(headerEntry, id)
		m.Header.Set(nats.MsgIdHdr, id)
		select {
		case d.queue <- m:
		default:
			d.in.counters.lostDeadLetters.Add(1)
		}
	}
}

// setName sets a header to a name that a sender chose, if it is known.
func setName(h nats.Header, key, name string) {
	if name != "" {
		h.Set(key, store.CutName(name))
	}
}

// run stores letters until ctx ends, and then those that wait.
func (d *deadLetters) run(ctx context.Context) {
	again := d.in.cfg.timings.ask
	if d.in.cfg.Clustered {
		again = min(again, apiTimeout)
	}
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.begin(ctx)
		case m := <-d.queue:
			d.store(ctx, m)
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			for len(d.queue) > 0 && ctx.Err() == nil {
				d.store(ctx, <-d.queue)
			}
			return
		}
	}
}

func (d *deadLetters) store(ctx context.Context, m *nats.Msg) {
	err := d.in.askAbout(ctx, d.stream, d.stream.name, func(ctx context.Context) error {
		_, err := d.stream.js.PublishMsg(ctx, m)
		return err
	})
	if err != nil {
		d.in.counters.lostDeadLetters.Add(1)
	}
}
