package lineproto

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

const testFuture = 10 * time.Minute

// cachedDecoder decodes, stores and learns as the pipeline does, and judges each
// entry by the reference.
type cachedDecoder struct {
	store   *store.Store
	cache   *SeriesCache
	decoder *Decoder
	out     Decoded
	slow    int // lines of the newest entry that were parsed and stored
}

func newCachedDecoder(t testing.TB, s *store.Store) *cachedDecoder {
	t.Helper()
	c := NewSeriesCache()
	return &cachedDecoder{store: s, cache: c, decoder: NewDecoder(s, c, testFuture)}
}

// entry decodes an entry, compares, and stores it.
func (r *cachedDecoder) entry(t testing.TB, data []byte, cluster string) {
	r.out.Reset()
	original := data
	data = bytes.Clone(data)
	defer clear(data) // nothing may refer to it any more
	r.decoder.Decode(data, cluster, entryTime, &r.out)
	got, want := told(t, r.cache, &r.out), reference(data, cluster, entryTime, testFuture)
	if !got.equal(want) {
		t.Fatalf("%q\n%+v\nthe reference:\n%+v", original, *got, *want)
	}
	r.slow = 0
	for i := range r.out.Batches {
		b := &r.out.Batches[i]
		for _, s := range b.Samples {
			if s.Ref == 0 {
				r.slow++
			}
		}
		r.cache.Learn(&r.out, i, r.store.Append(b))
	}
}

// TestFastPathPitfalls sends each pitfall where a cached line is expected, at
// all places of an entry, and again when it may be cached itself.
func TestFastPathPitfalls(t *testing.T) {
	s := newTestStore(t)
	before := "cpu_user,cluster=c,hostname=h,type=core,type-id=1 value=1 16\n"
	after := "flops_any,cluster=c,hostname=h,type=core,type-id=1 value=2 17\n"
	for _, line := range testkit.Pitfalls(MaxLine) {
		r := newCachedDecoder(t, s)
		known := before + testkit.PitfallKey + "1 17\n" + after
		r.entry(t, []byte(known), "dc")
		r.entry(t, []byte(known), "dc")
		if r.slow > 0 {
			t.Fatalf("%d known lines were parsed", r.slow)
		}
		for range 3 {
			for _, end := range []string{"\n" + after, "\n", ""} {
				r.entry(t, []byte(before+line+end), "dc")
				r.entry(t, []byte(before+line+end), "other")
				r.entry(t, []byte(line+end), "dc")
			}
		}
	}
}

// TestSimilarLines sends the lines of one host, and what looks like them, under other
// names: their meaning is known, but not that the name is one.
func TestSimilarLines(t *testing.T) {
	s := newTestStore(t)
	names := []string{
		"g", "g0001", "G-1_x.example.org", "1", ".", "g.", "..", "g..h", "", "g/h", `g\h`, `g\ h`, `g\,h`, `g\=h`, "g=h", "g,x=y", "g,host=f", "g h", `g"h`, `"g"`,
		"g\r", "g\x00", "g\x7f", "g\xff", "gö", "#g", "g#", " g", "g ", "g\t", "hostname=g", strings.Repeat("g", MaxLine), strings.Repeat("g", MaxLine-len(testkit.PitfallKey)-4),
	}
	lines := []string{testkit.PitfallKey + "1 17", "no_such,cluster=c,hostname=h value=1 17", "cpu_user,hostname=h,type=core,type-id=1,stype=s,stype-id=2 value=1", "flops_any,host=h value=1"}
	lines = append(lines, testkit.Pitfalls(MaxLine)...)
	for _, line := range lines {
		for i, name := range names {
			if i > 2 && len(line) > 1000 {
				break // what is about names is told by short lines
			}
			r := newCachedDecoder(t, s)
			other := strings.Replace(line, "=h", "="+name, 1)
			before := testkit.PitfallKey + "1 17\ncpu_user,cluster=c,hostname=h value=1 17\n"
			for range 2 {
				r.entry(t, []byte(before+line+"\n"), "dc")
			}
			r.entry(t, []byte(other), "dc")
			r.entry(t, []byte(other+"\n"+strings.Replace(before, "=h", "="+name, 1)+other+"\n"), "dc")
			r.entry(t, []byte(before+other+"\n"+before), "dc")
			r.entry(t, []byte(before+other+"\n"+before), "other")
		}
	}
}

// TestASimilarLineIsNotParsed: a host whose lines are those of another one, but for
// its name, costs the line protocol nothing.
func TestASimilarLineIsNotParsed(t *testing.T) {
	s := newTestStore(t)
	c := NewSeriesCache()
	capture := "cpu_load,hostname=h1 value=1 17\nno_such,hostname=h1 value=2 17\ncpu_user,hostname=h1,type=core,type-id=0,stype=s,stype-id=1 value=3 17\n"
	var out Decoded
	for i, host := range []string{"h1", "h2", "h2"} { // the ignored ones among the lines are learnt, too
		out.Reset()
		d := NewDecoder(s, c, testFuture)
		data := []byte(strings.ReplaceAll(capture, "h1", host))
		if i == 1 {
			d.begin(data, "dc", entryTime, &out)
			if rest, lines := d.fast.read(data); len(rest) > 0 || lines != 3 {
				t.Errorf("%d of 3 lines are read, %q are left", lines, rest)
			}
			out.Reset()
			d = NewDecoder(s, c, testFuture)
		}
		d.Decode(data, "dc", entryTime, &out)
		if got, want := told(t, c, &out), reference(data, "dc", entryTime, testFuture); !got.equal(want) {
			t.Fatalf("%s: %+v\nthe reference:\n%+v", host, got, want)
		}
		b := &out.Batches[0]
		if h := c.host(hostCacheKey{out.clusterIndex, "dc", "h2"}); i == 2 && h.len() != 3 {
			t.Errorf("%d keys of 3 are known", h.len())
		}
		if known := b.Samples[1].Ref != 0; known != (i == 2) {
			t.Errorf("entry %d: known %v", i, known)
		}
		c.Learn(&out, 0, s.Append(b))
	}
}

// TestAHostCacheThatIsReplaced while an entry is decoded: the references of one batch are
// all of one table.
func TestAHostCacheThatIsReplaced(t *testing.T) {
	s := newTestStore(t)
	c := NewSeriesCache()
	learn := func(lines string) {
		var out Decoded
		NewDecoder(s, c, testFuture).Decode([]byte(lines), "dc", entryTime, &out)
		learnAll(s, c, &out)
	}
	user, flops := "cpu_user,hostname=h value=1 17\n", "flops_any,hostname=h value=2 17\n"
	other := "cpu_load,hostname=g value=3 17\n"
	for _, again := range []string{flops + user, flops, user} {
		learn(user + flops)
		learn(other + strings.ReplaceAll(user+flops, "=h", "=g"))
		var out Decoded
		d := NewDecoder(s, c, testFuture)
		first, second := []byte(user+flops+other), []byte(flops+user)
		d.begin(nil, "dc", entryTime, &out)
		if rest, n := d.fast.read(first); len(rest) > 0 || n != 3 {
			t.Fatalf("%d lines are known, not %q", n, rest)
		}
		c.forget(c.host(hostCacheKey{out.clusterIndex, "dc", "h"}))
		learn(again)
		if rest, n := d.fast.read(second); len(rest) > 0 || n != 2 {
			t.Fatalf("%d lines are known, not %q", n, rest)
		}
		d.end()
		learnAll(s, c, &out)
		for metric, want := range map[string]float64{"cpu_user": 1, "flops_any": 2} {
			if got := value(t, s, "dc", "h", metric, 17); got != want {
				t.Errorf("after %q: %s is %v, want %v", again, metric, got, want)
			}
		}
		s.Free([][]string{nil}, 1<<62, store.Entry{})
		c.sweep(false)
	}
}

// TestKeysWithOneHash: the first one is known, the other one is read all the same.
func TestKeysWithOneHash(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	first, other := []byte("cpu_user,hostname=h value=1 17"), []byte("flops_any,hostname=h value=2 17")
	r.entry(t, first, "dc")
	hash := func(line []byte) uint64 {
		k, _ := cutKey(line)
		return hashKey(r.cache.seed, r.out.clusterIndex, k)
	}
	r.cache.templates[hash(other)] = r.cache.templates[hash(first)]
	for range 3 {
		r.entry(t, other, "dc")
		if r.slow != 1 {
			t.Errorf("%d lines are parsed", r.slow)
		}
		r.entry(t, bytes.ReplaceAll(other, []byte("=h"), []byte("=g")), "dc")
	}
}

// TestLongKeysAreNotCached: the number of templates is limited, and with it their
// memory.
func TestLongKeysAreNotCached(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	for _, length := range []int{longestKey / 2, 2 * longestKey} {
		line := []byte("cpu_load,hostname=h,x=" + strings.Repeat("y", length) + " value=1 17\n")
		for range 3 {
			r.entry(t, line, "dc")
		}
		if isLong := length > longestKey; (r.slow > 0) != isLong {
			t.Errorf("a tag of %d bytes: %d lines are parsed", length, r.slow)
		}
	}
}

// TestADecoderKeepsLittle of a message with more names than usual.
func TestADecoderKeepsLittle(t *testing.T) {
	s := newTestStore(t)
	d := NewDecoder(s, NewSeriesCache(), testFuture)
	var b strings.Builder
	for i := range 1 << 15 {
		fmt.Fprintf(&b, "no_such,hostname=h value=1 17\ncpu_load,hostname=h%d,type=core,type-id=%d value=1 17\n", i, i)
	}
	var out Decoded
	d.Decode([]byte(b.String()), "dc", entryTime, &out)
	at := func(m any) uintptr { return reflect.ValueOf(m).Pointer() }
	batches, parts := at(d.build.batches), at(d.build.parts)
	d.Decode(nil, "dc", entryTime, &out)
	if at(d.build.batches) == batches || at(d.build.parts) == parts {
		t.Error("a map is kept, and with it its memory")
	}
	if cap(d.build.ignored) > fewIgnored {
		t.Errorf("%d ignored lines are kept", cap(d.build.ignored))
	}
}

// TestFastPathByteByByte changes and cuts a cached entry at each byte.
func TestFastPathByteByByte(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	entry := []byte("cpu_user,hostname=h,type=core,type-id=1 value=1.5 16\n" +
		"no_such,hostname=h value=2i 17\ncpu_load,host=h value=-3e1 17\n\ncpu_load,hostname=g value=3\n")
	learn := func() {
		for range 2 {
			r.entry(t, entry, "dc")
		}
	}
	learn()
	if r.slow > 0 {
		t.Fatalf("%d known lines were parsed", r.slow)
	}
	for i := range entry {
		for _, c := range []byte("\n\r\\\"#, =.-0e19ixh\x00\x80") {
			changed := bytes.Clone(entry)
			changed[i] = c
			r.entry(t, changed, "dc")
			r.entry(t, append(changed[:i:i], append([]byte{c}, entry[i:]...)...), "dc")
		}
		r.entry(t, entry[:i], "dc")
		r.entry(t, entry[i:], "dc")
		learn()
	}
}

// FuzzFastPath compares the decoder with the reference on two entries, before and
// after their lines are cached.
func FuzzFastPath(f *testing.F) {
	capture, err := os.ReadFile("testdata/lines.lp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(capture, capture, false)
	known := testkit.PitfallKey + "1 17\n"
	for _, p := range testkit.Pitfalls(MaxLine) {
		if len(p) < 1000 {
			f.Add([]byte(known+known), []byte(p+"\n"+known), len(p)%2 == 0)
		}
	}
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), Stripes: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, small bool) {
		r := newCachedDecoder(t, s)
		if small {
			r.cache.limits = cacheLimits{clusters: 1, spellings: 1, spareLines: 1, spareTemplates: 1, spareBytes: 1}
		}
		for range 2 {
			r.entry(t, first, "dc")
			r.entry(t, second, "dc")
			r.entry(t, second, "c")
		}
		r.entry(t, first, "dc")
		r.entry(t, bytes.ReplaceAll(second, []byte("=h"), []byte("=similar")), "dc")
		if n := s.Stats(); n.Series > 1000 {
			s.Free([][]string{nil}, 1<<62, store.Entry{})
		}
	})
}
