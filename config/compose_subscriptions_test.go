package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestSubscriptions(t *testing.T) {
	const last = "metric-store.nats-subscriptions[1].subscribe-to: "
	tests := []struct {
		subjects       string // each with the cluster tag c0, c1, ...
		want           []Subscription
		warning, fault string
	}{
		{subjects: "a b", want: []Subscription{{"a", "c0"}, {"b", "c1"}}},
		{subjects: "a a", want: []Subscription{{"a", "c0"}}, warning: last + `get the first tag, "c0", never "c1"`},
		{subjects: "a.> a.b", want: []Subscription{{"a.>", "c0"}, {"a.b", "c1"}}, warning: last + `is covered by "a.>", which is listed before it and decides the cluster tag ("c0")`},
		{subjects: "a.b a.>", want: []Subscription{{"a.b", "c0"}, {"a.>", "c1"}}, warning: last + `covers "a.b"`},
		{subjects: "a.* *.bad.>", fault: last + `"CC_METRICS.bad.*"`},
		{subjects: "a.b.* a.*.c", fault: last + "neither covers the other"},
		{subjects: "a CC_METRICS.write", fault: last + `overlaps "CC_METRICS.write"`},
		{subjects: "a CC_METRICS.*", fault: last + `overlaps "CC_METRICS.write"`},
		{subjects: "a CC_METRICS.bad.>", fault: last + `overlaps "CC_METRICS.bad.*"`},
		{subjects: "a CC_METRICS.x", want: []Subscription{{"a", "c0"}, {"CC_METRICS.x", "c1"}}},
		{subjects: "a *.metrics", want: []Subscription{{"a", "c0"}, {"*.metrics", "c1"}}},
		{subjects: "a $JS.x", fault: last + "reserved to the broker"},
		{subjects: "a CC_METRICS", want: []Subscription{{"a", "c0"}, {"CC_METRICS", "c1"}}},
	}
	for _, test := range tests {
		t.Run(test.subjects, func(t *testing.T) {
			var items []string
			for i, s := range strings.Fields(test.subjects) {
				items = append(items, `{"subscribe-to": "`+s+`", "cluster-tag": "c`+string(rune('0'+i))+`"}`)
			}
			cfg, warnings, err := parse("config.json", edit(t, minimal, "metric-store.nats-subscriptions ["+strings.Join(items, ",")+"]"))
			if test.fault != "" {
				expectFaults(t, err, test.fault)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(cfg.MetricStore.Subscriptions, test.want) {
				t.Errorf("got %+v", cfg.MetricStore.Subscriptions)
			}
			var want []string
			if test.warning != "" {
				want = []string{test.warning}
			}
			expect(t, "warning", texts(warnings), want)
		})
	}
}

func TestOlderSubscriptionsKey(t *testing.T) {
	cfg, _, err := parse("config.json", edit(t, minimal, `metric-store.nats-subscriptions null`,
		`metric-store.subscriptions [{"subscribe-to": "a", "cluster-tag": "b"}]`))
	if err != nil || len(cfg.MetricStore.Subscriptions) != 1 || cfg.MetricStore.Subscriptions[0] != (Subscription{"a", "b"}) {
		t.Errorf("got %+v, %v", cfg, err)
	}
}
