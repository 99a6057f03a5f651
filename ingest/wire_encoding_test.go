package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// TestCompressedEntries writes over REST what is compressed, and publishes compressed
// messages of all kinds.
func TestCompressedEntries(t *testing.T) {
	ctx := context.Background()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	lines := func(host string) string {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "cpu_load,hostname=%s value=%d %d\n", host, i, base+60*int64(i))
		}
		return b.String()
	}
	if err := n.Write(ctx, "c", strings.NewReader(lines("a")+"cpu_load,hostname=a value=oops\n")); err == nil || !strings.Contains(err.Error(), "line 101") {
		t.Errorf("error %v", err)
	}
	if v := value(t, n.store, "c", "a", "cpu_load", base+60*99); v != 99 {
		t.Errorf("value %v, want 99", v)
	}
	js := connectTo(t, ns)
	m, err := js.Stream(ctx, "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := m.GetMsg(ctx, 1)
	if err != nil || stored.Header.Get(headerEncoding) != encodingS2 || len(stored.Data) > len(lines("a"))/2 {
		t.Errorf("%d bytes, header %v, %v", len(stored.Data), stored.Header, err)
	}
	send := func(data []byte) {
		t.Helper()
		m := &nats.Msg{Subject: "hpc-nats", Data: data, Header: nats.Header{headerEncoding: []string{encodingS2}}}
		if _, err := js.PublishMsg(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	send(s2.Encode(nil, []byte(lines("b"))))
	send([]byte("no block"))
	send([]byte{})
	send([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}) // claims to be of 4 GiB
	send(s2.Encode(nil, bytes.Repeat([]byte(`m b="`), 1<<20)))
	send(s2.Encode(nil, bytes.Repeat([]byte("\n"), 8<<20)))
	send(s2.Encode(nil, []byte(lines("d"))))
	eventually(t, "all entries", func() bool { return n.Stats().Entries == 8 })
	for _, host := range []string{"b", "d"} {
		if v := value(t, n.store, "dc", host, "cpu_load", base+60*99); v != 99 {
			t.Errorf("%s: value %v, want 99", host, v)
		}
	}
	if bad := n.Stats().NotStored["syntax"]; bad != 6 {
		t.Errorf("%d faults, want one of a line and five of entries", bad)
	}
}

func TestCompress(t *testing.T) {
	var scratch []byte
	var numbers []byte
	for i := range 1000 {
		numbers = fmt.Appendf(numbers, "long %d ", i)
	}
	// The last one would decompress to more times its size than anybody may send.
	for _, data := range [][]byte{nil, []byte("short"), numbers, bytes.Repeat([]byte("\n"), 1<<20)} {
		block := compress(&scratch, data)
		if block == nil {
			if len(data) == len(numbers) {
				t.Errorf("%d bytes are not compressed", len(data))
			}
			continue
		}
		if n := decompressedLen(nats.Header{headerEncoding: []string{encodingS2}}, block); n != len(data) {
			t.Errorf("decompressed length %d, want %d", n, len(data))
		}
		lines, err := decompress(nil, block)
		if err != nil || !bytes.Equal(lines, data) {
			t.Errorf("%d bytes come back as %d, %v", len(data), len(lines), err)
		}
	}
}
