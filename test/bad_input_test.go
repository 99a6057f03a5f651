package test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

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

// TestWritesThatAreFine has what older stores refuse or lose.
func TestWritesThatAreFine(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(ramp("packed", 100))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if a := n.send("POST", "/api/write?cluster=alex", packed.String(), "Content-Encoding", "gzip"); a.status != 200 {
		t.Errorf("gzip: %d %s", a.status, a.body)
	}
	n.wantRamp("packed", 100)
	n.write("")
	n.write(strings.TrimSuffix(ramp("unfinished", 3), "\n")) // no end of line
	n.wantRamp("unfinished", 3)
	n.write(strings.ReplaceAll(ramp("crlf", 3), "\n", "\r\n"))
	n.wantRamp("crlf", 3)
	// In the hole between two runs of samples, each in its own request.
	n.write(line("hole", "cpu_load", 0, origin))
	n.write(line("hole", "cpu_load", 1500, origin+60*1500))
	n.write(line("hole", "cpu_load", 700, origin+60*700))
	n.write(line("hole", "cpu_load", -5, origin-60*5))
	for _, i := range []int64{0, 700, 1500, -5} {
		n.want(hostMetric{"alex", "hole", "cpu_load"}, origin+60*i, float64(i))
	}
	// Twice the same time, and less than half an interval beside it.
	n.write(line("slot", "cpu_load", 1, origin) + line("slot", "cpu_load", 2, origin) + line("slot", "cpu_load", 3, origin+29) + line("slot", "cpu_load", 4, origin+31))
	n.want(hostMetric{"alex", "slot", "cpu_load"}, origin, 3)
	n.want(hostMetric{"alex", "slot", "cpu_load"}, origin+60, 4)
	n.checkParts()
}

// checkParts writes and asks for parts of a host with unusual ids.
func (n *node) checkParts() {
	n.t.Helper()
	long := strings.Repeat("7", 300)
	n.write("cpu_load,cluster=alex,type-id=00000000:49:00.0,hostname=parts,type=accelerator value=1 1760000040\n" +
		"cpu_load,cluster=alex,hostname=parts,type=accelerator,type-id=" + long + " value=2 1760000040\n")
	row := n.query(object{"cluster": "alex", "from": origin, "to": origin + 60, "queries": []object{{
		"metric": "cpu_load", "host": "parts", "type": "accelerator", "type-ids": []string{"00000000:49:00.0", long},
	}}})[0]
	for i := range row {
		if v := row[i].Data[0]; v == nil || *v != float64(i+1) {
			n.t.Errorf("id %d: %v", i, shown(row))
		}
	}
	if len(row) != 2 {
		n.t.Errorf("%d results, want 2", len(row))
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("a", 5))
	for _, c := range []struct{ method, path, body, says string }{
		{"GET", "/api/query", `{"cluster":"alex","from":0,"to":9000000000000000,"queries":[{"metric":"cpu_load","host":"a"}]}`, "at most 1048576 steps"},
		{"GET", "/api/query", `{"cluster":"alex","from":-9000000000000000000,"to":9000000000000000000,"queries":[{"metric":"cpu_load","host":"a"}]}`, "at most 1048576 steps"},
		{"GET", "/api/query", `{"cluster":"alex","from":10,"to":5,"queries":[{"metric":"cpu_load","host":"a"}]}`, "invalid time range"},
		{"GET", "/api/query", `{"cluster":"alex","from":1e99,"to":5}`, "integer"},
		{"GET", "/api/query", `{"cluster":`, "JSON"},
		{"GET", "/api/query", "", "empty"},
		{"POST", "/api/query", "\x00\x01", "JSON"},
		{"POST", "/api/free", "[]", "'to' is a required query parameter"},
		{"POST", "/api/free?to=soon", "[]", "'to'"},
		{"POST", "/api/free?to=1", `["alex"`, "JSON"},
		{"GET", "/api/healthcheck", `{"clusters":"alex"}`, "parsing request body failed"},
		{"GET", "/api/healthcheck", "", "'cluster' and 'node' are required query parameter"},
		{"GET", "/api/debug?selector=nowhere", "", "not found"},
	} {
		n.wantError(n.send(c.method, c.path, c.body), 400, c.says)
	}
	n.wantRamp("a", 5)
}
