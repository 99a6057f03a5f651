package original

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
)

// flat is a visitor that takes everything as text.
type flat struct {
	all    []string
	series string
}

func (f *flat) begin(keys []string, metric string, h header) error {
	f.series = fmt.Sprintf("%q %q %v", keys, metric, h)
	return h.check(metric)
}

func (f *flat) value(v float64) error {
	f.all = append(f.all, fmt.Sprint(f.series, math.Float64bits(v)))
	return nil
}

// small is a snapshot with all that one can have. Long seeds would take the fuzzer's time.
func small() level {
	return level{from: 1000, metrics: []metric{{"load", 60, 1000, []float32{1, float32(math.NaN()), 3}}}, children: []child{
		{"socket0", level{from: 1000, metrics: []metric{{"power", 60, 1012, []float32{4.5}}}, children: []child{{"port1", level{}}}}},
	}}
}

// checkFuzz: whatever a file holds, the reading ends, an error is damage within the file, and
// what was read is not more than the file can hold. A byte at its end changes nothing before.
func checkFuzz(t *testing.T, file []byte, read func([]byte) ([]string, error)) {
	got, err := read(file)
	var damage *damageError
	if err != nil && (!errors.As(err, &damage) || damage.offset < 0 || damage.offset > int64(len(file))) {
		t.Fatalf("%v of %d bytes", err, len(file))
	}
	if len(got) > len(file) {
		t.Fatalf("%d samples of %d bytes", len(got), len(file))
	}
	part, _ := read(file[:len(file)/2])
	if len(part) > len(got) {
		t.Fatalf("%d samples in half of a file, and %d in all of it", len(part), len(got))
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(small().json()))
	f.Add([]byte(`{"children":{"socket0":{"from":1000,"metrics":{"power":{"data":[5,null,7],"start":"1060","frequency":"60"}}}},"x":{"y":[true,false,null,"\u0041"]}}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		checkFuzz(t, file, func(b []byte) ([]string, error) {
			v := &flat{}
			err := readJSON(bytes.NewReader(b), v)
			return v.all, err
		})
	})
}

func FuzzReadBinary(f *testing.F) {
	f.Add(small().binary())
	f.Fuzz(func(t *testing.T, file []byte) {
		checkFuzz(t, file, func(b []byte) ([]string, error) {
			v := &flat{}
			err := readBinary(bytes.NewReader(b), v)
			return v.all, err
		})
	})
}

func FuzzReadWAL(f *testing.F) {
	one := appendRecord(walHead(), 1000, "load", 1)
	f.Add(one)
	f.Add(appendRecord(append(one, one[4:20]...), 1060, "power", 2, "socket0", "port1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		checkFuzz(t, file, func(b []byte) (all []string, err error) {
			err = readWAL(bytes.NewReader(b), func(r *walRecord) error {
				all = append(all, fmt.Sprintf("%d %q %q %v", r.at, r.metric, r.keys, math.Float32bits(r.value)))
				return nil
			})
			return all, err
		})
	})
}
