package promapi

import (
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// FuzzExpression asks whatever it is given, of a few samples: the answer is one of JSON, and comes.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{"1", "load", `flops{type="node"}`, `rate(load[5m])`, `sum by (cluster) (load offset 5m)`, `max_over_time(load[1h:1m])`, `label_replace(load, "a", "$1", "b", "(.*)")`,
		`load @ 1e3`, `{"clock.mhz",type=~"a|b"}`, `"text"`, `topk(2, load) / on (hostname) group_left flops`, `load[5m]`, `histogram_quantile(0.9, load)`, `count_values("a", load)`} {
		f.Add(text, "1760000000.5", "10")
	}
	s, _ := randomModel(f, rand.New(rand.NewPCG(1, 1)))
	a, err := New(Config{Timeout: 2 * time.Second, MaxSamples: 100_000}, s)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, at, step string) {
		for path, form := range map[string]url.Values{
			"query":       {"query": {text}, "time": {at}},
			"query_range": {"query": {text}, "start": {"1760000000"}, "end": {at}, "step": {step}},
			"series":      {"match[]": {text}, "start": {at}, "limit": {step}},
		} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/?"+form.Encode(), nil)
			r.URL.Path = path
			a.ServeHTTP(w, r)
			var got struct{ Status, ErrorType string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || (got.Status == "success") != (w.Code == 200) || w.Code == 500 {
				t.Fatalf("%s %q: %d %s (%v)", path, text, w.Code, w.Body, err)
			}
		}
	})
}

// FuzzTime: what is written as a time reads back as it.
func FuzzTime(f *testing.F) {
	for _, ms := range []int64{0, 1, -1, 999, -1000, 1760000000123, 100} {
		f.Add(ms)
	}
	f.Fuzz(func(t *testing.T, ms int64) {
		ms %= int64(maxSeconds * 1000)
		text := string(appendSeconds(nil, ms))
		back, err := parseTime(text)
		if err != nil || back.UnixMilli() != ms {
			t.Fatalf("%d is written as %s, which reads as %v (%v)", ms, text, back.UnixMilli(), err)
		}
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzValue: what is written as a value reads back as it.
func FuzzValue(f *testing.F) {
	for _, v := range []float64{0, 1, -0.5, 1e-7, 1e21, 1 << 53, 123456.789} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		text := string(appendValue(nil, v))
		if back, err := strconv.ParseFloat(text, 64); err != nil || back != v && v == v {
			t.Fatalf("%v is written as %s, which reads as %v (%v)", v, text, back, err)
		}
	})
}
