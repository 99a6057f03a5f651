package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGCPercentFor(t *testing.T) {
	for _, test := range []struct {
		live uint64
		busy bool
		want int
	}{
		{0, true, 1600}, {8 << 20, true, 1600}, {64 << 20, true, 200}, {256 << 20, true, 50}, {512 << 20, true, 30}, {100 << 30, true, 30},
		{0, false, 30}, {64 << 20, false, 30},
	} {
		if got := gcPercentFor(test.live, test.busy); got != test.want {
			t.Errorf("%d bytes in use: %d, want %d", test.live, got, test.want)
		}
	}
}

// TestMemoryIsGivenBackOnceAfterABurst: not while the log is read, nor after little of it,
// nor again before more is read.
func TestMemoryIsGivenBackOnceAfterABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var bytes, shrunk atomic.Int64
		var behind atomic.Bool
		p := &gcPacer{} // as with GOGC: the pace of this process stays
		done := make(chan error)
		go func() {
			done <- p.run(ctx, func() (int64, bool) { return bytes.Load(), behind.Load() }, func() { shrunk.Add(1) })
		}()
		for _, step := range []struct {
			name      string
			bytes     int64
			behind    bool
			intervals int
			want      int64
		}{
			{"little is read", reclaimBytes - 1, false, 20, 0},
			{"the store is behind", reclaimBytes, true, 20, 0},
			{"it has caught up, just now", reclaimBytes, false, calmIntervals - 1, 0},
			{"it is calm", reclaimBytes, false, 1, 1},
			{"it stays calm", reclaimBytes, false, 3600, 1},
			{"another burst", 2 * reclaimBytes, false, calmIntervals, 1},
			{"calm again", 2 * reclaimBytes, false, 1, 2},
		} {
			bytes.Store(step.bytes)
			behind.Store(step.behind)
			time.Sleep(time.Duration(step.intervals) * paceInterval)
			synctest.Wait()
			if got := shrunk.Load(); got != step.want {
				t.Errorf("%s: memory was given back %d times, want %d", step.name, got, step.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
