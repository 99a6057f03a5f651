package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestHugeRequestsLetOthersPass: while many clients ask for more than can be answered in a
// minute, and some of them have waited for long, small requests are answered, and those of a view
// of some hundred series as well.
func TestHugeRequestsLetOthersPass(t *testing.T) {
	f := start(t, Config{}, nil)
	const hosts = 40
	manyHosts(t, f.store, testkit.Rand(t), hosts)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	var done atomic.Int32
	huge := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"for-all-nodes":%s}`, origin, origin+60*(1<<20-2), many("[", `"cpu_load"`, "]", 25))
	clients := f.server.api.gates.queries.places + f.server.api.gates.queries.queue - 4
	for range clients {
		asking.Go(func() {
			req, err := http.NewRequestWithContext(ctx, "POST", f.server.URL()+"/api/query", strings.NewReader(huge))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := f.client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			if err == nil && resp.StatusCode == http.StatusOK {
				done.Add(1)
			}
		})
	}
	queries := f.server.api.gates.queries
	testkit.Eventually(t, "most of them to wait", func() bool { return queries.waiters() >= clients-queries.places })
	var view []string
	for h := range 4 * hosts {
		view = append(view, fmt.Sprintf(`{"metric":"cpu_load","host":"n%d"}`, h%hosts))
	}
	small := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[%s]}`, origin, origin+60*300, view[0])
	medium := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[%s]}`, origin, origin+60*300, strings.Join(view, ","))
	for range 3 {
		for range 20 {
			if a := f.send("POST", "/api/query", small); a.status != 200 {
				t.Fatalf("a small request: %d %s", a.status, a.body)
			}
		}
		if a := f.send("POST", "/api/query", medium); a.status != 200 {
			t.Fatalf("a request of some hundred series: %d %s", a.status, a.body)
		}
	}
	if n := done.Load(); n > 0 {
		t.Errorf("%d huge requests were answered meanwhile: they are not long enough", n)
	}
}
