package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// Kinds of lines that the operator is told of.
const (
	reportRefused   = iota
	reportNoHost    // stored under an empty name
	reportNoCluster // stored under an empty name
	reportOver      // samples beyond a limit of the store
	reportUnnamed   // of metrics beyond those that are known by name
	reportNoNumber  // that need not have one; told once
	reportShared    // keys of lines, at the first time: those that share a series
	reportKinds     // their number
)

// reports tells the operator of lines that are not stored, or hardly as they were
// meant: at once when there is one, and then once in an interval how many more
// there were. It is safe for concurrent use; nobody who records something waits for
// the logger. Lock order: mu, then that of the unknown metrics.
type reports struct {
	logger   *slog.Logger
	interval time.Duration
	letters  string // name of the stream of the dead letters
	unknown  *lineproto.UnknownMetrics
	lost     func() int64  // dead letters since the start
	wake     chan struct{} // a token when there is something to tell

	mu sync.Mutex
	// Guarded by mu.
	kinds      [reportKinds]report
	reasons    [lineproto.Reasons]int64 // of the refused lines
	limits     [limits]int64            // of the samples beyond one
	lostThen   int64                    // dead letters when that was last told
	fresh      []freshMetric            // not told of yet
	window     time.Time                // since then so many were named
	named      int
	grouped    bool // and others told in one line
	numberless bool // lines without a number were met
}

// report is what there is to tell of one kind.
type report struct {
	told  time.Time // when that was the last time
	lines int64     // since then
	first sighting
}

// sighting is a line and where it came from.
type sighting struct {
	from          string // a subject, or a path of REST
	entry         uint64 // 0: unknown
	line          int    // in the entry; 0: unknown
	cluster, host string
	text, detail  string
}

// freshMetric is a metric that is not configured, and where its first line came
// from.
type freshMetric struct {
	store.UnknownMetric
	from string
}

// limits is the number of limits of the store that samples run into.
const limits = 3

// keptText is how much of a line is shown, in bytes.
const keptText = 200

func (in *Ingest) newReports() *reports {
	return &reports{
		logger: in.logger, interval: in.cfg.timings.report, letters: in.cfg.Stream.Name + deadLettersSuffix,
		unknown: in.series.UnknownMetrics(), lost: in.counters.lostDeadLetters.Load, wake: make(chan struct{}, 1),
	}
}

// record adds what became of an entry that came by the given way.
func (r *reports) record(e *entry, from string) {
	d := &e.out
	faults := d.FaultyLines()
	if faults == 0 && len(d.Unknown) == 0 && d.NoHost.Lines+d.NoCluster.Lines+d.Numberless.Lines == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if faults > 0 {
		for why, n := range d.Counts {
			if lineproto.Reason(why).IsFault() {
				r.reasons[why] += int64(n)
			}
		}
		r.addLocked(reportRefused, faults, e.seq, from, &d.Faults[0])
	}
	r.addLocked(reportNoHost, d.NoHost.Lines, e.seq, from, &d.NoHost.First)
	r.addLocked(reportNoCluster, d.NoCluster.Lines, e.seq, from, &d.NoCluster.First)
	if !r.numberless { // collectors send them for ever
		r.numberless = d.Numberless.Lines > 0
		r.addLocked(reportNoNumber, d.Numberless.Lines, e.seq, from, &d.Numberless.First)
	}
	for i := range d.Unknown {
		u := &d.Unknown[i]
		m, isNew := r.unknown.Count(u)
		switch {
		case m.Name == "":
			r.addLocked(reportUnnamed, u.Lines, e.seq, from, &lineproto.Fault{Cluster: m.Cluster, Host: m.Host})
		case isNew:
			r.fresh = append(r.fresh, freshMetric{m, from})
			r.notify()
		}
	}
}

// addLocked records lines of a kind, if there are any.
func (r *reports) addLocked(kind, lines int, seq uint64, from string, first *lineproto.Fault) {
	if lines == 0 {
		return
	}
	of := &r.kinds[kind]
	if of.lines == 0 {
		of.first = sighting{
			from: from, entry: seq, line: first.Line,
			cluster: store.CutName(first.Cluster), host: store.CutName(first.Host),
			text: shown(first.Text), detail: first.Detail,
		}
		r.notify()
	}
	of.lines += int64(lines)
}

// shown returns what is shown of a line. The logger quotes it.
func shown(line []byte) string {
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	if len(line) > keptText {
		return string(line[:keptText]) + "…"
	}
	return string(line)
}

// recordLong adds a line of a body of REST that is too long for an entry.
func (r *reports) recordLong(line []byte, cluster string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reasons[lineproto.TooLong]++
	r.addLocked(reportRefused, 1, 0, pathWrite, &lineproto.Fault{Reason: lineproto.TooLong, Detail: detailTooLong(), Text: line, Cluster: cluster})
}

// recordOver adds samples of a batch beyond limits of the store.
func (r *reports) recordOver(b *store.Batch, done *store.Appended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range [limits]int{done.OverSeries, done.OverHosts, done.OverNewSeries} {
		r.limits[i] += int64(n)
	}
	r.addLocked(reportOver, done.Over(), b.Entry.Seq, "", &lineproto.Fault{Cluster: b.Cluster, Host: b.Host})
}

func (r *reports) notify() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake, or nobody listens
	}
}

// run tells what there is to tell, until ctx ends, and then what is left.
func (r *reports) run(ctx context.Context) {
	timer := time.NewTimer(r.interval)
	defer timer.Stop()
	for {
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
			r.tell(time.Now(), true)
			return
		}
		if wait := r.tell(time.Now(), false); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// tell logs what is due, or all that there is. It returns how long the rest has to
// wait, 0 if there is none.
func (r *reports) tell(now time.Time, all bool) (wait time.Duration) {
	var lines []logLine
	r.mu.Lock()
	for kind := range r.kinds {
		of := &r.kinds[kind]
		left := of.told.Add(r.interval).Sub(now)
		switch {
		case of.lines == 0:
		case left > 0 && !all:
			wait = sooner(wait, left)
		default:
			lines = append(lines, r.lineLocked(kind, of))
			*of = report{told: now}
		}
	}
	lines = append(lines, r.metricLinesLocked(now, all)...)
	if len(r.fresh) > 0 {
		wait = sooner(wait, r.window.Add(r.interval).Sub(now))
	}
	r.mu.Unlock()
	for _, l := range lines {
		r.logger.Warn(l.text, l.attributes...)
	}
	return wait
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return max(b, 1)
	}
	return max(min(a, b), 1)
}
