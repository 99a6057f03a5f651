package store

import "sync/atomic"

type counters struct {
	samples, freed, evicted atomic.Int64
}

// Stats describes a Store at one moment.
type Stats struct {
	// Samples counts the samples stored since the start, Freed the series'
	// blocks freed by Free and retention, Evicted those that gave way to newer
	// ones under the memory cap.
	Samples, Freed, Evicted int64
	// Hosts and Series count what is held now, Bytes what its blocks take.
	Hosts, Series, Bytes int64
}

// Stats counts. It visits each host, so it is for monitoring and not for a hot
// path.
func (s *Store) Stats() Stats {
	out := Stats{
		Samples: s.counters.samples.Load(),
		Freed:   s.counters.freed.Load(),
		Evicted: s.counters.evicted.Load(),
		Bytes:   s.held.Load(),
	}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		out.Hosts += int64(len(st.hosts))
		for _, h := range st.hosts {
			for _, p := range h.parts {
				out.Series += int64(len(p.series))
			}
		}
		st.mu.RUnlock()
	}
	return out
}
