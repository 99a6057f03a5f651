package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// forward publishes the entries of the outbox to the log, oldest first, and removes each from
// the outbox when the log has it. It returns the sequence number of the last one in the log,
// and how many it removed.
func (o *outbox) forward(ctx context.Context, l *logStream) (last uint64, n int, err error) {
	o.mu.Lock()
	err = o.openLocked(ctx)
	id := o.id
	o.mu.Unlock()
	if err != nil {
		return 0, 0, err
	}
	if o.waiting.Load() == 0 {
		return 0, 0, nil
	}
	subject := outboxSubject(l.name, id)
	done, err := o.lastForwarded(ctx, l, subject)
	if err != nil {
		return 0, 0, err
	}
	for ; ; n++ {
		m, err := o.oldest(ctx, id)
		if errors.Is(err, errNoEntry) {
			return last, n, nil
		}
		if err != nil {
			return last, n, fmt.Errorf("read stream %s of the embedded nats-server: %w", o.name, err)
		}
		if m.Seq > done {
			if last, err = o.send(ctx, l, subject, m); err != nil {
				return last, n, err
			}
			applied, _ := o.in.Applied()
			o.forwarded.Store(&store.Entry{Epoch: applied.Entry.Epoch, Seq: last})
		}
		if err := o.remove(ctx, id, m.Seq); err != nil {
			return last, n, fmt.Errorf("remove what was forwarded from stream %s of the embedded nats-server: %w", o.name, err)
		}
	}
}

// errRenewed says that the outbox is another stream than before, with entries of its
// own.
var errRenewed = errors.New("the stream was made anew meanwhile")

// oldest returns the first entry of the outbox with the id. That there is none, or no
// outbox any more, shows that nothing waits.
func (o *outbox) oldest(ctx context.Context, id string) (m storedMsg, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.reopenLocked(ctx, id); err != nil {
		return m, err
	}
	m, err = o.firstLocked(ctx, 0)
	switch {
	case errors.Is(err, errNoEntry):
		o.waiting.Store(0)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if err := o.renewLocked(ctx); err != nil {
			return m, err
		}
		return m, errNoEntry
	case err == nil && o.waiting.Load() == 0: // one that is there although its writer was told that it is not
		o.waiting.Store(1)
	}
	return m, err
}

// remove purges the entries up to seq, which the log has, from the outbox with
// the id.
func (o *outbox) remove(ctx context.Context, id string, seq uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.reopenLocked(ctx, id)
	if err == nil {
		err = withTimeout(ctx, func(ctx context.Context) error {
			return o.stream.Purge(ctx, jetstream.WithPurgeSequence(seq+1))
		})
	}
	if err == nil {
		o.waiting.Add(-1)
	}
	return err
}

// reopenLocked is openLocked for the outbox with the id.
func (o *outbox) reopenLocked(ctx context.Context, id string) error {
	if err := o.openLocked(ctx); err != nil {
		return err
	}
	if o.id != id {
		return errRenewed
	}
	return nil
}

// firstLocked returns the first entry from seq on.
func (o *outbox) firstLocked(ctx context.Context, seq uint64) (m storedMsg, err error) {
	err = withTimeout(ctx, func(ctx context.Context) (err error) {
		m, err = getMsg(ctx, o.nc, o.name, msgRequest{Seq: seq, Next: o.name})
		return err
	})
	return m, err
}

// send gives the log one entry of the outbox, in parts if it is larger than the
// log takes.
func (o *outbox) send(ctx context.Context, l *logStream, subject string, m storedMsg) (seq uint64, err error) {
	header := m.header()
	parts, limit := [][]byte{m.Data}, int(l.nc.MaxPayload())-headerRoom
	if len(m.Data) > limit && header.Get(headerKind) != kindFree {
		lines := m.Data
		if header.Get(headerEncoding) == encodingS2 {
			if lines, err = decompress(nil, m.Data); err == nil {
				header.Del(headerEncoding)
			} else { // it is refused when it is read
				lines = m.Data[:limit]
			}
		}
		parts = split(lines, limit)
	}
	for i, data := range parts {
		out := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{}}
		// Only our headers: the log might refuse an entry with others, and the entries behind
		// it would never be forwarded.
		for _, k := range []string{headerCluster, headerKind, headerTime, headerEncoding, nats.MsgIdHdr} {
			if v := header.Get(k); v != "" && len(v) <= longestHeader {
				out.Header.Set(k, v)
			}
		}
		// Only the last part says that the entry is forwarded.
		if i == len(parts)-1 {
			out.Header.Set(headerOutboxEntry, strconv.FormatUint(m.Seq, 10))
		} else {
			out.Header.Set(headerOutboxEntry, strconv.FormatUint(m.Seq-1, 10))
			out.Header.Set(nats.MsgIdHdr, header.Get(nats.MsgIdHdr)+"."+strconv.Itoa(i))
		}
		err := o.in.ask(ctx, l, func(ctx context.Context) error {
			ack, err := l.js.PublishMsg(ctx, out)
			if err == nil {
				seq = ack.Sequence
			}
			return err
		})
		o.in.writable.record(err)
		if err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// lastForwarded returns the sequence number, in its outbox, of the newest entry that the
// log has: it may be there although the acknowledgement never came.
func (o *outbox) lastForwarded(ctx context.Context, l *logStream, subject string) (seq uint64, err error) {
	err = o.in.ask(ctx, l, func(ctx context.Context) error {
		m, err := getMsg(ctx, l.nc, l.name, msgRequest{Last: subject})
		if errors.Is(err, errNoEntry) {
			return nil
		}
		if err == nil {
			// Without a sequence number in its header it is somebody else's entry: all that
			// waits is sent.
			seq, _ = strconv.ParseUint(m.header().Get(headerOutboxEntry), 10, 64)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask stream %s for the newest entry that was forwarded: %w", l.name, err)
	}
	return seq, nil
}
