package ingest

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

const (
	// MaxLine is the length in bytes of the longest line that is read.
	MaxLine = 64 << 10
	// MaxTags is the largest number of tags of a line that is stored.
	MaxTags = 64
)

// decoder turns the lines of an entry into batches, one for each host. It is
// used by one goroutine at a time.
type decoder struct {
	store    *store.Store
	unknowns *strangers
	future   time.Duration // samples further ahead of their entry are refused
	names    interner
	recall   recall
	era      store.Era // of the entry

	out    *decoded
	named  bool // the default cluster is valid UTF-8
	line   tags
	groups map[hostKey]int32
	parts  map[groupPart]int32
	last   groupPart // the newest key of parts
	lastID int32     // and its value, -1 for none

	strangers []stranger
	name      []byte  // of the newest line's metric
	seen      []int32 // by number of a metric that is not configured: index into out.unknown + 1
}

type hostKey struct{ cluster, host string }

type groupPart struct {
	group int32
	part  store.Part
}

// newDecoder returns a decoder. Decoders that share a memo, which may be nil,
// know the lines that learn taught it.
func newDecoder(s *store.Store, m *memo, future time.Duration) *decoder {
	d := &decoder{
		store: s, recall: recall{memo: m}, future: future,
		groups: map[hostKey]int32{}, parts: map[groupPart]int32{}, seen: make([]int32, maxStrangers+1),
	}
	if d.unknowns = new(strangers); m != nil {
		d.unknowns = &m.unknown
	}
	return d
}

// tags is what the decoder reads of one line.
type tags struct {
	cluster, host         string
	typ, id, subtype, sub string
	metric                store.MetricID
	stranger              int32 // number of a metric that is not configured
	known, foreign        bool
	over                  bool // there are too many metrics: this one is refused
	numberless            bool // and need not be a sample
	tags                  int  // their number
	value                 float64
	valued                bool // value is the number of the line
}

// decode reads the lines of data into out. Lines without a cluster belong to
// the given one, lines without a time to at, the time of the entry in the log.
// out refers to data.
func (d *decoder) decode(data []byte, cluster string, at time.Time, out *decoded) {
	d.begin(data, cluster, at, out)
	defer d.recall.end()
	// One decoder reads the next lines if it and nextLine see the same ones;
	// otherwise each line has its own.
	var dec *lineprotocol.Decoder
	plain, asked := false, false
	number := 1
	for rest := data; len(rest) > 0; {
		if rest[0] == '\n' {
			rest = rest[1:]
			number++
			continue
		}
		if left, lines := d.recall.lines(rest); lines > 0 {
			rest, dec = left, nil
			number += lines
			continue
		}
		if hasMark(rest) {
			for dec = nil; hasMark(rest); rest = rest[len(byteOrderMark):] {
			}
			continue
		}
		if !asked {
			plain, asked = isPlain(rest), true
		}
		line, left, newlines := nextLine(rest)
		d.line = tags{}
		switch {
		case len(line) > MaxLine: // whatever it holds: a writer does not read on to know
			dec = nil
			d.refuse(line, number, &lineError{tooLong, fmt.Sprintf("%d bytes are more than the limit of %d", len(line), MaxLine)})
		case isBlank(line) || !plain && isComment(line):
		case isFieldless(line) && line[0] != '#':
			dec = nil
			d.refuse(line, number, errFieldless)
		default:
			switch {
			case !plain:
				dec = lineprotocol.NewDecoderWithBytes(line)
			case dec == nil:
				dec = lineprotocol.NewDecoderWithBytes(rest)
			}
			if dec.Next() { // else a comment
				d.decodeLine(dec, line, number, cluster, at)
			}
		}
		rest = left
		number += newlines
	}
	d.end()
}

// begin prepares for an entry. The caller ends d.recall when it is read.
func (d *decoder) begin(data []byte, cluster string, at time.Time, out *decoded) {
	d.out, d.named = out, utf8.ValidString(cluster)
	d.groups, d.parts = emptied(d.groups), emptied(d.parts)
	d.lastID = -1
	d.strangers = d.strangers[:0]
	d.era = d.store.Era(at)
	out.bytes, out.at = len(data), at.Unix()
	d.recall.begin(d, cluster, at)
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

// isPlain reports whether every newline of data ends a line, and every line
// that is not blank holds something to decode.
func isPlain(data []byte) bool {
	return bytes.IndexByte(data, '"') < 0 && bytes.IndexByte(data, '\r') < 0 && bytes.IndexByte(data, '#') < 0
}

// decodeLine reads the line that dec stands at.
func (d *decoder) decodeLine(dec *lineprotocol.Decoder, line []byte, number int, cluster string, at time.Time) {
	t, err := d.read(dec, cluster, at)
	if err != nil {
		d.refuse(line, number, err)
		return
	}
	d.out.lines++
	switch l := &d.line; {
	case l.foreign:
		d.out.counts[foreign]++
	case l.numberless:
		d.out.counts[noNumber]++
		d.out.numberless.add(fault{number: number, text: line, cluster: l.cluster, host: l.host}, 1)
	case l.over:
		d.out.over.Add(1)
	case !l.known:
		d.out.counts[unknownMetric]++
		if d.era != 0 && d.store.Takes(0, d.name) {
			return // it is configured since: there is nobody to be told
		}
		l.stranger = d.unknowns.number(d.name)
		d.countUnknown(l.stranger, l.cluster, l.host)
		d.noteStranger(line)
	default:
		d.out.samples++
		group, sample := d.add(t)
		d.note(line, group, sample)
		d.countNameless(line, number)
	}
}

// countNameless counts a sample whose line lacks a name that it should have.
func (d *decoder) countNameless(line []byte, number int) {
	l := &d.line
	if l.cluster != "" && l.host != "" {
		return
	}
	f := fault{number: number, text: line, cluster: l.cluster, host: l.host}
	if l.cluster == "" {
		d.out.nameless[noCluster].add(f, 1)
	}
	if l.host == "" {
		d.out.nameless[noHost].add(f, 1)
	}
}

// end ends an entry.
func (d *decoder) end() {
	d.noteStrangers()
	for i := range d.out.unknown {
		d.seen[d.out.unknown[i].number] = 0
	}
}

// read reads one line into d.line and returns its time. All of the line is
// read even if it cannot be stored, so that what is no line protocol never
// passes for a metric that is not configured.
func (d *decoder) read(dec *lineprotocol.Decoder, cluster string, at time.Time) (int64, error) {
	name, err := dec.Measurement()
	if err != nil {
		return 0, err
	}
	l := &d.line
	l.metric, l.known = d.store.MetricIn(d.era, name)
	d.name = append(d.name[:0], name...)
	l.cluster = cluster
	if err := d.readTags(dec); err != nil {
		return 0, err
	}
	fault, err := d.readFields(dec)
	if err != nil {
		return 0, err
	}
	stamp, err := dec.TimeBytes()
	if err != nil {
		return 0, err
	}
	if l.foreign || !l.known && !d.store.Takes(d.era, d.name) {
		return 0, nil
	}
	if fault != nil && !d.store.Names(d.era, d.name) {
		if l.numberless = !l.valued; l.numberless {
			return 0, nil
		}
		fault = nil
	}
	if l.tags > MaxTags {
		return 0, &lineError{manyTags, fmt.Sprintf("%d tags are more than the limit of %d", l.tags, MaxTags)}
	}
	if fault != nil {
		return 0, fault
	}
	if !d.named && l.cluster == cluster { // the library looks at those of the line
		return 0, &lineError{badSyntax, fmt.Sprintf("the cluster %q of lines without a cluster tag is no UTF-8", clip(cluster))}
	}
	if !nameOK(l.cluster) || !nameOK(l.host) {
		return 0, &lineError{badName, fmt.Sprintf("cluster %q or host %q holds a slash, a backslash or \"..\"", l.cluster, l.host)}
	}
	t, err := d.readTime(stamp, at)
	if err == nil && !l.known {
		l.admit(d)
	}
	return t, err
}

// admit gives a number to the metric of a line that can be stored: names of faulty
// lines take no room.
func (l *tags) admit(d *decoder) {
	var how store.Admission
	l.metric, how = d.store.Admit(d.era, l.cluster, l.host, d.name)
	l.known, l.over = how == store.Admitted, how == store.OverMetrics
}

func (d *decoder) readTags(dec *lineprotocol.Decoder) error {
	l := &d.line
	for ; ; l.tags++ {
		key, value, err := dec.NextTag()
		if err != nil {
			return err
		}
		if key == nil {
			return nil
		}
		switch string(key) {
		case "cluster":
			l.cluster = d.names.intern(value)
		case "hostname", "host":
			l.host = d.names.intern(value)
		case "type":
			l.typ = d.names.intern(value)
		case "type-id":
			l.id = d.names.intern(value)
		case "stype":
			l.subtype = d.names.intern(value)
		case "stype-id":
			l.sub = d.names.intern(value)
		}
	}
}
