package lineproto

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

// valueField is the end of a key.
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

// longestKey is the length of the longest key that is cached, without its host: a
// limit of the number of templates is then one of their memory.
const longestKey = 1 << 10

// lineTemplate is a key without the name of the host: hosts of one kind share it, so
// that it stays in the processor's cache. It is immutable while a hostCache refers to
// it.
type lineTemplate struct{ before, after string }

// templateInfo is what only a search needs of a template.
type templateInfo struct {
	clusterIndex int32
	refs         int32 // lines of hostCaches, guarded by SeriesCache.mu
	series       seriesID
	hash         uint64
	// Many templates have the one in common or the other: a core, a metric.
	before, after unique.Handle[string]
}

// seriesID is the series of the lines of a template, but for the host, on which it does
// not depend.
type seriesID struct {
	cluster      string
	part         unique.Handle[store.Part]
	metric       store.MetricID
	isConfigured bool  // else there is no metric, nor part
	unknown      int32 // number of the metric that is not configured
}

// seriesOf returns the series of a candidate of b.
func seriesOf(b *store.Batch, c *candidate) seriesID {
	if c.sample == noSample {
		return seriesID{cluster: b.Cluster, unknown: c.unknown}
	}
	name := b.Names[b.Samples[c.sample].Name]
	return seriesID{cluster: b.Cluster, part: unique.Make(b.Parts[name.Part]), metric: name.Metric, isConfigured: true}
}

// templateBytes is roughly what a template takes.
const templateBytes = 208

// Templates lie in chunks that never move, so that they can be read while others
// are added.
const (
	chunkBits      = 6
	chunkTemplates = 1 << chunkBits
)

type templateChunk struct {
	templates [chunkTemplates]lineTemplate
	infos     [chunkTemplates]templateInfo
}

func templateAt(chunks []*templateChunk, n uint32) *lineTemplate {
	return &chunks[n>>chunkBits].templates[n%chunkTemplates]
}

func (c *SeriesCache) template(n uint32) (*lineTemplate, *templateInfo) {
	chunk := (*c.chunks.Load())[n>>chunkBits]
	return &chunk.templates[n%chunkTemplates], &chunk.infos[n%chunkTemplates]
}

func hashKey(seed maphash.Seed, clusterIndex int32, k rawKey) uint64 {
	return maphash.Bytes(seed, k.before) + bits.RotateLeft64(maphash.Bytes(seed, k.after), 1) + uint64(clusterIndex)*0x9e3779b97f4a7c15
}
