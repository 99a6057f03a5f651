package original

import (
	"context"
	"errors"
	"os"
)

// The original gives a sample to a slot of its series, and forgets its time. A series begins at
// the time of its first sample, and its slots half an interval earlier. A snapshot says when a
// series starts: that is the time of its first sample, or, if that is older, the begin of the
// file, which lies anywhere in the slot of the first value.

// phase is where in the interval the samples of a metric of a host are.
type phase struct{ frequency, offset int64 }

// firstTime returns the time of the first value of a series in the snapshot that is read: the
// centre of its slot, if isKnown says that the files tell it, or a time anywhere in it.
func (h *hostReader) firstTime(metric string, s header) (at int64, isKnown bool) {
	start := s.start
	if s.from > 0 && start < h.file.Time {
		// The file's times were shifted, as a script for demonstrations does, and those of its
		// inner levels forgotten: the name of the file is right.
		start += h.file.Time - s.from
	}
	if start > h.file.Time {
		h.phases[metric] = phase{s.frequency, start % s.frequency}
		h.offsets[s.frequency] = start
		return start, true
	}
	p, ok := h.phases[metric]
	if !ok || s.frequency == 0 || p.frequency != 0 && p.frequency != s.frequency {
		return start, false
	}
	h.offsets[s.frequency] = p.offset
	// The latest time with this phase whose slot begins no later than start.
	latest := start + s.frequency/2
	return latest - modulo(latest-p.offset, s.frequency), true
}

func modulo(a, b int64) int64 { return (a%b + b) % b }

// maxPhases bounds the records in which the phases of metrics are looked for.
const maxPhases = 10_000

// findPhases takes the times of samples from the write-ahead file, once. Other than snapshots it
// has them as they were sent.
func (h *hostReader) findPhases(ctx context.Context, files []File) {
	if h.looked {
		return
	}
	h.looked = true
	for _, f := range files {
		if f.Kind == WAL {
			h.readPhases(ctx, f)
		}
	}
}

func (h *hostReader) readPhases(ctx context.Context, f File) {
	file, err := os.Open(f.Path)
	if err != nil {
		return // as its own reading says
	}
	defer file.Close()
	records := 0
	_ = readWAL(&contextReader{ctx, file}, func(rec *walRecord) error {
		if records++; records > maxPhases {
			return errEnough
		}
		if _, ok := h.phases[string(rec.metric)]; !ok && rec.at >= 0 && rec.at <= maxTime {
			h.phases[string(rec.metric)] = phase{0, rec.at} // of any interval
		}
		return nil
	})
}

// errEnough ends the reading of a write-ahead file.
var errEnough = errors.New("enough")
