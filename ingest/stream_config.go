package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func (in *Ingest) streamConfig(l *logStream) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:        l.name,
		Description: logDescription,
		Subjects:    []string{l.writes, l.frees, outboxSubject(l.name, anyToken)},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		MaxAge:      in.cfg.Stream.MaxAge,
		MaxBytes:    in.cfg.Stream.MaxBytes,
		Replicas:    in.cfg.Stream.Replicas,
		AllowDirect: true,
	}
	if in.cfg.Clustered {
		c.Metadata = map[string]string{filledKey: filledByIntakes}
	}
	if !l.embedded && !l.byIntakes { // otherwise intakes take the metrics
		c.Subjects = append(subjects(in.cfg.Subscriptions), c.Subjects...)
	}
	if room := l.room(); c.MaxBytes == 0 || room > 0 && c.MaxBytes > room {
		c.MaxBytes = room
	}
	if in.cfg.Stream.Compression && !l.embedded { // its entries are compressed when they are made
		c.Compression = jetstream.S2Compression
	}
	return c
}

// reservedShare is the part of the embedded server's disk space that is left to
// indices and half-empty blocks.
const reservedShare = 16

// room returns how large the log may become: -1, as large as it likes. A log
// drops its oldest entries at its own bound; at that of the server or the disk
// it would refuse the newest ones.
func (l *logStream) room() int64 {
	if !l.embedded || l.maxStore == 0 {
		return -1
	}
	return max(l.maxStore-deadLetterMaxSize-l.maxStore/reservedShare, 1)
}

// boundTolerance is the part of its own bound by which a node of a cluster lets the log exceed it:
// free disks differ a little from node to node, and from start to start.
const boundTolerance = 8

// keepsAutomatic reports whether an automatic bound may stay: it follows the
// free space of the disk, and need not be changed at each start.
func (l *logStream) keepsAutomatic(have, want int64) bool {
	return l.maxStore > 0 && have > 0 && have <= want && have > want/4*3
}

// adopt checks an existing stream. Missing subjects are added, or nothing would
// arrive; the embedded log loses those that are not its own, as the intake takes
// what is sent to them. Other settings are changed in the embedded log, which is
// ours alone; elsewhere somebody may have chosen them, and the operator is told.
func (in *Ingest) adopt(ctx context.Context, l *logStream, have, want jetstream.StreamConfig) error {
	if have.Retention != jetstream.LimitsPolicy || have.Storage != jetstream.FileStorage {
		return fmt.Errorf("%w: stream %s has %v retention and %v storage, the log needs limits retention and file storage: "+
			"name another one in nats.stream.name, or delete this one", errUnfit, l.name, have.Retention, have.Storage)
	}
	if !l.embedded && l.byIntakes {
		return nil // the nodes of the cluster see to it
	}
	if in.cfg.Clustered && have.MaxBytes > 0 && (want.MaxBytes <= 0 || have.MaxBytes <= want.MaxBytes+want.MaxBytes/boundTolerance) {
		// Another node may have no room for more: if each asked for its own bound, they would
		// change it back and forth for ever.
		want.MaxBytes = have.MaxBytes
	}
	if in.cfg.Stream.MaxBytes == 0 && l.embedded && l.keepsAutomatic(have.MaxBytes, want.MaxBytes) {
		want.MaxBytes = have.MaxBytes
	}
	if in.cfg.Stream.MaxBytes == 0 && have.Metadata[boundKey] != "" {
		want.MaxBytes = have.MaxBytes
	}
	update := have
	var changes []string
	if l.embedded {
		update.Subjects = slices.DeleteFunc(slices.Clone(have.Subjects), func(s string) bool {
			foreign := !slices.Contains(want.Subjects, s)
			if foreign {
				changes = append(changes, "without subject "+s)
			}
			return foreign
		})
	}
	for _, s := range want.Subjects {
		if !slices.ContainsFunc(update.Subjects, func(u string) bool { return covers(u, s) }) {
			update.Subjects = append(dropCovered(update.Subjects, s), s)
			changes = append(changes, "subject "+s)
		}
	}
	if in.cfg.Clustered && have.Metadata[filledKey] != filledByIntakes {
		update.Metadata = maps.Clone(have.Metadata)
		if update.Metadata == nil {
			update.Metadata = map[string]string{}
		}
		update.Metadata[filledKey] = filledByIntakes
		changes = append(changes, "filled by the embedded servers of a cluster")
	}
	differences := settingDifferences(have, want)
	if l.embedded && len(differences) > 0 {
		update.MaxAge, update.MaxBytes, update.Compression = want.MaxAge, want.MaxBytes, want.Compression
		update.Replicas = want.Replicas
		update.MaxMsgs, update.MaxMsgsPerSubject, update.MaxMsgSize = -1, -1, -1
		update.Discard, update.DiscardNewPerSubject, update.NoAck = want.Discard, false, false
		update.Duplicates = 0 // the server's choice: it cannot exceed the age
		changes, differences = append(changes, differences...), nil
	}
	if len(differences) > 0 {
		in.logger.Warn("the stream has other settings than the configuration asks for; they are left as they are (nats stream edit changes them)",
			"stream", l.name, "differences", strings.Join(differences, ", "))
	}
	if len(changes) == 0 {
		return nil
	}
	if _, err := l.js.UpdateStream(ctx, update); err != nil {
		return in.explain(ctx, l, err)
	}
	in.logger.Warn("changed the stream to what the configuration asks for", "stream", l.name, "changes", strings.Join(changes, ", "))
	return nil
}

func settingDifferences(have, want jetstream.StreamConfig) []string {
	var d []string
	if have.MaxAge != want.MaxAge {
		d = append(d, fmt.Sprintf("max age %v, not %v", limit(have.MaxAge), limit(want.MaxAge)))
	}
	if have.MaxBytes != want.MaxBytes {
		d = append(d, fmt.Sprintf("max bytes %v, not %v", limit(have.MaxBytes), limit(want.MaxBytes)))
	}
	if have.Replicas != want.Replicas {
		d = append(d, fmt.Sprintf("replicas %d, not %d", have.Replicas, want.Replicas))
	}
	if have.Compression != want.Compression {
		d = append(d, fmt.Sprintf("compression %v, not %v", have.Compression, want.Compression))
	}
	return append(d, losses(have)...)
}

// losses names the settings with which a log loses entries that it has room
// for, or does not say that it has them.
func losses(have jetstream.StreamConfig) []string {
	var d []string
	add := func(wrong bool, format string, v ...any) {
		if wrong {
			d = append(d, fmt.Sprintf(format, v...))
		}
	}
	add(have.MaxMsgs > 0, "max messages %d, not unlimited", have.MaxMsgs)
	add(have.MaxMsgsPerSubject > 0, "max messages per subject %d, not unlimited", have.MaxMsgsPerSubject)
	add(have.MaxMsgSize > 0, "max message size %d, not unlimited", have.MaxMsgSize)
	add(have.Discard != jetstream.DiscardOld, "discard policy new, not old: when it is full, it refuses the newest entries")
	add(have.NoAck, "no acknowledgements: every write over REST fails")
	return d
}

// limit formats a limit of which 0 and below mean none.
func limit[T int64 | time.Duration](n T) string {
	if n <= 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
