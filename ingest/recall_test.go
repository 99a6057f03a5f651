package ingest

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

const testFuture = 10 * time.Minute

// recaller decodes, stores and learns as the pipeline does, and judges each
// entry by the reference.
type recaller struct {
	store   *store.Store
	memo    *memo
	decoder *decoder
	out     decoded
	slow    int // lines of the newest entry that were taken apart and stored
}

func newRecaller(t testing.TB, s *store.Store) *recaller {
	t.Helper()
	m := newMemo()
	return &recaller{store: s, memo: m, decoder: newDecoder(s, m, testFuture)}
}

// entry decodes an entry, compares, and stores it.
func (r *recaller) entry(t testing.TB, data []byte, cluster string) {
	r.out.reset()
	original := data
	data = bytes.Clone(data)
	defer clear(data) // nothing may refer to it any more
	r.decoder.decode(data, cluster, entryTime, &r.out)
	got, want := told(t, r.memo, &r.out), reference(data, cluster, entryTime, testFuture)
	if !got.equal(want) {
		t.Fatalf("%q\n%+v\nthe reference:\n%+v", original, *got, *want)
	}
	r.slow = 0
	for i := range r.out.batches {
		b := &r.out.batches[i]
		for _, s := range b.Samples {
			if s.Ref == 0 {
				r.slow++
			}
		}
		r.memo.learn(&r.out, i, r.store.Append(b))
	}
}

// pitfalls are what may follow a line that is remembered, and look like it.
var pitfalls = []string{
	// Marks at the start of a line.
	"\ufeffK 1 17", "\ufeff\ufeffK 1 17", "\ufeff", "\ufeff K 1 17", "\ufeff# K 1 17", "K 1 17\ufeff", "\ufeff# a=\"\nK 1 17\n\"", "\xff\xfeK 1 17", "\xfe\xffK 1 17",
	// Numbers.
	"K 0 17", "K -0 17", "K -0.0 17", "K 1. 17", "K .5 17", "K -.5 17", "K -1 17", "K +1 17", "K 1e3 17", "K 1e-3 17", "K 1E+03 17", "K 1e 17",
	"K 9007199254740991 17", "K 9007199254740992 17", "K 9007199254740993 17", "K 0.1 17", "K 123456.789012 17", "K 0.30000000000000004 17",
	"K 1234567890.123456789 17", "K 12345678901234567890.5 17", "K 0.0000000000000000001 17", "K 0000000000000000000000001.5 17", "K 4.9e-324 17", "K 2e-324 17", "K 1.7976931348623157e308 17",
	"K 1e400 17", "K -1e400 17", "K 0x1p-2 17", "K 1_000 17", "K 1i 17", "K -1i 17", "K -0i 17", "K 9223372036854775807i 17", "K 9223372036854775808i 17",
	"K 1u 17", "K -1u 17", "K 18446744073709551615u 17", "K 18446744073709551616u 17", "K 1.5i 17", "K 1.i 17", "K 1ii 17", "K i 17", "K 1.5.5 17", "K 1-2 17", "K - 17", "K  17", "K",
	"K NaN 17", "K Inf 17", "K -Inf 17", "K true 17", "K t 17", `K "x" 17`, `K "x`, "K 1,value=2 17", "K 1,other=2 17", "K 1, 17",
	// Times.
	"K 1", "K 1 ", "K 1  17", "K 1 17 ", "K 1 17\r", "K 1\r", "K 1 17 x", "K 1 17x", "K 1 x", "K 1 -5", "K 1 1-7", "K 1 -", "K 1 +5", "K 1 007", "K 1 0000922700000000000000", "K 1 1.5",
	"K 1 1700000000123", "K 1 1700000000123456", "K 1 1700000000123456789", "K 1 9223372036854775807", "K 1 9223372036854775808", "K 1 -9223372036854775808",
	"K 1 99999999999999999999", "K 1 1760000600", "K 1 1760000601", "K 1 1760000000",
	// Keys.
	" K 1 17", "#K 1 17", "K\t1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1 value =1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1  value=1 17",
	"cpu_load,cluster=c,hostname=h,type=core,type-id=1 valve=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=12 value=1 17", "cpu_load,cluster=c,hostname=hh,type=core,type-id=1 value=1 17",
	"cpu_load,cluster=c,hostname=,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id= value=1 17", "cpu_load,cluster=c,hostname=..,type=core,type-id=1 value=1 17",
	"cpu_load,cluster=c,hostname=h/h,type=core,type-id=1 value=1 17", `cpu_load,cluster=c,hostname=h\ h,type=core,type-id=1 value=1 17`, `cpu_load,cluster=c,hostname=h\h,type=core,type-id=1 value=1 17`,
	`cpu_load,cluster=c,hostname=h"h,type=core,type-id=1 value=1 17`, "cpu_load,cluster=c,hostname=h=h,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,,type=core,type-id=1 value=1 17",
	"cpu_load,cluster=c,hostname=h,type=core,type-id=1, value=1 17", "cpu_load,cluster=c,host=h,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,host=h,hostname=g,type=core,type-id=1 value=1 17",
	"cpu_load,type=core,type-id=1,hostname=h,cluster=c value=1 17", "cpu_load,hostname=h,type=core,type-id=1 value=1 17", "cpu_load value=1 17", "cpu_load,type=core,type-id=1 value=1 17",
	"cpu_load,cluster=c,hostname=h,rack=r7,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=node,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=h,type=core,type-id=1,stype=s value=1 17",
	"cpu_load,cluster=c,hostname=\xff,type=core,type-id=1 value=1 17", "cpu_load,cluster=c,hostname=\x7f,type=core,type-id=1 value=1 17", "cpu_load,cluster=,hostname=h value=1 17",
	// Metrics that are not configured, and what is not for us.
	"no_such,cluster=c,hostname=h value=1 17", "no_such,cluster=c,hostname=h value=1e400 17", "no_such,cluster=c,hostname=h value=1 99999999999999999999", "no_such,cluster=c,hostname=h value=1 1760000601",
	"no_such,cluster=c,hostname=h other=1 17", "no_such,cluster=c,hostname=../h value=1 17", `cpu_load,cluster=c,hostname=h event="x" 17`, "cpu_load,cluster=c,hostname=h value=1,event=\"a\nb\" 17",
	strings.Repeat(" ", MaxLine+1), "#" + strings.Repeat("x", MaxLine),
	"", " ", "\r", "\r\r", " \r ", "# comment", "#", "\x00", "K " + strings.Repeat("0", MaxLine) + " 17", "K 1 " + strings.Repeat("0", MaxLine), "cpu_load,cluster=c,hostname=h,x=" + strings.Repeat("y", MaxLine) + " value=1 17",
	"cpu_load,cluster=c,hostname=h,x=" + strings.Repeat("y", MaxLine-100) + " value=1 17",
}

const pitfallKey = "cpu_load,cluster=c,hostname=h,type=core,type-id=1 value="

func pitfall(line string) string { return strings.Replace(line, "K ", pitfallKey, 1) }

// TestRecallPitfalls sends each pitfall where a remembered line is expected, at
// all places of an entry, and again when it may be remembered itself.
func TestRecallPitfalls(t *testing.T) {
	s := newTestStore(t)
	before := "cpu_user,cluster=c,hostname=h,type=core,type-id=1 value=1 16\n"
	after := "flops_any,cluster=c,hostname=h,type=core,type-id=1 value=2 17\n"
	for _, p := range pitfalls {
		line := pitfall(p)
		r := newRecaller(t, s)
		known := before + pitfallKey + "1 17\n" + after
		r.entry(t, []byte(known), "dc")
		r.entry(t, []byte(known), "dc")
		if r.slow > 0 {
			t.Fatalf("%d known lines were taken apart", r.slow)
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

// TestRelatives sends the lines of one host, and what looks like them, under other
// names: their meaning is known, but not that the name is one.
func TestRelatives(t *testing.T) {
	s := newTestStore(t)
	names := []string{
		"g", "g0001", "G-1_x.example.org", "1", ".", "g.", "..", "g..h", "", "g/h", `g\h`, `g\ h`, `g\,h`, `g\=h`, "g=h", "g,x=y", "g,host=f", "g h", `g"h`, `"g"`,
		"g\r", "g\x00", "g\x7f", "g\xff", "gö", "#g", "g#", " g", "g ", "g\t", "hostname=g", strings.Repeat("g", MaxLine), strings.Repeat("g", MaxLine-len(pitfallKey)-4),
	}
	lines := []string{pitfallKey + "1 17", "no_such,cluster=c,hostname=h value=1 17", "cpu_user,hostname=h,type=core,type-id=1,stype=s,stype-id=2 value=1", "flops_any,host=h value=1"}
	for _, p := range pitfalls {
		lines = append(lines, pitfall(p))
	}
	for _, line := range lines {
		for i, name := range names {
			if i > 2 && len(line) > 1000 {
				break // what is about names is told by short lines
			}
			r := newRecaller(t, s)
			other := strings.Replace(line, "=h", "="+name, 1)
			before := pitfallKey + "1 17\ncpu_user,cluster=c,hostname=h value=1 17\n"
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

// TestARelativeIsNotTakenApart: a host whose lines are those of another one, but for
// its name, costs the line protocol nothing.
func TestARelativeIsNotTakenApart(t *testing.T) {
	s := newTestStore(t)
	m := newMemo()
	capture := "cpu_load,hostname=h1 value=1 17\nno_such,hostname=h1 value=2 17\ncpu_user,hostname=h1,type=core,type-id=0,stype=s,stype-id=1 value=3 17\n"
	var out decoded
	for i, host := range []string{"h1", "h2", "h2"} { // the strangers among the lines are learnt, too
		out.reset()
		d := newDecoder(s, m, testFuture)
		data := []byte(strings.ReplaceAll(capture, "h1", host))
		if i == 1 {
			d.begin(data, "dc", entryTime, &out)
			if rest, lines := d.recall.lines(data); len(rest) > 0 || lines != 3 {
				t.Errorf("%d of 3 lines are read, %q are left", lines, rest)
			}
			out.reset()
			d = newDecoder(s, m, testFuture)
		}
		d.decode(data, "dc", entryTime, &out)
		if got, want := told(t, m, &out), reference(data, "dc", entryTime, testFuture); !got.equal(want) {
			t.Fatalf("%s: %+v\nthe reference:\n%+v", host, got, want)
		}
		b := &out.batches[0]
		if l := m.layout(layoutName{out.scope, "dc", "h2"}); i == 2 && l.len() != 3 {
			t.Errorf("%d keys of 3 are known", l.len())
		}
		if known := b.Samples[1].Ref != 0; known != (i == 2) {
			t.Errorf("entry %d: known %v", i, known)
		}
		m.learn(&out, 0, s.Append(b))
	}
}

// TestALayoutThatIsReplaced while an entry is decoded: the references of one batch are
// all of one table.
func TestALayoutThatIsReplaced(t *testing.T) {
	s := newTestStore(t)
	m := newMemo()
	learn := func(lines string) {
		var out decoded
		newDecoder(s, m, testFuture).decode([]byte(lines), "dc", entryTime, &out)
		learnAll(s, m, &out)
	}
	user, flops := "cpu_user,hostname=h value=1 17\n", "flops_any,hostname=h value=2 17\n"
	other := "cpu_load,hostname=g value=3 17\n"
	for _, again := range []string{flops + user, flops, user} {
		learn(user + flops)
		learn(other + strings.ReplaceAll(user+flops, "=h", "=g"))
		var out decoded
		d := newDecoder(s, m, testFuture)
		first, second := []byte(user+flops+other), []byte(flops+user)
		d.begin(nil, "dc", entryTime, &out)
		if rest, n := d.recall.lines(first); len(rest) > 0 || n != 3 {
			t.Fatalf("%d lines are known, not %q", n, rest)
		}
		m.forget(m.layout(layoutName{out.scope, "dc", "h"}))
		learn(again)
		if rest, n := d.recall.lines(second); len(rest) > 0 || n != 2 {
			t.Fatalf("%d lines are known, not %q", n, rest)
		}
		d.recall.end()
		learnAll(s, m, &out)
		for metric, want := range map[string]float64{"cpu_user": 1, "flops_any": 2} {
			if got := value(t, s, "dc", "h", metric, 17); got != want {
				t.Errorf("after %q: %s is %v, want %v", again, metric, got, want)
			}
		}
		s.Free([][]string{nil}, 1<<62, store.Entry{})
		m.sweep(false)
	}
}

// TestKeysWithOneHash: the first one is known, the other one is read all the same.
func TestKeysWithOneHash(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	first, other := []byte("cpu_user,hostname=h value=1 17"), []byte("flops_any,hostname=h value=2 17")
	r.entry(t, first, "dc")
	hash := func(line []byte) uint64 {
		k, _ := cutKey(line)
		return hashKey(r.memo.seed, r.out.scope, k)
	}
	r.memo.shapes[hash(other)] = r.memo.shapes[hash(first)]
	for range 3 {
		r.entry(t, other, "dc")
		if r.slow != 1 {
			t.Errorf("%d lines are taken apart", r.slow)
		}
		r.entry(t, bytes.ReplaceAll(other, []byte("=h"), []byte("=g")), "dc")
	}
}

// TestLongKeysAreNotRemembered: the number of shapes is limited, and with it their
// memory.
func TestLongKeysAreNotRemembered(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	for _, length := range []int{longestKey / 2, 2 * longestKey} {
		line := []byte("cpu_load,hostname=h,x=" + strings.Repeat("y", length) + " value=1 17\n")
		for range 3 {
			r.entry(t, line, "dc")
		}
		if isLong := length > longestKey; (r.slow > 0) != isLong {
			t.Errorf("a tag of %d bytes: %d lines are taken apart", length, r.slow)
		}
	}
}

// TestADecoderKeepsLittle of a message with more names than usual.
func TestADecoderKeepsLittle(t *testing.T) {
	s := newTestStore(t)
	d := newDecoder(s, newMemo(), testFuture)
	var b strings.Builder
	for i := range 1 << 15 {
		fmt.Fprintf(&b, "no_such,hostname=h value=1 17\ncpu_load,hostname=h%d,type=core,type-id=%d value=1 17\n", i, i)
	}
	var out decoded
	d.decode([]byte(b.String()), "dc", entryTime, &out)
	at := func(m any) uintptr { return reflect.ValueOf(m).Pointer() }
	groups, parts := at(d.groups), at(d.parts)
	d.decode(nil, "dc", entryTime, &out)
	if at(d.groups) == groups || at(d.parts) == parts {
		t.Error("a map is kept, and with it its memory")
	}
	if cap(d.strangers) > fewStrangers {
		t.Errorf("%d strangers are kept", cap(d.strangers))
	}
}

// TestRecallByteByByte changes and cuts a remembered entry at each byte.
func TestRecallByteByByte(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	entry := []byte("cpu_user,hostname=h,type=core,type-id=1 value=1.5 16\n" +
		"no_such,hostname=h value=2i 17\ncpu_load,host=h value=-3e1 17\n\ncpu_load,hostname=g value=3\n")
	learn := func() {
		for range 2 {
			r.entry(t, entry, "dc")
		}
	}
	learn()
	if r.slow > 0 {
		t.Fatalf("%d known lines were taken apart", r.slow)
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

// FuzzRecall compares the decoder with the reference on two entries, before and
// after their lines are remembered.
func FuzzRecall(f *testing.F) {
	capture, err := os.ReadFile("testdata/lines.lp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(capture, capture, false)
	known := pitfallKey + "1 17\n"
	for _, p := range pitfalls {
		if len(p) < 1000 {
			f.Add([]byte(known+known), []byte(pitfall(p)+"\n"+known), len(p)%2 == 0)
		}
	}
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), Stripes: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, small bool) {
		r := newRecaller(t, s)
		if small {
			r.memo.limits = memoLimits{scopes: 1, spellings: 1, spareKeys: 1, spareShapes: 1, spareBytes: 1}
		}
		for range 2 {
			r.entry(t, first, "dc")
			r.entry(t, second, "dc")
			r.entry(t, second, "c")
		}
		r.entry(t, first, "dc")
		r.entry(t, bytes.ReplaceAll(second, []byte("=h"), []byte("=relative")), "dc")
		if n := s.Stats(); n.Series > 1000 {
			s.Free([][]string{nil}, 1<<62, store.Entry{})
		}
	})
}
