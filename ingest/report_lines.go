package ingest

import (
	"fmt"
	"strings"
	"time"

	"cc-metric-store/ingest/lineproto"
)

// logLine is one line of the log.
type logLine struct {
	text       string
	attributes []any
}

// with adds attributes, each a name and a value, but those that are empty.
func (l *logLine) with(pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		switch pairs[i+1] {
		case "", 0, int64(0), uint64(0):
		default:
			l.attributes = append(l.attributes, pairs[i], pairs[i+1])
		}
	}
}

// reportTexts says what the matter is, and what to do.
var reportTexts = [reportKinds]string{
	reportRefused: "lines were refused: see why, and to who sends them; all others are stored",
	reportNoHost: "lines have no hostname tag: their samples are stored under the empty name, where those of several hosts replace each other; " +
		"see to it that the sender sets the tag hostname, or host",
	reportNoCluster: "lines have no cluster tag: their samples are stored under the empty name; " +
		"see to it that the sender sets the tag, or set cluster-tag of the subscription, or the parameter cluster of the write",
	reportOver:    "samples of new series or hosts beyond a limit were refused: raise the limit in metric-store, or see to who sends them",
	reportUnnamed: "lines of further metrics that are not configured were not kept; their names are no longer told",
	reportNoNumber: "lines hold no number in the field value, so they are not stored: if they should be, let the sender send a number; " +
		`lines_not_stored_total{reason="no-number"} counts them, and this is said once`,
	reportShared: "lines of a host differ only in tags that do not name a series, so they share one, where the last sample of a time stays: " +
		"let the sender give each a type and type-id of its own, or leave out all but one",
}

// lineLocked returns the log line of a kind.
func (r *reports) lineLocked(kind int, of *report) logLine {
	l := logLine{text: reportTexts[kind]}
	l.with("lines", of.lines)
	switch kind {
	case reportRefused:
		l.with("reasons", joinReasons(r.reasons[:]), "why", of.first.detail)
		r.reasons = [lineproto.Reasons]int64{}
	case reportShared:
		l.with("why", of.first.detail)
	case reportOver:
		l.with("limits", join(r.limits[:], []string{"max-series-per-host", "max-hosts", "max-new-series"}))
		r.limits = [limits]int64{}
	}
	first := &of.first
	l.with("first", first.text, "from", first.from, "cluster", first.cluster, "host", first.host, "entry", first.entry, "line", first.line)
	if kind == reportRefused {
		lost := r.lost()
		l.with("kept", fmt.Sprintf("the first %d of an entry, in stream %s: nats stream view %s", lineproto.MaxFaults, r.letters, r.letters), "not kept", lost-r.lostThen)
		r.lostThen = lost
	}
	return l
}

// joinReasons lists the counts that are not zero with their reasons.
func joinReasons(counts []int64) string {
	names := make([]string, len(counts))
	for r := range names {
		names[r] = lineproto.Reason(r).String()
	}
	return join(counts, names)
}

// join lists the counts that are not zero with their names.
func join(counts []int64, names []string) string {
	var list []string
	for i, n := range counts {
		if n > 0 {
			list = append(list, fmt.Sprintf("%s %d", names[i], n))
		}
	}
	return strings.Join(list, ", ")
}

const (
	// namedAtOnce metrics that are not configured have a log line of their own, in
	// one interval; others share one.
	namedAtOnce = 20
	// keptNames bounds the names in that, in bytes.
	keptNames = 2 << 10
)

const whatToDo = `add it to "metrics" in the configuration, or "*" for all`

// metricLinesLocked returns the log lines of metrics that are met for the first time.
func (r *reports) metricLinesLocked(now time.Time, all bool) (lines []logLine) {
	if now.Sub(r.window) >= r.interval || all {
		r.window, r.named, r.grouped = now, 0, false
	}
	n := min(len(r.fresh), namedAtOnce-r.named)
	for _, m := range r.fresh[:n] {
		l := logLine{text: "a metric is not configured, its lines are not kept: " + whatToDo}
		l.with("metric", m.Name, "cluster", m.Cluster, "host", m.Host, "from", m.from)
		lines = append(lines, l)
	}
	r.named += n
	r.fresh = r.fresh[n:]
	if len(r.fresh) == 0 || r.grouped {
		return lines
	}
	names := make([]string, len(r.fresh))
	for i, m := range r.fresh {
		names[i] = m.Name
	}
	list := strings.Join(names, " ")
	if len(list) > keptNames {
		list = strings.ToValidUTF8(list[:keptNames], "") + "…"
	}
	l := logLine{text: "more metrics are not configured, their lines are not kept: " + whatToDo + "; GET /api/debug?unknown-metrics lists them"}
	l.with("count", len(r.fresh), "metrics", list, "cluster", r.fresh[0].Cluster, "host", r.fresh[0].Host, "from", r.fresh[0].from)
	r.fresh, r.grouped = nil, true
	return append(lines, l)
}
