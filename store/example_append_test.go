package store_test

import (
	"fmt"

	"cc-metric-store/store"
)

// The power of two sockets is appended, and asked for as that of their host.
func ExampleStore_Append() {
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{
		"power": {Frequency: 60, Aggregation: store.AggregateSum},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	power, _ := s.Metric([]byte("power"))
	const noon = 1_700_049_600 // Unix seconds
	batch := &store.Batch{
		Cluster: "alex", Host: "a0603",
		Parts: []store.Part{{Type: "socket", ID: "0"}, {Type: "socket", ID: "1"}},
	}
	batch.Add(0, power, noon, 101)
	batch.Add(1, power, noon, 99)
	batch.Add(0, power, noon+120, 105)
	batch.Add(1, power, noon+120, 100.5)
	appended := s.Append(batch)
	fmt.Println("stored:", appended.Stored)

	series, err := s.Query(&store.Query{Cluster: "alex", Host: "a0603", Metric: "power", From: noon, To: noon + 180})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, one := range series {
		fmt.Printf("every %d s: %v, at most %v\n", one.Resolution, one.Values, one.Max)
	}
	// Output:
	// stored: 4
	// every 60 s: [200 NaN 205.5], at most 205.5
}
