package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// badLine is a line between good ones, and what becomes of it.
type badLine struct {
	name string
	text string // HOST stands for the host of the good lines, NAME for its number
	// status is that of a write over REST, and says a part of its error.
	status int
	says   string
	reason string // the subject of its dead letter, empty if there is none
	stored *badValue
}

// badValue is a sample that the line leaves in the store.
type badValue struct {
	cluster, host string // default: alex and the host of the good lines
	at            int64
	value         float64
}

func badLines() []badLine {
	const (
		head = "cpu_load,cluster=alex,hostname=HOST,type=node "
		at   = " 1760000160"
	)
	far := func(d time.Duration) string { return fmt.Sprintf("%svalue=5 %d", head, ahead(d)) }
	soon := ahead(9 * time.Minute)
	long := strings.Repeat("x", 300)
	sample := func(at int64, v float64) *badValue { return &badValue{at: at, value: v} }
	return []badLine{
		// No line protocol.
		{"commas and blanks", "this is , not = a line", 400, "line 2", "syntax", nil},
		{"a word", "nonsense_without_fields", 400, "line 2", "syntax", nil},
		{"bytes", "\x00\xff\xfe\x01\x02 \x7f=\x80", 400, "line 2", "syntax", nil},
		{"metric alone", "cpu_load,cluster=alex,hostname=HOST", 400, "line 2", "syntax", nil},
		{"empty tag", "cpu_load,hostname= value=1" + at, 400, "line 2", "syntax", nil},
		{"open quote", head + `value="abc` + at, 400, "line 2", "syntax", nil},
		{"unknown metric that is no line", "no_such,hostname=HOST value" + at, 400, "line 2", "syntax", nil},
		// Values.
		{"letters", head + "value=abc" + at, 400, "line 2", "syntax", nil},
		{"NaN", head + "value=NaN" + at, 400, "line 2", "syntax", nil},
		{"nan", head + "value=nan" + at, 400, "line 2", "syntax", nil},
		{"Inf", head + "value=Inf" + at, 400, "line 2", "syntax", nil},
		{"-Inf", head + "value=-Inf" + at, 400, "line 2", "syntax", nil},
		{"beyond float64", head + "value=1e400" + at, 400, "line 2", "syntax", nil},
		{"true", head + "value=true" + at, 400, "not a number", "value", nil},
		{"text", head + `value="text"` + at, 400, "not a number", "value", nil},
		{"other field", head + "other=1" + at, 400, `"other"`, "field", nil},
		{"1e39", head + "value=1e39" + at, 200, "", "", sample(1760000160, 1e39)},
		{"integer", head + "value=17i" + at, 200, "", "", sample(1760000160, 17)},
		{"unsigned", head + "value=18u" + at, 200, "", "", sample(1760000160, 18)},
		{"two values", head + "value=1,value=7" + at, 200, "", "", sample(1760000160, 7)},
		// Times.
		{"milliseconds", head + "value=2 1760000160000", 200, "", "", sample(1760000160, 2)},
		{"microseconds", head + "value=3 1760000160000000", 200, "", "", sample(1760000160, 3)},
		{"nanoseconds", head + "value=4 1760000160000000000", 200, "", "", sample(1760000160, 4)},
		{"before 1970", head + "value=5 -5", 200, "", "", sample(-5, 5)},
		{"years ago", head + "value=6 1400000000", 200, "", "", sample(1400000000, 6)},
		{"out of order", head + "value=7 1759990000", 200, "", "", sample(1759990000, 7)},
		{"within the tolerance", fmt.Sprintf("%svalue=8 %d", head, soon), 200, "", "", sample(soon, 8)},
		{"eleven minutes ahead", far(11 * time.Minute), 400, "ahead", "future", nil},
		{"a year ahead", far(365 * 24 * time.Hour), 400, "ahead", "future", nil},
		{"fraction", head + "value=1 1760000160.5", 400, "line 2", "syntax", nil},
		{"time of letters", head + "value=1 now", 400, "line 2", "syntax", nil},
		{"time beyond int64", head + "value=1 99999999999999999999", 400, "99999999999999999999", "timestamp", nil},
		// Names.
		{"unknown metric", "no_such,hostname=HOST value=1" + at, 200, "", "", nil},
		{"unknown tag", "cpu_load,cluster=alex,colour=red,hostname=HOST value=9" + at, 200, "", "", sample(1760000160, 9)},
		{"host that is a path", "cpu_load,cluster=alex,hostname=../../x value=1" + at, 200, "", "name", nil},
		{"host with a backslash", `cpu_load,cluster=alex,hostname=a\b value=1` + at, 200, "", "name", nil},
		{"cluster that is a path", "cpu_load,cluster=a/b,hostname=HOST value=1" + at, 200, "", "name", nil},
		{"long host", "cpu_load,cluster=alex,hostname=" + long + "NAME value=1" + at, 200, "", "", &badValue{host: long + "NAME", at: 1760000160, value: 1}},
		{"no host", "cpu_load,cluster=NAME value=1" + at, 200, "", "", &badValue{cluster: "NAME", host: "none", at: 1760000160, value: 1}},
		{"long line", "cpu_load,cluster=alex,hostname=HOST,note=" + strings.Repeat("x", 100<<10) + " value=1" + at, 400, "limit of 65536", "too-long", nil},
		{"very long line", "cpu_load,cluster=alex,hostname=HOST,note=" + strings.Repeat("x", 5<<20) + " value=1" + at, 400, "limit of 65536", "too-long", nil},
		// No lines at all.
		{"nothing", "", 200, "", "", nil},
		{"blanks", "  \r", 200, "", "", nil},
		{"comment", `# "quoted`, 200, "", "", nil},
		{"end of line of another system", head + "value=10" + at + "\r", 200, "", "", sample(1760000160, 10)},
	}
}

// fill puts the case's host into the placeholders.
func (b badLine) fill(number int, way string) badLine {
	name := fmt.Sprint(way, number)
	r := strings.NewReplacer("HOST", "host-"+name, "NAME", name)
	b.text = r.Replace(b.text)
	if b.stored != nil {
		v := *b.stored
		switch v.host {
		case "":
			v.host = "host-" + name
		case "none":
			v.host = ""
		}
		v.host, v.cluster = r.Replace(v.host), r.Replace(v.cluster)
		if v.cluster == "" {
			v.cluster = "alex"
		}
		b.stored = &v
	}
	return b
}

// between puts the line between two good ones of its host.
func (b badLine) between(host string) string {
	return line(host, "cpu_load", 0, origin) + b.text + "\n" + line(host, "cpu_load", 1, origin+60)
}

func (b badLine) check(n *node, host string) {
	n.t.Helper()
	n.wantRamp(host, 2)
	if v := b.stored; v != nil {
		n.want(hostMetric{v.cluster, v.host, "cpu_load"}, v.at, v.value)
	} else {
		n.wantNone(hostMetric{"alex", host, "cpu_load"}, origin+120, origin+600)
	}
}

func TestBadLinesOverREST(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	for i, b := range badLines() {
		t.Run(b.name, func(t *testing.T) {
			n := n.with(t)
			b := b.fill(i, "r")
			host := fmt.Sprint("host-r", i)
			a := n.send("POST", "/api/write?cluster=alex", b.between(host))
			if b.status == 200 {
				if a.status != 200 || a.body != "" {
					t.Errorf("got %d %s, want 200 and no body", a.status, clip(a.body))
				}
			} else {
				n.wantError(a, b.status, "line 2", b.says, "all other lines are stored")
			}
			b.check(n, host)
		})
	}
}

func TestBadLinesOverNATS(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	expected := map[string]int{} // dead letters by subject
	for i, b := range badLines() {
		t.Run(b.name, func(t *testing.T) {
			n := n.with(t)
			b := b.fill(i, "n")
			host := fmt.Sprint("host-n", i)
			n.publish(c, subject, b.between(host))
			b.check(n, host)
			if b.reason == "" {
				return
			}
			subject := "CC_METRICS.bad." + b.reason
			expected[subject]++
			n.wantLetter(c, subject, b.text)
		})
	}
	all := 0
	for _, count := range expected {
		all += count
	}
	if letters := c.lastSequence("CC_METRICS_BAD"); letters != uint64(all) {
		t.Errorf("%d dead letters, want %d", letters, all)
	}
	// The replay meets the same lines again, and writes none of them: also
	// when the broker has forgotten which messages it took.
	c.forgetIDs("CC_METRICS_BAD")
	n.kill()
	n = n.restart()
	c = n.client()
	n.publish(c, subject, "after the replay\n")
	n.wantLetter(c, "CC_METRICS.bad.syntax", "after the replay")
	if letters := c.lastSequence("CC_METRICS_BAD"); letters != uint64(all)+1 {
		t.Errorf("%d dead letters after a replay and one more bad line, want %d", letters, all+1)
	}
}

// wantLetter waits for a dead letter on the subject whose data is the line, or
// the beginning of a long one.
func (n *node) wantLetter(c *client, subject, text string) {
	n.t.Helper()
	n.waitFor("the dead letter "+clip(text), func() error {
		m, err := c.stored("CC_METRICS_BAD", c.lastSequence("CC_METRICS_BAD"))
		if err != nil {
			return err
		}
		data := string(m.Data)
		if m.Subject != subject || data != text && (len(data) < 1024 || !strings.HasPrefix(text, data)) {
			return fmt.Errorf("the newest one is %q on %s", clip(data), m.Subject)
		}
		if m.Header.Get("Cc-Reason") == "" {
			n.t.Errorf("%q has no reason: %v", clip(data), m.Header)
		}
		return nil
	})
}

func TestBadLinesAreCounted(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	a := n.send("POST", "/api/write?cluster=alex", ramp("a", 2)+"bad one\n\n"+line("b", "cpu_load", 0, origin)+"worse\nworst\n"+line("b", "cpu_load", 1, origin+60))
	n.wantError(a, 400, "line 3", "2 more")
	n.wantRamp("a", 2)
	n.wantRamp("b", 2)
	if refused := n.metric(`lines_not_stored_total{reason="syntax"}`); refused != 3 {
		t.Errorf("%v lines are counted as refused, want 3", refused)
	}
}
