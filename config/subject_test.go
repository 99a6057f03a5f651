package config

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestSubject(t *testing.T) {
	for _, legal := range []string{"hpc-nats", "metrics.rack1", "alex.metrics.>", "*", "metrics.*.cpu", "größe.x"} {
		if err := subject(legal); err != nil {
			t.Errorf("%s: %v", legal, err)
		}
	}
	for _, illegal := range []string{">", "a b", "a\tb", ".a", "a.", "a..b", "a.>.b", "a.b>", "a*", "$SYS.x", "$JS.>", "_INBOX.>", "_INBOX", "_INBOX.a", "a\x00"} {
		if subject(illegal) == nil {
			t.Errorf("%q is accepted", illegal)
		}
	}
}

func TestCoversAndOverlap(t *testing.T) {
	tests := []struct {
		a, b                   string
		aCovers, bCovers, both bool
	}{
		{"a", "a", true, true, true},
		{"a", "b", false, false, false},
		{"a", "a.b", false, false, false},
		{"a.>", "a", false, false, false},
		{"a.>", "a.b", true, false, true},
		{"a.>", "a.*", true, false, true},
		{"a.>", "a.*.>", true, false, true},
		{"a.*", "a.b", true, false, true},
		{"a.*", "a.b.c", false, false, false},
		{"a.*", "*.b", false, false, true},
		{"*.b.>", "a.>", false, false, true},
		{"*.b", "a.c", false, false, false},
		{"*", "*", true, true, true},
		{"*.*", "a.b", true, false, true},
	}
	for _, test := range tests {
		if covers(test.a, test.b) != test.aCovers || covers(test.b, test.a) != test.bCovers ||
			overlap(test.a, test.b) != test.both || overlap(test.b, test.a) != test.both {
			t.Errorf("%s and %s: covers %v and %v, overlap %v and %v", test.a, test.b,
				covers(test.a, test.b), covers(test.b, test.a), overlap(test.a, test.b), overlap(test.b, test.a))
		}
	}
}

func TestSubscriptions(t *testing.T) {
	const last = "metric-store.nats-subscriptions[1].subscribe-to: "
	tests := []struct {
		subjects       string // each with the cluster tag c0, c1, ...
		want           []Subscription
		warning, fault string
	}{
		{subjects: "a b", want: []Subscription{{"a", "c0"}, {"b", "c1"}}},
		{subjects: "a a", want: []Subscription{{"a", "c0"}}, warning: last + `get the first tag, "c0", never "c1"`},
		{subjects: "a.> a.b", want: []Subscription{{"a.>", "c0"}, {"a.b", "c1"}}, warning: last + `is covered by "a.>", which is listed before it and decides the cluster tag ("c0")`},
		{subjects: "a.b a.>", want: []Subscription{{"a.b", "c0"}, {"a.>", "c1"}}, warning: last + `covers "a.b"`},
		{subjects: "a.* *.bad.>", fault: last + `"CC_METRICS.bad.*"`},
		{subjects: "a.b.* a.*.c", fault: last + "neither covers the other"},
		{subjects: "a CC_METRICS.write", fault: last + `overlaps "CC_METRICS.write"`},
		{subjects: "a CC_METRICS.*", fault: last + `overlaps "CC_METRICS.write"`},
		{subjects: "a CC_METRICS.bad.>", fault: last + `overlaps "CC_METRICS.bad.*"`},
		{subjects: "a CC_METRICS.x", want: []Subscription{{"a", "c0"}, {"CC_METRICS.x", "c1"}}},
		{subjects: "a *.metrics", want: []Subscription{{"a", "c0"}, {"*.metrics", "c1"}}},
		{subjects: "a $JS.x", fault: last + "reserved to the broker"},
		{subjects: "a CC_METRICS", want: []Subscription{{"a", "c0"}, {"CC_METRICS", "c1"}}},
	}
	for _, test := range tests {
		t.Run(test.subjects, func(t *testing.T) {
			var items []string
			for i, s := range strings.Fields(test.subjects) {
				items = append(items, `{"subscribe-to": "`+s+`", "cluster-tag": "c`+string(rune('0'+i))+`"}`)
			}
			cfg, warnings, err := parse("config.json", edit(t, minimal, "metric-store.nats-subscriptions ["+strings.Join(items, ",")+"]"))
			if test.fault != "" {
				expectFaults(t, err, test.fault)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(cfg.MetricStore.Subscriptions, test.want) {
				t.Errorf("got %+v", cfg.MetricStore.Subscriptions)
			}
			var want []string
			if test.warning != "" {
				want = []string{test.warning}
			}
			expect(t, "warning", texts(warnings), want)
		})
	}
}

// TestReservedSubjects: a log that takes in what it sends itself feeds itself, and
// one that takes in JetStream's requests is not made, or answers them.
func TestReservedSubjects(t *testing.T) {
	const at = "metric-store.nats-subscriptions[0].subscribe-to: "
	const broker = `nats.address "broker"`
	for _, test := range []struct{ subject, embedded, external string }{ // what it overlaps; empty: it is taken
		{"hpc-nats", "", ""},
		{"alex.>", "", ""},
		{"alex.*.*.*", "", ""},
		{"*", "", "CC_METRICS_OUTBOX"},
		{"*.metrics", "", "$JS.>"},
		{"*.metrics.>", "", "$JS.>"},
		{"*.*", "CC_METRICS.write", "CC_METRICS.write"},
		{"*.>", "CC_METRICS.write", "CC_METRICS.write"},
		{"*.*.*", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"*.alex.*", "", "$JS.>"},
		{"*.*.*.*", "$JS.API.>", "$JS.>"},
		{"*.*.*.*.*", "$JS.API.>", "$JS.>"},
		{"*.*.*.>", "$JS.API.>", "$JS.>"},
		{"*.API.*", "$JS.API.>", "$JS.>"},
		{"*.ACK.>", "$JS.ACK.>", "$JS.>"},
		{"*.outbox.*", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"*.outbox.x", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"CC_METRICS.>", "CC_METRICS.write", "CC_METRICS.write"},
		{"CC_METRICS.outbox.>", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"CC_METRICS.*.*", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"CC_METRICS_OUTBOX", "", "CC_METRICS_OUTBOX"},
		{"CC_METRICS.write.x", "", ""},
		{"*.*.x", "CC_METRICS.outbox.*", "CC_METRICS.outbox.*"},
		{"*.write", "CC_METRICS.write", "CC_METRICS.write"},
		{"*.bad.>", "CC_METRICS.bad.*", "CC_METRICS.bad.*"},
	} {
		subscription := `metric-store.nats-subscriptions [{"subscribe-to": "` + test.subject + `"}]`
		for i, edits := range [][]string{{subscription}, {subscription, broker}} {
			want := []string{test.embedded, test.external}[i]
			_, _, err := parse("config.json", edit(t, minimal, edits...))
			switch {
			case want == "" && err != nil:
				t.Errorf("%s: %v", test.subject, err)
			case want != "" && err == nil:
				t.Errorf("%s, broker %v: accepted", test.subject, i == 1)
			case want != "" && !strings.Contains(err.Error(), strconv.Quote(want)):
				t.Errorf("%s: %v, want %s", test.subject, err, want)
			case want != "":
				expectFaults(t, err, at+strconv.Quote(test.subject))
			}
		}
	}
}

func TestReservedSubjectsFollowTheStreamName(t *testing.T) {
	_, _, err := parse("config.json", edit(t, minimal, `nats.stream.name "hpc"`,
		`metric-store.nats-subscriptions [{"subscribe-to": "hpc.free"}, {"subscribe-to": "CC_METRICS.write"}]`))
	expectFaults(t, err, `metric-store.nats-subscriptions[0].subscribe-to: overlaps "hpc.free"`)
}
