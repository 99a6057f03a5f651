package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// send appends an entry with samples of one series of a host, whose values are
// their times.
func (r *restarts) send(host string, part Part, times ...int64) {
	b := Batch{Cluster: "alex", Host: host, Parts: []Part{part}}
	id, _ := r.store.Metric([]byte("load"))
	for _, at := range times {
		r.model.set(modelSeries{hostKey{"alex", host}, part, "load"}, at, float64(at))
		b.Add(0, id, at, float64(at))
	}
	r.log.add(r.store, func(s *Store, e Entry) {
		one := b
		one.Entry, one.Samples = e, slices.Clone(b.Samples) // without references
		s.Append(&one)
	})
}

func (r *restarts) mustWrite() {
	r.t.Helper()
	if err := r.checkpoints.Write(r.t.Context(), r.log); err != nil {
		r.t.Fatal(err)
	}
}

// TestLostSeries loses all blocks of a series, and those of a whole host, for
// good: the others answer, and these are not there.
func TestLostSeries(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 8)
	old := Part{Type: "socket", ID: "0"}
	r.send("a", old, r.base)
	for i := range int64(20) {
		r.send("a", Part{}, r.base+60*i)
	}
	r.mustWrite()
	segment := filepath.Join(r.dir, "0000000000000001.segment")
	if err := os.Remove(segment); err != nil {
		t.Fatal(err)
	}
	r.log.entries = nil
	var log bytes.Buffer
	r.logger = slog.New(slog.NewTextHandler(&log, nil))
	r.restart()
	if h, ok := r.store.Health("alex", "a", []string{"load"}); !ok || len(h.Missing) > 0 {
		t.Errorf("health %+v", h)
	}
	q := &Query{Cluster: "alex", Host: "a", Metric: "load", From: r.base, To: r.base + 1200, Unpadded: true}
	if got, err := r.store.Query(q); err != nil || len(got) != 1 || len(got[0].Values) == 0 {
		t.Errorf("the open block: %+v, %v", got, err)
	}
	q.Type, q.TypeIDs = old.Type, []string{old.ID}
	if got, err := r.store.Query(q); err != nil || len(got) != 0 {
		t.Errorf("the series without samples: %+v, %v", got, err)
	}
}

// TestManyLosses names each host that lost something.
func TestManyLosses(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 8)
	for h := range 30 {
		for i := range int64(20) {
			r.send(fmt.Sprintf("h%d", h), Part{}, r.base+60*i)
		}
	}
	r.mustWrite()
	if err := os.Remove(filepath.Join(r.dir, "0000000000000001.segment")); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r.logger = slog.New(slog.NewTextHandler(&log, nil))
	r.restart()
	r.checkAll()
	from := time.Unix(r.base-30, 0).UTC().Format("2006-01-02T15:04:05")
	for h := range 30 {
		if want := fmt.Sprintf("cluster=alex host=h%d from=%s", h, from); !strings.Contains(log.String(), want) {
			t.Errorf("not said: %s\n%s", want, &log)
		}
	}
}

// TestInterruptedLoad stops a start while a checkpoint is loaded. Nothing may be
// written of what is in the store then, and as nothing was answered, the next
// start is one after a clean stop still.
func TestInterruptedLoad(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 5)
	for range 30 {
		r.appendEntry()
	}
	if err := r.checkpoints.Finish(t.Context(), r.log, true); err != nil {
		t.Fatal(err)
	}
	r.checkpoints.Close()
	var err error
	if r.store, err = New(r.store.cfg); err != nil {
		t.Fatal(err)
	}
	r.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.checkpoints.Load(ctx); err == nil {
		t.Fatal("a load that was interrupted is complete")
	}
	r.log.setApplied(Entry{1, 31})
	r.mustWrite()
	if err := r.checkpoints.Finish(t.Context(), r.log, true); err != nil {
		t.Fatal(err)
	}
	if n := r.checkpoints.Stats().Written; n != 0 {
		t.Errorf("%d checkpoints were written", n)
	}
	if from := r.restart(); !from.Clean || from.From.Entry.Seq != 30 {
		t.Errorf("restored %+v", from)
	}
	r.checkAll()
}

// TestClockGoesBack has a checkpoint of ten years ahead.
func TestClockGoesBack(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 5)
	now := logCreated.AddDate(10, 0, 0)
	r.store.cfg.Now = func() time.Time { return now }
	r.appendEntry()
	r.mustWrite()
	now = logCreated
	r.restart()
	if r.checkpoints.due(r.log) {
		t.Error("a checkpoint is due at once")
	}
	if now = logCreated.Add(31 * time.Minute); !r.checkpoints.due(r.log) {
		t.Error("no checkpoint is due after the interval")
	}
}

// TestLoadIntoAFullStore loads what fits into the same memory as before.
func TestLoadIntoAFullStore(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 2)
	r.store.cfg.MaxSeries = 400
	for range 40 {
		r.appendEntry()
	}
	r.mustWrite()
	r.log.entries = nil
	r.restart() // some memory is used again better
	held := r.store.usedBytes.Load()
	r.store.cfg.MemoryCap = held + held/50
	r.restart()
	if n := r.store.Stats().Evicted; n > 0 {
		t.Errorf("%d series' blocks were evicted", n)
	}
	r.checkAll()

	r.store.cfg.MemoryCap = held / 2
	r.restart()
	if now := r.store.usedBytes.Load(); now > r.store.limit() || now < held/3 {
		t.Errorf("%d bytes are held below a cap of %d", now, held/2)
	}
}

// busyLog applies entries right after it was asked for the position.
type busyLog struct {
	*testLog
	then func()
}

func (l *busyLog) Applied() (LogPosition, int64) {
	p, read := l.testLog.Applied()
	if do := l.then; do != nil {
		l.then = nil
		do()
	}
	return p, read
}

// TestGoneAtOnce frees a host after the position of a checkpoint was read, and
// before anything else is done. A replay of its last entries does not agree with
// what came before: alone, the second sample is in the centre of its slot.
func TestGoneAtOnce(t *testing.T) {
	r := newRestarts(t, 1, 128)
	r.send("other", Part{}, r.base)
	r.send("", Part{}, r.base)
	err := r.checkpoints.Write(t.Context(), &busyLog{r.log, func() {
		r.send("", Part{}, r.base+74)
		before := r.base + 130
		r.model.free([]string{"alex", ""}, before)
		r.log.add(r.store, func(s *Store, e Entry) { s.Free([][]string{{"alex", ""}}, before, e) })
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.store.Hosts("alex"); len(got) != 1 {
		t.Fatalf("hosts %q: the test shows nothing", got)
	}
	r.restart()
	if got := r.store.Hosts("alex"); len(got) != 1 {
		t.Errorf("hosts %q", got)
	}
}
