package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cc-metric-store/store/checkpoint"
)

// restoreErasLocked reads how the metrics were configured before, and saves how they are
// configured from now on. It is called before any of the log is read, so that the next start
// knows the eras whenever this run ends. Without the file of eras, those of the checkpoint are
// used. If the checkpoint is of a version of the program that wrote none, they are deduced from
// the samples in it.
func (c *Checkpoints) restoreErasLocked(now time.Time, ofCheckpoint []checkpoint.Era) {
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
	all, changed := newEras(eras, present)
	c.store.eras.Store(all)
	if changed && len(all.past) > 0 {
		c.logger.Info("the metrics are configured otherwise than before: what the log took until now counts at the intervals of then",
			"changes", describeChanges(&all.past[len(all.past)-1], &all.present))
	}
	c.erasUnsaved = changed || missing
	c.saveErasLocked()
}

// deduceEras returns the past era that the samples in the store point to, if it differs
// from the present one: each metric had the interval of its newest samples.
func (s *Store) deduceEras(present checkpoint.Era) []checkpoint.Era {
	newest := map[string]*metric{}
	ends := map[string]int64{}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for _, h := range st.hosts {
			for id := range h.counts.all() {
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

// saveErasLocked writes the eras, if they are not on the disk yet or were removed there.
func (c *Checkpoints) saveErasLocked() {
	if c.store.eras.Load() == nil || !c.erasUnsaved && c.dir.HasEras() {
		return
	}
	if err := c.dir.WriteEras(c.store.allEras()); err != nil {
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
