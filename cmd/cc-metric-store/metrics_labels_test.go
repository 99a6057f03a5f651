package main

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// labelledCollector are counted by whatever names.
type labelledCollector struct {
	desc  *prometheus.Desc
	names []string
}

func (c *labelledCollector) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

func (c *labelledCollector) Collect(out chan<- prometheus.Metric) {
	counter := labelCounter{desc: c.desc}
	for _, name := range c.names {
		counter.add(1, name, "f1")
	}
	counter.collect(out)
}

// TestMetricsWithAnyLabels shows names of all bytes, cut everywhere, of which
// many are shown alike.
func TestMetricsWithAnyLabels(t *testing.T) {
	c := &labelledCollector{desc: prometheus.NewDesc("test_total", "A test.", []string{"cluster", "hostname"}, nil)}
	for b := range 256 {
		c.names = append(c.names, string([]byte{byte(b)}), "x"+string([]byte{byte(b), 'y'}), "ü"+string([]byte{byte(b)}))
	}
	for _, text := range []string{"é", "€", "𝄞", "\xff", "\xc3(", "\xed\xa0\x80", "\x00", "\n", `"`, `\`} {
		for n := range 8 {
			c.names = append(c.names, strings.Repeat("x", 250+n)+text, strings.Repeat("x", 250+n)+text+text+text)
		}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	answer := httptest.NewRecorder()
	metricsHandler(r, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text := answer.Body.String()
	if answer.Code != 200 || !utf8.ValidString(text) {
		t.Fatalf("status %d, valid %v", answer.Code, utf8.ValidString(text))
	}
	sum, seen := 0, map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		labels, value, _ := strings.Cut(line, "} ")
		n := 0
		if _, err := fmt.Sscan(value, &n); err != nil || seen[labels] {
			t.Errorf("%q: %v", line, err)
		}
		seen[labels] = true
		sum += n
	}
	if sum != len(c.names) {
		t.Errorf("%d are shown of %d", sum, len(c.names))
	}
}
