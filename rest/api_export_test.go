package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// TestExport: the parameters select, and each format has its type.
func TestExport(t *testing.T) {
	f := start(t, Config{}, nil)
	f.log.clusters = nil
	f.write(fmt.Sprintf("n1 cpu_load 1.5 %[1]d\nn2 cpu_load 2.5 %[1]d\nn1/core/0 flops -0 %[1]d\nn1/core/0 flops 3 %[2]d\n", origin, origin+60))
	line := func(host, tags, metric, value string, at int64) string {
		return fmt.Sprintf("%s,cluster=alex,hostname=%s,%s value=%s %d\n", metric, host, tags, value, at)
	}
	load1, load2 := line("n1", "type=node", "cpu_load", "1.5", origin), line("n2", "type=node", "cpu_load", "2.5", origin)
	flops, later := line("n1", "type=core,type-id=0", "flops", "-0", origin), line("n1", "type=core,type-id=0", "flops", "3", origin+60)
	for query, want := range map[string]string{
		"":                           load1 + flops + later + load2,
		"?cluster=alex&host=n2":      load2,
		"?host=n2&host=n1&type=node": load1 + load2,
		"?metric=flops&type=core":    flops + later,
		fmt.Sprintf("?metric=flops&from=%d", origin+1): later,
		fmt.Sprintf("?metric=flops&to=%d", origin+1):   flops,
		"?cluster=fritz":             "",
		"?host=n2&format=csv":        fmt.Sprintf("cluster,hostname,metric,type,type-id,stype,stype-id,time,value\nalex,n2,cpu_load,node,,,,%d,2.5\n", origin),
		"?metric=flops&format=jsonl": fmt.Sprintf(`{"cluster":"alex","hostname":"n1","metric":"flops","type":"core","type-id":"0","interval":60,"start":%d,"values":[-0,3]}`+"\n", origin),
		"?host=" + url.QueryEscape("n1' or") + "&metric=" + url.QueryEscape("*"): "",
	} {
		a := f.send("GET", "/api/export"+query, "")
		if a.status != 200 || a.body != want {
			t.Errorf("%s: %d %q, want %q", query, a.status, a.body, want)
		}
		kind := map[bool]string{true: "text/csv", false: "text/plain"}[strings.Contains(query, "csv")]
		if strings.Contains(query, "jsonl") {
			kind = "application/x-ndjson"
		}
		if !strings.HasPrefix(a.header.Get("Content-Type"), kind) || a.header.Get("X-Complete-Until") == "" {
			t.Errorf("%s: headers %v", query, a.header)
		}
	}
	for query, words := range map[string]string{
		"hosts=n1":         "no parameter \"hosts\"",
		"from=now":         "from \"now\" is no time",
		"from=1&to=0":      store.ErrInvalidTimeRange.Error(),
		"from=1&from=2":    "from is given 2 times",
		"to=1760000040000": "Unix seconds",
		"format=xml":       "lp, csv, jsonl",
	} {
		f.wantError(f.send("GET", "/api/export?"+query, ""), 400, words)
	}
}

// torn is a store of which an export fails in the middle, or waits for its client to leave.
type torn struct {
	*store.Store
	fault  error
	result chan error
}

func (s *torn) Export(ctx context.Context, sel *store.ExportSelection, use func(*store.SeriesID, *store.Run) error) error {
	err := s.Store.Export(ctx, sel, func(id *store.SeriesID, r *store.Run) error {
		for ctx.Err() == nil { // far more than one answer buffers, and without an end if there is no fault
			if err := use(id, r); err != nil {
				return err
			}
			if s.fault != nil && id.Host == "n2" {
				return s.fault
			}
			if s.fault != nil {
				return nil
			}
		}
		return ctx.Err()
	})
	s.result <- err
	return err
}

// TestExportThatFails: what was sent already does not pass for the whole.
func TestExportThatFails(t *testing.T) {
	s := &torn{fault: errors.New("the disk is gone"), result: make(chan error, 9)}
	f := start(t, Config{}, s)
	s.Store = f.store
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, "n1 cpu_load %d %d\n", i, origin+60*i)
	}
	f.write(lines.String() + fmt.Sprintf("n2 cpu_load 1 %d\n", origin))
	s.result = make(chan error, 9)
	a, err := f.try("GET", "/api/export?format=lp", nil)
	if err == nil {
		t.Errorf("%d, and %d bytes that pass for the whole", a.status, len(a.body))
	}
	// A proxy may ask with HTTP/1.0, whose answers end with their connection: it has to break, and not to end.
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.server.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /api/export HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, conn); err == nil {
		t.Errorf("%d bytes over HTTP/1.0 pass for the whole", n)
	}
	f.wantError(f.send("GET", "/api/export?host=n2", ""), 500, "export: the disk is gone")
}

// TestExportStopsWithItsClient: a client that leaves ends its export.
func TestExportStopsWithItsClient(t *testing.T) {
	s := &torn{result: make(chan error, 9)}
	f := start(t, Config{}, s)
	s.Store = f.store
	f.write(fmt.Sprintf("n1 cpu_load 1 %d\n", origin))
	resp, err := f.client.Get(f.server.URL() + "/api/export")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-s.result; err == nil {
		t.Error("the export went on to its end")
	}
	testkit.Eventually(t, "the request to end", func() bool { return strings.Contains(f.lines.String(), "status=499") })
}
