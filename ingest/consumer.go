package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

const (
	// What the broker may send ahead; at least one largest message.
	fetchAhead    = 8 << 20
	fetchMessages = 2048
	// A pull that hears nothing for twice this long is taken up again.
	heartbeat = 5 * time.Second
	// The broker forgets a reader that is gone for this long.
	readerTimeout = 30 * time.Second
)

// consume fetches the log in order, from the position on, and puts the entries
// into the pipeline until ctx ends. It takes up reading again after whatever goes
// wrong.
func (in *Ingest) consume(ctx context.Context, l *logStream, p *pipeline, pos position) {
	if l.embedded { // ready means that nothing that is sent now is missed
		select {
		case <-in.taking:
		case <-ctx.Done():
			return
		}
	}
	for r := (retry{in: in, what: "read stream " + l.name}); ; {
		before := pos.entries
		err := in.read(ctx, l, p, &pos)
		if ctx.Err() != nil {
			return
		}
		in.counters.reattached.Add(1)
		if r.again(ctx, err, pos.entries > before) != nil {
			return
		}
	}
}

// errReattach ends a reading that goes on soon.
var errReattach = errors.New("the connection was interrupted")

// again waits until the log is to be read again after err: not at all if an
// interruption ended a reading that brought something, shortly if it brought
// nothing, and for ever longer if reading fails for another reason.
func (r *retry) again(ctx context.Context, err error, progress bool) error {
	if progress {
		r.attempts = 0
	}
	switch {
	case !errors.Is(err, errReattach):
		return r.wait(ctx, err)
	case !progress:
		return pause(ctx, reconnectDelay(0))
	}
	return nil
}

// read attaches to the stream after pos and reads until something goes wrong.
// The reader is ephemeral and unacknowledged: the position is ours alone.
func (in *Ingest) read(ctx context.Context, l *logStream, p *pipeline, pos *position) error {
	select {
	case <-l.reattach: // an outage before this attempt is no reason to repeat it
	default:
	}
	cons, err := in.attach(ctx, l, pos)
	if err != nil {
		return err
	}
	defer in.detach(ctx, l, cons)
	it, err := cons.Messages(
		jetstream.PullMaxMessagesWithBytesLimit(fetchMessages, max(fetchAhead, int(l.nc.MaxPayload())+1<<20)),
		jetstream.PullHeartbeat(heartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true),
	)
	if err != nil {
		return err
	}
	// Next has to be woken when the connection is back, as the reader on the
	// other side may be gone.
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		defer it.Stop()
		tick := time.NewTicker(in.cfg.pace.recount)
		defer tick.Stop()
		for last := uint64(0); ; {
			select {
			case <-l.reattach:
				return
			case <-ctx.Done():
				return
			case <-ended:
				return
			case <-tick.C:
				if fetched := in.counters.fetched.Load(); fetched != last {
					last = fetched
				} else if in.counters.pending.Load() > 0 {
					in.recount(ctx, l, fetched)
				}
			}
		}
	}()
	err = in.readFrom(ctx, it, l, p, pos)
	close(ended)
	<-watched
	return err
}

// attach creates a reader that starts after pos, or from the first entry if the
// stream is not the one that was read up to there: applying an entry twice
// changes nothing.
func (in *Ingest) attach(ctx context.Context, l *logStream, pos *position) (cons jetstream.Consumer, err error) {
	err = withTimeout(ctx, func(ctx context.Context) error {
		stream, err := l.js.Stream(ctx, l.name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			in.log.Error("the stream is gone: creating it anew; what it held and this node has not read is lost", "stream", l.name)
			if err := in.ensure(ctx, l); err != nil {
				return err
			}
			stream, err = l.js.Stream(ctx, l.name)
		}
		if err != nil {
			return err
		}
		if err := in.checkPosition(ctx, l, stream.CachedInfo(), pos); err != nil {
			return err
		}
		cons, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
			Description:       "cc-metric-store",
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       pos.seq + 1,
			AckPolicy:         jetstream.AckNonePolicy,
			FilterSubjects:    in.subjectsRead(l),
			InactiveThreshold: readerTimeout,
			MemoryStorage:     true,
			Replicas:          1,
		})
		if err != nil {
			return fmt.Errorf("create a reader: %w", err)
		}
		if pos.entries == 0 { // nothing is on its way to the store
			in.state.setStart(store.LogPosition{Entry: store.Entry{Log: pos.log, Number: pos.seq}, Stream: l.name, Created: pos.created, At: pos.at})
		}
		if in.state.setTarget(pos.entries + cons.CachedInfo().NumPending) {
			in.log.Info("ready: nothing waits in the log", "stream", l.name)
		}
		return nil
	})
	return cons, err
}

// subjectsRead returns what a reader asks for, nil for all. A stream on somebody
// else's broker may have other subjects too. The embedded log holds only what
// is ours, perhaps under the subjects of a former configuration.
func (in *Ingest) subjectsRead(l *logStream) []string {
	if l.embedded {
		return nil
	}
	return in.streamConfig(l).Subjects
}

// detach lets the broker forget the reader at once if it can be told.
func (in *Ingest) detach(ctx context.Context, l *logStream, cons jetstream.Consumer) {
	if !l.nc.IsConnected() {
		return // it forgets by itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.js.DeleteConsumer(ctx, l.name, cons.CachedInfo().Name)
}

// readFrom puts the messages into the pipeline.
func (in *Ingest) readFrom(ctx context.Context, it jetstream.MessagesContext, l *logStream, p *pipeline, pos *position) error {
	delivered := uint64(0)
	for {
		m, err := it.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return errReattach
		}
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("message without a place in the stream: %w", err)
		}
		if delivered++; meta.Sequence.Consumer != delivered {
			return errReattach // one was lost on the way
		}
		e, err := p.obtain(ctx, unpackedLen(m.Headers(), m.Data()))
		if err != nil {
			return err
		}
		in.fill(e, m, meta, l)
		e.log, e.created = pos.log, pos.created
		if pos.seq > 0 && e.seq > pos.seq+1 {
			in.noteGap(ctx, l, pos, e.seq, e.at)
		}
		in.counters.fetched.Store(e.seq)
		in.counters.pending.Store(meta.NumPending)
		pos.seq, pos.at = e.seq, e.at
		pos.entries++
		in.counters.fetchedEntries.Store(pos.entries)
		if meta.NumPending == 0 { // also if entries that waited were removed
			in.state.setTarget(pos.entries)
		}
		p.put(e)
	}
}

// recount notices that nothing waits although the broker said so with the newest
// entry: its count does not know of entries that the stream dropped meanwhile.
func (in *Ingest) recount(ctx context.Context, l *logStream, fetched uint64) {
	entries := in.counters.fetchedEntries.Load()
	_ = withTimeout(ctx, func(ctx context.Context) error { // it comes round again
		stream, err := l.js.Stream(ctx, l.name)
		if err == nil && stream.CachedInfo().State.LastSeq <= fetched {
			in.counters.pending.Store(0)
			in.state.setTarget(entries)
		}
		return err
	})
}

func (in *Ingest) fill(e *entry, m jetstream.Msg, meta *jetstream.MsgMetadata, l *logStream) {
	e.seq, e.at = meta.Sequence.Stream, meta.Timestamp
	e.written = e.at
	e.subject, e.data = m.Subject(), m.Data()
	e.packed = m.Headers().Get(headerEncoding) == encodingS2
	switch e.subject {
	case l.frees:
		e.free, e.id = true, m.Headers().Get(nats.MsgIdHdr)
	case l.writes:
		e.cluster, e.id = m.Headers().Get(headerCluster), m.Headers().Get(nats.MsgIdHdr)
		if from := m.Headers().Get(headerSubject); from != "" {
			e.subject = from
		}
	default:
		if strings.HasPrefix(e.subject, l.outboxes+".") {
			fillForwarded(e, m.Headers())
			return
		}
		if i := in.subscriptionOf(e.subject); i >= 0 {
			e.cluster = in.cfg.Subscriptions[i].Cluster
		}
	}
}

// fillForwarded reads what an outbox notes with an entry. What was written there
// without a time is of the time when it was.
func fillForwarded(e *entry, h nats.Header) {
	e.free, e.cluster = h.Get(headerKind) == kindFree, h.Get(headerCluster)
	if ns, err := strconv.ParseInt(h.Get(headerTime), 10, 64); err == nil {
		e.written = time.Unix(0, ns)
	}
}
