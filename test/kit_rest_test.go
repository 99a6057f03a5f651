package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is an HTTP response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// try sends a request; header holds names and values in turn.
func (n *node) try(method, path, body string, header ...string) (answer, error) {
	return n.tryUntil(context.Background(), method, path, body, header...)
}

// tryUntil is try for requests that end with ctx.
func (n *node) tryUntil(ctx context.Context, method, path, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// send is try for requests that have to get an answer.
func (n *node) send(method, path, body string, header ...string) answer {
	n.t.Helper()
	a, err := n.try(method, path, body, header...)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// wantError checks that a is an error object with the status and the words.
func (n *node) wantError(a answer, status int, words ...string) {
	n.t.Helper()
	var e struct{ Status, Error string }
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		n.t.Errorf("%d %q is no error object: %v", a.status, clip(a.body), err)
		return
	}
	if a.status != status || e.Status != http.StatusText(status) || !containsAll(e.Error, words) {
		n.t.Errorf("got %d %q, want %d with %q", a.status, clip(a.body), status, words)
	}
}

// change posts a change, and again while the answer is that it is in the log and not visible
// yet: a busy machine may take longer than a writer is made to wait.
func (n *node) change(path, body string) (a answer) {
	n.t.Helper()
	n.waitFor("a change to be visible", func() error {
		if a = n.send("POST", path, body); a.status == 503 && strings.Contains(a.body, "is in the log but not visible yet") {
			return errors.New(clip(a.body))
		}
		return nil
	})
	return a
}

// write posts lines that have to be accepted.
func (n *node) write(lines string) {
	n.t.Helper()
	if a := n.change("/api/write/?cluster=alex", lines); a.status != 200 || a.body != "" {
		n.t.Fatalf("write: %d %s", a.status, clip(a.body))
	}
}

// series is one series of an answer.
type series struct {
	Error      *string
	Data       []*float64
	From, To   int64
	Resolution int64
	Avg        *float64
}

// query asks and returns the results.
func (n *node) query(request object) [][]series {
	n.t.Helper()
	text, err := json.Marshal(request)
	if err != nil {
		n.t.Fatal(err)
	}
	a := n.send("POST", "/api/query/", string(text))
	if a.status != 200 {
		n.t.Fatalf("query %s: %d %s", clip(string(text)), a.status, clip(a.body))
	}
	return n.decodeAnswer(a.body)
}

// decodeAnswer returns the results of an answer.
func (n *node) decodeAnswer(body string) [][]series {
	n.t.Helper()
	var reply struct{ Results [][]series }
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		n.t.Fatalf("query: %v in %s", err, clip(body))
	}
	for _, row := range reply.Results {
		for _, s := range row {
			if s.Error != nil {
				n.t.Fatalf("query: %s in %s", *s.Error, clip(body))
			}
		}
	}
	return reply.Results
}

// anyQuery is a good query whose answer does not matter.
const anyQuery = `{"cluster":"alex","from":1760000040,"to":1760000340,"queries":[{"metric":"cpu_load","host":"a"}]}`

// hostMetric names a series of a host itself.
type hostMetric struct{ cluster, host, metric string }

// cells returns the cells of [from, to), none if the store has no such series.
func (n *node) cells(s hostMetric, from, to int64) []*float64 {
	n.t.Helper()
	row := n.query(object{
		"cluster": s.cluster, "from": from, "to": to,
		"queries": []object{{"metric": s.metric, "host": s.host}},
	})[0]
	if len(row) == 0 {
		return nil
	}
	return row[0].Data
}

// check returns an error unless the slot that covers the time at holds value.
func (n *node) check(s hostMetric, at int64, value float64) error {
	n.t.Helper()
	switch cells := n.cells(s, at, at+1); {
	case len(cells) == 0:
		return fmt.Errorf("%v: no such series", s)
	case cells[0] == nil:
		return fmt.Errorf("%v at %d: no value, want %v", s, at, value)
	case *cells[0] != value:
		return fmt.Errorf("%v at %d: %v, want %v", s, at, *cells[0], value)
	}
	return nil
}

// want reports what check finds.
func (n *node) want(s hostMetric, at int64, value float64) {
	n.t.Helper()
	if err := n.check(s, at, value); err != nil {
		n.t.Error(err)
	}
}

// await returns when the slot holds value.
func (n *node) await(s hostMetric, at int64, value float64) {
	n.t.Helper()
	n.waitFor("a sample", func() error { return n.check(s, at, value) })
}

// wantNone checks that the store has no value of the series in [from, to).
func (n *node) wantNone(s hostMetric, from, to int64) {
	n.t.Helper()
	for i, v := range n.cells(s, from, to) {
		if v != nil {
			n.t.Errorf("%v: %v in cell %d from %d, want none", s, *v, i, from)
		}
	}
}

// metric reads a value of /metrics; name is without the common prefix.
func (n *node) metric(name string) float64 {
	n.t.Helper()
	body := n.send("GET", "/metrics", "").body
	for line := range strings.Lines(body) {
		text, ok := strings.CutPrefix(line, "cc_metric_store_"+name+" ")
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			n.t.Fatalf("metric %s: %v", name, err)
		}
		return v
	}
	n.t.Fatalf("no metric %s", name)
	return 0
}

// awaitEntry returns when the entry of the log and all before it are visible.
func (n *node) awaitEntry(seq uint64) {
	n.t.Helper()
	n.waitFor(fmt.Sprintf("entry %d of the log", seq), func() error {
		if at := n.metric("log_watermark"); at < float64(seq) {
			return fmt.Errorf("the watermark is %v", at)
		}
		return nil
	})
}

// origin is the time of the first sample of most tests, in 2025.
const origin = 1760000040

// line is a sample of a host of cluster alex.
func line(host, metric string, value float64, at int64) string {
	return fmt.Sprintf("%s,cluster=alex,hostname=%s,type=node value=%v %d\n", metric, host, value, at)
}

// ramp is n minutes of cpu_load of a host, with the values 0 to n-1.
func ramp(host string, n int) string {
	var b bytes.Buffer
	for i := range n {
		b.WriteString(line(host, "cpu_load", float64(i), origin+60*int64(i)))
	}
	return b.String()
}

// wantRamp checks what ramp wrote.
func (n *node) wantRamp(host string, length int) {
	n.t.Helper()
	cells := n.cells(hostMetric{"alex", host, "cpu_load"}, origin, origin+60*int64(length))
	missing := length - len(cells)
	for i, v := range cells {
		if v == nil {
			missing++
		} else if *v != float64(i) {
			n.t.Errorf("%s: %v in cell %d", host, *v, i)
		}
	}
	if missing > 0 {
		n.t.Errorf("%s: %d of %d samples are missing", host, missing, length)
	}
}

// clip shortens a text for a message.
func clip(s string) string {
	if len(s) > 400 {
		return s[:400] + "..."
	}
	return s
}

// ahead is the Unix time that lies d ahead.
func ahead(d time.Duration) int64 { return time.Now().Add(d).Unix() }
