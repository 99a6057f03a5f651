package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// outbox keeps the writes over REST while the external log is out of reach. They are in a
// stream of the embedded server, and applied to the store of this node at once. When the
// log is back, run forwards them in their order, and they are applied again, which changes
// nothing, when they are read from the log: here as on all other nodes.
//
// It is safe for concurrent use. Lock order: mu, then Ingest.starting, the mu of reports, or
// a lock of the store; one of these at a time.
type outbox struct {
	in      *Ingest
	name    string
	waiting atomic.Int64  // entries that the log does not have yet
	filled  chan struct{} // a token when there is something to forward
	shown   chan struct{} // closed when the entries of a former run are in the store

	mu sync.Mutex
	// Guarded by mu.
	js      jetstream.JetStream // nil: not open
	nc      *nats.Conn
	stream  jetstream.Stream
	id      string // of the stream, in the subject under which its entries are forwarded
	decoder *lineproto.Decoder
	out     decodedEntry

	forwarded atomic.Pointer[store.Entry] // the last one that the log was given, nil: none

	since   atomic.Int64 // Unix ns: when the oldest entry that waits was written, 0: in a former run
	failing atomic.Bool  // the newest entry could not be appended

	cause atomic.Pointer[error] // why nothing is forwarded, nil if that is not known
}

func newOutbox(in *Ingest) *outbox {
	return &outbox{
		in: in, name: in.cfg.Stream.Name + outboxSuffix, filled: make(chan struct{}, 1), shown: make(chan struct{}),
		decoder: lineproto.NewDecoder(in.store, in.series, in.cfg.FutureTolerance),
	}
}

// leftBehind reports whether a former run has left an outbox, as far as is known without
// the embedded server.
func (o *outbox) leftBehind() bool {
	if o.in.cfg.EmbeddedHolds == nil {
		return false
	}
	_, streams := o.in.cfg.EmbeddedHolds()
	return slices.Contains(streams, o.name)
}

// openLocked starts the embedded server and opens the stream, if that was not done
// yet.
func (o *outbox) openLocked(ctx context.Context) error {
	if o.js != nil {
		return nil
	}
	nc, server, err := o.in.connectEmbedded(ctx, nil)
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err == nil {
		o.stream, err = js.Stream(ctx, o.name)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		o.stream, err = js.CreateStream(ctx, o.config(server.MaxStore()))
	}
	if err != nil {
		nc.Close()
		return fmt.Errorf("open stream %s of the embedded nats-server: %w", o.name, err)
	}
	info := o.stream.CachedInfo()
	o.nc, o.js, o.id = nc, js, info.Config.Metadata[outboxKey]
	o.waiting.Store(int64(info.State.Msgs))
	return nil
}

// renewLocked opens the stream again when it is gone: somebody has removed the files of the
// embedded server.
func (o *outbox) renewLocked(ctx context.Context) error {
	if o.nc != nil {
		o.nc.Close()
		o.nc, o.js = nil, nil
	}
	if lost := o.waiting.Swap(0); lost > 0 {
		o.in.logger.Error("the stream with the writes over REST that the log does not have yet is gone: this node has them, others do not",
			"stream", o.name, "entries", lost)
	}
	return o.openLocked(ctx)
}

// config is for a stream that refuses what it has no room for, rather than lose
// what it has acknowledged.
func (o *outbox) config(maxStore int64) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:        o.name,
		Description: outboxDescription,
		Subjects:    []string{o.name},
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    -1,
		Compression: jetstream.S2Compression,
		Metadata:    map[string]string{outboxKey: rand.Text()},
	}
	if maxStore > 0 {
		c.MaxBytes = max(maxStore/2, 1)
	}
	return c
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.nc != nil {
		o.nc.Close()
		o.nc, o.js = nil, nil
	}
}

// put appends an entry to the outbox and applies it to the store. When it returns without an
// error, the entry is on the disk and visible, and its writers have their outcomes.
func (o *outbox) put(ctx context.Context, e *outgoing) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.failing.Store(err != nil) }()
	if err := o.openLocked(ctx); err != nil {
		return err
	}
	at := time.Now()
	m := e.msg(o.name)
	m.Header.Set(headerTime, strconv.FormatInt(at.UnixNano(), 10))
	if e.free {
		m.Header.Set(headerKind, kindFree)
	}
	_, err = o.js.PublishMsg(ctx, m)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = o.renewLocked(ctx); err == nil {
			_, err = o.js.PublishMsg(ctx, m)
		}
	}
	if err != nil {
		return fmt.Errorf("append to stream %s of the embedded nats-server: %w", o.name, err)
	}
	if o.waiting.Add(1) == 1 {
		o.since.Store(at.UnixNano())
		o.in.logger.Warn("the log is out of reach: writes over REST are kept in the embedded nats-server, and forwarded when it is back", "stream", o.name)
	}
	err = o.applyLocked(e, at)
	o.wake()
	return err
}

// wake tells run that there is something to forward.
func (o *outbox) wake() {
	select {
	case o.filled <- struct{}{}:
	default: // that is known
	}
}

// applyLocked makes an entry visible, and tells its writers. It has no sequence number in the
// log yet.
func (o *outbox) applyLocked(e *outgoing, at time.Time) error {
	if e.free {
		r, err := decodeFree(e.data)
		if err != nil {
			return fmt.Errorf("decode the free request: %w", err)
		}
		e.writers.tellAll(outcome{freed: o.in.store.Free(r.Selectors, r.Before, store.Entry{})})
		return nil
	}
	o.decodeLocked(e, at)
	for i := range o.out.Batches {
		o.in.append(&o.out, i) // its lines are learnt from the log
	}
	o.out.tell(e.writers)
	return nil
}

// run forwards what is in the outbox whenever there is something, until ctx
// ends.
func (o *outbox) run(ctx context.Context, l *logStream) {
	select {
	case <-o.shown:
	case <-ctx.Done():
		return
	}
	if o.in.replay.awaitsOutbox() {
		o.wake()
	}
	for {
		select {
		case <-o.filled:
		case <-ctx.Done():
			return
		}
		for r := o.in.retry("forward writes over REST to stream " + l.name); ; {
			last, n, err := o.forward(ctx, l)
			if n > 0 {
				o.in.logger.Info("forwarded writes over REST to the log", "stream", l.name, "entries", n, "waiting", o.waiting.Load())
			}
			if err == nil {
				o.cause.Store(nil)
				if o.in.replay.awaitsOutbox() && o.in.replay.awaitSeq(ctx, last) == nil && o.in.replay.outboxEmpty() {
					o.in.logger.Info("ready: the store holds all of the log", "entry", last)
				}
				break
			}
			o.cause.Store(&err)
			if r.wait(ctx, err) != nil {
				return
			}
		}
	}
}

// degraded returns an error if writes over REST wait to be forwarded.
func (o *outbox) degraded() error {
	if o.waiting.Load() == 0 {
		return nil
	}
	since := "from before the start"
	if at := o.since.Load(); at != 0 {
		since = "since " + time.Unix(0, at).UTC().Format(time.RFC3339)
	}
	err := fmt.Errorf("the log is out of reach: %d writes over REST %s wait in the embedded nats-server to be forwarded", o.waiting.Load(), since)
	if cause := o.cause.Load(); cause != nil {
		return fmt.Errorf("%w: %w", err, advised(*cause))
	}
	return err
}

// working reports whether the outbox takes writes in place of the log.
func (o *outbox) working() bool { return o.waiting.Load() > 0 && !o.failing.Load() }
