package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/test/testkit"
)

// noise is what a body may hold many times and that is no sample.
var noise = []string{
	// Quotes: one that opens a text closes that of the line before.
	`m b="`, "m b=\"\n", "m b=\"\"\n", "m b=\"x\"\n", `m b="\""` + "\n", `m b="\""`, `m b="\"` + "\n", `m b="\\"` + "\n", `m b="\` + "\n",
	"\" =\"\n", "\",x b=\"\n", "\"\n=\"", "m log=\"\n", "m event=\"\n\"\n", "x\",y z=\"\n", "m a=1\",b=\"\n", "m a\"=1,b=\"\n", "\" 1\nm b=\"\n",
	"m b=\"\n\",c=\"\n", "m b=\"\n\",c=\"\n\",d=\"", "m value=\"\n", "m value=\"\nm log=\"\n", "m log=\"\n,\n", `m log="\` + "\n\"\n",
	`m b=\"` + "\n", `m\ b="` + "\n", `m\" b="` + "\n", "m b=\" \n", "m b=\"\r\n", "# b=\"\n", "#\"\n", "\"", "\"\"", "=\"", "\"\n", " \"\n",
	// Lines of few bytes.
	"x\n", "\n", "\r\n", " \n", "x\r\n", "\r", "\rx\n", ",\n", "=\n", "\\\n", "#\n", "#\x01\n", " #\n", "\xff\n", "\x00\n", "\x00", "\ufeff", "\ufeff\n", "\ufeffx\n",
	"a \n", "a =\n", "a =b\n", "a b=\n", "a b=c\n", " b=c\n", "a,=b\n", "a, b=c\n", "a,b c=d\n", "a b=c d\n", "a b=1 d\n", "a,b=c d=e\n",
	// No line at all.
	`\`, "=", ",", " ", "m ", "m b=1,", "x", "\xff\xfe",
	// Long ones.
	"m,a=b" + strings.Repeat(",a=b", 70) + " value=1\n", "m " + strings.Repeat("a=1,", 15000) + "b=1\n", "m value=" + strings.Repeat("1", 60000) + "\n",
	strings.Repeat("\xff", 60000) + "\n", strings.Repeat("x", 70000) + "\n", "m " + strings.Repeat(`\ `, 30000) + "b=\"\n", `m b="` + strings.Repeat(`\"`, 30000) + "\n",
	// Good lines of others, and samples that cannot be stored.
	"m value=1\n", "m,hostname=h value=1\n", "job event=\"{}\"\n", "metric_0,hostname=h value=x\n", "metric_0,hostname=h value=1 x\n", "metric_0,hostname=h value=1 9999999999\n",
	"metric_0,hostname=.. value=1\n", "metric_0,hostname=h b=1\n", "metric_0,hostname=h value=1,b=\"\"\n", "metric_0,hostname=h value=true\n", "metric_0 value=1\n",
}

// threadTime returns the processor time of the calling thread.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var r syscall.Rusage
	if err := syscall.Getrusage(thread, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// cost returns the processor time that a body takes on its way: to be cut into
// entries, and to be decoded.
func cost(t *testing.T, body []byte) time.Duration {
	t.Helper()
	s, buf := benchStore(t), make([]byte, writeChunk)
	d := lineproto.NewDecoder(s, lineproto.NewSeriesCache(), time.Minute)
	w := newWrite(&Ingest{reports: &reports{}}, "c")
	out, entry := lineproto.Decoded{}, []byte(nil)
	begin := threadTime()
	err := w.cut(t.Context(), bytes.NewReader(body), buf, func(lines []byte, _ int, _ bool) error {
		entry = append(entry[:0], lines...)
		out.Reset()
		d.Decode(entry, "c", entryTime, &out)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return threadTime() - begin
}

// samples is a body of good lines, each of a host of its own.
func samples(size int) []byte {
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "metric_0,hostname=h%d value=1\n", i)
	}
	return b
}

// TestNoiseCostsNoMoreThanSamples: whatever the bytes, a body takes a time that
// grows with its length, and not much more than one of samples.
func TestNoiseCostsNoMoreThanSamples(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const size = 96 << 10
	worst, of := time.Duration(0), ""
	limit := 6*cost(t, samples(size)) + 10*time.Millisecond
	// The least of some attempts counts: others may take the processor's cache.
	check := func(name string, body func(size int) []byte) {
		t.Helper()
		once, twice := time.Hour, time.Hour
		for range 4 {
			once, twice = min(once, cost(t, body(size))), min(twice, cost(t, body(2*size)))
			if once <= limit && twice <= 4*once+10*time.Millisecond {
				break
			}
		}
		if once > worst {
			worst, of = once, name
		}
		if once > limit {
			t.Errorf("%.60q: %v for %d bytes, more than %v", name, once, size, limit)
		}
		if twice > 4*once+10*time.Millisecond {
			t.Errorf("%.60q: %v for %d bytes, %v for twice as many", name, once, size, twice)
		}
	}
	for _, n := range noise {
		check(n, func(size int) []byte { return bytes.Repeat([]byte(n), size/len(n)+1)[:size] })
	}
	rnd := testkit.Rand(t)
	tokens := []string{`"`, `\`, "\n", "=", ",", " ", "#", "m", "1", `="`, "\",", "\r", "m b=\"", "\" 1\n", "value=", "log=\"", " b=\"", "\ufeff"}
	random := func(n int) (text []byte) {
		for range n {
			text = append(text, tokens[rnd.IntN(len(tokens))]...)
		}
		return text
	}
	for range 30 {
		n := random(1 + rnd.IntN(8))
		check(string(n), func(size int) []byte { return bytes.Repeat(n, size/len(n)+1)[:size] })
	}
	seed := rnd.Uint64()
	check("at random", func(size int) []byte {
		rnd = rand.New(rand.NewPCG(seed, 0))
		return random(size)[:size]
	})
	t.Logf("at most %v for %d bytes, of %.60q; samples may take %v", worst, size, of, limit)
}
