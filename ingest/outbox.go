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

// Headers of the entries that went through an outbox.
const (
	headerKind = "Cc-Kind"         // kindFree or nothing
	headerTime = "Cc-Time"         // when the entry was written, in ns; the log took it later
	headerFrom = "Cc-Outbox-Entry" // its number in the outbox

	kindFree = "free"
)

// longestHeader bounds the headers of an entry that are forwarded.
const longestHeader = 512

// outboxKey is where the outbox's stream has the name under which it forwards.
const outboxKey = "cc-metric-store-outbox"

// outbox takes the writes over REST while the external log is out of reach: into
// a stream of the embedded server, and into the store at once. They are forwarded
// when the log is back, in their order, and take effect once more where the log
// has them: on this node as on all others.
type outbox struct {
	in      *Ingest
	name    string
	waiting atomic.Int64  // entries that the log does not have yet
	filled  chan struct{} // a token when there are some
	shown   chan struct{} // closed when those of a former run are in the store

	mu sync.Mutex
	// Guarded by mu.
	js      jetstream.JetStream // nil: not open
	nc      *nats.Conn
	stream  jetstream.Stream
	id      string
	decoder *lineproto.Decoder
	out     decodedEntry

	since   atomic.Int64 // ns: of the oldest entry that waits in this run, 0: of a former one
	failing atomic.Bool  // the newest entry was not taken

	cause atomic.Pointer[error] // why nothing is forwarded, nil if that is not known
}

const (
	outboxSuffix      = "_OUTBOX" // after the name of the log
	outboxDescription = "writes over REST that cc-metric-store forwards to its log"
)

func newOutbox(in *Ingest) *outbox {
	return &outbox{
		in: in, name: in.cfg.Stream.Name + outboxSuffix, filled: make(chan struct{}, 1), shown: make(chan struct{}),
		decoder: lineproto.NewDecoder(in.store, in.series, in.cfg.FutureTolerance),
	}
}

// leftBehind reports whether a former run has left an outbox.
func (o *outbox) leftBehind() bool {
	if o.in.cfg.EmbeddedHolds == nil {
		return false
	}
	_, streams := o.in.cfg.EmbeddedHolds()
	return slices.Contains(streams, o.name)
}

// open starts the embedded server and opens the stream, if that was not done
// yet. The caller holds mu.
func (o *outbox) open(ctx context.Context) error {
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

// renew opens the stream again when it is gone: somebody has removed the files of the
// embedded server. The caller holds mu.
func (o *outbox) renew(ctx context.Context) error {
	if o.nc != nil {
		o.nc.Close()
		o.nc, o.js = nil, nil
	}
	if lost := o.waiting.Swap(0); lost > 0 {
		o.in.log.Error("the stream with the writes over REST that the log does not have yet is gone: this node has them, others do not",
			"stream", o.name, "entries", lost)
	}
	return o.open(ctx)
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

// put takes an entry. When it returns without an error, the entry is kept and
// visible.
func (o *outbox) put(ctx context.Context, d *draft) (out outcome, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.failing.Store(err != nil) }()
	if err := o.open(ctx); err != nil {
		return out, err
	}
	at := time.Now()
	m := d.message(o.name)
	m.Header.Set(headerTime, strconv.FormatInt(at.UnixNano(), 10))
	if d.free {
		m.Header.Set(headerKind, kindFree)
	}
	_, err = o.js.PublishMsg(ctx, m)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = o.renew(ctx); err == nil {
			_, err = o.js.PublishMsg(ctx, m)
		}
	}
	if err != nil {
		return out, fmt.Errorf("append to stream %s of the embedded nats-server: %w", o.name, err)
	}
	if o.waiting.Add(1) == 1 {
		o.since.Store(at.UnixNano())
		o.in.log.Warn("the log is out of reach: writes over REST are kept in the embedded nats-server, and forwarded when it is back", "stream", o.name)
	}
	out, err = o.apply(d, at)
	o.wake()
	return out, err
}

// wake says that there is something to forward.
func (o *outbox) wake() {
	select {
	case o.filled <- struct{}{}:
	default: // that is known
	}
}

// apply makes an entry visible. It has no place in the log yet.
func (o *outbox) apply(d *draft, at time.Time) (out outcome, err error) {
	if d.free {
		r, err := decodeFree(d.data)
		if err != nil {
			return out, fmt.Errorf("decode the free: %w", err)
		}
		out.freed = o.in.store.Free(r.Selectors, r.Before, store.Entry{})
		return out, nil
	}
	o.out.reset()
	o.decoder.Decode(d.data, d.cluster, at, &o.out.Decoded)
	for i := range o.out.Batches {
		o.in.append(&o.out, i) // its lines are learnt from the log
	}
	return o.out.outcome(), nil
}

// run forwards what is in the outbox whenever there is something, until ctx
// ends.
func (o *outbox) run(ctx context.Context, l *logStream) {
	select {
	case <-o.shown:
	case <-ctx.Done():
		return
	}
	if o.in.state.awaitsOutbox() {
		o.wake()
	}
	for {
		select {
		case <-o.filled:
		case <-ctx.Done():
			return
		}
		for r := (retry{in: o.in, what: "forward writes over REST to stream " + l.name}); ; {
			last, n, err := o.forward(ctx, l)
			if n > 0 {
				o.in.log.Info("forwarded writes over REST to the log", "stream", l.name, "entries", n, "waiting", o.waiting.Load())
			}
			if err == nil {
				o.cause.Store(nil)
				if o.in.state.awaitsOutbox() && o.in.state.awaitNumber(ctx, last) == nil && o.in.state.outboxDone() {
					o.in.log.Info("ready: the store holds all of the log", "entry", last)
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

// trouble says that writes over REST wait, nil if none do.
func (o *outbox) trouble() error {
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
