package store_test

import (
	"context"
	"fmt"
	"math"

	"cc-metric-store/store"
)

// tick is the time of the first sample of the examples.
const tick = 1_700_000_040

// exampleStore returns a store with five samples of two sockets of each of two hosts. The
// second socket lacks one.
func exampleStore() *store.Store {
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{
		"power": {Frequency: 60, Aggregation: store.AggregateSum},
	}})
	if err != nil {
		panic(err)
	}
	power, _ := s.Metric([]byte("power"))
	for _, host := range []string{"f0001", "f0002"} {
		batch := &store.Batch{
			Cluster: "fritz", Host: host,
			Parts: []store.Part{{Type: "socket", ID: "0"}, {Type: "socket", ID: "1"}},
		}
		for i := range 5 {
			for socket := range batch.Parts {
				if socket == 1 && i == 2 {
					continue
				}
				batch.Add(int32(socket), power, tick+60*int64(i), float64(100*socket+i))
			}
		}
		s.Append(batch)
	}
	return s
}

// The power of a host is the sum of that of its sockets, where all of them have a sample.
func ExampleStore_Query() {
	s := exampleStore()
	series, err := s.Query(&store.Query{
		Cluster: "fritz", Host: "f0001", Metric: "power",
		From: tick, To: tick + 300,
	})
	if err != nil {
		panic(err)
	}
	for _, one := range series {
		fmt.Printf("every %d s: %v\n", one.Resolution, one.Values)
		fmt.Printf("average %v, from %v to %v\n", one.Avg, one.Min, one.Max)
	}
	// Output:
	// every 60 s: [100 102 NaN 106 108]
	// average 104, from 100 to 108
}

// All series of the second sockets, with their samples as they were stored.
func ExampleStore_Select() {
	s := exampleStore()
	ctx := context.Background()
	hosts, err := store.NewMatcher(store.MatchRegexp, store.LabelHost, "f0.*")
	if err != nil {
		panic(err)
	}
	second, err := store.NewMatcher(store.MatchEqual, store.LabelTypeID, "1")
	if err != nil {
		panic(err)
	}
	series, err := s.Select(ctx, hosts, second)
	if err != nil {
		panic(err)
	}
	var values []float64
	_, err = s.Read(ctx, series, tick, tick+300, func(i int, runs []store.Run) error {
		fmt.Printf("%s of %s %s of %s\n", series[i].Metric, series[i].Part.Type, series[i].Part.ID, series[i].Host)
		for _, run := range runs {
			values = run.AppendTo(values[:0])
			for n, v := range values {
				if !math.IsNaN(v) {
					fmt.Printf("  %d: %v\n", run.Start+int64(n)*run.Step, v)
				}
			}
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// power of socket 1 of f0001
	//   1700000040: 100
	//   1700000100: 101
	//   1700000220: 103
	//   1700000280: 104
	// power of socket 1 of f0002
	//   1700000040: 100
	//   1700000100: 101
	//   1700000220: 103
	//   1700000280: 104
}

// The values of a label, here the hosts of a cluster.
func ExampleStore_LabelValues() {
	s := exampleStore()
	cluster, err := store.NewMatcher(store.MatchEqual, store.LabelCluster, "fritz")
	if err != nil {
		panic(err)
	}
	hosts, err := s.LabelValues(context.Background(), store.LabelHost, cluster)
	fmt.Println(hosts, err)
	// Output: [f0001 f0002] <nil>
}
