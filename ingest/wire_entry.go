package ingest

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// mark writes into the headers where the lines of an entry come from.
func mark(m *nats.Msg, from Subscription) {
	m.Header.Set(headerSubject, from.Subject)
	m.Header.Del(headerCluster)
	if from.Cluster != "" {
		m.Header.Set(headerCluster, from.Cluster)
	}
}

// fill reads what a message of the log says.
func (in *Ingest) fill(e *entry, m *nats.Msg, meta *nats.MsgMetadata, l *logStream) {
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
			fillForwarded(e, m.Header)
			return
		}
		if i := in.subscriptionOf(e.subject); i >= 0 {
			e.cluster = in.cfg.Subscriptions[i].Cluster
		}
	}
}

// isForwarded reports whether an outbox has forwarded what is under the subject.
func (l *logStream) isForwarded(subject string) bool { return strings.HasPrefix(subject, l.outboxes) }

// fillForwarded reads the headers that an outbox adds. What was written there
// without a time is of the time when it was.
func fillForwarded(e *entry, h nats.Header) {
	e.free, e.cluster = h.Get(headerKind) == kindFree, h.Get(headerCluster)
	ns, err := strconv.ParseInt(h.Get(headerTime), 10, 64)
	if at := time.Unix(0, ns); err == nil && at.Unix() >= -store.MaxTime {
		e.written = at
	}
}
