package ingest

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// setOrigin writes into the headers which subscription the lines of an entry came under.
func setOrigin(m *nats.Msg, from Subscription) {
	m.Header.Set(headerSubject, from.Subject)
	m.Header.Del(headerCluster)
	if from.Cluster != "" {
		m.Header.Set(headerCluster, from.Cluster)
	}
}

// fillEntry sets the fields of e to what a message of the log says. e refers to the data of
// the message.
func (in *Ingest) fillEntry(e *entry, m *nats.Msg, meta *nats.MsgMetadata, l *logStream) {
	e.seq, e.at = meta.Sequence.Stream, meta.Timestamp
	e.written = e.at
	e.subject, e.data = m.Subject, m.Data
	e.compressed = m.Header.Get(headerEncoding) == encodingS2
	e.status = m.Header.Get("Status")
	switch e.subject {
	case l.frees:
		e.free, e.id = true, m.Header.Get(nats.MsgIdHdr)
	case l.writes:
		e.cluster, e.id = m.Header.Get(headerCluster), m.Header.Get(nats.MsgIdHdr)
		if from := m.Header.Get(headerSubject); from != "" {
			e.subject, e.byIntake = lineproto.Clip(from), true
		}
	default:
		if l.isForwarded(e.subject) {
			fillForwardedEntry(e, m.Header)
			return
		}
		if i := in.subscriptionOf(e.subject); i >= 0 {
			e.cluster = in.cfg.Subscriptions[i].Cluster
		}
	}
}

// isForwarded reports whether an outbox has forwarded what is under the subject.
func (l *logStream) isForwarded(subject string) bool { return strings.HasPrefix(subject, l.outboxes) }

// fillForwardedEntry reads the headers that an outbox adds. Lines without a timestamp are of
// the time when the outbox got them, and not of the time when the log did.
func fillForwardedEntry(e *entry, h nats.Header) {
	e.free, e.cluster = h.Get(headerKind) == kindFree, h.Get(headerCluster)
	ns, err := strconv.ParseInt(h.Get(headerTime), 10, 64)
	if at := time.Unix(0, ns); err == nil && at.Unix() >= -store.MaxTime {
		e.written = at
	}
}
