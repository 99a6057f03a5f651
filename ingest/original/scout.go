package original

import "context"

// Scout reads the files of a host, without handing on or reporting anything: they say how to understand the
// Parquet files.
func (r *Reader) Scout(ctx context.Context, h Host, files []File) error {
	scout := NewReader(&Tree{}, r.cfg)
	scout.above, scout.threads = r.above, r.threads
	hr, err := scout.readHost(ctx, h, files, func(Sample) error { return nil })
	if err == nil {
		r.phases[joinNames(h.Cluster, h.Name)] = hr.offsets
	}
	return err
}

// aligner returns what the samples before leave of a host, and keeps it no longer.
func (r *Reader) aligner(h Host) *aligner {
	name := joinNames(h.Cluster, h.Name)
	if a := r.aligners[name]; a != nil {
		delete(r.aligners, name)
		r.held -= len(a.ends)
		return a
	}
	a := newAligner()
	for step, offset := range r.phases[name] {
		a.grids[step] = exactGrid(step, offset)
	}
	return a
}

// keep keeps the aligner of a host for the next files. Of very many hosts not all samples are kept, but all phases.
func (r *Reader) keep(h Host, a *aligner) {
	if r.held+len(a.ends) > maxEnds {
		a.ends = map[uint64]end{}
	}
	r.held += len(a.ends)
	r.aligners[joinNames(h.Cluster, h.Name)] = a
}
