package main

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"cc-metric-store/store"
)

// labelCounter is a counter whose labels have values that senders chose. Whatever bytes
// they hold, the answer of GET /metrics is valid. Values that are shown alike are counted
// together.
type labelCounter struct {
	desc   *prometheus.Desc
	labels [][]string
	counts []int64
	index  map[string]int
}

// add counts n for the values of the labels, in their order.
func (c *labelCounter) add(n int64, names ...string) {
	labels := make([]string, len(names))
	for i, name := range names {
		labels[i] = store.CutName(name)
	}
	key := strings.Join(labels, "\x00\xff") // no label holds that
	i, ok := c.index[key]
	if !ok {
		if c.index == nil {
			c.index = map[string]int{}
		}
		i = len(c.counts)
		c.index[key] = i
		c.labels, c.counts = append(c.labels, labels), append(c.counts, 0)
	}
	c.counts[i] += n
}

// collect sends a metric for each combination of values.
func (c *labelCounter) collect(out chan<- prometheus.Metric) {
	for i, labels := range c.labels {
		m, err := prometheus.NewConstMetric(c.desc, prometheus.CounterValue, float64(c.counts[i]), labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(c.desc, err)
		}
		out <- m
	}
}
