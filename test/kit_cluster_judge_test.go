package test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// probe asks one node, again and again, whether it is ready, and queries it.
func (l *collecting) probe(ctx context.Context, i int, url string) {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	ask := func(do func() (*http.Response, error)) bool {
		a, err := do()
		if err != nil {
			return false
		}
		_ = a.Body.Close()
		return a.StatusCode == http.StatusOK
	}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		ready := ask(func() (*http.Response, error) { return client.Get(url + "/readyz") })
		answers := ask(func() (*http.Response, error) {
			return client.Post(url+"/api/query", "application/json", strings.NewReader(anyQuery))
		})
		if ctx.Err() != nil {
			return
		}
		l.probed(i, ready, answers)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// probed records what a probe has seen.
func (l *collecting) probed(i int, ready, answers bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready[i] = ready
	if ready && !answers {
		l.failed++
	}
	switch none := l.ready == [3]bool{}; {
	case !none:
		l.noneFrom = time.Time{}
	case l.noneFrom.IsZero():
		l.noneFrom = time.Now()
	default:
		l.noReady = max(l.noReady, time.Since(l.noneFrom))
	}
}

// awaitAlike returns when all nodes are ready and answer alike.
func (l *collecting) awaitAlike(t *testing.T) {
	t.Helper()
	for _, n := range l.c.nodes {
		n.awaitReady()
	}
	waitFor(t, "the nodes to answer alike", func() error {
		for _, k := range l.collectors {
			request := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":%q}]}`, origin, origin+60*k.next, k.host)
			first := l.c.nodes[0].send("POST", "/api/query", request)
			for _, n := range l.c.nodes[1:] {
				if other := n.send("POST", "/api/query", request); first.status != 200 || other.body != first.body {
					return fmt.Errorf("they differ about %s:\n  %d %s\n  %d %s", k.host, first.status, clip(first.body), other.status, clip(other.body))
				}
			}
		}
		return nil
	})
}

// countCore returns how many messages without acknowledgements were sent since the last count, and
// how many of them are not there. Some may come later, from a node that was stopped.
func (l *collecting) countCore(t *testing.T) (sent, lost int) {
	t.Helper()
	for _, k := range l.collectors {
		cells := l.c.nodes[0].with(t).cells(hostMetric{"alex", k.host, "cpu_load"}, origin, origin+60*int64(k.next))
		for slot := range k.sent {
			sent++
			if slot >= len(cells) || cells[slot] == nil {
				lost++
			} else if *cells[slot] != float64(slot) {
				t.Errorf("%s, slot %d: %v", k.host, slot, *cells[slot])
			}
		}
		clear(k.sent)
	}
	return sent, lost
}
