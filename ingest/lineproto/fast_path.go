package lineproto

import (
	"bytes"
	"sync/atomic"
	"time"

	"cc-metric-store/store"
)

// fastPath reads lines whose key is in the series cache, without the line-protocol
// library:
//
//	<key><number>[ <timestamp>]\n
//
// Lines that are written otherwise it leaves to the library. It is used by one
// goroutine at a time.
type fastPath struct {
	cache     *SeriesCache // may be nil
	build     *batchBuilder
	tolerance time.Duration // of timestamps

	// Of the entry.
	at           time.Time
	clusterIndex int32  // of the default cluster in the cache, -1 for none
	stamp        []byte // the newest timestamp
	time         int64  // that it stands for

	// Of the host of the newest line. host.mu is held for reading.
	host   *hostCache
	cached []cachedLine
	batch  int32 // index of its batch, -1 for none yet
	prev   int32 // index of the newest line, -1 for none
	next   int32 // index of the expected one
}

// begin prepares for an entry. The caller calls end when it is read.
func (f *fastPath) begin(c defaultCluster, at time.Time) {
	f.at, f.clusterIndex = at, -1
	if f.cache != nil {
		f.clusterIndex = f.cache.clusterIndex(c)
	}
	f.build.out.clusterIndex = f.clusterIndex
}

// end lets go of the entry.
func (f *fastPath) end() {
	f.leave()
	f.stamp = nil
}

// leave lets go of the host of the newest line.
func (f *fastPath) leave() {
	if f.host != nil {
		f.host.mu.RUnlock()
		f.host, f.cached = nil, nil
	}
}

// enter makes h the host of the next lines. It returns false if the cache has forgotten
// h, or if the entry has samples by the references of another table of the host.
func (f *fastPath) enter(h *hostCache) bool {
	f.leave()
	if !f.build.takes(h) {
		return false
	}
	h.mu.RLock()
	if h.isForgotten {
		h.mu.RUnlock()
		return false
	}
	if !h.used.Load() {
		h.used.Store(true)
	}
	f.host, f.cached = h, h.lines
	f.batch, f.prev = -1, -1
	return true
}

// read reads lines from the front of data as long as their keys are in the cache, and
// returns the rest and their number.
func (f *fastPath) read(data []byte) (rest []byte, lines int) {
	if f.clusterIndex < 0 {
		return data, 0
	}
	for rest = data; len(rest) > 0; {
		left, n := f.readCached(rest)
		if n == 0 {
			k, known, ok := f.search(rest)
			switch {
			case ok && f.seek(known):
				left, n = f.readCached(rest)
			case ok:
				left, n = f.readSimilar(rest, k, known.series)
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

// search looks up the key of the first line of data. ok is false if the cache does not
// know it of any host.
func (f *fastPath) search(data []byte) (k rawKey, known hit, ok bool) {
	text := data
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		text = data[:end]
	}
	if k, ok = cutKey(text); ok {
		known, ok = f.cache.find(f.clusterIndex, k)
	}
	return k, known, ok
}

// seek makes the line that was found the expected one. It returns false if its host
// does not send it.
func (f *fastPath) seek(known hit) bool {
	h := known.host
	if h == nil || h != f.host && !f.enter(h) {
		return false
	}
	i := h.findLocked(known.template)
	if i < 0 {
		return false
	}
	if f.prev >= 0 && i != f.next {
		atomic.StoreInt32(&f.cached[f.prev].next, i)
	}
	f.next = i
	return true
}

// readCached reads lines from the front of data as long as they are the expected
// ones.
func (f *fastPath) readCached(data []byte) (rest []byte, lines int) {
	if f.host == nil {
		return data, 0
	}
	cached, host, next := f.cached, f.host.key.host, f.next
	chunks := *f.cache.chunks.Load()
	out := f.build.out
	var samples []store.Sample
	if f.batch >= 0 {
		samples = out.Batches[f.batch].Samples
	}
	unknown, first := 0, data
	for uint(next) < uint(len(cached)) {
		line := &cached[next]
		t := templateAt(chunks, line.template)
		from := len(t.before)
		to := from + len(host)
		end := to + len(t.after)
		if len(data) <= end || string(data[:from]) != t.before || string(data[from:to]) != host || string(data[to:end]) != t.after {
			break
		}
		v, n := parseFloat(data[end:])
		if n == 0 {
			break
		}
		end += n
		at, n := f.readStamp(data[end:])
		if n == 0 || end+n > MaxLine {
			break
		}
		if line.series < 0 {
			unknown++
			f.build.countUnknown(^line.series, f.host.key.cluster, host)
		} else {
			if f.batch < 0 {
				f.batch = f.build.batchOf(f.host)
				samples = out.Batches[f.batch].Samples
			}
			samples = append(samples, store.Sample{Time: at, Value: v, Ref: store.SeriesRef(line.series)})
		}
		data = data[min(end+n, len(data)):]
		lines++
		f.prev, next = next, atomic.LoadInt32(&line.next)
	}
	f.next = next
	if f.batch >= 0 {
		out.Batches[f.batch].Samples = samples
	}
	out.Lines += lines
	out.Samples += lines - unknown
	out.Counts[UnknownMetric] += unknown
	if lines > unknown && f.host.key.cluster == "" {
		out.NoCluster.add(Fault{Text: first, Host: host}, lines-unknown)
	}
	return data, lines
}

// readSimilar reads the first line of data, whose key k is known of other hosts: the
// first entries of a host need not be parsed if there are others of its kind.
func (f *fastPath) readSimilar(data []byte, k rawKey, id seriesID) (rest []byte, lines int) {
	end := len(k.before) + len(k.host) + len(k.after)
	v, n := parseFloat(data[end:])
	host := hostKey{id.cluster, f.build.names.intern(k.host)}
	if n == 0 || !isLiteral(host.host) || !isSafeName(host.host) {
		return data, 0
	}
	end += n
	t, n := f.readStamp(data[end:])
	if n == 0 || end+n > MaxLine {
		return data, 0
	}
	out := f.build.out
	out.Lines++
	if id.isConfigured {
		part := id.part.Value()
		batch, sample := f.build.add(host, &part, id.metric, t, v)
		f.build.learn(batch, candidate{key: k, sample: sample})
		out.countNameless(host, 0, data[:end])
	} else {
		out.Counts[UnknownMetric]++
		f.build.countUnknown(id.unknown, host.cluster, host.host)
		f.build.ignore(host, k, id.unknown)
	}
	return data[min(end+n, len(data)):], 1
}

// readStamp reads the timestamp between a number and the end of its line, and
// returns the length of both, n = 0 if it is not one to be stored. What follows
// the last line of an entry counts as its end.
func (f *fastPath) readStamp(data []byte) (t int64, n int) {
	if len(data) == 0 || data[0] == '\n' {
		return f.at.Unix(), 1
	}
	digits := data[1:] // what follows a number is a blank or an end
	end := len(f.stamp)
	if end > 0 && len(digits) > end && digits[end] == '\n' && string(digits[:end]) == string(f.stamp) {
		return f.time, end + 2
	}
	for end = 0; end < len(digits) && (digits[end]-'0' <= 9 || digits[end] == '-'); end++ {
	}
	if end == 0 || end < len(digits) && digits[end] != '\n' {
		return 0, 0
	}
	t, err := readTimestamp(digits[:end], f.at, f.tolerance)
	if err != nil {
		return 0, 0
	}
	f.stamp, f.time = digits[:end], t
	return t, end + 2
}
