package ingest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

// reading is a sample with its names.
type reading struct {
	cluster, host string
	part          store.Part
	metric        string
	time          int64
	bits          uint64 // of the value
}

// result is what a decoder makes of an entry, in words.
type result struct {
	hosts  [][]reading // in order of their first samples
	counts [reasons]int
	faults []string
	lines  int

	refused, first int // lines of which a writer is told, and the number of the first
}

func (r *result) add(v reading) {
	for i, of := range r.hosts {
		if of[0].cluster == v.cluster && of[0].host == v.host {
			r.hosts[i] = append(of, v)
			return
		}
	}
	r.hosts = append(r.hosts, []reading{v})
}

func (r *result) equal(q *result) bool {
	return r.lines == q.lines && r.counts == q.counts && slices.Equal(r.faults, q.faults) &&
		slices.EqualFunc(r.hosts, q.hosts, slices.Equal[[]reading])
}

// reference decodes by the line protocol alone, line by line.
func reference(data []byte, cluster string, at time.Time, future time.Duration) *result {
	r := &result{}
	number := 1
	for len(data) > 0 {
		if rest, ok := bytes.CutPrefix(data, []byte(byteOrderMark)); ok {
			data = rest
			continue
		}
		line, rest, n := nextLine(data)
		blank := len(bytes.Trim(line, " \r")) == 0
		long := len(line) > MaxLine
		if dec := lineprotocol.NewDecoderWithBytes(line); long || !blank && dec.Next() {
			r.lines++
			v, why := reading{}, tooLong
			if !long {
				v, why = referenceLine(dec, line, cluster, at, future)
			}
			if why == reasons {
				r.add(v)
			} else {
				r.counts[why]++
				if why.refused() {
					if r.refused++; r.refused == 1 {
						r.first = number
					}
				}
				if why.fault() && len(r.faults) < keptFaults {
					r.faults = append(r.faults, fmt.Sprintf("%d %v %s", number, why, line))
				}
			}
		}
		number += n
		data = rest
	}
	return r
}

// referenceLine returns the sample of a line, or why it has none.
func referenceLine(dec *lineprotocol.Decoder, line []byte, cluster string, at time.Time, future time.Duration) (reading, reason) {
	v := reading{cluster: cluster, time: at.Unix()}
	name, err := dec.Measurement()
	if err != nil {
		return v, badSyntax
	}
	v.metric = string(name)
	tags := map[string]string{}
	count := 0
	for {
		k, value, err := dec.NextTag()
		if err != nil {
			return v, badSyntax
		}
		if k == nil {
			break
		}
		count++
		if string(k) == "host" {
			k = []byte("hostname")
		}
		tags[string(k)] = string(value)
	}
	if c := tags["cluster"]; c != "" {
		v.cluster = c
	}
	v.host = tags["hostname"]
	if t := tags["type"]; t != "" && t != "node" {
		v.part = store.Part{Type: t, ID: tags["type-id"]}
		if tags["stype"] != "" {
			v.part.Subtype, v.part.SubID = tags["stype"], tags["stype-id"]
		}
	}
	why := reasons
	note := func(r reason) {
		if why == reasons {
			why = r
		}
	}
	isForeign := false
	for {
		k, value, err := dec.NextField()
		if err != nil {
			return v, badSyntax
		}
		if k == nil {
			break
		}
		text := value.Kind() == lineprotocol.String
		switch key := string(k); {
		case key == "value":
			f, ok := number(value)
			if v.bits = math.Float64bits(f); !ok {
				note(badValue)
			}
		case text && (key == "event" || key == "log" || key == "control"):
			isForeign = true
		default:
			note(badField)
		}
	}
	stamp, err := dec.TimeBytes()
	switch known := strings.Contains(" "+strings.Join(testMetrics, " ")+" ", " "+v.metric+" "); {
	case err != nil:
		return v, badSyntax
	case isForeign:
		return v, foreign
	case !known:
		return v, unknownMetric
	case count > MaxTags:
		return v, manyTags
	case why != reasons:
		return v, why
	case strings.ContainsAny(v.cluster+v.host, `/\`) || strings.Contains(v.cluster, "..") || strings.Contains(v.host, ".."):
		return v, badName
	case stamp == nil:
		return v, why
	}
	n, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil {
		return v, badTime
	}
	if v.time = unixSeconds(n); v.time < -store.MaxTime || v.time > store.MaxTime {
		return v, badTime
	}
	if time.Unix(v.time, 0).Sub(at.Truncate(time.Second)) > future {
		return v, inFuture
	}
	return v, why
}

// told returns in words what the decoder made of an entry.
func told(t testing.TB, m *memo, d *decoded) *result {
	r := &result{counts: d.counts, lines: d.lines}
	sum := 0
	names := map[hostKey]bool{}
	for _, b := range d.batches {
		if len(b.Samples) == 0 {
			t.Fatalf("an empty batch of %s/%s", b.Cluster, b.Host)
		}
		if names[hostKey{b.Cluster, b.Host}] {
			t.Fatalf("two batches of %s/%s", b.Cluster, b.Host)
		}
		names[hostKey{b.Cluster, b.Host}] = true
		keys := keysOf(m, b.Refs)
		var of []reading
		for _, s := range b.Samples {
			v := reading{cluster: b.Cluster, host: b.Host, time: s.Time, bits: math.Float64bits(s.Value)}
			if s.Ref == 0 {
				v.part, v.metric = b.Parts[b.Names[s.Name].Part], testMetrics[b.Names[s.Name].Metric]
			} else {
				named, why := referenceLine(firstLine(t, keys[s.Ref]), nil, b.Cluster, time.Time{}, 0)
				if why != reasons || named.host != b.Host || named.cluster != b.Cluster && bytes.Contains(keys[s.Ref], []byte("cluster=")) {
					t.Fatalf("the memo has the key %q at %s/%s: %v", keys[s.Ref], b.Cluster, b.Host, why)
				}
				v.part, v.metric = named.part, named.metric
			}
			of = append(of, v)
		}
		r.hosts = append(r.hosts, of)
		sum += len(b.Samples)
	}
	for _, f := range d.faults {
		if f.detail == "" {
			t.Fatalf("line %d: no detail", f.number)
		}
		r.faults = append(r.faults, fmt.Sprintf("%d %v %s", f.number, f.reason, f.text))
	}
	if sum != d.samples {
		t.Fatalf("%d samples, counted %d", sum, d.samples)
	}
	return r
}

func firstLine(t testing.TB, line []byte) *lineprotocol.Decoder {
	dec := lineprotocol.NewDecoderWithBytes(line)
	if !dec.Next() {
		t.Fatalf("the memo has the key %q", line)
	}
	return dec
}

// keysOf returns a line for each reference of a table that the memo knows.
func keysOf(m *memo, refs *store.Refs) map[store.SeriesRef][]byte {
	keys := map[store.SeriesRef][]byte{}
	if refs == nil {
		return keys
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, l := range m.layouts {
		if l.refs != refs {
			continue
		}
		for _, k := range l.keys {
			sh := shapeAt(*m.chunks.Load(), k.shape)
			if k.series > 0 {
				keys[store.SeriesRef(k.series)] = []byte(sh.before + l.name.host + sh.after + "1")
			}
		}
	}
	return keys
}
