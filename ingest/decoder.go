package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

// MaxLine is the length in bytes of the longest line that is read.
const MaxLine = 64 << 10

// keptFaults is the number of faulty lines of one entry that are kept with
// their text; the others are counted.
const keptFaults = 16

// keptDetail bounds the bytes of a fault's description: it may quote the line,
// and goes into a header and an answer.
const keptDetail = 200

// decoder turns the lines of an entry into batches, one for each host. It is
// used by one goroutine at a time.
type decoder struct {
	store  *store.Store
	future time.Duration // samples further ahead of their entry are refused
	names  interner

	out    *decoded
	line   tags
	groups map[hostKey]int32
	parts  map[groupPart]int32
	last   groupPart // the newest key of parts
	lastID int32     // and its value, -1 for none
}

type hostKey struct{ cluster, host string }

type groupPart struct {
	group int32
	part  store.Part
}

// decoded is what an entry holds. Its memory is used again for other entries.
type decoded struct {
	batches []store.Batch // by host, in order of their first lines
	faults  []fault       // the first keptFaults
	counts  [reasons]int
	lines   int // without blank ones and comments
	samples int
	bytes   int
}

// fault is a line that was refused.
type fault struct {
	number int // of the line in its entry, from 1
	reason reason
	detail string
	text   []byte // a part of the entry
}

// largeEntry is the size from which an entry's memory is not kept for others.
const largeEntry = 1 << 20

func (d *decoded) reset() {
	if d.bytes > largeEntry {
		*d = decoded{}
		return
	}
	for i := range d.batches {
		b := &d.batches[i]
		*b = store.Batch{Parts: b.Parts[:0], Samples: b.Samples[:0]}
	}
	clear(d.faults)
	*d = decoded{batches: d.batches[:0], faults: d.faults[:0]}
}

// refused counts the lines whose writer is told, and returns the first one.
func (d *decoded) refused() (n int, first *fault) {
	for r, count := range d.counts {
		if reason(r).refused() {
			n += count
		}
	}
	for i := range d.faults {
		if d.faults[i].reason.refused() {
			return n, &d.faults[i]
		}
	}
	return n, nil
}

// allFaults counts the faulty lines, also those that are not kept.
func (d *decoded) allFaults() (n int) {
	for r, count := range d.counts {
		if reason(r).fault() {
			n += count
		}
	}
	return n
}

func newDecoder(s *store.Store, future time.Duration) *decoder {
	return &decoder{store: s, future: future, groups: map[hostKey]int32{}, parts: map[groupPart]int32{}}
}

// tags is what the decoder reads of one line.
type tags struct {
	cluster, host          string
	typ, id, subtype, sub  string
	metric                 store.MetricID
	known, foreign, valued bool
	value                  float64
}

// lineError is a fault that is not one of syntax.
type lineError struct {
	reason reason
	detail string
}

func (e *lineError) Error() string { return e.detail }

// decode reads the lines of data into out. Lines without a cluster belong to
// the given one, lines without a time to at, the time of the entry in the log.
// out refers to data.
func (d *decoder) decode(data []byte, cluster string, at time.Time, out *decoded) {
	d.out = out
	clear(d.groups)
	clear(d.parts)
	d.lastID = -1
	out.bytes = len(data)
	// One decoder reads all lines where it and nextLine see the same ones;
	// otherwise each line has its own.
	var dec *lineprotocol.Decoder
	plain := isPlain(data)
	if plain {
		dec = lineprotocol.NewDecoderWithBytes(data)
	}
	number := 1
	for rest := data; len(rest) > 0; {
		var line []byte
		var n int
		line, rest, n = nextLine(rest)
		if !isBlank(line) {
			if !plain {
				dec = lineprotocol.NewDecoderWithBytes(line)
			}
			if dec.Next() { // else a comment
				d.decodeLine(dec, line, number, cluster, at)
			}
		}
		number += n
	}
}

// isPlain reports whether every newline of data ends a line, and every line
// that is not blank holds something to decode.
func isPlain(data []byte) bool {
	return bytes.IndexByte(data, '"') < 0 && bytes.IndexByte(data, '\r') < 0 && bytes.IndexByte(data, '#') < 0
}

func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\r' {
			return false
		}
	}
	return true
}

// decodeLine reads the line that dec stands at.
func (d *decoder) decodeLine(dec *lineprotocol.Decoder, line []byte, number int, cluster string, at time.Time) {
	if len(line) > MaxLine {
		d.refuse(line, number, tooLong, fmt.Sprintf("%d bytes are more than the limit of %d", len(line), MaxLine))
		return
	}
	d.line = tags{}
	t, err := d.read(dec, cluster, at)
	if err != nil {
		why, detail := describe(err)
		d.refuse(line, number, why, detail)
		return
	}
	d.out.lines++
	switch l := &d.line; {
	case l.foreign:
		d.out.counts[foreign]++
	case !l.known:
		d.out.counts[unknownMetric]++
	default:
		d.out.samples++
		d.add(t)
	}
}

func (d *decoder) refuse(line []byte, number int, why reason, detail string) {
	d.out.lines++
	d.out.counts[why]++
	if len(d.out.faults) < keptFaults {
		d.out.faults = append(d.out.faults, fault{number, why, clip(detail), line})
	}
}

// clip shortens a text to keptDetail bytes of valid UTF-8.
func clip(text string) string {
	if len(text) > keptDetail {
		text = text[:keptDetail-len("…")] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// describe returns the reason and the words for an error of read.
func describe(err error) (reason, string) {
	var own *lineError
	if errors.As(err, &own) {
		return own.reason, own.detail
	}
	var syntax *lineprotocol.DecodeError
	if errors.As(err, &syntax) {
		return badSyntax, fmt.Sprintf("column %d: %v", syntax.Column, syntax.Err)
	}
	return badSyntax, err.Error()
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
	l.metric, l.known = d.store.Metric(name)
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
	if l.foreign || !l.known {
		return 0, nil
	}
	if fault != nil {
		return 0, fault
	}
	if !nameOK(l.cluster) || !nameOK(l.host) {
		return 0, &lineError{badName, fmt.Sprintf("cluster %q or host %q holds a slash, a backslash or \"..\"", l.cluster, l.host)}
	}
	return d.readTime(stamp, at)
}

func (d *decoder) readTags(dec *lineprotocol.Decoder) error {
	l := &d.line
	for {
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

// readFields reads the value. Of several the last one counts. The first fault
// of meaning is told when all fields are read, an error of syntax at once.
func (d *decoder) readFields(dec *lineprotocol.Decoder) (fault *lineError, err error) {
	l := &d.line
	for {
		key, value, err := dec.NextField()
		if err != nil {
			return nil, err
		}
		if key == nil {
			return fault, nil
		}
		switch name := string(key); {
		case name == "value":
			l.valued = true
			v, ok := number(value)
			if !ok && fault == nil {
				fault = &lineError{badValue, fmt.Sprintf("value is of type %v, not a number", value.Kind())}
			}
			l.value = v
		case value.Kind() == lineprotocol.String && (name == "event" || name == "log" || name == "control"):
			l.foreign = true
		case fault == nil:
			fault = &lineError{badField, fmt.Sprintf("unknown field %q: the value of a sample is in the field \"value\"", name)}
		}
	}
}

func number(v lineprotocol.Value) (float64, bool) {
	switch v.Kind() {
	case lineprotocol.Float:
		return v.FloatV(), true
	case lineprotocol.Int:
		return float64(v.IntV()), true
	case lineprotocol.Uint:
		return float64(v.UintV()), true
	}
	return 0, false
}

// nameOK rules out the names of clusters and hosts that would leave a
// directory if they were used as a path.
func nameOK(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '/', '\\':
			return false
		case '.':
			if i > 0 && name[i-1] == '.' {
				return false
			}
		}
	}
	return true
}

func (d *decoder) readTime(stamp []byte, at time.Time) (int64, error) {
	if stamp == nil {
		return at.Unix(), nil
	}
	n, ok := parseInt(stamp)
	if !ok {
		return 0, &lineError{badTime, fmt.Sprintf("timestamp %q is not a whole number of seconds, ms, us or ns", stamp)}
	}
	t := unixSeconds(n)
	if ahead := time.Duration(t-at.Unix()) * time.Second; t > at.Unix() && (ahead < 0 || ahead > d.future) {
		return 0, &lineError{inFuture, fmt.Sprintf("timestamp %s lies %v ahead, more than the tolerance of %v: is the sender's clock right?", stamp, ahead, d.future)}
	}
	return t, nil
}

// parseInt is strconv.ParseInt without its errors, which cost an allocation
// even where there is none.
func parseInt(digits []byte) (n int64, ok bool) {
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0') // 19 digits fit
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

// unixSeconds takes a timestamp of unknown precision: it is of the coarsest
// one of s, ms, us and ns in which its nanoseconds fit 64 bits.
func unixSeconds(n int64) int64 {
	for _, perSecond := range [...]int64{1, 1e3, 1e6} {
		if limit := math.MaxInt64 / (1e9 / perSecond); n >= -limit && n <= limit {
			return floorDiv(n, perSecond)
		}
	}
	return floorDiv(n, 1e9)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// add puts the sample of d.line into the batch of its host.
func (d *decoder) add(t int64) {
	l := &d.line
	out := d.out
	key := hostKey{l.cluster, l.host}
	group := int32(-1)
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
	b.Samples = append(b.Samples, store.Sample{Time: t, Value: l.value, Part: d.lastID, Metric: l.metric})
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
