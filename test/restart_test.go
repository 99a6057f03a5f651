package test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRestart: everything that was acknowledged is back.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*node){"SIGTERM": (*node).stop, "SIGKILL": (*node).kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, baseConfig())
			const hosts, samples = 4, 60
			var writers sync.WaitGroup
			for h := range hosts {
				c := n.client()
				writers.Go(func() {
					for i := range samples {
						text := line(fmt.Sprint("h", h), "cpu_load", float64(i), origin+60*int64(i))
						if i%2 == 0 {
							if a, err := n.try("POST", "/api/write", text); err != nil || a.status != 200 {
								t.Errorf("write: %d %s (%v)", a.status, a.body, err)
								return
							}
						} else if _, err := c.tryPublish(t.Context(), subject, text); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			writers.Wait()
			end(n) // with the last acknowledgement just in
			n = n.restart()
			for h := range hosts {
				n.wantRamp(fmt.Sprint("h", h), samples)
			}
		})
	}
}

// TestStopAfterCrash: a stop in order after a crash keeps what the log held at
// the crash, next to what came after it.
func TestStopAfterCrash(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("a", 500))
	n.kill()
	n = n.restart()
	n.wantRamp("a", 500)
	n.write(line("a", "cpu_load", 500, origin+60*500))
	n.stop()
	n = n.restart()
	n.wantRamp("a", 501)
	n.kill()
	n = n.restart()
	n.wantRamp("a", 501)
}

// TestVisibleBurstSurvivesACrash sends as fast as it can, without waiting for
// acknowledgements.
func TestVisibleBurstSurvivesACrash(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	const messages = 2000
	for i := range messages {
		c.send(subject, ramp(fmt.Sprint("h", i), 20))
	}
	c.flush()
	n.waitFor("the burst", func() error {
		if stored := n.metric("samples_total"); stored < 20*messages {
			return fmt.Errorf("%v of %d samples are stored", stored, 20*messages)
		}
		return nil
	})
	n.kill()
	n = n.restart()
	if stored := n.metric("samples_total"); stored != 20*messages {
		t.Errorf("%v of %d samples are back", stored, 20*messages)
	}
	n.wantRamp("h0", 20)
	n.wantRamp(fmt.Sprint("h", messages-1), 20)
}

// TestValuesAreExactAfterARestart has values that neither three decimals nor
// 32 bits can hold.
func TestValuesAreExactAfterARestart(t *testing.T) {
	t.Parallel()
	values := []float64{1e39, 123456789.123, 0.0004, 1.0 / 3, -2.5e-300, 1.7976931348623157e308, 9007199254740993, 0}
	n := start(t, baseConfig())
	for i, v := range values {
		n.write(line("exact", "cpu_load", v, origin+60*int64(i)))
	}
	check := func() {
		t.Helper()
		for i, v := range values {
			n.want(hostMetric{"alex", "exact", "cpu_load"}, origin+60*int64(i), v)
		}
	}
	check()
	n.kill()
	n = n.restart()
	check()
}

func TestHostWithoutNameSurvivesARestart(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write("cpu_load,cluster=fritz,type=node value=5 1760000040\n" + ramp("a", 5))
	for range 2 {
		n.want(hostMetric{"fritz", "", "cpu_load"}, origin, 5)
		n.wantRamp("a", 5)
		n.kill()
		n = n.restart()
	}
}

// TestFreeSurvivesACrash: what was freed does not come back, what was written
// after it does.
func TestFreeSurvivesACrash(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("freed", 300) + ramp("kept", 300))
	a := n.change(fmt.Sprintf("/api/free/?to=%d", origin+60*1000), `[["alex","freed"]]`)
	if a.status != 200 || !strings.HasPrefix(a.body, "buffers freed: ") || a.body == "buffers freed: 0\n" {
		t.Fatalf("free: %d %s", a.status, a.body)
	}
	n.write(line("freed", "mem_used", 7, origin))
	for range 2 {
		n.wantNone(hostMetric{"alex", "freed", "cpu_load"}, origin-60*1000, origin+60*1000)
		n.want(hostMetric{"alex", "freed", "mem_used"}, origin, 7)
		n.wantRamp("kept", 300)
		n.kill()
		n = n.restart()
	}
}

// TestMissingTimestamp: the sample belongs to the second in which the log took
// it, and not to that of another line or of the replay.
func TestMissingTimestamp(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	seq := c.publish(subject, line("a", "beat", 1, origin)+"beat,cluster=alex,hostname=a,type=node value=2\n")
	n.awaitEntry(seq)
	m, err := c.stored("CC_METRICS", seq)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the next second", func() error { // in which a replay would leave its mark
		if now := time.Now().Unix(); now <= m.Time.Unix()+1 {
			return fmt.Errorf("it is %d", now)
		}
		return nil
	})
	for range 2 {
		n.want(hostMetric{"alex", "a", "beat"}, origin, 1)
		n.want(hostMetric{"alex", "a", "beat"}, m.Time.Unix(), 2)
		n.wantNone(hostMetric{"alex", "a", "beat"}, m.Time.Unix()+1, m.Time.Unix()+600)
		n.kill()
		n = n.restart()
	}
}
