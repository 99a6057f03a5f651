package lineproto

import "cc-metric-store/store"

// batchBuilder puts the samples of an entry into batches, one for each host, and keeps
// beside them what the cache may learn. It is used by one goroutine at a time.
type batchBuilder struct {
	names interner

	// Of the entry.
	out     *Decoded
	batches map[hostKey]int32 // index into out.Batches
	parts   map[partKey]int32 // index into the batch's Parts
	last    partKey           // the key of the newest sample in parts
	lastID  int32             // parts[last], -1 before the first sample
	ignored []ignoredLine
	seen    []int32 // by index of a metric in UnknownMetrics: index into out.Unknown, plus 1; 0: none
}

type hostKey struct{ cluster, host string }

// partKey is a part of the host of a batch.
type partKey struct {
	batch int32
	part  store.Part
}

// ignoredLine is a line whose metric is not configured. Its key is learnt if the entry
// has samples of its host.
type ignoredLine struct {
	host    hostKey
	key     rawKey
	unknown int32
}

const (
	// fewIgnored is for how many ignored lines the memory is kept.
	fewIgnored = 1 << 12
	// maxIgnored of an entry are kept: an entry may hold nothing else.
	maxIgnored = 1 << 14
)

func newBatchBuilder() batchBuilder {
	return batchBuilder{batches: map[hostKey]int32{}, parts: map[partKey]int32{}, seen: make([]int32, MaxUnknownMetrics+1)}
}

// begin prepares for an entry.
func (b *batchBuilder) begin(out *Decoded) {
	b.out = out
	b.batches, b.parts = emptied(b.batches), emptied(b.parts)
	b.lastID = -1
}

// emptied returns an empty map, m unless that is large: a map keeps its memory.
func emptied[K comparable](m map[K]int32) map[K]int32 {
	const few = 1 << 14
	if len(m) > few {
		return map[K]int32{}
	}
	clear(m)
	return m
}

// end ends an entry. The keys of ignored lines become candidates of the batches of their hosts.
func (b *batchBuilder) end() {
	for _, l := range b.ignored {
		if batch, ok := b.batches[l.host]; ok {
			b.learn(batch, candidate{key: l.key, sample: noSample, unknown: l.unknown})
		}
	}
	clear(b.ignored)
	if b.ignored = b.ignored[:0]; cap(b.ignored) > fewIgnored {
		b.ignored = nil
	}
	for i := range b.out.Unknown {
		b.seen[b.out.Unknown[i].index] = 0
	}
	b.out = nil
}

// add puts a sample into the batch of its host, and returns the indices of the batch
// and of the sample in it.
func (b *batchBuilder) add(host hostKey, part *store.Part, metric store.MetricID, t int64, value float64) (batch, sample int32) {
	b.out.Samples++
	batch = -1
	if b.lastID >= 0 { // most entries are of one host
		if of := &b.out.Batches[b.last.batch]; of.Cluster == host.cluster && of.Host == host.host {
			batch = b.last.batch
		}
	}
	if batch < 0 {
		batch = b.batch(host)
	}
	to := &b.out.Batches[batch]
	if b.lastID < 0 || batch != b.last.batch || *part != b.last.part {
		p := partKey{batch, *part}
		id, ok := b.parts[p]
		if !ok {
			id = int32(len(to.Parts))
			to.Parts = append(to.Parts, *part)
			b.parts[p] = id
		}
		b.last, b.lastID = p, id
	}
	to.Add(b.lastID, metric, t, value)
	return batch, int32(len(to.Samples) - 1)
}

// batch returns the index of the host's batch, which it starts if need be. It is called for the
// first sample of each batch in each share, and may be called for more.
func (b *batchBuilder) batch(host hostKey) int32 {
	n, ok := b.batches[host]
	if !ok {
		n = b.newBatch(host)
	}
	if len(b.out.Shares) > 0 {
		b.out.beginRun(n)
	}
	return n
}

// beginShare begins with the lines of another writer.
func (b *batchBuilder) beginShare(line int) {
	b.out.Shares = append(b.out.Shares, Share{Line: line})
	b.lastID = -1 // so that batch is called
}

func (b *batchBuilder) newBatch(host hostKey) int32 {
	out := b.out
	n := int32(len(out.Batches))
	if cap(out.Batches) > len(out.Batches) {
		out.Batches = out.Batches[:n+1] // with the memory of its slices
	} else {
		out.Batches = append(out.Batches, store.Batch{})
	}
	if cap(out.learning) > len(out.learning) {
		out.learning = out.learning[:n+1]
	} else {
		out.learning = append(out.learning, learning{})
	}
	out.Batches[n].Cluster, out.Batches[n].Host, out.Batches[n].At = host.cluster, host.host, out.At
	b.batches[host] = n
	return n
}

// batchOf returns the index of the batch of a host cache's host. The batch gets the table of
// the cached references.
func (b *batchBuilder) batchOf(h *hostCache) int32 {
	n := b.batch(hostKey{h.key.cluster, h.key.host})
	b.out.Batches[n].Refs, b.out.learning[n].host = h.refs, h
	return n
}

// acceptsRefs reports whether the references of a host cache may be used: not if the host's
// batch has those of another table.
func (b *batchBuilder) acceptsRefs(h *hostCache) bool {
	n, ok := b.batches[hostKey{h.key.cluster, h.key.host}]
	if !ok {
		return true
	}
	refs := b.out.Batches[n].Refs
	return refs == nil || refs == h.refs
}

// learn keeps a key of the batch for the cache.
func (b *batchBuilder) learn(batch int32, c candidate) {
	of := &b.out.learning[batch]
	of.candidates = append(of.candidates, c)
}

// ignore keeps the key of a line whose metric is not configured.
func (b *batchBuilder) ignore(host hostKey, key rawKey, unknown int32) {
	if len(b.ignored) < maxIgnored {
		b.ignored = append(b.ignored, ignoredLine{host, key, unknown})
	}
}

// countUnknown counts a line of a metric that is not configured.
func (b *batchBuilder) countUnknown(index int32, cluster, host string) {
	if i := b.seen[index]; i > 0 {
		b.out.Unknown[i-1].Lines++
		return
	}
	b.out.Unknown = append(b.out.Unknown, UnknownLines{1, cluster, host, index})
	b.seen[index] = int32(len(b.out.Unknown))
}
