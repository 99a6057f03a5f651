package store

import "sync/atomic"

type counters struct {
	samples, invalid       atomic.Int64
	replaced               atomic.Int64
	freed, evicted, sealed atomic.Int64

	archived, unarchived, archiveFailures atomic.Int64
}

func (c *counters) add(a *Appended) {
	c.samples.Add(int64(a.Stored))
	c.invalid.Add(int64(a.Invalid))
}

// Stats describes a Store at one moment.
type Stats struct {
	// Samples counts the samples stored since the start, Freed the series'
	// blocks freed by Free and retention, Evicted those that gave way to newer
	// ones under the memory cap.
	Samples, Freed, Evicted int64
	// Invalid counts what is no valid sample, Refused samples beyond a limit.
	Invalid int64
	Refused []Refused
	// Replaced counts samples that replaced one of another time in their slot.
	Replaced int64
	// Archived counts the samples that were written to the archive, ArchiveFailures how often that
	// failed, and Unarchived the series' blocks that were dropped for their age meanwhile.
	Archived, ArchiveFailures, Unarchived int64
	// Sealed counts how often a block was compressed.
	Sealed int64
	// Hosts and Series count what is held now, Bytes what it takes.
	Hosts, Series, Bytes int64
}

// Stats counts. It visits each host, so it is for monitoring and not for a hot
// path.
func (s *Store) Stats() Stats {
	out := Stats{
		Samples: s.counters.samples.Load(),
		Freed:   s.counters.freed.Load(),
		Evicted: s.counters.evicted.Load(),
		Sealed:  s.counters.sealed.Load(),
		Bytes:   s.usedBytes.Load(),

		Archived:        s.counters.archived.Load(),
		ArchiveFailures: s.counters.archiveFailures.Load(),
		Unarchived:      s.counters.unarchived.Load(),

		Invalid:  s.counters.invalid.Load(),
		Refused:  s.refusals.list(),
		Replaced: s.counters.replaced.Load(),
	}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		out.Hosts += int64(len(st.hosts))
		for _, h := range st.hosts {
			out.Series += int64(len(h.series))
		}
		st.mu.RUnlock()
	}
	return out
}
