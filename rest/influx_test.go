package rest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestInfluxPaths(t *testing.T) {
	f := start(t, Config{}, nil)
	line := fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin)
	for _, c := range []struct{ path, cluster string }{
		{"/write?db=al%20ex&rp=autogen&precision=s&consistency=one", "al ex"},
		{"/api/v2/write?org=-&bucket=fritz&precision=ns", "fritz"},
		{"/write", ""},
	} {
		a := f.send("POST", c.path, line)
		if got := f.log.clusters[len(f.log.clusters)-1]; a.status != 204 || a.body != "" || got != c.cluster || a.header.Get("X-Influxdb-Version") == "" {
			t.Errorf("%s: %d %s, cluster %q", c.path, a.status, a.body, got)
		}
	}
	for _, method := range []string{"GET", "HEAD", "POST"} {
		if a := f.send(method, "/ping", ""); a.status != 204 || a.header.Get("X-Influxdb-Version") == "" {
			t.Errorf("%s /ping: %d %v", method, a.status, a.header)
		}
	}
	var health struct{ Name, Status, Message string }
	if a := f.send("GET", "/health", ""); a.status != 200 || json.Unmarshal([]byte(a.body), &health) != nil || health.Name != "influxdb" || health.Status != "pass" {
		t.Errorf("health: %d %s", a.status, a.body)
	}
	for _, a := range []answer{
		f.send("POST", "/query", url.Values{"q": {`CREATE DATABASE "fritz"`}}.Encode(), "Content-Type", "application/x-www-form-urlencoded"),
		f.send("POST", "/query?q=create+database+fritz+with+duration+1d", ""), f.send("GET", "/query?db=x&q=CREATE%20DATABASE%20x%3B", ""),
	} {
		if a.status != 200 || a.body != `{"results":[{"statement_id":0}]}`+"\n" {
			t.Errorf("query: %d %s", a.status, a.body)
		}
	}
	f.log.set(errors.New("the log takes nothing"), nil)
	if a := f.send("GET", "/health", ""); a.status != 503 || json.Unmarshal([]byte(a.body), &health) != nil || health.Status != "fail" || !strings.Contains(health.Message, "takes nothing") {
		t.Errorf("health: %d %s", a.status, a.body)
	}
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x", line), 503, "unavailable", "takes nothing")
}

func wantV2(t *testing.T, a answer, status int, code, words string) {
	t.Helper()
	var got struct{ Code, Message string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != status || got.Code != code || !strings.Contains(got.Message, words) {
		t.Errorf("%d %s, want %d %s with %q", a.status, a.body, status, code, words)
	}
}

func TestInfluxErrors(t *testing.T) {
	key := newKeyPair(t)
	f := start(t, Config{JWTPublicKey: key.config(), JWTRoles: map[string][]string{"write": {"writer"}}}, nil)
	wantV1 := func(a answer, status int, words string) {
		t.Helper()
		var got struct{ Error string }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != status || !strings.Contains(got.Error, words) || strings.Contains(a.body, "status") {
			t.Errorf("%d %s, want %d with %q", a.status, a.body, status, words)
		}
	}
	line := fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin)
	wantV1(f.send("POST", "/write?db=x", line), 401, "JWT")
	wantV1(f.send("POST", "/query?q=CREATE+DATABASE+x", ""), 401, "JWT")
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x", line), 401, "unauthorized", "JWT")
	reader, writer := key.sign(t, jwt.MapClaims{"sub": "a"}), key.sign(t, jwt.MapClaims{"roles": []string{"writer"}})
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x", line, "Authorization", "Token "+reader), 403, "forbidden", "writer")
	for _, header := range [][]string{
		{"Authorization", "Token " + writer}, {"Authorization", "Bearer " + writer}, {"X-Auth-Token", writer},
		{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+writer))},
	} {
		for _, path := range []string{"/write?db=x", "/api/v2/write?bucket=x", "/api/v2/write/?bucket=x"} {
			if a := f.send("POST", path, line, header...); a.status != 204 {
				t.Errorf("%s with %s %.12s: %d %s", path, header[0], header[1], a.status, a.body)
			}
		}
	}
	// Some clients of version 1 have no header for it.
	if a := f.send("POST", "/write?consistency=any&db=x&p="+writer+"&rp=&u=vector", line); a.status != 204 {
		t.Errorf("with a parameter: %d %s", a.status, a.body)
	}
	if a := f.send("POST", "/query", url.Values{"q": {"CREATE DATABASE x"}}.Encode(), "Authorization", "Token "+writer); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantV1(f.send("POST", "/write?db=x&p=wrong", line), 401, "token")
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x&p="+writer, line), 401, "unauthorized", "JWT")
	f.header.Set("Authorization", "Token "+writer)
	wantV1(f.send("POST", "/write?db=50%", line), 400, "parameters")
	wantV2(t, f.send("POST", "/api/v2/write?bucket=a;b", line), 400, "invalid", "parameters")
	wantV1(f.send("POST", "/write?db=x", line+"nonsense\n"), 400, "line 2")
	wantV1(f.send("POST", "/write?db=%01", line), 400, "cluster")
	wantV1(f.send("GET", "/write?db=x", ""), 405, "Method")
	wantV1(f.send("POST", "/query?q=SHOW+DATABASES", ""), 400, "CREATE DATABASE")
	wantV1(f.send("GET", "/query", ""), 400, "CREATE DATABASE")
	wantV1(f.send("POST", "/query?q=CREATE+DATABASE+x%3BDROP+DATABASE+x", ""), 400, "CREATE DATABASE")
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x", "nonsense\n"), 400, "invalid", "line 1")
	wantV2(t, f.send("DELETE", "/api/v2/write", ""), 405, "method not allowed", "Method")
	wantV2(t, f.send("POST", "/api/v2/buckets", ""), 404, "not found", "")
	wantV2(t, f.send("POST", "/api/v2/write?bucket=x", "x", "Content-Encoding", "gzip"), 400, "invalid", "body")
	// Elsewhere, only the tokens that are known there count.
	f.wantError(f.send("POST", "/api/write", line), 401, "JWT")
}
