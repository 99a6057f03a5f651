package ingest

import (
	"strings"
	"sync/atomic"

	"cc-metric-store/store"
)

// keptFaults is the number of faulty lines of one entry that are kept with
// their text; the others are counted.
const keptFaults = 16

// keptDetail bounds the bytes of a fault's description: it may quote the line,
// and goes into a header and an answer.
const keptDetail = 200

// decoded is what an entry holds. Its memory is used again for other entries.
type decoded struct {
	batches []store.Batch // by host, in order of their first lines
	learn   []learning    // by batch
	scope   int32         // of the entry in the memo, -1 for none
	faults  []fault       // the first keptFaults
	first   fault         // of those that the writer is told, if there is any
	counts  [reasons]int
	// Of the samples, those whose lines lack a name, and of the lines whose
	// metrics are not configured, how many each metric has.
	nameless [namelessKinds]nameless
	unknown  []unknownLines
	// Of the lines whose metrics are taken without being named, those without a number.
	numberless nameless
	lines      int // without blank ones and comments that are not too long
	samples    int
	bytes      int
	at         int64        // Unix seconds: when the log took the entry
	over       atomic.Int64 // samples beyond a limit of the store
	invalid    atomic.Int64 // samples that the store cannot hold
}

// fault is a line that was refused, or that looks wrong.
type fault struct {
	number        int // of the line in its entry, from 1
	reason        reason
	detail        string
	text          []byte // a part of the entry
	cluster, host string // as far as they were read
}

// Names that a line of a sample may lack.
const (
	noHost = iota
	noCluster
	namelessKinds // their number
)

// nameless counts samples that lack a name, or lines that lack a number.
type nameless struct {
	lines int
	first fault
}

func (n *nameless) add(first fault, lines int) {
	if n.lines == 0 {
		n.first = first
	}
	n.lines += lines
}

// unknownLines counts the lines of a metric that is not configured.
type unknownLines struct {
	number        int32 // of the metric, see strangers
	lines         int
	cluster, host string // of the first one
}

// learning is what a memo may learn of a batch.
type learning struct {
	layout *layout // that the references of the batch are of, nil: it had none
	notes  []note
}

func (l *learning) reset() {
	if cap(l.notes) > fewNotes {
		l.notes = nil
	}
	clear(l.notes)
	l.layout, l.notes = nil, l.notes[:0]
}

// largeEntry is the size from which an entry's memory is not kept for others.
const largeEntry = 1 << 20

// fewNotes is how many notes of a batch an entry keeps the memory for: once its
// lines are known there are hardly any.
const fewNotes = 16

func (d *decoded) reset() {
	if d.bytes > largeEntry {
		d.batches, d.learn, d.faults = nil, nil, nil
	}
	for i := range d.batches {
		b := &d.batches[i]
		*b = store.Batch{Parts: b.Parts[:0], Names: b.Names[:0], Samples: b.Samples[:0]}
	}
	for i := range d.learn {
		d.learn[i].reset()
	}
	clear(d.faults)
	clear(d.unknown)
	d.batches, d.learn, d.faults, d.unknown = d.batches[:0], d.learn[:0], d.faults[:0], d.unknown[:0]
	d.first, d.nameless, d.numberless = fault{}, [namelessKinds]nameless{}, nameless{}
	d.scope, d.counts, d.lines, d.samples, d.bytes, d.at = 0, [reasons]int{}, 0, 0, 0, 0
	d.over.Store(0)
	d.invalid.Store(0)
}

// wants reports whether a fault of this reason is kept with its text.
func (d *decoded) wants(why reason) bool {
	return len(d.faults) < keptFaults || why.refused() && d.first.number == 0
}

// refuse notes a line that is not stored.
func (d *decoded) refuse(f fault) {
	d.lines++
	d.counts[f.reason]++
	if !d.wants(f.reason) {
		return
	}
	f.detail = clip(f.detail)
	if f.reason.refused() && d.first.number == 0 {
		d.first = f
	}
	if len(d.faults) < keptFaults {
		d.faults = append(d.faults, f)
	}
}

// outcome is what the writer is told.
func (d *decoded) outcome() outcome {
	o := outcome{first: d.first.number, detail: d.first.detail, over: int(d.over.Load()), invalid: int(d.invalid.Load())}
	for r, count := range d.counts {
		if reason(r).refused() {
			o.refused += count
		}
	}
	return o
}

// allFaults counts the faulty lines, also those that are not kept.
func (d *decoded) allFaults() (n int) {
	for r, count := range d.counts {
		if reason(r).fault() {
			n += count
		}
	}
	return n
}

// clip shortens a text to keptDetail bytes of valid UTF-8.
func clip(text string) string {
	if len(text) > keptDetail {
		text = text[:keptDetail-len("…")] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
