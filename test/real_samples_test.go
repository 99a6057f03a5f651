package test

import (
	"fmt"
	"os"
	"testing"
)

const emmySamples, emmyHosts, emmyMetrics = 377019, 32, 9

// TestRealJob plays a day of a real job over NATS, in the messages in which it
// was sent, and asks for every sample of it, in memory and then in the archive.
func TestRealJob(t *testing.T) {
	t.Parallel()
	messages := splitMessages(readGzip(t, "testdata/emmy-job-1403244.lp.gz"))
	m := newModel(60)
	for _, message := range messages {
		m.addMessage(t, message)
	}
	if m.samples != emmySamples || len(m.origins) != emmyHosts || len(m.metrics) != emmyMetrics || m.slots() != emmySamples {
		t.Fatalf("the file has %d samples in %d slots of %d hosts and %d metrics, want %d each in its own slot, of %d hosts and %d metrics",
			m.samples, m.slots(), len(m.origins), len(m.metrics), emmySamples, emmyHosts, emmyMetrics)
	}
	cfg := baseConfig()
	metrics := object{}
	for name := range m.metrics {
		metrics[name] = minute()
	}
	cfg["metrics"] = metrics
	section(section(cfg, "nats"), "embedded")["sync"] = "1s" // the test is of values, not of the disk
	n := start(t, archiving(cfg))
	c := n.client()
	for _, message := range messages {
		c.send(subject, message)
	}
	c.flush()
	n.waitFor("all samples", func() error {
		if stored := n.metric("samples_total"); stored < emmySamples {
			return fmt.Errorf("%v of %d are stored", stored, emmySamples)
		}
		return nil
	})
	if compared := m.compare(n, "emmy"); compared != emmySamples {
		t.Errorf("%d samples came back equal, want %d", compared, emmySamples)
	}
	n.stop()
	n = n.forget()
	if compared := m.compare(n, "emmy"); compared != emmySamples {
		t.Errorf("%d samples came back equal from the archive, want %d", compared, emmySamples)
	}
}

// TestRealCollector plays the messages of a real collector, whose tags, types
// of numbers and order of lines are its own.
func TestRealCollector(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/collector-capture.lp")
	if err != nil {
		t.Fatal(err)
	}
	messages := splitMessages(string(text))
	// The text value was recorded alone; here good lines follow it.
	last := len(messages) - 1
	messages[0] = messages[last] + messages[0]
	messages = messages[:last]
	m := newModel(5)
	for _, message := range messages {
		m.addMessage(t, message)
	}
	if len(messages) != 6 || m.samples != 580 || m.refused != 1 {
		t.Fatalf("the file has %d messages, %d numeric lines and %d others, want 6, 580 and 1", len(messages), m.samples, m.refused)
	}
	cfg := baseConfig()
	metrics := object{"topproc1": object{"frequency": 5}}
	for name := range m.metrics {
		metrics[name] = object{"frequency": 5}
	}
	cfg["metrics"] = metrics
	// The clock of the machine that recorded the file is none of ours.
	section(cfg, "metric-store")["future-tolerance"] = "200000h"
	n := start(t, cfg)
	c := n.client()
	for _, message := range messages {
		n.publish(c, subject, message)
	}
	if stored := n.metric("samples_total"); stored != 580 {
		t.Errorf("%v samples are stored, want 580", stored)
	}
	if refused := n.metric(`lines_not_stored_total{reason="value"}`); refused != 1 {
		t.Errorf("%v lines are refused for their value, want 1", refused)
	}
	if compared := m.compare(n, "testcluster"); compared != m.slots() {
		t.Errorf("%d values came back equal, want %d", compared, m.slots())
	}
}
