package rest

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"cc-metric-store/test/testkit"
)

// TestABodyWaitsForNoPlaceOfItsOwn reads bodies of all sizes and encodings where each
// gate has one place: who needs a gate twice has it once.
func TestABodyWaitsForNoPlaceOfItsOwn(t *testing.T) {
	rnd := testkit.Rand(t)
	one := func() *gate { return newGate(1, 0) }
	a := &api{gates: &gates{bodies: one(), writes: one(), large: one(), huge: one(), zstd: one(), replies: one(), queries: one()}}
	for _, size := range []int{0, 1, smallBody, smallBody + 1, mediumBody, mediumBody + 1, largeBody + 1} {
		random := make([]byte, size)
		for i := range random {
			random[i] = byte(rnd.Uint32())
		}
		content := strings.Repeat(" ", 3) + "[" + strings.Repeat("1,", max(size/2-2, 0)) + "1]"
		for _, form := range []struct{ form, header string }{{"", ""}, {"gzip", "gzip"}, {"zlib", "deflate"}, {"zstd", "zstd"}} {
			for _, json := range []bool{false, true} {
				body, want := string(random), string(random)
				if json {
					body, want = content, content
				}
				if form.form != "" {
					body = string(compressed(t, form.form, strings.NewReader(body)))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				req := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader(body))
				req.Header.Set("Content-Encoding", form.header)
				c := echo.New().NewContext(req, httptest.NewRecorder())
				newClient(c)
				b, err := a.openBody(c, true)
				if err != nil {
					t.Fatalf("%d bytes as %q: %v", size, form.header, err)
				}
				var got []byte
				if json {
					got, err = b.text(a.gates)
					if err == nil {
						err = b.reserve(a.gates, contents{items: len(got)})
					}
				} else {
					var lines io.Reader
					if lines, err = b.lines(a.gates); err == nil {
						got, err = io.ReadAll(lines)
					}
				}
				ratio := err != nil && strings.Contains(err.Error(), "200 times")
				if !ratio && (err != nil || !bytes.Equal(got, []byte(want))) {
					t.Errorf("%d bytes as %q, JSON %v: %d of %d bytes (%v)", size, form.header, json, len(got), len(want), err)
				}
				b.close()
				cancel()
			}
		}
	}
	for name, g := range map[string]*gate{"bodies": a.gates.bodies, "writes": a.gates.writes, "large": a.gates.large, "huge": a.gates.huge, "zstd": a.gates.zstd} {
		if len(g.inside) > 0 || g.waiters() > 0 {
			t.Errorf("%s: %d are left inside", name, len(g.inside))
		}
	}
}
