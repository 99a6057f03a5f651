package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cc-metric-store/store"
)

// RefusedLine is a line that was not stored, as the dead-letter stream has it.
type RefusedLine struct {
	// At is when it was put there, which may be some time after its entry was read.
	At time.Time
	// Reason is one of those that Stats.NotStored counts, Detail says it in words.
	Reason, Detail string
	// Text is the line, up to recentText bytes of it.
	Text string
	// From is the subject on which it was published, or /api/write. Cluster and Host are as far
	// as they were read, empty if they were not.
	From, Cluster, Host string
}

const (
	// recentLetters is how many of the newest letters RecentRefused returns at the most.
	recentLetters = 50
	// recentText is how much of a line it returns, in bytes.
	recentText = 1 << 10
	// maxHoles is how many sequence numbers without a letter, one after the other, are taken for
	// the beginning of the stream.
	maxHoles = 8
)

// recentLettersCache has the newest letters that were read: those of a stream do not change. Who
// reads or changes it holds the token of busy.
type recentLettersCache struct {
	busy   chan struct{}
	newest uint64 // sequence number of the first one in lines
	at     time.Time
	lines  []RefusedLine // newest first
}

// RecentRefused returns the newest refused lines, newest first, up to 50 of the last seven days.
// It reads from the dead-letter stream what has come since the last call, and takes no longer than
// apiTimeout. It fails if there is no such stream, or if that does not answer.
func (in *Ingest) RecentRefused(ctx context.Context) ([]RefusedLine, error) {
	l, _, problem := in.state.current()
	if l == nil {
		return nil, fmt.Errorf("read the refused lines: the log is not reached: %w", problem)
	}
	var lines []RefusedLine
	err := withTimeout(ctx, func(ctx context.Context) (err error) {
		lines, err = l.dead.recent(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the refused lines of stream %s: %w", l.dead.name, err)
	}
	return lines, nil
}

// errLettersClosed says that there is no stream of dead letters.
var errLettersClosed = errors.New("it cannot be opened, so that refused lines are only counted: the log of this program says why")

func (d *deadLetters) recent(ctx context.Context) ([]RefusedLine, error) {
	if !d.open.Load() {
		return nil, errLettersClosed
	}
	c := &d.known
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	last, err := d.get(ctx, msgRequest{Last: deadLetterSubject(d.stream.name, anyToken)})
	if errors.Is(err, errNoEntry) {
		c.newest, c.lines = 0, nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if last.Seq == c.newest && last.Time.Equal(c.at) {
		return c.lines, nil
	}
	lines, complete := []RefusedLine{d.refusedLine(last)}, false
	holes := 0
	for seq := last.Seq - 1; seq > 0 && len(lines) < recentLetters && holes < maxHoles; seq-- {
		m, err := d.get(ctx, msgRequest{Seq: seq})
		if errors.Is(err, errNoEntry) {
			holes++
			continue
		}
		if err != nil {
			return nil, err
		}
		if seq == c.newest && m.Time.Equal(c.at) {
			complete = true
			break
		}
		holes = 0
		lines = append(lines, d.refusedLine(m))
	}
	if complete {
		lines = append(lines, c.lines...)
		lines = lines[:min(len(lines), recentLetters)]
	}
	c.newest, c.at, c.lines = last.Seq, last.Time, lines
	return lines, nil
}

func (d *deadLetters) get(ctx context.Context, which msgRequest) (m storedMsg, err error) {
	err = d.in.askAbout(ctx, d.stream, d.name, func(ctx context.Context) error {
		m, err = getMsg(ctx, d.stream.nc, d.name, which)
		return err
	})
	return m, err
}

// refusedLine reads a letter. Who may publish may have put anything there.
func (d *deadLetters) refusedLine(m storedMsg) RefusedLine {
	h := m.header()
	from := h.Get(headerSubject)
	if from == d.stream.writes || d.stream.isForwarded(from) {
		from = pathWrite
	}
	text := m.Data[:min(len(m.Data), recentText)]
	return RefusedLine{
		At: m.Time, Reason: store.CutName(strings.TrimPrefix(m.Subject, deadLetterSubject(d.stream.name, ""))),
		Detail: store.CutName(h.Get(headerReason)), Text: strings.ToValidUTF8(string(text), "\uFFFD"),
		From: store.CutName(from), Cluster: store.CutName(h.Get(headerCluster)), Host: store.CutName(h.Get(headerHost)),
	}
}
