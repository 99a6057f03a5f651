package lineproto

import "cc-metric-store/store"

// Decoded is what an entry holds. The zero value is ready.
//
// It refers to the data that was decoded, which may be changed once the batches are
// appended and learnt and the faults are told. Reset makes it ready for another entry,
// and keeps its memory for that: nothing of it may be used after Reset.
type Decoded struct {
	// Batches are the samples by host, in order of the hosts' first lines.
	Batches []store.Batch
	// Faults are the first MaxFaults faulty lines. First is the first line that a writer is
	// told of (see Reason.IsTold), with the line number 0 if there is none.
	Faults []Fault
	First  Fault
	// Counts counts the lines that were not stored by reason.
	Counts [Reasons]int
	// NoHost and NoCluster count the samples whose lines lack a name, Numberless the
	// lines without a number of metrics that are taken without being named.
	NoHost, NoCluster, Numberless LineCount
	// Unknown counts the lines of metrics that are not configured.
	Unknown []UnknownLines
	// OverMetrics counts the lines of metrics beyond store.Config.MaxMetrics.
	OverMetrics int
	// Lines counts the lines without blank ones and without comments, but for comments that
	// are too long. Samples counts the samples in Batches, Bytes the data.
	Lines, Samples, Bytes int
	// At is when the log took the entry, in Unix seconds.
	At int64
	// Shares are what several writers wrote, in the order of the entry (see DecodeShares).
	Shares []Share

	learning     []learning // by batch
	clusterIndex int32      // of the default cluster in the cache, -1 for none
	runs         []run      // of the samples in Batches, if there are Shares
}

// LineCount counts lines, and keeps the first one.
type LineCount struct {
	Lines int
	First Fault
}

func (n *LineCount) add(first Fault, lines int) {
	if n.Lines == 0 {
		n.First = first
	}
	n.Lines += lines
}

// UnknownLines counts the lines of a metric that is not configured.
type UnknownLines struct {
	Lines         int
	Cluster, Host string // of the first one

	index int32 // of the metric in UnknownMetrics
}

const (
	// MaxFaults is the number of faulty lines of one entry that are kept with their
	// text; the others are counted.
	MaxFaults = 16
	// largeEntry is the size from which an entry's memory is not kept for others.
	largeEntry = 1 << 20
)

// Reset makes d ready for another entry.
func (d *Decoded) Reset() {
	if d.Bytes > largeEntry {
		*d = Decoded{}
		return
	}
	for i := range d.Batches {
		b := &d.Batches[i]
		*b = store.Batch{Parts: b.Parts[:0], Names: b.Names[:0], Samples: b.Samples[:0]}
	}
	for i := range d.learning {
		d.learning[i].reset()
	}
	clear(d.Faults)
	clear(d.Unknown)
	clear(d.Shares)
	*d = Decoded{
		Batches: d.Batches[:0], Faults: d.Faults[:0], Unknown: d.Unknown[:0], Shares: d.Shares[:0],
		learning: d.learning[:0], runs: d.runs[:0],
	}
}

// FaultyLines counts the faulty lines, also those that are not kept.
func (d *Decoded) FaultyLines() (n int) {
	for r, count := range d.Counts {
		if Reason(r).IsFault() {
			n += count
		}
	}
	return n
}

// RefusedLines counts the faulty lines that a writer is told of.
func (d *Decoded) RefusedLines() (n int) {
	for r, count := range d.Counts {
		if Reason(r).IsTold() {
			n += count
		}
	}
	return n
}

// wants reports whether a fault of this reason is kept with its text.
func (d *Decoded) wants(why Reason) bool {
	return len(d.Faults) < MaxFaults || why.IsTold() && (d.First.Line == 0 || len(d.Shares) > 0 && d.lastShare().First.Line == 0)
}

// Refuse records a line that is not stored.
func (d *Decoded) Refuse(f Fault) {
	d.Lines++
	d.Counts[f.Reason]++
	wanted := d.wants(f.Reason)
	if wanted {
		f.Detail = Clip(f.Detail)
	}
	if f.Reason.IsTold() && len(d.Shares) > 0 {
		d.lastShare().refuse(&f)
	}
	if !wanted {
		return
	}
	if f.Reason.IsTold() && d.First.Line == 0 {
		d.First = f
	}
	if len(d.Faults) < MaxFaults {
		d.Faults = append(d.Faults, f)
	}
}

// countNameless counts a sample if its line lacks a name that it should have.
func (d *Decoded) countNameless(host hostKey, number int, text []byte) {
	if host.cluster != "" && host.host != "" {
		return
	}
	f := Fault{Line: number, Text: text, Cluster: host.cluster, Host: host.host}
	if f.Cluster == "" {
		d.NoCluster.add(f, 1)
	}
	if f.Host == "" {
		d.NoHost.add(f, 1)
	}
}
