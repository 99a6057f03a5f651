package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
)

// subscribe hands over messages until packing ends.
func (k *intake) subscribe(ctx, packing context.Context) error {
	for _, src := range k.origins() {
		for _, subject := range subjects(k.in.cfg.Subscriptions) {
			if err := k.subscribeTo(src, subject, packing); err != nil {
				return err
			}
		}
		if err := withTimeout(ctx, src.nc.FlushWithContext); err != nil {
			return err
		}
	}
	return nil
}

func (k *intake) subscribeTo(src *origin, subject string, packing context.Context) error {
	sub, err := src.nc.Subscribe(subject, func(m *nats.Msg) {
		select {
		case k.arrived <- publishedMsg{m, src.acks}:
		case <-packing.Done():
			k.in.counters.intakeFailures.Add(1)
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	k.delivering.Add(1)
	sub.SetClosedHandler(func(string) { k.delivering.Done() })
	k.mu.Lock()
	k.subs = append(k.subs, subscription{Subscription: sub, src: src})
	k.mu.Unlock()
	return sub.SetPendingLimits(-1, src.share(len(subjects(k.in.cfg.Subscriptions))))
}

// subscribeDenied subscribes again what the broker did not allow: it does not do so
// by itself when its user has got the right.
func (k *intake) subscribeDenied(packing context.Context) {
	for _, subject := range subjects(k.in.cfg.Subscriptions) {
		if !k.in.rights.deniedSubject(subject) {
			continue
		}
		k.mu.Lock()
		old := -1
		for i, s := range k.subs {
			if s.src == k.broker && s.Subject == subject {
				old = i
			}
		}
		if old >= 0 {
			_ = k.subs[old].Unsubscribe()
			k.subs = slices.Delete(k.subs, old, old+1)
		}
		k.mu.Unlock()
		k.in.rights.forgetSubject(subject)
		_ = k.subscribeTo(k.broker, subject, packing) // it comes round again
	}
}

// drain ends the subscriptions when they have delivered what is there. It waits
// for the servers to end them until packing ends.
func (k *intake) drain(packing context.Context) {
	k.countDropped()
	k.mu.Lock()
	for _, s := range k.subs {
		_ = s.Drain() // fails if the connection is closed, and with it all is done
	}
	k.mu.Unlock()
	abandon := context.AfterFunc(packing, func() {
		// Nobody waits for the packer any more: what is there is counted at once.
		for _, src := range k.origins() {
			end := func() { k.unsubscribe(src) }
			if err := src.nc.Barrier(end); err != nil {
				end()
			}
		}
	})
	k.delivering.Wait()
	abandon()
}

// unsubscribe ends the subscriptions at the servers at once.
func (k *intake) unsubscribe(servers ...*origin) {
	k.countDropped()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.subs = slices.DeleteFunc(k.subs, func(s subscription) bool {
		if !slices.Contains(servers, s.src) {
			return false
		}
		_ = s.Unsubscribe()
		return true
	})
}

// countDropped counts what did not fit into the backlog.
func (k *intake) countDropped() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, s := range k.subs {
		if n, err := s.Dropped(); err == nil {
			k.in.counters.intakeFailures.Add(int64(n - s.dropped))
			k.subs[i].dropped = n
		}
	}
}

// report tells the operator when messages do not fit into the backlog.
func (k *intake) report(_ *nats.Conn, sub *nats.Subscription, err error) {
	if sub == nil || !errors.Is(err, nats.ErrSlowConsumer) {
		k.in.logger.Debug("connection to the embedded nats-server", "error", err)
		return
	}
	k.countDropped()
	k.mu.Lock()
	due := k.said.due()
	k.mu.Unlock()
	if due {
		k.in.logger.Error("publishers send faster than the embedded log takes it: messages that nobody waits for are lost",
			"subject", sub.Subject, "lost", k.in.counters.intakeFailures.Load())
	}
}
