package lineproto

import (
	"fmt"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

// parsedLine is what the line-protocol library reads of one line.
type parsedLine struct {
	cluster, host string
	tagged        store.Part // its tags of a part, as they are
	metric        store.MetricID
	tags          int // their number
	value         float64

	isConfigured bool // otherwise metric means nothing
	isForeign    bool // a message that is no sample: an event, a log line, a control message
	isOver       bool // there are too many metrics: this one is refused
	isNumberless bool // it has no value, and need not be a sample
	hasValue     bool // value is the number of the line
}

// part returns the part that the line is of: the host itself unless it is tagged
// otherwise.
func (l *parsedLine) part() *store.Part {
	switch p := &l.tagged; {
	case p.Type == "" || p.Type == "node":
		*p = store.Part{}
	case p.Subtype == "":
		p.SubID = ""
	}
	return &l.tagged
}

// decodeLine reads the line that dec stands at.
func (d *Decoder) decodeLine(dec *lineprotocol.Decoder, text []byte, number int, cluster string, at time.Time) {
	t, err := d.read(dec, cluster, at)
	if err != nil {
		d.refuse(text, number, err)
		return
	}
	d.out.Lines++
	switch l := &d.line; {
	case l.isForeign:
		d.out.Counts[Foreign]++
	case l.isNumberless:
		d.out.Counts[NoNumber]++
		d.out.Numberless.add(Fault{Line: number, Text: text, Cluster: l.cluster, Host: l.host}, 1)
	case l.isOver:
		d.out.OverMetrics++
		if len(d.out.Shares) > 0 {
			d.out.lastShare().OverMetrics++
		}
	case !l.isConfigured:
		d.out.Counts[UnknownMetric]++
		if d.era != 0 && d.store.Accepts(0, d.metric) {
			return // it is configured since: there is nobody to be told
		}
		n := d.unknown.index(d.metric)
		d.build.countUnknown(n, l.cluster, l.host)
		if key, ok := d.cacheableKey(text); ok {
			d.build.ignore(hostKey{l.cluster, l.host}, key, n)
		}
	default:
		host := hostKey{l.cluster, l.host}
		batch, sample := d.build.add(host, l.part(), l.metric, t, l.value)
		if key, ok := d.cacheableKey(text); ok {
			d.build.learn(batch, candidate{key: key, sample: sample})
		}
		d.out.countNameless(host, number, text)
	}
}

// cacheableKey returns the key of the newest line, unless there is something about
// it that may mean something else in another line, or it is too long for the cache.
func (d *Decoder) cacheableKey(text []byte) (rawKey, bool) {
	if d.out.clusterIndex < 0 {
		return rawKey{}, false
	}
	k, ok := cutKey(text)
	ok = ok && len(k.before)+len(k.after) <= longestKey
	return k, ok && k.isPlain() && string(k.host) == d.line.host
}

// read reads one line into d.line and returns its time. All of the line is
// read even if it cannot be stored, so that what is no line protocol never
// passes for a metric that is not configured.
func (d *Decoder) read(dec *lineprotocol.Decoder, cluster string, at time.Time) (int64, error) {
	name, err := dec.Measurement()
	if err != nil {
		return 0, err
	}
	l := &d.line
	l.metric, l.isConfigured = d.store.MetricIn(d.era, name)
	d.metric = append(d.metric[:0], name...)
	l.cluster = cluster
	if err := l.readTags(dec, &d.build.names); err != nil {
		return 0, err
	}
	fault, err := l.readFields(dec)
	if err != nil {
		return 0, err
	}
	stamp, err := dec.TimeBytes()
	if err != nil {
		return 0, err
	}
	if l.isForeign || !l.isConfigured && !d.store.Accepts(d.era, d.metric) {
		return 0, nil
	}
	if fault != nil && !d.store.IsNamed(d.era, d.metric) {
		if l.isNumberless = !l.hasValue; l.isNumberless {
			return 0, nil
		}
		fault = nil
	}
	if fault == nil || l.tags > MaxTags { // too many tags are told first
		fault = l.check(d.isClusterValid || l.cluster != cluster) // the library looks at those of the line
	}
	if fault != nil {
		return 0, fault
	}
	t, err := readTimestamp(stamp, at, d.tolerance)
	if err == nil && !l.isConfigured {
		d.admit()
	}
	return t, err
}

// check returns what is wrong with the tags of a line.
func (l *parsedLine) check(isClusterValid bool) *lineError {
	switch {
	case l.tags > MaxTags:
		return &lineError{TooManyTags, fmt.Sprintf("%d tags are more than the limit of %d", l.tags, MaxTags)}
	case !isClusterValid:
		return &lineError{BadSyntax, fmt.Sprintf("the cluster %q of lines without a cluster tag is no UTF-8", Clip(l.cluster))}
	case !isSafeName(l.cluster) || !isSafeName(l.host):
		return &lineError{BadName, fmt.Sprintf("cluster %q or host %q holds a slash, a backslash or \"..\"", l.cluster, l.host)}
	}
	return nil
}

// admit gets an ID for the metric of a line, once the rest of the line is known to be good:
// names in faulty lines do not use up the limit of metrics.
func (d *Decoder) admit() {
	l := &d.line
	var how store.Admission
	l.metric, how = d.store.Admit(d.era, l.cluster, l.host, d.metric)
	l.isConfigured, l.isOver = how == store.Admitted, how == store.OverMetrics
}

func (l *parsedLine) readTags(dec *lineprotocol.Decoder, names *interner) error {
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
			l.cluster = names.intern(value)
		case "hostname", "host":
			l.host = names.intern(value)
		case "type":
			l.tagged.Type = names.intern(value)
		case "type-id":
			l.tagged.ID = names.intern(value)
		case "stype":
			l.tagged.Subtype = names.intern(value)
		case "stype-id":
			l.tagged.SubID = names.intern(value)
		}
	}
}

// readFields reads the value. Of several values the last one counts. It returns a fault, such
// as a value that is no number, when all fields are read, but an error of syntax at once.
func (l *parsedLine) readFields(dec *lineprotocol.Decoder) (fault *lineError, err error) {
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
			l.value, l.hasValue = floatOf(value)
			if !l.hasValue && fault == nil {
				fault = &lineError{BadValue, fmt.Sprintf("value is of type %v, not a number", value.Kind())}
			}
		case value.Kind() == lineprotocol.String && (name == "event" || name == "log" || name == "control"):
			l.isForeign = true
		case fault == nil:
			fault = &lineError{BadField, fmt.Sprintf("unknown field %q: the value of a sample is in the field \"value\"", name)}
		}
	}
}

// floatOf returns the value as a float64, false if it is no number.
func floatOf(v lineprotocol.Value) (float64, bool) {
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
