package embedded

import (
	"os"
	"strconv"
	"testing"
)

// TestBlocksAsTheServerWritesThem reads all records of the blocks that nats-server
// has written: another version of it may write others.
func TestBlocksAsTheServerWritesThem(t *testing.T) {
	dir := makeSite(t).stopped
	next := uint64(1)
	for block := 1; block <= 4; block++ {
		data, err := os.ReadFile(streamPath(dir, messagesName, strconv.Itoa(block)+blockSuffix))
		if err != nil {
			t.Fatal(err)
		}
		reader, err := newRecordReader("S", block)
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			r, ok := reader.read(data)
			if !ok {
				t.Fatalf("block %d: no record where entry %d should be", block, next)
			}
			if r.seq != next || r.removal || r.time.IsZero() {
				t.Fatalf("block %d: %+v, want entry %d", block, r, next)
			}
			data, next = data[r.length:], next+1
		}
	}
	if next != messages+1 {
		t.Errorf("the blocks hold %d entries, want %d", next-1, messages)
	}
}
