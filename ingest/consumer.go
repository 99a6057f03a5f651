package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// consumerTimeout is how long the broker keeps a consumer that is not heard of.
const consumerTimeout = 30 * time.Second

// consume reads the log in order, from the cursor on, and puts the entries into the
// pipeline until ctx ends. After whatever goes wrong it resets the consumer: it creates
// another one, which begins at the cursor.
func (in *Ingest) consume(ctx context.Context, l *logStream, p *pipeline, cur cursor) {
	if l.embedded { // the program is not ready before the intake hears what publishers send
		select {
		case <-in.intakeReady:
		case <-ctx.Done():
			return
		}
	}
	r := in.retry("read stream " + l.name)
	for w := (watchdog{in: in, stream: l, pipeline: p}); ; {
		before := cur.entries
		waiting, err := in.read(ctx, l, p, &cur)
		if ctx.Err() != nil {
			return
		}
		in.counters.consumerResets.Add(1)
		in.replay.reads(err)
		cur.failed(err)
		if cur.entries > before {
			cur.failures = 0
			w = watchdog{in: in, stream: l, pipeline: p}
		} else if waiting > 0 {
			w.emptyRead(ctx, &cur, waiting)
		}
		if r.again(ctx, err, cur.entries > before) != nil {
			return
		}
	}
}

// errInterrupted ends a reading that goes on soon.
var errInterrupted = errors.New("the connection was interrupted")

// read creates a consumer at the cursor and reads until something goes wrong. It returns
// how many entries waited when it began. The consumer is ephemeral, and nothing is
// acknowledged to it: the cursor is ours alone.
func (in *Ingest) read(ctx context.Context, l *logStream, p *pipeline, cur *cursor) (waiting uint64, err error) {
	select {
	case <-l.interruptions: // an outage before this attempt is no reason to repeat it
	default:
	}
	c, waiting, err := in.resetConsumer(ctx, l, cur)
	if err != nil {
		return 0, err
	}
	defer in.deleteConsumer(ctx, l, c)
	return waiting, in.readFrom(ctx, c, l, p, cur)
}

// resetConsumer creates a consumer that begins after the cursor. If the stream is not the one
// that the cursor was moved in, it begins with the first entry: to apply an entry twice
// changes nothing. waiting is how many entries wait for the consumer.
func (in *Ingest) resetConsumer(ctx context.Context, l *logStream, cur *cursor) (c *orderedConsumer, waiting uint64, err error) {
	err = in.ask(ctx, l, func(ctx context.Context) error {
		stream, err := l.js.Stream(ctx, l.name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			in.logger.Error("the stream is gone: creating it anew; what it held and this node has not read is lost", "stream", l.name)
			if err := in.ensure(ctx, l); err != nil {
				return err
			}
			stream, err = l.js.Stream(ctx, l.name)
		}
		if err != nil {
			return err
		}
		l.recognise(stream.CachedInfo())
		if err := in.checkCursor(ctx, l, stream.CachedInfo(), cur); err != nil {
			return err
		}
		c, waiting, err = in.createConsumer(ctx, l, cur.seq+1)
		if err != nil {
			return err
		}
		if cur.entries == 0 { // nothing is on its way to the store
			in.replay.startAt(store.LogPosition{Entry: store.Entry{Epoch: cur.epoch, Seq: cur.seq}, Stream: l.name, Created: cur.created, At: cur.at})
		}
		if in.replay.created(cur.entries, waiting) {
			in.logger.Info("ready: nothing waits in the log", "stream", l.name)
		}
		return nil
	})
	return c, waiting, err
}

// createConsumer creates a consumer that begins with the entry of the given sequence
// number, or the next one that there is. waiting is how many wait for it.
func (in *Ingest) createConsumer(ctx context.Context, l *logStream, from uint64) (c *orderedConsumer, waiting uint64, err error) {
	config := jetstream.ConsumerConfig{
		Description:       "cc-metric-store",
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		AckPolicy:         jetstream.AckNonePolicy,
		FilterSubjects:    in.subjectsRead(l),
		InactiveThreshold: consumerTimeout,
		MemoryStorage:     true,
		Replicas:          1,
	}
	cons, err := l.js.CreateConsumer(ctx, l.name, config)
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == codeInactiveTooLong {
		config.InactiveThreshold = 0 // the stream's own limit, then
		cons, err = l.js.CreateConsumer(ctx, l.name, config)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("create a consumer: %w", err)
	}
	c, err = newOrderedConsumer(l.nc, l.name, cons.CachedInfo().Name, in.heartbeat(l))
	return c, cons.CachedInfo().NumPending, err
}

// codeInactiveTooLong is JetStream's error for a consumer that is to outlive its
// absence for longer than the stream allows.
const codeInactiveTooLong = 10153

// subjectsRead returns the subjects of a consumer, nil for all. A stream on somebody
// else's broker may have other subjects too. The embedded log holds only what
// is ours, perhaps under the subjects of a former configuration.
func (in *Ingest) subjectsRead(l *logStream) []string {
	if l.embedded {
		return nil
	}
	return in.streamConfig(l).Subjects
}

// deleteConsumer deletes the consumer at once if the broker can be told.
func (in *Ingest) deleteConsumer(ctx context.Context, l *logStream, c *orderedConsumer) {
	c.close()
	if !l.nc.IsConnected() {
		return // the server deletes the consumer after consumerTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.js.DeleteConsumer(ctx, l.name, c.name)
}

// errSilent says that a consumer hears nothing.
var errSilent = errors.New("the broker sends neither entries nor a sign of life")

// readFrom puts the entries of a consumer into the pipeline.
func (in *Ingest) readFrom(ctx context.Context, c *orderedConsumer, l *logStream, p *pipeline, cur *cursor) error {
	beat, recount := time.NewTicker(in.heartbeat(l)), time.NewTicker(in.cfg.timings.recount)
	defer beat.Stop()
	defer recount.Stop()
	denied, end := in.watchRights(l)
	defer end()
	delivered, silent, signs := uint64(0), 0, 0
	idle := idleness{in: in, stream: l}
	for {
		if err := c.pull(); err != nil {
			return err
		}
		select {
		case m := <-c.in:
			silent = 0
			if !c.isEntry(m) {
				if err := c.handleStatus(m); err != nil {
					return err
				}
				if isSignOfLife(m) {
					signs++
				}
				in.replay.reads(nil)
				continue
			}
			signs = 0
			c.asked--
			meta, err := m.Metadata()
			if err != nil {
				return fmt.Errorf("message without a sequence number: %w", err)
			}
			if delivered++; meta.Sequence.Consumer != delivered {
				return errInterrupted // one was lost on the way
			}
			if delivered == 1 {
				in.replay.reads(nil)
			}
			if err := in.putEntry(ctx, m, meta, l, p, cur); err != nil {
				return err
			}
		case <-beat.C:
			if silent++; silent > 2 {
				return errSilent
			}
		case <-recount.C:
			if len(c.in) == 0 && idle.isStalled(ctx, delivered, signs, cur) {
				return errStalled
			}
		case err := <-denied:
			return err
		case <-l.interruptions: // the consumer may be gone
			return errInterrupted
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchRights returns a channel with the first right that reading the log needs and the broker
// denies, until end is called. The channel is nil for the embedded log: the connection to a
// broker does not concern it.
func (in *Ingest) watchRights(l *logStream) (denied <-chan error, end func()) {
	if l.embedded {
		return nil, func() {}
	}
	c := make(chan error, 1)
	return c, in.rights.watch(l.name, func(err error) {
		select {
		case c <- err:
		default: // one is enough
		}
	})
}

// putEntry puts one entry into the pipeline, and moves the cursor to it.
func (in *Ingest) putEntry(ctx context.Context, m *nats.Msg, meta *nats.MsgMetadata, l *logStream, p *pipeline, cur *cursor) error {
	e, err := p.obtain(ctx, decompressedLen(m.Header, m.Data))
	if err != nil {
		return err
	}
	in.fillEntry(e, m, meta, l)
	e.epoch, e.created = cur.epoch, cur.created
	if cur.seq > 0 && e.seq > cur.seq+1 {
		in.recordGap(ctx, l, cur, e.seq, e.at)
	}
	in.counters.fetched.Store(e.seq)
	cur.seq, cur.at = e.seq, e.at
	cur.entries++
	in.replay.fetched(cur.entries, meta.NumPending)
	p.put(e)
	return nil
}
