package ingest

import (
	"bytes"
	"sync/atomic"
	"time"

	"cc-metric-store/store"
)

// recall is the part of a decoder that reads the lines whose keys the memo
// knows, of the same host or of another one of its kind:
//
//	<key><number>[ <timestamp>]\n
//
// Whatever is written otherwise is left to the line protocol.
type recall struct {
	memo *memo // may be nil

	// The entry.
	d     *decoder
	out   *decoded
	at    time.Time
	stamp []byte // the newest timestamp
	time  int64  // that it stands for

	// The host of the newest line. The mu of layout is held for reading.
	layout *layout
	keys   []layoutKey
	group  int32 // its batch, -1 for none yet
	prev   int32 // the newest key, -1 for none
	next   int32 // the one that is expected
}

// begin prepares for an entry. The caller calls end when it is read.
func (r *recall) begin(d *decoder, cluster string, at time.Time) {
	*r = recall{memo: r.memo, d: d, out: d.out, at: at}
	d.out.scope = -1
	if r.memo != nil {
		d.out.scope = r.memo.scope(scopeName{d.era, cluster})
	}
}

func (r *recall) end() {
	r.leave()
	*r = recall{memo: r.memo}
}

func (r *recall) leave() {
	if r.layout != nil {
		r.layout.mu.RUnlock()
		r.layout, r.keys = nil, nil
	}
}

// visit makes l the layout of the next lines. It returns false if l is gone, or if
// the entry has samples by the references of another table of its host.
func (r *recall) visit(l *layout) bool {
	r.leave()
	if g, ok := r.d.groups[hostKey{l.name.cluster, l.name.host}]; ok {
		if refs := r.out.batches[g].Refs; refs != nil && refs != l.refs {
			return false
		}
	}
	l.mu.RLock()
	if l.gone {
		l.mu.RUnlock()
		return false
	}
	if !l.used.Load() {
		l.used.Store(true)
	}
	r.layout, r.keys = l, l.keys
	r.group, r.prev = -1, -1
	return true
}

// lines reads lines from the front of data as long as it knows them, and
// returns the rest and their number.
func (r *recall) lines(data []byte) (rest []byte, lines int) {
	if r.out.scope < 0 {
		return data, 0
	}
	for rest = data; len(rest) > 0; {
		left, n := r.follow(rest)
		if n == 0 {
			k, f, ok := r.search(rest)
			switch {
			case ok && r.expect(f):
				left, n = r.follow(rest)
			case ok:
				left, n = r.relate(rest, k, f.meaning)
			}
		}
		if n == 0 {
			break
		}
		rest = left
		lines += n
	}
	return rest, lines
}

// search looks up the key of the first line of data. ok is false if the memo does not
// know it of any host.
func (r *recall) search(data []byte) (k rawKey, f found, ok bool) {
	line := data
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		line = data[:end]
	}
	if k, ok = cutKey(line); ok {
		f, ok = r.memo.find(r.out.scope, k)
	}
	return k, f, ok
}

// expect makes the key that was found the next one. It returns false if it is not
// one of its host.
func (r *recall) expect(f found) bool {
	l := f.layout
	if l == nil || l != r.layout && !r.visit(l) {
		return false
	}
	key := l.find(f.shape)
	if key < 0 {
		return false
	}
	if r.prev >= 0 && key != r.next {
		atomic.StoreInt32(&r.keys[r.prev].next, key)
	}
	r.next = key
	return true
}

// follow reads lines from the front of data as long as they are the expected
// ones.
func (r *recall) follow(data []byte) (rest []byte, lines int) {
	if r.layout == nil {
		return data, 0
	}
	keys, host, next := r.keys, r.layout.name.host, r.next
	chunks := *r.memo.chunks.Load()
	var samples []store.Sample
	if r.group >= 0 {
		samples = r.out.batches[r.group].Samples
	}
	unknown, first := 0, data
	for uint(next) < uint(len(keys)) {
		key := &keys[next]
		sh := shapeAt(chunks, key.shape)
		from := len(sh.before)
		to := from + len(host)
		end := to + len(sh.after)
		if len(data) <= end || string(data[:from]) != sh.before || string(data[from:to]) != host || string(data[to:end]) != sh.after {
			break
		}
		v, n := readNumber(data[end:])
		if n == 0 {
			break
		}
		end += n
		t, n := r.readStamp(data[end:])
		if n == 0 || end+n > MaxLine {
			break
		}
		if key.series < 0 {
			unknown++
			r.d.countUnknown(^key.series, r.layout.name.cluster, host)
		} else {
			if r.group < 0 {
				r.group = r.batch()
				samples = r.out.batches[r.group].Samples
			}
			samples = append(samples, store.Sample{Time: t, Value: v, Ref: store.SeriesRef(key.series)})
		}
		data = data[min(end+n, len(data)):]
		lines++
		r.prev, next = next, atomic.LoadInt32(&key.next)
	}
	r.next = next
	if r.group >= 0 {
		r.out.batches[r.group].Samples = samples
	}
	r.out.lines += lines
	r.out.samples += lines - unknown
	r.out.counts[unknownMetric] += unknown
	if lines > unknown && r.layout.name.cluster == "" {
		r.out.nameless[noCluster].add(fault{text: first, host: host}, lines-unknown)
	}
	return data, lines
}

// relate reads the first line of data, whose key k is known of other hosts: the first
// entries of a host need not be taken apart if there are others of its kind.
func (r *recall) relate(data []byte, k rawKey, means meaning) (rest []byte, lines int) {
	end := len(k.before) + len(k.host) + len(k.after)
	v, n := readNumber(data[end:])
	host := r.d.names.intern(k.host)
	if n == 0 || !isLiteral(host) || !nameOK(host) {
		return data, 0
	}
	end += n
	t, n := r.readStamp(data[end:])
	if n == 0 || end+n > MaxLine {
		return data, 0
	}
	d, part := r.d, store.Part{}
	if means.configured {
		part = means.part.Value()
	}
	d.line = tags{
		cluster: means.cluster, host: host,
		typ: part.Type, id: part.ID, subtype: part.Subtype, sub: part.SubID,
		metric: means.metric, stranger: means.stranger, value: v,
	}
	r.out.lines++
	if means.configured {
		r.out.samples++
		group, sample := d.add(t)
		d.addNote(group, note{key: k, sample: sample})
		d.countNameless(data[:end], 0)
	} else {
		r.out.counts[unknownMetric]++
		d.countUnknown(means.stranger, d.line.cluster, host)
		d.keepStranger(k)
	}
	return data[min(end+n, len(data)):], 1
}

// isLiteral reports whether a tag's value is sure to mean itself. Others are left to
// the line protocol.
func isLiteral(value string) bool {
	for i := range len(value) {
		if c := value[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// batch returns the number of the layout's batch.
func (r *recall) batch() int32 {
	name := &r.layout.name
	g := r.d.group(hostKey{name.cluster, name.host})
	r.out.batches[g].Refs, r.out.learn[g].layout = r.layout.refs, r.layout
	return g
}

// readStamp reads the timestamp between a number and the end of its line, and
// returns the length of both, n = 0 if it is not one to be stored. What follows
// the last line of an entry counts as its end.
func (r *recall) readStamp(data []byte) (t int64, n int) {
	if len(data) == 0 || data[0] == '\n' {
		return r.at.Unix(), 1
	}
	digits := data[1:] // what follows a number is a blank or an end
	end := len(r.stamp)
	if end > 0 && len(digits) > end && digits[end] == '\n' && string(digits[:end]) == string(r.stamp) {
		return r.time, end + 2
	}
	for end = 0; end < len(digits) && (digits[end]-'0' <= 9 || digits[end] == '-'); end++ {
	}
	if end == 0 || end < len(digits) && digits[end] != '\n' {
		return 0, 0
	}
	t, err := r.d.readTime(digits[:end], r.at)
	if err != nil {
		return 0, 0
	}
	r.stamp, r.time = digits[:end], t
	return t, end + 2
}
