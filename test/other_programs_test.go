package test

import (
	"strings"
	"testing"
)

// foreignMessages are what other programs send on the same subjects.
const foreignMessages = `job,cluster=alex,function=start_job event="{
  \"jobId\": 1, \"text\": \"cpu_load,hostname=a value=7 1760000040\",
cpu_load,cluster=alex,hostname=inside,type=node value=7 1760000040
}" 1760000040
nodestate,cluster=alex,function=x event="{\"a\":\"b=c d\"}" 1760000040
ccb,cluster=alex,loglevel=info log="line one
line two, a=b c=d
" 1760000040
cpu_load,cluster=alex,hostname=knob,method=PUT,type=node control="up" 1760000040
knob,cluster=alex,hostname=knob,method=GET,type=node control="0" 1760000040
slurm,cluster=alex event="[]"
`

func TestForeignMessages(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	message := func(host string) string {
		return line(host, "cpu_load", 0, origin) + foreignMessages + line(host, "cpu_load", 1, origin+60)
	}
	n.publish(c, subject, message("nats"))
	n.write(message("rest"))
	for _, host := range []string{"nats", "rest"} {
		n.wantRamp(host, 2)
	}
	n.wantNone(hostMetric{"alex", "inside", "cpu_load"}, origin, origin+60)
	if letters := c.lastSequence("CC_METRICS_BAD"); letters != 0 {
		t.Errorf("%d dead letters of messages that are no fault", letters)
	}
}

// TestOpenQuoteCostsItsLine: a later quote that opens a text of its own is none
// that closes an earlier one.
func TestOpenQuoteCostsItsLine(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	message := line("a", "cpu_load", 0, origin) + "topproc1,hostname=a,type=node value=\"cut off\n" + line("a", "cpu_load", 1, origin+60) +
		foreignMessages + line("a", "cpu_load", 2, origin+120)
	n.wantError(n.send("POST", "/api/write", message), 400, "line 2", "all other lines are stored")
	n.wantRamp("a", 3)
	if refused := n.metric(`lines_not_stored_total{reason="syntax"}`); refused != 1 {
		t.Errorf("%v lines are refused, want 1", refused)
	}
}

// TestLongForeignMessages has a body that becomes several entries of the log,
// none of which may begin inside a quoted text.
func TestLongForeignMessages(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(line("long", "cpu_load", 0, origin) + strings.Repeat(foreignMessages, 2<<20/len(foreignMessages)) + line("long", "cpu_load", 1, origin+60))
	n.wantRamp("long", 2)
	n.wantNone(hostMetric{"alex", "inside", "cpu_load"}, origin, origin+60)
}
