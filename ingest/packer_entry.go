package ingest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/ingest/lineproto"
)

// packerEntry is one entry of the log in the making.
type packerEntry struct {
	sub      int    // the subscription it came under
	messages int64  // that end in it
	encoding string // of the lines, if their publisher encoded them
	lines    []byte
	replies  []string // where publishers wait for an acknowledgement
	ids      []idHash // of the messages that have one

	// forward is a message that the log itself answers. It is all there is, then.
	forward *nats.Msg

	compressed []byte
	msg        *nats.Msg
	attempt
}

// attempt is one attempt to give an entry to the log.
type attempt struct {
	ack jetstream.PubAckFuture
	err error // it failed
}

func (s attempt) ok() <-chan *jetstream.PubAck {
	if s.ack == nil {
		return nil
	}
	return s.ack.Ok()
}

func (s attempt) failed() <-chan error {
	if s.ack == nil {
		return nil
	}
	return s.ack.Err()
}

// await returns what became of it.
func (s *attempt) await(ctx context.Context) (seq uint64, err error) {
	if s.err != nil {
		return 0, s.err
	}
	select {
	case a := <-s.ok():
		return a.Sequence, nil
	case s.err = <-s.failed():
		return 0, s.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// fill makes the message that is published, under the subject. It reports whether the lines
// were compressed, so that the message does not refer to them. scratch is memory for that,
// which may grow.
func (e *packerEntry) fill(subject string, scratch *[]byte) (compressed bool) {
	e.msg = &nats.Msg{Subject: subject, Header: nats.Header{}, Data: e.lines}
	e.rename()
	if e.encoding == "" {
		if block := compress(scratch, e.lines); block != nil {
			e.compressed = append(e.compressed[:0], block...)
			e.msg.Data, e.encoding, compressed = e.compressed, encodingS2, true
		}
	}
	if e.encoding != "" {
		e.msg.Header.Set(headerEncoding, e.encoding)
	}
	return compressed
}

// rename gives it an id under which the log does not know it.
func (e *packerEntry) rename() { e.msg.Header.Set(nats.MsgIdHdr, rand.Text()) }

// publish sends it, without repetitions by the library, which would change the
// order.
func (e *packerEntry) publish(js jetstream.JetStream) {
	e.ack, e.err = js.PublishMsgAsync(e.msg, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(apiTimeout))
}

func (e *packerEntry) reset() {
	*e = packerEntry{lines: e.lines[:0], compressed: e.compressed[:0], replies: e.replies[:0], ids: e.ids[:0]}
}

// acknowledgement is what a stream answers to a publisher.
func acknowledgement(stream string, seq uint64, duplicate bool) []byte {
	answer, _ := json.Marshal(jetstream.PubAck{Stream: stream, Sequence: seq, Duplicate: duplicate}) // of plain values
	return answer
}

// split cuts a message that is larger than the log takes at the ends of lines.
func split(data []byte, limit int) [][]byte {
	var parts [][]byte
	for len(data) > limit {
		cut := lineproto.CompleteLines(data[:limit])
		if cut > 0 {
			parts, data = append(parts, data[:cut]), data[cut:]
			continue
		}
		// One line longer than any that is read: what its end holds is no line.
		parts = append(parts, data[:limit])
		end := bytes.IndexByte(data[limit:], '\n')
		if end < 0 {
			return parts
		}
		data = data[limit+end+1:]
	}
	if len(data) == 0 && len(parts) > 0 {
		return parts
	}
	return append(parts, data)
}
