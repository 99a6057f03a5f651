package rest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cc-metric-store/store"
)

// discard is a ResponseWriter that counts.
type discard struct {
	header http.Header
	bytes  int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.bytes += int64(len(p))
	return len(p), nil
}

// BenchmarkQuery asks for one metric of 256 hosts over 12 hours, 184,320
// values: from the request's bytes to the answer's, without a network.
func BenchmarkQuery(b *testing.B) {
	s := newStore(b)
	metric, _ := s.Metric([]byte("cpu_load"))
	rnd := rand.New(rand.NewPCG(1, 1))
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"cluster":"alex","from":%d,"to":%d,"queries":[`, origin, origin+720*60)
	for h := range 256 {
		batch := store.Batch{Cluster: "alex", Host: fmt.Sprint("n", h), Parts: []store.Part{{}}}
		decimals := math.Pow10(h % 7)
		value := 1000 * rnd.Float64()
		for i := range 720 {
			value += rnd.NormFloat64()
			batch.Add(0, metric, origin+60*int64(i), math.Round(value*decimals)/decimals)
		}
		s.Append(&batch)
		if h > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"metric":"cpu_load","host":"n%d"}`, h)
	}
	body.WriteString("]}")
	server, err := New(Config{}, s, &testLog{store: s})
	if err != nil {
		b.Fatal(err)
	}
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			out := &discard{}
			for range b.N {
				req := httptest.NewRequest("GET", "/api/query", strings.NewReader(body.String()))
				req.Header.Set("Accept-Encoding", encoding)
				out.header = http.Header{}
				out.bytes = 0
				server.handler.ServeHTTP(out, req)
			}
			b.ReportMetric(float64(out.bytes), "bytes/answer")
		})
	}
}
