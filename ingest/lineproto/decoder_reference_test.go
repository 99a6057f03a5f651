package lineproto

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
	counts [Reasons]int
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
			v, why := reading{}, TooLong
			if !long {
				v, why = referenceLine(dec, line, cluster, at, future)
			}
			if why == Reasons {
				r.add(v)
			} else {
				r.counts[why]++
				if why.IsTold() {
					if r.refused++; r.refused == 1 {
						r.first = number
					}
				}
				if why.IsFault() && len(r.faults) < MaxFaults {
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
func referenceLine(dec *lineprotocol.Decoder, line []byte, cluster string, at time.Time, future time.Duration) (reading, Reason) {
	v := reading{cluster: cluster, time: at.Unix()}
	name, err := dec.Measurement()
	if err != nil {
		return v, BadSyntax
	}
	v.metric = string(name)
	tags := map[string]string{}
	count := 0
	for {
		k, value, err := dec.NextTag()
		if err != nil {
			return v, BadSyntax
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
	why := Reasons
	note := func(r Reason) {
		if why == Reasons {
			why = r
		}
	}
	isForeign := false
	for {
		k, value, err := dec.NextField()
		if err != nil {
			return v, BadSyntax
		}
		if k == nil {
			break
		}
		text := value.Kind() == lineprotocol.String
		switch key := string(k); {
		case key == "value":
			f, ok := number(value)
			if v.bits = math.Float64bits(f); !ok {
				note(BadValue)
			}
		case text && (key == "event" || key == "log" || key == "control"):
			isForeign = true
		default:
			note(BadField)
		}
	}
	stamp, err := dec.TimeBytes()
	switch known := strings.Contains(" "+strings.Join(testMetrics, " ")+" ", " "+v.metric+" "); {
	case err != nil:
		return v, BadSyntax
	case isForeign:
		return v, Foreign
	case !known:
		return v, UnknownMetric
	case count > MaxTags:
		return v, TooManyTags
	case why != Reasons:
		return v, why
	case strings.ContainsAny(v.cluster+v.host, `/\`) || strings.Contains(v.cluster, "..") || strings.Contains(v.host, ".."):
		return v, BadName
	case stamp == nil:
		return v, why
	}
	n, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil {
		return v, BadTimestamp
	}
	if v.time = unixSeconds(n); v.time < -store.MaxTime || v.time > store.MaxTime {
		return v, BadTimestamp
	}
	if time.Unix(v.time, 0).Sub(at.Truncate(time.Second)) > future {
		return v, InFuture
	}
	return v, why
}

// told returns in words what the decoder made of an entry.
func told(t testing.TB, c *SeriesCache, d *Decoded) *result {
	r := &result{counts: d.Counts, lines: d.Lines}
	sum := 0
	names := map[hostKey]bool{}
	for _, b := range d.Batches {
		if len(b.Samples) == 0 {
			t.Fatalf("an empty batch of %s/%s", b.Cluster, b.Host)
		}
		if names[hostKey{b.Cluster, b.Host}] {
			t.Fatalf("two batches of %s/%s", b.Cluster, b.Host)
		}
		names[hostKey{b.Cluster, b.Host}] = true
		keys := keysOf(c, b.Refs)
		var of []reading
		for _, s := range b.Samples {
			v := reading{cluster: b.Cluster, host: b.Host, time: s.Time, bits: math.Float64bits(s.Value)}
			if s.Ref == 0 {
				v.part, v.metric = b.Parts[b.Names[s.Name].Part], testMetrics[b.Names[s.Name].Metric]
			} else {
				named, why := referenceLine(firstLine(t, keys[s.Ref]), nil, b.Cluster, time.Time{}, 0)
				if why != Reasons || named.host != b.Host || named.cluster != b.Cluster && bytes.Contains(keys[s.Ref], []byte("cluster=")) {
					t.Fatalf("the cache has the key %q at %s/%s: %v", keys[s.Ref], b.Cluster, b.Host, why)
				}
				v.part, v.metric = named.part, named.metric
			}
			of = append(of, v)
		}
		r.hosts = append(r.hosts, of)
		sum += len(b.Samples)
	}
	for _, f := range d.Faults {
		if f.Detail == "" {
			t.Fatalf("line %d: no detail", f.Line)
		}
		r.faults = append(r.faults, fmt.Sprintf("%d %v %s", f.Line, f.Reason, f.Text))
	}
	if sum != d.Samples {
		t.Fatalf("%d samples, counted %d", sum, d.Samples)
	}
	return r
}

func firstLine(t testing.TB, line []byte) *lineprotocol.Decoder {
	dec := lineprotocol.NewDecoderWithBytes(line)
	if !dec.Next() {
		t.Fatalf("the cache has the key %q", line)
	}
	return dec
}

// keysOf returns a line for each reference of a table that the cache knows.
func keysOf(c *SeriesCache, refs *store.Refs) map[store.SeriesRef][]byte {
	keys := map[store.SeriesRef][]byte{}
	if refs == nil {
		return keys
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, h := range c.hosts {
		if h.refs != refs {
			continue
		}
		for _, k := range h.lines {
			sh := templateAt(*c.chunks.Load(), k.template)
			if k.series > 0 {
				keys[store.SeriesRef(k.series)] = []byte(sh.before + h.key.host + sh.after + "1")
			}
		}
	}
	return keys
}
