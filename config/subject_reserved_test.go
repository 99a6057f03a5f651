package config

import (
	"strconv"
	"strings"
	"testing"
)

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
