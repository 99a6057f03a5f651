package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// pauses are the times that one operation after the other took.
type pauses []time.Duration

func (p pauses) report(b *testing.B, what string) {
	slices.Sort(p)
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	b.ReportMetric(ms(p[len(p)-1]), what+"-max-ms")
	b.ReportMetric(ms(p[len(p)*99/100]), what+"-p99-ms")
}

// BenchmarkPause appends ticks and asks, each in a loop of its own, to a store
// with 518,000 series, and reports how long one batch of 518 samples and one
// query of a node metric take at the most: without checkpoints, and while one
// after the other is written. The disk is that of the temporary directory.
func BenchmarkPause(b *testing.B) {
	const hosts, ticks = 1000, 140 // a sealed block and an open one
	s := walked(b, hosts, ticks)
	batches := make([]*Batch, hosts)
	for h := range batches {
		batches[h] = benchBatch(s, h)
		newWalks(h).fill(batches[h], t0)
	}
	log := newTestLog()
	next := uint64(0) // entry
	appendNext := func() {
		batch := batches[next%hosts]
		at := t0 + 60*int64(ticks+next/hosts)
		for i := range batch.Samples {
			batch.Samples[i].Time = at
		}
		next++
		batch.Entry = Entry{1, next}
		s.Append(batch)
		log.setApplied(batch.Entry)
	}
	asked := 0
	ask := func() {
		asked++
		q := &Query{Cluster: "fritz", Host: fmt.Sprintf("f%05d", asked%hosts), Metric: "node7", From: t0, To: t0 + ticks*60}
		if rows, err := s.Query(q); err != nil || len(rows) == 0 {
			b.Error(len(rows), err)
		}
	}
	for _, with := range []bool{false, true} {
		b.Run("checkpoints="+strconv.FormatBool(with), func(b *testing.B) {
			var appended, answered pauses
			for range b.N {
				appended, answered = measurePauses(b, s, log, with, appendNext, ask)
			}
			appended.report(b, "append")
			answered.report(b, "query")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measurePauses runs both loops for some seconds, if with is set while three
// checkpoints are written.
func measurePauses(b *testing.B, s *Store, log Log, with bool, appendNext, ask func()) (appended, answered pauses) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	if !with {
		ctx, cancel = context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
	}
	var loops sync.WaitGroup
	for _, loop := range []struct {
		do  func()
		out *pauses
	}{{appendNext, &appended}, {ask, &answered}} {
		loops.Go(func() {
			for ctx.Err() == nil {
				begin := time.Now()
				loop.do()
				*loop.out = append(*loop.out, time.Since(begin))
				time.Sleep(100 * time.Microsecond) // a load, and not all that is possible
			}
		})
	}
	if with {
		c, err := OpenCheckpoints(s, CheckpointConfig{Directory: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		for range 3 {
			begin := time.Now()
			if err := c.Write(b.Context(), log); err != nil {
				b.Fatal(err)
			}
			stats := c.Stats()
			b.Logf("checkpoint: %v, open blocks %d MB, sealed ones %d MB", time.Since(begin).Round(time.Millisecond), stats.Bytes>>20, stats.SegmentBytes>>20)
		}
		c.Close()
		cancel()
	}
	loops.Wait()
	return appended, answered
}
