package test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// many repeats an element between a begin and an end until the text has the size.
func many(begin, element, end string, size int) string {
	return begin + element + strings.Repeat(","+element, size/(len(element)+1)) + end
}

// TestAttackByJSON sends JSON that unpacks to far more than it is.
func TestAttackByJSON(t *testing.T) {
	n := startAttacked(t, 10, 1)
	size := sized(8<<20, 63<<20)
	for _, c := range []struct{ name, path, body string }{
		{"queries", "/api/query", many(`{"queries":[`, "{}", "]}", size)},
		{"queries with names", "/api/query", many(`{"queries":[`, `{"metric":"cpu_load","host":"h1"}`, "]}", sized(12<<20, 63<<20))},
		{"for-all-nodes", "/api/query", many(`{"cluster":"alex","for-all-nodes":[`, `""`, "]}", sized(16<<20, 63<<20))},
		{"type-ids", "/api/query", many(`{"queries":[{"metric":"mem_used","type":"hwthread","type-ids":[`, `""`, "]}]}", size)},
		{"repeated members", "/api/query", many(`{`, `"a":1`, "}", sized(32<<20, 63<<20))},
		{"nested", "/api/query", strings.Repeat(`{"queries":[`, size/20)},
		{"nested arrays", "/api/free?to=1", strings.Repeat(`[`, size)},
		{"a long name", "/api/query", `{"cluster":"alex","for-all-nodes":["` + strings.Repeat("x", size) + `"]}`},
		{"a long number", "/api/query", `{"from":` + strings.Repeat("1", size) + `}`},
		{"blanks", "/api/query", strings.Repeat(" ", sized(65<<20, 65<<20))},
		{"nodes", "/api/healthcheck", many(`{"cluster":"alex","metric-names":["a","b","c"],"nodes":[`, `"h"`, "]}", sized(20<<20, 63<<20))},
		{"selectors", "/api/free?to=1", many(`[`, `["c","d","e"]`, "]", sized(40<<20, 63<<20))},
	} {
		zip := zipped(t, c.body)
		for _, form := range []struct {
			name, body string
			header     []string
		}{{"as it is", c.body, nil}, {"as gzip", zip, []string{"Content-Encoding", "gzip"}}} {
			n.attack(fmt.Sprintf("%s, %d kB %s", c.name, len(form.body)>>10, form.name), func() {
				together(sized(2, 8), func(int) {
					a, err := n.try("POST", c.path, form.body, form.header...)
					// The server does not read to the end what is too large.
					if err == nil && a.status != 400 && a.status != 413 && a.status != 503 {
						t.Errorf("%s: %d %s (%v)", c.name, a.status, clip(a.body), err)
					}
				})
			})
		}
	}
	a := n.send("POST", "/api/query", many(`{"queries":[`, "{}", "]}", 2<<20))
	n.wantError(a, 413, "262144 objects")
	a = n.send("POST", "/api/query", zipped(t, strings.Repeat(" ", 8<<20)), "Content-Encoding", "gzip")
	n.wantError(a, 413, "200 times")
	// What a large cluster asks for is no attack.
	if a := n.send("POST", "/api/query", many(`{"cluster":"alex","to":60,"queries":[`, `{"metric":"cpu_load","host":"h1"}`, "]}", 4<<20)); a.status != 200 {
		t.Errorf("a large request: %d %s", a.status, clip(a.body))
	}
}

// TestAttackByFrees frees with a great many selectors, over REST and in the log.
func TestAttackByFrees(t *testing.T) {
	n := startAttacked(t, 200, sized(20, 100))
	for _, c := range []struct{ name, body, want string }{
		{"everything", many(`[`, "[]", "]", 300_000), "buffers freed: 0\n"},
		{"a cluster", many(`[`, `["alex"]`, "]", 900_000), "buffers freed: 0\n"},
		{"hosts and all", many(`[[],`, `["alex","h1"]`, "]", 1_500_000), "buffers freed: 0\n"},
		{"more than is possible", many(`[`, "[]", "]", 8<<20), "limit"},
	} {
		n.attack(c.name, func() {
			together(sized(4, 50), func(int) {
				a, err := n.try("POST", "/api/free?to=1", c.body)
				if err != nil || !strings.Contains(a.body, c.want) && !strings.Contains(a.body, "ask again") {
					t.Errorf("%s: %d %s (%v)", c.name, a.status, clip(a.body), err)
				}
			})
		})
	}
	var b strings.Builder
	b.WriteString("[")
	for i := range 30_000 {
		fmt.Fprintf(&b, `["alex","h%d"],`, i)
	}
	n.wantError(n.send("POST", "/api/free?to=1", b.String()+"[\"alex\",\"x\"]]"), 413, "20000")
	if a := n.send("POST", fmt.Sprint("/api/free?to=", origin*1000), "[[]]"); a.status != 400 || !strings.Contains(a.body, "looks like milliseconds") {
		t.Errorf("milliseconds: %d %s", a.status, a.body)
	}

	nc := connect(t, n.NATSURL)
	entry := many(`{"before":1,"selectors":[`, "[]", "]}", 390_000)
	long := many(`{"before":9999999999,"selectors":[`, "[]", "]}", 20<<20)
	n.attack("entries of the log", func() {
		for i := range sized(4, 20) {
			for _, text := range []string{entry, long}[:2-min(i/2, 1)] {
				if err := nc.nc.Publish("CC_METRICS.free", []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := nc.nc.Flush(); err != nil {
			t.Fatal(err)
		}
		n.write(line("after", "cpu_load", 1, origin))
	})
	n.wantLog("no free request", "limit")
	n.want(hostMetric{"alex", "h0", "cpu_load"}, origin, 1)
}

// TestAttackByQueries asks for much in few bytes.
func TestAttackByQueries(t *testing.T) {
	n := startAttacked(t, 10, 1)
	ids := func(k int) string { return many("[", `""`, "]", 3*k-3) }
	for _, c := range []struct{ name, window, more string }{
		{"a product in an empty window", `"from":0,"to":0`, ""},
		{"an aggregated product", `"from":0,"to":60`, `,"aggreg":true`},
	} {
		n.attack(c.name, func() {
			a := n.send("POST", "/api/query", fmt.Sprintf(`{"cluster":"alex",%s,"queries":[{"metric":"mem_used","host":"h1","type":"hwthread","type-ids":%s,"subtype":"x","subtype-ids":%s%s}]}`,
				c.window, ids(3000), ids(3000), c.more))
			n.wantError(a, 400, "9000000", "65536")
		})
	}
	// 16 series of a million cells each.
	large := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"mem_used","host":"h1","type":"hwthread","type-ids":["0"%s]}]}`,
		origin, origin+60*(1<<20-1), strings.Repeat(`,"0"`, 14))
	var answered, refused, cut atomic.Int32
	n.attack("a million cells each", func() {
		together(sized(8, 200), func(int) {
			began := time.Now()
			resp, err := http.Post(n.URL+"/api/query", "application/json", strings.NewReader(large))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			size, err := io.Copy(io.Discard, resp.Body)
			switch {
			case resp.StatusCode == 503 && resp.Header.Get("Retry-After") != "":
				refused.Add(1)
			case resp.StatusCode == 200 && err == nil && size > 16<<20:
				answered.Add(1)
			case resp.StatusCode == 200 && errors.Is(err, io.ErrUnexpectedEOF) && time.Since(began) > time.Second:
				// On a busy machine this client was the one that did not read for
				// a second while others waited for its place.
				cut.Add(1)
			default:
				t.Errorf("%d, %d bytes (%v)", resp.StatusCode, size, err)
			}
		})
	})
	t.Logf("%d answered, %d were told to come again, %d were cut off as slow", answered.Load(), refused.Load(), cut.Load())
	if answered.Load() == 0 {
		t.Error("nobody was answered")
	}
	n.attack("clients that do not read a million cells each", func() {
		conns := n.stuck(sized(100, 1000), func(int) string {
			return fmt.Sprintf("POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(large), large)
		})
		n.seeThrough(sized(1, 20))
		closeAll(conns)
	})
}

// TestAttackByHealthChecks asks about many metrics of many hosts.
func TestAttackByHealthChecks(t *testing.T) {
	n := startAttacked(t, sized(300, 3000), 1)
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "mem_used,cluster=alex,hostname=wide,type=hwthread,type-id=%d value=1 %d\n", i, origin)
	}
	n.write(b.String())
	var nodes, names []string
	for i := range 3000 {
		nodes = append(nodes, fmt.Sprintf(`"h%d"`, i))
		names = append(names, fmt.Sprintf(`"m%d"`, i))
	}
	n.attack("unknown names", func() {
		a := n.send("POST", "/api/healthcheck", fmt.Sprintf(`{"cluster":"alex","nodes":[%s],"metric-names":[%s]}`, strings.Join(nodes, ","), strings.Join(names, ",")))
		n.wantError(a, 400, "3000 nodes and 3000 metrics", "4194304")
	})
	n.attack("one name many times", func() {
		together(sized(4, 50), func(int) {
			a, err := n.try("POST", "/api/healthcheck", many(`{"cluster":"alex","nodes":["wide"],"metric-names":[`, `"mem_used"`, "]}", 20_000*11))
			if err != nil || a.status != 200 || len(a.body) > 200 {
				t.Errorf("%d %s (%v)", a.status, clip(a.body), err)
			}
		})
	})
	n.attack("as many as are possible", func() {
		together(sized(2, 20), func(int) {
			a, err := n.try("POST", "/api/healthcheck", fmt.Sprintf(`{"cluster":"alex","nodes":[%s],"metric-names":[%s]}`, strings.Join(nodes[:1300], ","), strings.Join(names, ",")))
			if err != nil || a.status != 200 && a.status != 503 {
				t.Errorf("%d %s (%v)", a.status, clip(a.body), err)
			}
		})
	})
	n.attack("everything, listed", func() {
		together(sized(4, 50), func(int) {
			if a, err := n.try("GET", "/api/debug", ""); err != nil || a.status != 200 && a.status != 503 {
				t.Errorf("%d %s (%v)", a.status, clip(a.body), err)
			}
		})
	})
}

// TestAttackByWrites sends many large bodies at once, as they are and compressed.
func TestAttackByWrites(t *testing.T) {
	n := startAttacked(t, 10, 1)
	size := sized(2<<20, 16<<20)
	lines := strings.Repeat(line("h1", "cpu_load", 1, origin), size/70)
	for _, c := range []struct {
		name, body, encoding string
	}{
		{"lines", lines, "identity"},
		{"compressed lines", zipped(t, lines), "gzip"},
	} {
		n.attack(c.name, func() {
			together(sized(4, 40), func(int) {
				a, err := n.try("POST", "/api/write", c.body, "Content-Encoding", c.encoding)
				if err != nil || a.status != 200 {
					t.Errorf("%s: %d %s (%v)", c.name, a.status, clip(a.body), err)
				}
			})
		})
	}
}

// TestAttackByNames sends names that cannot be kept, shown or sent on.
func TestAttackByNames(t *testing.T) {
	n := startAttacked(t, 1, 1)
	body := line("h0", "cpu_load", 1, origin)
	n.attack("long names", func() {
		for _, name := range []string{strings.Repeat("x", 70_000), strings.Repeat("x", 5000), "\xff\xfe", "a\xc3", "\xc2\x85"} {
			conn := n.stuck(1, func(int) string {
				return fmt.Sprintf("POST /api/write?cluster=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", name, len(body), body)
			})[0]
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			text, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), "'cluster'") {
				t.Errorf("%q: %q (%v)", clip(name), clip(string(text)), err)
			}
			_ = conn.Close()
		}
	})
	for _, header := range []string{"Authorization", "X-Auth-Token", "Content-Encoding", "Accept-Encoding", "Content-Type"} {
		for _, length := range []int{10_000, 70_000, 2 << 20} {
			a, err := n.try("POST", "/api/write", body, header, strings.Repeat("x", length))
			if err == nil && a.status != 200 && (a.status < 400 || a.status > 499) {
				t.Errorf("%s of %d bytes: %d %s", header, length, a.status, clip(a.body))
			}
		}
	}
	if a := n.send("GET", "/readyz", ""); a.body != "ready\n" {
		t.Errorf("readyz: %s", a.body)
	}
	if a := n.send("GET", "/metrics", ""); a.status != 200 {
		t.Errorf("metrics: %d %s", a.status, clip(a.body))
	}
}
