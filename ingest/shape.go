package ingest

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"unique"

	"cc-metric-store/store"
)

// rawKey is the key of a line: its bytes up to the number, cut at the name of
// the host. It refers to the line.
//
//	cpu_load,cluster=alex,hostname=  a0603  ,type=node value=
//	before                           host   after
type rawKey struct{ before, host, after []byte }

const valueField = " value="

// cutKey returns the key of a line, of several hosts cut at the last one, which
// counts. It returns false if the line names no host, or has no value after the
// first blank.
func cutKey(line []byte) (k rawKey, ok bool) {
	blank := bytes.IndexByte(line, ' ')
	if blank < 0 || !bytes.HasPrefix(line[blank:], []byte(valueField)) {
		return rawKey{}, false
	}
	from, to := 0, 0
	for comma := bytes.IndexByte(line[:blank], ','); comma >= 0 && comma < blank; {
		tag := comma + 1
		if comma = bytes.IndexByte(line[tag:blank], ','); comma >= 0 {
			comma += tag
		} else {
			comma = blank
		}
		host := tag
		switch {
		case bytes.HasPrefix(line[tag:comma], []byte("hostname=")):
			host += len("hostname=")
		case bytes.HasPrefix(line[tag:comma], []byte("host=")):
			host += len("host=")
		default:
			continue
		}
		from, to = host, comma
	}
	return rawKey{line[:from], line[from:to], line[to : blank+len(valueField)]}, to > from
}

// isPlain reports whether all bytes of the key mean themselves wherever its
// line stands.
func (k rawKey) isPlain() bool {
	for _, part := range [...][]byte{k.before, k.host, k.after} {
		if bytes.IndexByte(part, '\\') >= 0 || bytes.IndexByte(part, '"') >= 0 || bytes.IndexByte(part, '\r') >= 0 {
			return false
		}
	}
	return true
}

// shape is a key without the name of the host: hosts of one kind share it. It
// is immutable while a layout refers to it.
type shape struct{ before, after string }

// shapeInfo is what only a search needs of a shape.
type shapeInfo struct {
	scope   int32 // of the default cluster
	refs    int32 // keys of layouts, guarded by memo.mu
	meaning meaning
	hash    uint64
	// Many shapes have the one in common or the other: a core, a metric.
	before, after unique.Handle[string]
}

// meaning is where the lines of a shape belong to. That does not depend on the host.
type meaning struct {
	cluster    string
	part       unique.Handle[store.Part]
	metric     store.MetricID
	configured bool // else there is no metric, nor part
	stranger   int32
}

// meaningOf returns the meaning of a line that b notes.
func meaningOf(b *store.Batch, n *note) meaning {
	if n.sample == notConfigured {
		return meaning{cluster: b.Cluster, stranger: n.stranger}
	}
	name := b.Names[b.Samples[n.sample].Name]
	return meaning{cluster: b.Cluster, part: unique.Make(b.Parts[name.Part]), metric: name.Metric, configured: true}
}

func (m *memo) is(n uint32, scope int32, k rawKey) bool {
	sh, info := m.shape(n)
	return info.scope == scope && sh.before == string(k.before) && sh.after == string(k.after)
}

// shapeBytes is roughly what a shape takes.
const shapeBytes = 208

// Shapes lie in chunks that never move, so that they can be read while others
// are added.
const (
	chunkBits   = 6
	chunkShapes = 1 << chunkBits
)

type shapeChunk struct {
	shapes [chunkShapes]shape
	infos  [chunkShapes]shapeInfo
}

func shapeAt(chunks []*shapeChunk, n uint32) *shape {
	return &chunks[n>>chunkBits].shapes[n%chunkShapes]
}

func (m *memo) shape(n uint32) (*shape, *shapeInfo) {
	c := (*m.chunks.Load())[n>>chunkBits]
	return &c.shapes[n%chunkShapes], &c.infos[n%chunkShapes]
}

func hashKey(seed maphash.Seed, scope int32, k rawKey) uint64 {
	return maphash.Bytes(seed, k.before) + bits.RotateLeft64(maphash.Bytes(seed, k.after), 1) + uint64(scope)*0x9e3779b97f4a7c15
}
