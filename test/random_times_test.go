package test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestRandomTimes writes bodies of 20,000 lines of one host at random times of 28
// years, of one series and of one each, with a memory cap and without: every write and
// every query beside is answered, and what was written is there, also after a restart.
func TestRandomTimes(t *testing.T) {
	for _, test := range []struct {
		name   string
		series int
		cap    float64 // GB
		bodies int
	}{{"one series", 1, 0, 6}, {"20,000 series", 20_000, 0, 6}, {"20,000 series, a cap of 64 MB", 20_000, 1.0 / 16, 20}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := baseConfig()
			section(cfg, "metric-store")["memory-cap"] = test.cap
			n := start(t, cfg)
			rnd := testkit.Rand(t)
			n.write(fmt.Sprintf("cpu_load,hostname=calm,type=node value=7 %d", origin))
			beside := n.ask(hostMetric{"alex", "calm", "cpu_load"}, origin, 7)
			const lines = 20_000
			latest := map[stray]float64{}
			var last []stray
			for range test.bodies {
				var body strings.Builder
				last = last[:0]
				for range lines {
					s := stray{rnd.IntN(test.series), origin - rnd.Int64N(28*365*24*3600)}
					latest[s] = float64(rnd.IntN(1000))
					last = append(last, s)
					fmt.Fprintf(&body, "beat,hostname=odd,type=t,type-id=%d value=%v %d\n", s.id, latest[s], s.at)
				}
				n.write(body.String())
			}
			if err := beside(); err != nil {
				t.Errorf("a query beside: %v", err)
			}
			if test.cap > 0 {
				const reserve = 1300 << 20
				if got := n.resident(); got > int64(test.cap*(1<<30))+reserve {
					t.Errorf("%d MB are resident", got>>20)
				}
				if n.metric("blocks_evicted_total") == 0 {
					t.Error("nothing was evicted: the test does not show what it should")
				}
				return
			}
			n.wantStrays(last[:100], latest)
			n.stop()
			n = n.restart()
			n.wantStrays(last[len(last)-100:], latest)
			if a := n.change(fmt.Sprintf("/api/free?to=%d", origin), `[["alex","odd"]]`); a.status != 200 {
				t.Errorf("free: %d %s", a.status, clip(a.body))
			}
		})
	}
}

// stray is a sample's series and time.
type stray struct {
	id int
	at int64
}

// wantStrays compares the samples with what was written last. What jitter allows for
// is not needed: no time is odd by less than a second.
func (n *node) wantStrays(strays []stray, latest map[stray]float64) {
	n.t.Helper()
	for _, s := range strays {
		row := n.query(object{"cluster": "alex", "from": s.at, "to": s.at + 1,
			"queries": []object{{"metric": "beat", "host": "odd", "type": "t", "type-ids": []string{fmt.Sprint(s.id)}}}})[0]
		if len(row) != 1 || len(row[0].Data) != 1 || row[0].Data[0] == nil || *row[0].Data[0] != latest[s] {
			n.t.Errorf("%+v: %+v, want %v", s, row, latest[s])
		}
	}
}

// ask asks for a sample again and again until the returned function is called, which
// returns what was wrong.
func (n *node) ask(s hostMetric, at int64, value float64) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	request := fmt.Sprintf(`{"cluster":%q,"from":%d,"to":%d,"queries":[{"metric":%q,"host":%q}]}`, s.cluster, at, at+60, s.metric, s.host)
	go func() {
		asked := 0
		for ; ctx.Err() == nil; asked++ {
			a, err := n.try("POST", "/api/query/", request)
			if err == nil && (a.status != 200 || !strings.Contains(a.body, fmt.Sprintf(`"data":[%v]`, value))) {
				err = fmt.Errorf("%d %s", a.status, clip(a.body))
			}
			if err != nil {
				done <- err
				return
			}
		}
		if asked == 0 {
			done <- errors.New("there was none")
			return
		}
		done <- nil
	}()
	return func() error {
		cancel()
		return <-done
	}
}
