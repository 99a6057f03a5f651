package lineproto

// candidate is the key of a line that was parsed, or was known of another host
// alone: it is learnt once the store has accepted the sample. It refers to the line.
type candidate struct {
	key     rawKey
	sample  int32 // index into the samples of the batch, or noSample
	unknown int32 // number of the metric of a line without a sample
}

// noSample stands for the sample of a line whose metric is not configured.
const noSample = -1

// learning is what the cache may learn of a batch.
type learning struct {
	host       *hostCache // that the references of the batch are of, nil: it had none
	candidates []candidate
}

// fewCandidates is for how many candidates of a batch the memory is kept: once the
// lines of a host are known there are hardly any.
const fewCandidates = 16

func (l *learning) reset() {
	if cap(l.candidates) > fewCandidates {
		l.candidates = nil
	}
	clear(l.candidates)
	l.host, l.candidates = nil, l.candidates[:0]
}
