package test

import "testing"

func TestBadQueries(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("a", 5))
	for _, c := range []struct{ method, path, body, says string }{
		{"GET", "/api/query", `{"cluster":"alex","from":0,"to":9000000000000000,"queries":[{"metric":"cpu_load","host":"a"}]}`, "at most 1048576 steps"},
		{"GET", "/api/query", `{"cluster":"alex","from":-9000000000000000000,"to":9000000000000000000,"queries":[{"metric":"cpu_load","host":"a"}]}`, "at most 1048576 steps"},
		{"GET", "/api/query", `{"cluster":"alex","from":10,"to":5,"queries":[{"metric":"cpu_load","host":"a"}]}`, "invalid time range"},
		{"GET", "/api/query", `{"cluster":"alex","from":1e99,"to":5}`, "integer"},
		{"GET", "/api/query", `{"cluster":`, "JSON"},
		{"GET", "/api/query", "", "empty"},
		{"POST", "/api/query", "\x00\x01", "JSON"},
		{"POST", "/api/free", "[]", "'to' is a required query parameter"},
		{"POST", "/api/free?to=soon", "[]", "'to'"},
		{"POST", "/api/free?to=1", `["alex"`, "JSON"},
		{"GET", "/api/healthcheck", `{"clusters":"alex"}`, "parsing request body failed"},
		{"GET", "/api/healthcheck", "", "'cluster' and 'node' are required query parameter"},
		{"GET", "/api/debug?selector=nowhere", "", "not found"},
	} {
		n.wantError(n.send(c.method, c.path, c.body), 400, c.says)
	}
	n.wantRamp("a", 5)
}
