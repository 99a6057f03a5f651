package rest

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestCompressedAnswers(t *testing.T) {
	view := &longAnswers{Store: newStore(t), cells: 2000} // about 38 kB
	f := start(t, Config{}, view)
	for _, c := range []struct {
		accept  string
		queries int
		zip     bool
	}{
		{"gzip", 1, true},
		{"gzip", 100, true},
		{"br, gzip;q=0.8", 1, true},
		{"*", 1, true},
		{"GZIP;Q=1.0", 1, true},
		{"gzip;q=0", 1, false},
		{"gzip;q=0, *", 1, false},
		{"gzip;q=x", 1, false},
		{"identity", 100, false},
		{"", 1, false},
		{"gzip", 0, false},
	} {
		view.count.Store(0)
		resp := f.open(manyQueries(c.queries), c.accept)
		zipped := resp.Header.Get("Content-Encoding") == "gzip"
		if zipped != c.zip || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q, %d queries: header %v", c.accept, c.queries, resp.Header)
		}
		body := io.Reader(resp.Body)
		if zipped {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Results [][]struct{ Data []float64 } }
		if err := json.Unmarshal(text, &got); err != nil || len(got.Results) != c.queries {
			t.Fatalf("%q: %d results, want %d (%v)", c.accept, len(got.Results), c.queries, err)
		}
		for i, row := range got.Results {
			rnd := rand.New(rand.NewPCG(uint64(i+1), 1))
			for j, v := range row[0].Data {
				if want := rnd.Float64(); v != want {
					t.Fatalf("%q: result %d, value %d is %v, want %v", c.accept, i, j, v, want)
				}
			}
		}
	}
}

// TestLocalAnswersAreNotCompressed: whoever asks from the same machine without a proxy gets
// the answer as it is.
func TestLocalAnswersAreNotCompressed(t *testing.T) {
	f := start(t, Config{}, &longAnswers{Store: newStore(t), cells: 20_000})
	for _, c := range []struct {
		header string
		zip    bool
	}{
		{"", false}, {"X-Forwarded-For", true}, {"X-Real-IP", true}, {"Forwarded", true}, {"Via", true}, {"X-Other", false},
	} {
		header := []string{"Accept-Encoding", "gzip"}
		if c.header != "" {
			header = append(header, c.header, "192.0.2.1")
		}
		a := f.send("POST", "/api/query", manyQueries(1), header...)
		if zipped := a.header.Get("Content-Encoding") == "gzip"; a.status != 200 || zipped != c.zip || a.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d %v", c.header, a.status, a.header)
		}
	}
}

func TestIsLocal(t *testing.T) {
	for _, c := range []struct {
		from, to string
		local    bool
	}{
		{"127.0.0.1:1234", "127.0.0.1:8080", true},
		{"[::1]:1234", "[::1]:8080", true},
		{"[::ffff:127.0.0.1]:1234", "127.0.0.1:8080", true},
		{"10.1.2.3:1234", "10.1.2.3:8080", true},
		{"[::ffff:10.1.2.3]:1234", "10.1.2.3:8080", true},
		{"10.1.2.4:1234", "10.1.2.3:8080", false},
		{"10.1.2.4:1234", "", false},
		{"@", "", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		if c.to != "" {
			to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.to))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, to))
		}
		if local := isLocal(r); local != c.local {
			t.Errorf("from %q to %q: %v", c.from, c.to, local)
		}
	}
}
