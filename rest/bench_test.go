package rest

import (
	"fmt"
	"io"
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

// benchServer returns a server over one metric of 256 hosts for 12 hours, 184,320 values.
func benchServer(b *testing.B) *Server {
	s := newStore(b)
	metric, _ := s.Metric([]byte("cpu_load"))
	rnd := rand.New(rand.NewPCG(1, 1))
	for h := range 256 {
		batch := store.Batch{Cluster: "alex", Host: fmt.Sprint("n", h), Parts: []store.Part{{}}}
		decimals := math.Pow10(h % 7)
		value := 1000 * rnd.Float64()
		for i := range 720 {
			value += rnd.NormFloat64()
			batch.Add(0, metric, origin+60*int64(i), math.Round(value*decimals)/decimals)
		}
		s.Append(&batch)
	}
	server, err := New(Config{}, s, &testLog{store: s})
	if err != nil {
		b.Fatal(err)
	}
	return server
}

// ask sends a request again and again: from its bytes to the answer's, without a network.
func ask(b *testing.B, server *Server, body, encoding string) {
	b.ReportAllocs()
	out := &discard{}
	for range b.N {
		req := httptest.NewRequest("GET", "/api/query", strings.NewReader(body))
		req.Header.Set("Accept-Encoding", encoding)
		out.header = http.Header{}
		out.bytes = 0
		server.handler.ServeHTTP(out, req)
	}
	b.ReportMetric(float64(out.bytes), "bytes/answer")
}

// BenchmarkQuery asks for all hosts over 12 hours.
func BenchmarkQuery(b *testing.B) {
	server := benchServer(b)
	var items []string
	for h := range 256 {
		items = append(items, fmt.Sprintf(`{"metric":"cpu_load","host":"n%d"}`, h))
	}
	body := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[%s]}`, origin, origin+720*60, strings.Join(items, ","))
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) { ask(b, server, body, encoding) })
	}
	b.Run("http", func(b *testing.B) { askLocally(b, server, body) })
}

// askLocally is ask over a connection to this machine. The time of its client counts, too.
func askLocally(b *testing.B, server *Server, body string) {
	b.ReportAllocs()
	s := httptest.NewServer(server.handler)
	defer s.Close()
	read := make([]byte, 64<<10)
	for range b.N {
		resp, err := s.Client().Post(s.URL+"/api/query", "application/json", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(read)
		}
		_ = resp.Body.Close()
		if err != io.EOF || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.StatusCode, err)
		}
	}
}

// BenchmarkSmallQueries asks for the last five minutes of all hosts, and for 6 hours of one.
func BenchmarkSmallQueries(b *testing.B) {
	server := benchServer(b)
	all := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"for-all-nodes":["cpu_load","cpu_load"]}`, origin+715*60, origin+720*60)
	one := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":"n3"}]}`, origin+360*60, origin+720*60)
	b.Run("all", func(b *testing.B) { ask(b, server, all, "identity") })
	b.Run("all/http", func(b *testing.B) { askLocally(b, server, all) })
	b.Run("one", func(b *testing.B) { ask(b, server, one, "identity") })
	b.Run("one/http", func(b *testing.B) { askLocally(b, server, one) })
}

// BenchmarkJobStatistics asks for the statistics of 1,000 jobs of 8 hosts over some hours,
// 10 times, as for so many metrics.
func BenchmarkJobStatistics(b *testing.B) {
	server := benchServer(b)
	rnd := rand.New(rand.NewPCG(1, 1))
	var items []string
	for range 1000 {
		from := origin + 60*rnd.IntN(360)
		to := from + 60*rnd.IntN(360)
		for host := range 8 {
			item := fmt.Sprintf(`{"metric":"cpu_load","host":"n%d","from":%d,"to":%d}`, (host+rnd.IntN(256))%256, from, to)
			for range 10 {
				items = append(items, item)
			}
		}
	}
	body := `{"cluster":"alex","with-data":false,"queries":[` + strings.Join(items, ",") + `]}`
	b.Run("handler", func(b *testing.B) { ask(b, server, body, "identity") })
	b.Run("http", func(b *testing.B) { askLocally(b, server, body) })
}
