package ingest

import "cc-metric-store/store"

// add puts the sample of d.line into the batch of its host, and returns the number
// of the batch and the sample's in it.
func (d *decoder) add(t int64) (group, sample int32) {
	l := &d.line
	out := d.out
	key := hostKey{l.cluster, l.host}
	group = -1
	if d.lastID >= 0 { // most entries are of one host
		if b := &out.batches[d.last.group]; b.Cluster == key.cluster && b.Host == key.host {
			group = d.last.group
		}
	}
	if group < 0 {
		group = d.group(key)
	}
	p := groupPart{group: group}
	if l.typ != "" && l.typ != "node" {
		p.part = store.Part{Type: l.typ, ID: l.id}
		if l.subtype != "" {
			p.part.Subtype, p.part.SubID = l.subtype, l.sub
		}
	}
	b := &out.batches[group]
	if d.lastID < 0 || p != d.last {
		id, ok := d.parts[p]
		if !ok {
			id = int32(len(b.Parts))
			b.Parts = append(b.Parts, p.part)
			d.parts[p] = id
		}
		d.last, d.lastID = p, id
	}
	b.Add(d.lastID, l.metric, t, l.value)
	return group, int32(len(b.Samples) - 1)
}

// group returns the number of the host's batch, which it starts if need be.
func (d *decoder) group(key hostKey) int32 {
	if g, ok := d.groups[key]; ok {
		return g
	}
	out := d.out
	g := int32(len(out.batches))
	if cap(out.batches) > len(out.batches) {
		out.batches = out.batches[:g+1] // with the memory of its slices
	} else {
		out.batches = append(out.batches, store.Batch{})
	}
	if cap(out.learn) > len(out.learn) {
		out.learn = out.learn[:g+1]
	} else {
		out.learn = append(out.learn, learning{})
	}
	out.batches[g].Cluster, out.batches[g].Host = key.cluster, key.host
	d.groups[key] = g
	return g
}

const (
	// maxInterned bounds the names that an interner keeps.
	maxInterned = 1 << 16
	// Longer names are not those that come again and again.
	maxInternedName = 256
)

// interner keeps one string for each name that comes again and again.
type interner struct{ names map[string]string }

func (in *interner) intern(b []byte) string {
	if s, ok := in.names[string(b)]; ok {
		return s
	}
	if len(b) > maxInternedName {
		return string(b)
	}
	if in.names == nil || len(in.names) >= maxInterned {
		in.names = make(map[string]string)
	}
	s := string(b)
	in.names[s] = s
	return s
}
