package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	prommodel "github.com/prometheus/common/model"
)

// TestPrometheusClient has a client of Prometheus' Go library ask every endpoint of a node whose answers need a
// token.
func TestPrometheusClient(t *testing.T) {
	t.Parallel()
	key := newKeyPair(t)
	cfg := withKey(key.config())
	section(cfg, "main")["prometheus"] = object{"max-series": 4, "max-points": 100}
	n := start(t, cfg)
	token := key.token(t, jwt.MapClaims{"sub": "grafana"})
	at := time.Now().Add(-2*time.Minute).Unix() / 60 * 60
	for _, lines := range []string{
		fmt.Sprintf("cpu_load,hostname=h1,type=node value=1.5 %d\ncpu_load,hostname=h2,type=node value=2.5 %d\n", at, at),
		fmt.Sprintf("cpu_load,hostname=h1,type=node value=3 %d\n", at+60),
	} {
		if a := n.send("POST", "/api/write/?cluster=alex", lines, "Authorization", "Bearer "+token); a.status != 200 {
			t.Fatalf("write: %d %s", a.status, a.body)
		}
	}
	client, err := api.NewClient(api.Config{Address: n.URL, RoundTripper: withToken(token)})
	if err != nil {
		t.Fatal(err)
	}
	prom := v1.NewAPI(client)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begin, end := time.Unix(at, 0), time.Unix(at+60, 0)
	series := func(host string) prommodel.LabelSet {
		return prommodel.LabelSet{"__name__": "cpu_load", "cluster": "alex", "hostname": prommodel.LabelValue(host), "type": "node"}
	}

	value, warnings, _, err := prom.Query(ctx, `cpu_load{hostname="h1"}`, end)
	vector, ok := value.(prommodel.Vector)
	if err != nil || len(warnings) > 0 || !ok || len(vector) != 1 || vector[0].Value != 3 || !prommodel.LabelSet(vector[0].Metric).Equal(series("h1")) || vector[0].Timestamp.Unix() != at+60 {
		t.Errorf("query: %v, warnings %q, error %v", value, warnings, err)
	}
	value, _, _, err = prom.Query(ctx, "1+1", time.Unix(4, 0))
	if scalar, ok := value.(*prommodel.Scalar); err != nil || !ok || scalar.Value != 2 {
		t.Errorf("query of a number: %v, %v", value, err)
	}
	value, _, _, err = prom.QueryRange(ctx, "sum by (cluster) (cpu_load)", v1.Range{Start: begin, End: end, Step: time.Minute})
	matrix, ok := value.(prommodel.Matrix)
	if err != nil || !ok || len(matrix) != 1 || len(matrix[0].Values) != 2 || matrix[0].Values[0].Value != 4 || matrix[0].Values[1].Value != 5.5 {
		t.Errorf("range: %v, %v", value, err)
	}
	value, warnings, _, err = prom.Query(ctx, "cpu_load", end, v1.WithLimit(1), v1.WithTimeout(time.Second), v1.WithLookbackDelta(2*time.Minute))
	if vector, ok := value.(prommodel.Vector); err != nil || !ok || len(vector) != 1 || len(warnings) != 1 {
		t.Errorf("query with options: %v, warnings %q, error %v", value, warnings, err)
	}

	names, _, _, err := prom.LabelNames(ctx, nil, begin, end)
	if want := (prommodel.LabelNames{"__name__", "cluster", "hostname", "type"}); err != nil || !slices.Equal(names, want) {
		t.Errorf("label names: %q, %v", names, err)
	}
	values, _, _, err := prom.LabelValues(ctx, "hostname", []string{"cpu_load"}, begin, end)
	if err != nil || !slices.Equal(values, prommodel.LabelValues{"h1", "h2"}) {
		t.Errorf("label values: %q, %v", values, err)
	}
	sets, _, _, err := prom.Series(ctx, []string{`{hostname=~"h[12]"}`}, begin, end)
	if err != nil || len(sets) != 2 || !sets[0].Equal(series("h1")) || !sets[1].Equal(series("h2")) {
		t.Errorf("series: %v, %v", sets, err)
	}
	metadata, err := prom.Metadata(ctx, "cpu_load", "10")
	if err != nil || len(metadata["cpu_load"]) != 1 || metadata["cpu_load"][0].Type != v1.MetricTypeGauge {
		t.Errorf("metadata: %v, %v", metadata, err)
	}
	if info, err := prom.Buildinfo(ctx); err != nil || info.Version == "" {
		t.Errorf("build info: %+v, %v", info, err)
	}
	if rules, err := prom.Rules(ctx, nil); err != nil || len(rules.Groups) > 0 {
		t.Errorf("rules: %v, %v", rules, err)
	}
	if alerts, err := prom.Alerts(ctx); err != nil || len(alerts.Alerts) > 0 {
		t.Errorf("alerts: %v, %v", alerts, err)
	}

	wantPromError(t, "no expression", v1.ErrBadData, func() error { _, _, _, err := prom.Query(ctx, "cpu_load{", end); return err })
	wantPromError(t, "many points", v1.ErrBadData, func() error {
		_, _, _, err := prom.QueryRange(ctx, "cpu_load", v1.Range{Start: begin, End: end, Step: 100 * time.Millisecond})
		return err
	})
	wantPromError(t, "a sum of labels", v1.ErrExec, func() error {
		_, _, _, err := prom.Query(ctx, `label_replace(cpu_load, "hostname", "", "", "")`, end)
		return err
	})
	wantPromError(t, "no exemplars", v1.ErrClient, func() error { _, err := prom.QueryExemplars(ctx, "cpu_load", begin, end); return err })
	stranger, err := api.NewClient(api.Config{Address: n.URL})
	if err != nil {
		t.Fatal(err)
	}
	wantPromError(t, "no token", v1.ErrClient, func() error { _, _, _, err := v1.NewAPI(stranger).Query(ctx, "1", end); return err })
}

func wantPromError(t *testing.T, what string, kind v1.ErrorType, do func() error) {
	t.Helper()
	err := do()
	if known, ok := errors.AsType[*v1.Error](err); !ok || known.Type != kind {
		t.Errorf("%s: error %v (%T), want %s", what, err, err, kind)
	}
}

// withToken adds a token to each request.
type withToken string

// RoundTrip implements http.RoundTripper.
func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(w))
	return http.DefaultTransport.RoundTrip(r)
}
