package lineproto

import "cc-metric-store/store"

// Share is what one of several writers wrote of an entry: whole lines, one behind the other.
type Share struct {
	// Line is the number of its first line in the entry, from 1.
	Line int
	// Refused counts its faulty lines that the writer is told of, of which First is the first
	// one. First.Line is its number in the entry, 0 if there is none.
	Refused int
	First   Fault
	// OverMetrics counts its lines of metrics beyond store.Config.MaxMetrics.
	OverMetrics int
}

func (s *Share) refuse(f *Fault) {
	s.Refused++
	if s.First.Line == 0 {
		s.First = *f
	}
}

// run begins where the samples of a batch are of another share than those before.
type run struct {
	share, batch int32
	from         int32 // index of the first of them in the batch
}

// lastShare returns the share that is being read. There has to be one.
func (d *Decoded) lastShare() *Share { return &d.Shares[len(d.Shares)-1] }

// beginRun says that the next samples of a batch are of the share that is being read.
func (d *Decoded) beginRun(batch int32) {
	d.runs = append(d.runs, run{int32(len(d.Shares) - 1), batch, int32(len(d.Batches[batch].Samples))})
}

// EachShare calls do with the samples of a batch that each share has, also several times for one
// share, in their order.
func (d *Decoded) EachShare(batch int, do func(share int, samples []store.Sample)) {
	samples := d.Batches[batch].Samples
	last := run{share: -1}
	for _, r := range d.runs {
		if r.batch != int32(batch) {
			continue
		}
		if last.share >= 0 {
			do(int(last.share), samples[last.from:r.from])
		}
		last = r
	}
	if last.share >= 0 {
		do(int(last.share), samples[last.from:])
	}
}
