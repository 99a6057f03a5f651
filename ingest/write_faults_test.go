package ingest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cc-metric-store/store"
)

// TestTheLogIsNotHeldResponsible writes what no log takes, with headers or data of too
// many bytes: that is said at once, and means nothing for anybody else.
func TestTheLogIsNotHeldResponsible(t *testing.T) {
	t.Parallel()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: cannotEmbed})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	var large *store.TooLargeError
	ctx := context.Background()
	for _, length := range []int{70_000, 5 << 20} {
		if err := n.Write(ctx, strings.Repeat("x", length), strings.NewReader("cpu_load value=1\n")); !errors.As(err, &large) {
			t.Errorf("a cluster of %d bytes: %v", length, err)
		}
	}
	selectors := make([][]string, 0, 1000)
	for range cap(selectors) {
		selectors = append(selectors, []string{strings.Repeat("x", 100_000)})
	}
	if _, err := n.Free(ctx, selectors, 1); !errors.As(err, &large) {
		t.Errorf("a free request of 100 MB: %v", err)
	}
	if err := n.Writable(); err != nil {
		t.Errorf("writable: %v", err)
	}
	if err := n.Write(ctx, "c", strings.NewReader("cpu_load value=1\n")); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestFreesAreBounded(t *testing.T) {
	for _, c := range []struct {
		data string
		ok   bool
	}{
		{`{"selectors":[["c"]],"before":1}`, true},
		{`{"selectors":[` + strings.Repeat("[],", 1000) + `[]],"before":1}`, true},
		{`{"selectors":[` + strings.Repeat("[],", maxFree/3) + `[]],"before":1}`, false},
		{`{"selectors":[` + strings.Repeat("[],", store.MaxSelectors-1) + `[]],"before":1}`, true},
		{`{"selectors":[` + strings.Repeat("[],", store.MaxSelectors) + `[]],"before":1}`, false},
		{`{"selectors":` + strings.Repeat("[", maxFree/2), false},
		{`{"selectors":[["` + strings.Repeat("x", maxFree) + `"]]}`, false},
		{``, false},
		{"\x00\xff", false},
	} {
		if _, err := decodeFree([]byte(c.data)); (err == nil) != c.ok {
			t.Errorf("%.40q of %d bytes: %v", c.data, len(c.data), err)
		}
	}
}

// TestBodiesInMemory are written as they are, and are cut if they are longer than an entry.
func TestBodiesInMemory(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	line := "cpu_load,hostname=h value=1 1760000040\n"
	for _, lines := range []string{
		"", line, strings.TrimSuffix(line, "\n"), line + "#\"\n", strings.Repeat(line, writeChunk/2/len(line)), strings.Repeat(line, 3*writeChunk/len(line)),
	} {
		before := n.store.Stats()
		body := []byte(lines)
		if err := n.Write(context.Background(), "c", inMemory{strings.NewReader(lines), body}); err != nil {
			t.Errorf("%d bytes: %v", len(lines), err)
		}
		clear(body) // nothing refers to it any more
		if got, want := n.store.Stats().Samples-before.Samples, int64(strings.Count(lines, "value")); got != want {
			t.Errorf("%d bytes: %d samples, want %d", len(lines), got, want)
		}
	}
}

// oneShort is a body of a known length.
type oneShort struct{ *strings.Reader }

// TestShortBodiesOfAKnownLength writes bodies around the length from which the memory
// for long ones is taken.
func TestShortBodiesOfAKnownLength(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: cannotEmbed})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	line := "cpu_load,hostname=h value=1 1760000040\n"
	for _, size := range []int{0, 1, len(line), shortWrite - 1, shortWrite, shortWrite + 1, 3 * shortWrite} {
		text := strings.Repeat(line, size/len(line)) + "#" + strings.Repeat("x", size%len(line))
		text = text[:size]
		before := n.store.Stats()
		if err := n.Write(context.Background(), "c", oneShort{strings.NewReader(text)}); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if got, want := n.store.Stats().Samples-before.Samples, int64(size/len(line)); got != want {
			t.Errorf("%d bytes: %d samples, want %d", size, got, want)
		}
	}
}
