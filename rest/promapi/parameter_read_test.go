package promapi

import (
	"net/url"
	"testing"

	"cc-metric-store/store"
)

// TestWindow: the end belongs to the window of a request for names, and without a start there is none.
func TestWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query string
		want  store.SelectBounds // an empty one: memory alone is asked
		isBad bool
	}{
		{"", store.SelectBounds{}, false},
		{"end=100", store.SelectBounds{}, false},
		{"start=100&end=100", store.SelectBounds{From: 100, To: 101}, false},
		{"start=100.9&end=101.5", store.SelectBounds{From: 100, To: 102}, false},
		{"start=-0.5&end=0", store.SelectBounds{From: -1, To: 1}, false},
		{"start=1970-01-01T00:01:40Z&end=1970-01-01T00:01:41.5Z", store.SelectBounds{From: 100, To: 102}, false},
		{"start=-Inf&end=%2BInf", store.SelectBounds{From: -maxSeconds, To: maxSeconds + 1}, false},
		{"start=-1e999&end=1e999", store.SelectBounds{From: -maxSeconds, To: maxSeconds + 1}, false},
		{"start=NaN", store.SelectBounds{}, true},
		{"end=NaN", store.SelectBounds{}, true},
		{"start=yesterday", store.SelectBounds{}, true},
	} {
		values, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		p := &parameters{values: values}
		got, err := p.window()
		if (err != nil) != c.isBad || err == nil && got != c.want {
			t.Errorf("%s: %+v, error %v, want %+v", c.query, got, err, c.want)
		}
	}
	for _, query := range []string{"start=100", "start=100&end=99"} {
		values, _ := url.ParseQuery(query)
		p := &parameters{values: values}
		got, err := p.window()
		if isEmpty := got.From >= got.To; err != nil || isEmpty != (query != "start=100") {
			t.Errorf("%s: %+v, error %v", query, got, err)
		}
	}
}
