package ingest

import (
	"errors"
	"strings"
	"time"

	"cc-metric-store/store"
)

// cursor is how far the log has been read. Entries up to it are in the pipeline, or in the
// store. It belongs to the goroutine that reads the log.
type cursor struct {
	epoch   uint32    // see store.Entry
	created time.Time // of the stream, zero before the first attempt
	seq     uint64    // of the newest entry, 0 before the first one
	at      time.Time // when the log took it
	entries uint64    // fetched in this run

	// highWater is the newest entry of which the checkpoint holds anything. It is compared
	// with the entry that has its sequence number now, once.
	highWater store.LogPosition

	byConsumer bool // entries are compared by reading them: the broker allows no other way
	failures   int  // comparisons that failed, in a row

	skipped uint64    // entries that were not delivered, since that was told
	before  time.Time // when the log took the entry before them
	said    onceAMinute
}

// startCursor returns where reading begins.
func startCursor(from store.Restored) cursor {
	p := cursor{epoch: max(from.From.Entry.Epoch, 1), highWater: from.HighWater}
	if !from.From.Created.IsZero() {
		p.created, p.seq, p.at = from.From.Created, from.From.Entry.Seq, from.From.At
	}
	return p
}

// failed records why reading has ended.
func (c *cursor) failed(err error) {
	if denied, ok := errors.AsType[*deniedError](err); ok && strings.Contains(denied.what, ".STREAM.MSG.GET.") {
		c.byConsumer = true
	} else if errors.Is(err, errCompare) {
		c.failures++
	}
}
