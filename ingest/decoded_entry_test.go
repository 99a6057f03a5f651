package ingest

import (
	"testing"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// entryTime is the time in the log of the entries under test.
var entryTime = time.Unix(1_760_000_000, 0)

const testFuture = 10 * time.Minute

func newTestStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{Metrics: testMetricConfigs()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testMetricConfigs() map[string]store.MetricConfig {
	return map[string]store.MetricConfig{
		"cpu_load":  {Frequency: 60},
		"cpu_user":  {Frequency: 60, Aggregation: store.AggregateAvg},
		"flops_any": {Frequency: 60, Aggregation: store.AggregateSum},
	}
}

// applier decodes and stores entries as the pipeline does.
type applier struct {
	in      *Ingest
	decoder *lineproto.Decoder
	out     decodedEntry
}

func newApplier(t testing.TB, s *store.Store) *applier {
	t.Helper()
	in, err := New(Config{Embedded: cannotEmbed}, s)
	if err != nil {
		t.Fatal(err)
	}
	return &applier{in: in, decoder: lineproto.NewDecoder(s, in.series, testFuture)}
}

func (a *applier) apply(lines []byte, cluster string) {
	a.out.reset()
	a.decoder.Decode(lines, cluster, entryTime, &a.out.Decoded)
	for i := range a.out.Batches {
		a.in.apply(&a.out, i)
	}
}
