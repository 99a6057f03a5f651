package ingest

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// fitAccount bounds a stream that is to be made by what the broker's account has
// left, if nobody has asked for a bound: at its own bound a log drops its oldest
// entries, at that of the account it would refuse the newest ones.
func (in *Ingest) fitAccount(ctx context.Context, l *logStream, c *jetstream.StreamConfig) {
	if l.embedded || c.MaxBytes > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second) // without an answer there is no bound
	defer cancel()
	account, err := l.js.AccountInfo(ctx)
	if err != nil {
		return
	}
	limits, room := account.Limits, int64(0)
	if limits.MaxStore > 0 {
		room = limits.MaxStore - int64(max(account.Store, account.ReservedStore))
		room -= room / reservedShare
		if room > 2*deadLetterMaxSize {
			room -= deadLetterMaxSize
		}
	}
	if most := limits.StoreMaxStreamBytes; most > 0 && (room <= 0 || most < room) {
		room = most
	}
	if room <= 0 {
		return
	}
	if c.Replicas > 1 && limits.MaxStore > 0 {
		room /= int64(c.Replicas)
	}
	c.MaxBytes, c.Metadata = room, map[string]string{boundKey: "account"}
	in.logger.Warn("the broker's account bounds the log: its oldest entries go when it is full (nats.stream.max-bytes sets a bound)",
		"stream", l.name, "max_bytes", room)
}
