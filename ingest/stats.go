package ingest

import (
	"sync/atomic"
	"time"

	"cc-metric-store/ingest/lineproto"
)

type counters struct {
	entries, bytes, lines, samples atomic.Int64
	notStored                      [lineproto.Reasons]atomic.Int64
	noHost, noCluster              atomic.Int64
	lostDeadLetters                atomic.Int64
	intakeMessages, intakeFailures atomic.Int64
	consumerResets                 atomic.Int64
	connected                      atomic.Bool

	fetched, watermark atomic.Uint64 // sequence numbers in the log
	skipped            atomic.Uint64 // between those fetched
	steppedOver        atomic.Int64  // those that could not be read
	faults             atomic.Int64  // entries that were not decoded
	appliedTime        atomic.Int64  // of the entry at the watermark, Unix ns
}

// Stats describes an Ingest at one moment. Its counters run from the start of
// the program.
type Stats struct {
	// Entries, Bytes and Lines count what was read from the log, Samples the
	// lines of it that were stored.
	Entries, Bytes, Lines, Samples int64
	// NotStored counts lines by the reason for which they were not stored.
	NotStored map[string]int64
	// NoHost and NoCluster count the samples that were stored under an empty name,
	// as their lines have no hostname tag, or no cluster tag where there is no
	// default.
	NoHost, NoCluster int64
	// LostDeadLetters counts the refused lines that are not in the dead-letter
	// stream: those of an entry beyond its first 16, those that came faster than
	// the stream takes them, and those that it did not take.
	LostDeadLetters int64
	// IntakeMessages counts the messages that publishers sent to the embedded server, or to
	// a broker without JetStream, and that were put into the embedded log, IntakeFailures
	// those that could not be.
	IntakeMessages, IntakeFailures int64
	// InOutbox is how many writes over REST wait to be forwarded to the log.
	InOutbox int64
	// ConsumerResets counts how often the consumer was reset: reading the log was taken up
	// again.
	ConsumerResets int64
	// Skipped counts the sequence numbers between those of entries that were read. They are
	// of entries that the stream dropped before they were read and, on an external broker, of
	// entries with subjects that are not ours.
	Skipped uint64
	// SteppedOver counts the entries that could not be read and were left out.
	SteppedOver int64
	// Faults counts the entries that were refused, as decoding them failed.
	Faults int64
	// CacheBytes is roughly the memory of the series cache.
	CacheBytes int64
	// Connected says whether there is a connection to the broker now.
	Connected bool
	// Watermark is the entry up to which all are in the store.
	Watermark uint64
	// LagEntries is how many entries the store is behind the log, as far as is
	// known, LagTime the age of the newest entry in the store if there is any
	// lag.
	LagEntries uint64
	LagTime    time.Duration
	// CompleteUntil is the time up to which the store holds all that the log took, zero if
	// nothing is known of it.
	CompleteUntil time.Time
	// In a cluster, Replicas is how many servers have the whole log, and Confirmed is how long ago
	// its leader was asked how far it is and this node had all of that; negative: never yet.
	Replicas  int
	Confirmed time.Duration
}

// Stats reads the counters.
func (in *Ingest) Stats() Stats {
	if k := in.intake.Load(); k != nil {
		k.countDropped()
	}
	c := &in.counters
	s := Stats{
		Entries: c.entries.Load(), Bytes: c.bytes.Load(), Lines: c.lines.Load(), Samples: c.samples.Load(),
		NotStored:       make(map[string]int64, lineproto.Reasons),
		NoHost:          c.noHost.Load(),
		NoCluster:       c.noCluster.Load(),
		LostDeadLetters: c.lostDeadLetters.Load(),
		IntakeMessages:  c.intakeMessages.Load(), IntakeFailures: c.intakeFailures.Load(),
		ConsumerResets: c.consumerResets.Load(),
		Skipped:        c.skipped.Load(),

		SteppedOver: c.steppedOver.Load(),
		Faults:      c.faults.Load(),
		CacheBytes:  in.series.Bytes(),
		Connected:   c.connected.Load(),
		Watermark:   c.watermark.Load(),

		CompleteUntil: in.CompleteUntil(),
	}
	if in.outbox != nil {
		s.InOutbox = in.outbox.waiting.Load()
	}
	for r := range c.notStored {
		s.NotStored[lineproto.Reason(r).String()] = c.notStored[r].Load()
	}
	if fetched := c.fetched.Load(); fetched > s.Watermark {
		s.LagEntries = fetched - s.Watermark
	}
	s.LagEntries += in.replay.lag()
	if t := c.appliedTime.Load(); s.LagEntries > 0 && t != 0 {
		s.LagTime = time.Since(time.Unix(0, t))
	}
	at, replicas, _ := in.confirmed.read()
	if s.Replicas, s.Confirmed = replicas, -1; !at.IsZero() {
		s.Confirmed = time.Since(at)
	}
	return s
}

func (c *counters) count(d *decodedEntry) {
	c.entries.Add(1)
	c.bytes.Add(int64(d.Bytes))
	c.lines.Add(int64(d.Lines))
	c.samples.Add(int64(d.Samples))
	for r, n := range d.Counts {
		if n > 0 {
			c.notStored[r].Add(int64(n))
		}
	}
	c.noHost.Add(int64(d.NoHost.Lines))
	c.noCluster.Add(int64(d.NoCluster.Lines))
}
