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

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// The broker forgets a reader that is gone for this long.
const readerTimeout = 30 * time.Second

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
	r := retry{in: in, what: "read stream " + l.name}
	for w := (watchdog{in: in, log: l, pipeline: p}); ; {
		before := pos.entries
		waiting, err := in.read(ctx, l, p, &pos)
		if ctx.Err() != nil {
			return
		}
		in.counters.reattached.Add(1)
		in.state.setReading(err)
		pos.failed(err)
		if pos.entries > before {
			pos.failures = 0
			w = watchdog{in: in, log: l, pipeline: p}
		} else if waiting > 0 {
			w.bark(ctx, &pos, waiting)
		}
		if r.again(ctx, err, pos.entries > before) != nil {
			return
		}
	}
}

// errReattach ends a reading that goes on soon.
var errReattach = errors.New("the connection was interrupted")

// again waits until the log is to be read again after err: not at all if an
// interruption ended a reading that brought something, shortly if it brought
// nothing, and for ever longer if reading fails for another reason. It also waits
// shortly for a broker that has forgotten the reader: if the stream was deleted, the
// server is still removing its files, and those of one that is made anew with them.
func (r *retry) again(ctx context.Context, err error, progress bool) error {
	if progress {
		r.attempts = 0
	}
	switch {
	case !errors.Is(err, errReattach):
		return r.wait(ctx, err)
	case !progress || errors.Is(err, errGone):
		return pause(ctx, reconnectDelay(0))
	}
	return nil
}

// read attaches to the stream after pos and reads until something goes wrong. It
// returns how many entries waited when it began. The reader is ephemeral and
// unacknowledged: the position is ours alone.
func (in *Ingest) read(ctx context.Context, l *logStream, p *pipeline, pos *position) (waiting uint64, err error) {
	select {
	case <-l.reattach: // an outage before this attempt is no reason to repeat it
	default:
	}
	r, waiting, err := in.attach(ctx, l, pos)
	if err != nil {
		return 0, err
	}
	defer in.detach(ctx, l, r)
	return waiting, in.readFrom(ctx, r, l, p, pos)
}

// attach creates a reader that starts after pos, or from the first entry if the
// stream is not the one that was read up to there: applying an entry twice
// changes nothing.
func (in *Ingest) attach(ctx context.Context, l *logStream, pos *position) (r *reader, pending uint64, err error) {
	err = in.ask(ctx, l, func(ctx context.Context) error {
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
		r, pending, err = in.createReader(ctx, l, pos.seq+1)
		if err != nil {
			return err
		}
		if pos.entries == 0 { // nothing is on its way to the store
			in.state.setStart(store.LogPosition{Entry: store.Entry{Epoch: pos.log, Seq: pos.seq}, Stream: l.name, Created: pos.created, At: pos.at})
		}
		if in.state.setTarget(pos.entries + pending) {
			in.log.Info("ready: nothing waits in the log", "stream", l.name)
		}
		return nil
	})
	return r, pending, err
}

// createReader makes a reader that begins with the entry of the given number, or
// the next one that there is. pending is how many wait for it.
func (in *Ingest) createReader(ctx context.Context, l *logStream, from uint64) (r *reader, pending uint64, err error) {
	c := jetstream.ConsumerConfig{
		Description:       "cc-metric-store",
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		AckPolicy:         jetstream.AckNonePolicy,
		FilterSubjects:    in.subjectsRead(l),
		InactiveThreshold: readerTimeout,
		MemoryStorage:     true,
		Replicas:          1,
	}
	cons, err := l.js.CreateConsumer(ctx, l.name, c)
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == codeInactiveTooLong {
		c.InactiveThreshold = 0 // the stream's own limit, then
		cons, err = l.js.CreateConsumer(ctx, l.name, c)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("create a reader: %w", err)
	}
	r, err = newReader(l.nc, l.name, cons.CachedInfo().Name)
	return r, cons.CachedInfo().NumPending, err
}

// codeInactiveTooLong is JetStream's error for a consumer that is to outlive its
// absence for longer than the stream allows.
const codeInactiveTooLong = 10153

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
func (in *Ingest) detach(ctx context.Context, l *logStream, r *reader) {
	r.close()
	if !l.nc.IsConnected() {
		return // it forgets by itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.js.DeleteConsumer(ctx, l.name, r.consumer)
}

// errSilent says that a reader hears nothing.
var errSilent = errors.New("the broker sends neither entries nor a sign of life")

// readFrom puts the entries into the pipeline.
func (in *Ingest) readFrom(ctx context.Context, r *reader, l *logStream, p *pipeline, pos *position) error {
	beat, recount := time.NewTicker(heartbeat), time.NewTicker(in.cfg.pace.recount)
	defer beat.Stop()
	defer recount.Stop()
	denied := make(chan error, 1)
	if !l.embedded { // what a broker denies does not concern the server in this process
		defer in.rights.watch(l.name, func(err error) {
			select {
			case denied <- err:
			default: // one is enough
			}
		})()
	}
	delivered, silent, signs := uint64(0), 0, 0
	idle := idleness{in: in, log: l}
	for {
		if err := r.pull(); err != nil {
			return err
		}
		select {
		case m := <-r.in:
			silent = 0
			if !r.isEntry(m) {
				if err := r.note(m); err != nil {
					return err
				}
				if isSignOfLife(m) {
					signs++
				}
				in.state.setReading(nil)
				continue
			}
			signs = 0
			r.asked--
			meta, err := m.Metadata()
			if err != nil {
				return fmt.Errorf("message without a place in the stream: %w", err)
			}
			if delivered++; meta.Sequence.Consumer != delivered {
				return errReattach // one was lost on the way
			}
			if delivered == 1 {
				in.state.setReading(nil)
			}
			if err := in.takeEntry(ctx, m, meta, l, p, pos); err != nil {
				return err
			}
		case <-beat.C:
			if silent++; silent > 2 {
				return errSilent
			}
		case <-recount.C:
			if len(r.in) == 0 && idle.isStalled(ctx, delivered, signs, pos) {
				return errStalled
			}
		case err := <-denied:
			return err
		case <-l.reattach: // the reader on the other side may be gone
			return errReattach
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takeEntry puts one entry into the pipeline.
func (in *Ingest) takeEntry(ctx context.Context, m *nats.Msg, meta *nats.MsgMetadata, l *logStream, p *pipeline, pos *position) error {
	e, err := p.obtain(ctx, unpackedLen(m.Header, m.Data))
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
	return nil
}

func (in *Ingest) fill(e *entry, m *nats.Msg, meta *nats.MsgMetadata, l *logStream) {
	e.seq, e.at = meta.Sequence.Stream, meta.Timestamp
	e.written = e.at
	e.subject, e.data = m.Subject, m.Data
	e.packed = m.Header.Get(headerEncoding) == encodingS2
	e.status = m.Header.Get("Status")
	switch e.subject {
	case l.frees:
		e.free, e.id = true, m.Header.Get(nats.MsgIdHdr)
	case l.writes:
		e.cluster, e.id = m.Header.Get(headerCluster), m.Header.Get(nats.MsgIdHdr)
		if from := m.Header.Get(headerSubject); from != "" {
			e.subject, e.taken = lineproto.Clip(from), true
		}
	default:
		if strings.HasPrefix(e.subject, l.outboxes+".") {
			fillForwarded(e, m.Header)
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
	ns, err := strconv.ParseInt(h.Get(headerTime), 10, 64)
	if at := time.Unix(0, ns); err == nil && at.Unix() >= -store.MaxTime {
		e.written = at
	}
}
