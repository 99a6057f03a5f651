package test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestInfluxClients writes as clients of InfluxDB 1 and 2 do, request by request, and asks for the samples.
func TestInfluxClients(t *testing.T) {
	t.Parallel()
	key := newKeyPair(t)
	n := start(t, withKey(key.config()))
	token := key.token(t, jwt.MapClaims{"sub": "telegraf"})
	at := time.Now().Unix() / 60 * 60
	want := func(cluster, host string, value float64) {
		t.Helper()
		body := fmt.Sprintf(`{"cluster":%q,"from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":%q}]}`, cluster, at, at+60, host)
		if a := n.send("POST", "/api/query", body, "Authorization", "Bearer "+token); !strings.Contains(a.body, fmt.Sprintf(`"data":[%v]`, value)) {
			t.Errorf("%s of %s: %d %s", host, cluster, a.status, a.body)
		}
	}

	// A client of version 1 logs in with a name and a password, looks who is there, makes its database, and writes.
	v1 := influxClient{t, n, "Basic " + base64.StdEncoding.EncodeToString([]byte("telegraf:"+token))}
	if resp, _ := v1.send("GET", "/ping?wait_for_leader=5s", nil); resp.StatusCode != 204 || resp.Header.Get("X-Influxdb-Version") == "" {
		t.Errorf("ping: %d %v", resp.StatusCode, resp.Header)
	}
	form := url.Values{"q": {`CREATE DATABASE "fritz"`}, "db": {"fritz"}}.Encode()
	resp, body := v1.send("POST", "/query", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded")
	var results struct{ Results []struct{ Error string } }
	if err := json.Unmarshal(body, &results); err != nil || resp.StatusCode != 200 || len(results.Results) != 1 || results.Results[0].Error != "" {
		t.Errorf("make the database: %d %s", resp.StatusCode, body)
	}
	lines := fmt.Sprintf("cpu_load,hostname=h1,type=node value=1.5 %d\n", at*1e9)
	resp, body = v1.send("POST", "/write?consistency=&db=fritz&precision=s&rp=", strings.NewReader(lines), "Content-Type", "", "User-Agent", "InfluxDBClient")
	if resp.StatusCode != 204 || len(body) > 0 {
		t.Errorf("write as version 1: %d %s", resp.StatusCode, body)
	}
	want("fritz", "h1", 1.5)

	// One of version 2 has a token, and compresses.
	v2 := influxClient{t, n, "Token " + token}
	resp, body = v2.send("GET", "/health", nil)
	var health struct{ Name, Status string }
	if err := json.Unmarshal(body, &health); err != nil || resp.StatusCode != 200 || health.Status != "pass" {
		t.Errorf("health: %d %s", resp.StatusCode, body)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := fmt.Fprintf(z, "cpu_load,host=h2 value=2.5 %d\ncpu_load,host=h3,cluster=alex value=3i %d\n", at*1e9, at*1e9); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	resp, body = v2.send("POST", "/api/v2/write?bucket=fritz&org=hpc&precision=ns", &packed, "Content-Encoding", "gzip", "Content-Type", "text/plain; charset=utf-8")
	if resp.StatusCode != 204 || len(body) > 0 {
		t.Errorf("write as version 2: %d %s", resp.StatusCode, body)
	}
	want("fritz", "h2", 2.5)
	want("alex", "h3", 3)

	// A line that cannot be stored does not keep the others out, and the error has the form that is expected.
	resp, body = v2.send("POST", "/api/v2/write?bucket=fritz", strings.NewReader(fmt.Sprintf("cpu_load,host=h4 usage=1\ncpu_load,host=h5 value=5 %d\n", at)))
	var fault struct{ Code, Message string }
	if err := json.Unmarshal(body, &fault); err != nil || resp.StatusCode != 400 || fault.Code != "invalid" || !strings.Contains(fault.Message, "line 1") {
		t.Errorf("write a faulty line: %d %s", resp.StatusCode, body)
	}
	want("fritz", "h5", 5)
}

// influxClient sends requests to a node as clients of InfluxDB do.
type influxClient struct {
	t             *testing.T
	n             *node
	authorization string
}

func (c influxClient) send(method, path string, body io.Reader, header ...string) (*http.Response, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.n.URL+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", c.authorization)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, text
}
