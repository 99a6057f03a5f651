package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cc-metric-store/store/checkpoint"
)

// restoreHistory learns how the metrics were configured before, and notes how they
// are since now: before any of the log is read, so that the next start knows of it,
// whenever this one ends. Without the file it is what the checkpoint says, or, if an
// earlier version of the program wrote that, what it holds.
func (c *Checkpoints) restoreHistory(now time.Time, ofCheckpoint []checkpoint.Era) {
	eras, err := c.dir.ReadEras()
	if err != nil {
		kept, failed := c.dir.QuarantineEras()
		c.logger.Error("it cannot be read how the metrics were configured: going by what the newest checkpoint says",
			"error", err, "kept_as", kept, "set_aside", failed)
	}
	present := c.store.cfg.configuredEra(now)
	missing := len(eras) == 0
	if missing {
		eras = ofCheckpoint
	}
	if len(eras) == 0 {
		eras = c.store.deduceEras(present)
	}
	h, changed := newHistory(eras, present)
	c.store.history.Store(h)
	if changed && len(h.past) > 0 {
		c.logger.Info("the metrics are configured otherwise than before: what the log took until now counts at the intervals of then",
			"changes", describeChanges(&h.past[len(h.past)-1], &h.present))
	}
	c.erasUnsaved = changed || missing
	c.saveHistory()
}

// deduceEras returns the era before now as far as it differs from the present one in
// what the store holds: each metric had the interval of its newest samples.
func (s *Store) deduceEras(present checkpoint.Era) []checkpoint.Era {
	newest := map[string]*metric{}
	ends := map[string]int64{}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for _, h := range st.hosts {
			for id := range h.counts {
				m := s.metrics.at(id)
				end := h.grid(m.grid).blocks.last().end
				if n := newest[m.name]; n == nil || end > ends[m.name] || end == ends[m.name] && m.frequency < n.frequency {
					newest[m.name], ends[m.name] = m, end
				}
			}
		}
		st.mu.RUnlock()
	}
	before := checkpoint.Era{Metrics: maps.Clone(present.Metrics), Any: present.Any}
	changed := false
	for name, m := range newest {
		if (*era)(&present).interval([]byte(name)) != m.frequency {
			before.Metrics[name] = m.frequency
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return []checkpoint.Era{before}
}

// saveHistory writes what is not on the disk yet, or was removed there. The caller holds
// writing.
func (c *Checkpoints) saveHistory() {
	if c.store.history.Load() == nil || !c.erasUnsaved && c.dir.HasEras() {
		return
	}
	if err := c.dir.WriteEras(c.store.eras()); err != nil {
		if !c.unsavedLogged {
			c.logger.Error("how the metrics are configured cannot be kept: a start after the next change of it may take what the log holds now for what was sent after the change; trying again with each checkpoint", "error", err)
		}
		c.unsavedLogged = true
		return
	}
	c.erasUnsaved, c.unsavedLogged = false, false
}

// describeChanges names the first changes between two configurations.
func describeChanges(from, to *checkpoint.Era) string {
	const most = 5
	var out []string
	changed := 0
	addChange := func(name string, f, t int64) {
		if f == t {
			return
		}
		if changed++; changed <= most {
			out = append(out, fmt.Sprintf("%s from %s to %s", name, describeInterval(f), describeInterval(t)))
		}
	}
	names := sortedNames(from.Metrics)
	for _, name := range sortedNames(to.Metrics) {
		if _, ok := from.Metrics[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		addChange(name, (*era)(from).interval([]byte(name)), (*era)(to).interval([]byte(name)))
	}
	addChange("all others", from.Any, to.Any)
	if changed > most {
		out = append(out, fmt.Sprintf("%d more", changed-most))
	}
	return strings.Join(out, ", ")
}

func describeInterval(f int64) string {
	if f == 0 {
		return "none"
	}
	return fmt.Sprintf("%d s", f)
}
