package chunk

import (
	"errors"
	"slices"
	"testing"
)

// keyedOf returns columns of eight slots under the keys.
func keyedOf(keys ...uint64) Keyed {
	var b GroupBuilder
	b.Begin(int32(len(keys)), 8)
	for i := range keys {
		b.Add(int32(i), []float64{1, 2, 3, 4, 5, 6, 7, float64(i)})
	}
	return NewKeyed(keys, b.Finish())
}

func TestKeyed(t *testing.T) {
	k, err := ParseKeyed(keyedOf(0, 7, 1<<63), 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range []uint64{0, 7, 1 << 63} {
		if c, ok := k.Find(key); !ok || int(c) != i || k.Key(i) != key || !k.Group().Has(c) {
			t.Errorf("key %d: column %d, %v, want %d", key, c, ok, i)
		}
	}
	if c, ok := k.Find(8); ok {
		t.Errorf("column %d of a key that is not there", c)
	}
	if k := NewKeyed(nil, nil); k != nil || k.Keys() != 0 || k.Group() != nil {
		t.Errorf("without columns: %v", k)
	}
}

func TestParseKeyedRefuses(t *testing.T) {
	good := keyedOf(1, 2, 3)
	if k, err := ParseKeyed(nil, 8); k != nil || err != nil {
		t.Errorf("nothing: %v, %v", k, err)
	}
	for n := 1; n < len(good); n++ {
		if _, err := ParseKeyed(slices.Clone(good[:n]), 8); !errors.Is(err, errCorrupt) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	more := slices.Clone(good)
	more[0] = 4
	fewer := slices.Clone(good)
	fewer[0] = 0
	for name, data := range map[string][]byte{"keys that do not ascend": keyedOf(1, 3, 2), "a key twice": keyedOf(1, 2, 2), "more keys": more, "no keys": fewer, "a byte more": append(slices.Clone(good), 0)} {
		if _, err := ParseKeyed(data, 8); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseKeyed(good, 9); !errors.Is(err, errCorrupt) {
		t.Errorf("another number of slots: %v", err)
	}
}
