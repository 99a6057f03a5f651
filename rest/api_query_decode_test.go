package rest

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// checkDecodeQuery holds what is decoded of a text against what encoding/json makes of it. It
// reports whether the text was not left to encoding/json.
func checkDecodeQuery(t *testing.T, text string) bool {
	t.Helper()
	found, err := countJSON([]byte(text))
	if err != nil {
		return false
	}
	value := []byte(text[:found.end])
	req := &queryRequest{Queries: make([]queryItem, 0, found.objects)}
	if !decodeQuery(value, req) {
		if !reflect.DeepEqual(req, &queryRequest{Queries: []queryItem{}}) || !reflect.DeepEqual(req.Queries[:cap(req.Queries)], make([]queryItem, cap(req.Queries))) {
			t.Fatalf("%q was not decoded, but left %+v", text, req)
		}
		return false
	}
	var want queryRequest
	if err := json.Unmarshal(value, &want); err != nil {
		t.Fatalf("%q was decoded to %+v, want %v", text, req, err)
	}
	if !reflect.DeepEqual(req, &want) || math.Signbit(sumScales(req)) != math.Signbit(sumScales(&want)) {
		t.Fatalf("%q was decoded to\n%+v, want\n%+v", text, req, want)
	}
	return true
}

func sumScales(r *queryRequest) float64 {
	sum := math.Copysign(0, -1)
	for _, q := range r.Queries {
		sum += q.ScaleBy
	}
	return sum
}

// usualQueries are requests that encoding/json is spared.
var usualQueries = []string{
	`{}`,
	` { } `,
	`{"cluster":"fritz","from":1725620400,"to":1725620520,"queries":[{"metric":"mem_used","host":"f0101"}]}`,
	`{"cluster" : "fritz" , "queries" : [ { "metric" : "a" } , {} , {"host":"","metric":"a"} ],` + "\n\t\r" + `"for-all-nodes":["a", "b c", ""]}`,
	`{"queries":[],"for-all-nodes":[],"with-stats":true,"with-data":false,"with-padding":true,"resample-algo":"average"}`,
	`{"cluster":null,"from":null,"to":null,"queries":null,"for-all-nodes":null,"with-stats":null,"with-data":null,"with-padding":null,"resample-algo":null}`,
	`{"queries":[{"metric":"m","host":"h","type":"socket","type-ids":["0","1"],"subtype":"s","subtype-ids":["x"],"resolution":600,"scale-by":0.001,"aggreg":true,"from":-1,"to":0}]}`,
	`{"queries":[{"metric":null,"host":null,"type":null,"type-ids":null,"subtype":null,"subtype-ids":[null,"a"],"resolution":null,"scale-by":null,"aggreg":null,"from":null,"to":null}]}`,
	`{"queries":[{"scale-by":-0},{"scale-by":1e3},{"scale-by":-1.5E-7},{"from":123456789012345678,"to":-123456789012345678},{"from":-0}]}`,
	`{"queries":[{"scale-by":-0}]}`,
	`{"from":1} {"to":2}`,
}

// otherTexts are left to encoding/json, or invalid.
var otherTexts = []string{
	``, `[]`, `null`, `1`, `{`, `{"cluster"`, `{"cluster":`, `{"cluster":"a`, `{"cluster":"a"`, `{"cluster":"a",`, `{"cluster":"a",}`, `{,}`, `{"from":1,,"to":2}`, `{"from" 1}`,
	`{"Cluster":"a"}`, `{"cluſter":"a"}`, `{"cluster":"a","cluster":"b"}`, `{"unknown":1}`, `{"cluster":"\u0061"}`, `{"clust\u0065r":"a"}`, `{"cluster":"é"}`, "{\"cluster\":\"\xff\"}", "{\"cluster\":\"\x00\"}",
	`{"from":1.0}`, `{"from":1e3}`, `{"from":"1"}`, `{"from":01}`, `{"from":-}`, `{"from":+1}`, `{"from":9223372036854775807}`, `{"from":9223372036854775808}`, `{"from":1 2}`, `{"from":nul}`, `{"from":nulll}`,
	`{"queries":{}}`, `{"queries":[null]}`, `{"queries":[1,2]}`, `{"queries":[{]}`, `{"queries":[{}`, `{"queries":[{},]}`, `{"queries":[{}}]`, `{"queries":[[]]}`, `{"queries":[{"from":"x"}]}`, `{"queries":[{"aggreg":1}]}`,
	`{"queries":[{"aggreg":tru}]}`, `{"queries":[{"aggreg":truee}]}`, `{"queries":[{"scale-by":1e999}]}`, `{"queries":[{"scale-by":01}]}`, `{"queries":[{"scale-by":.5}]}`, `{"queries":[{"scale-by":1.}]}`,
	`{"queries":[{"scale-by":-}]}`, `{"queries":[{"scale-by":0x10}]}`, `{"queries":[{"type-ids":"0"}]}`, `{"queries":[{"type-ids":[0]}]}`, `{"queries":[{"type-ids":["0"}]}`,
	`{"queries":[{"metric":"a"}],"queries":[{"host":"b"}]}`, `{"with-data":0}`, `{"with-data":"false"}`, `{"cluster":{"a":1}}`, `{"cluster":"a"]`,
}

func TestDecodeQuery(t *testing.T) {
	for _, text := range usualQueries {
		if !checkDecodeQuery(t, text) {
			t.Errorf("%q is left to encoding/json", text)
		}
	}
	for _, text := range otherTexts {
		if checkDecodeQuery(t, text) {
			t.Errorf("%q is not left to encoding/json", text)
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	for _, text := range slices.Concat(usualQueries, otherTexts) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkDecodeQuery(t, text) })
}

// TestDecodeDamagedQueries changes bytes of usual requests.
func TestDecodeDamagedQueries(t *testing.T) {
	rnd := testkit.Rand(t)
	pieces := []byte(`{}[]",:\ nulltruefals0123456789.eE+-` + "\x00\xff\n")
	decoded := 0
	for range 50_000 {
		text := []byte(usualQueries[rnd.IntN(len(usualQueries))])
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(text))
			switch piece := pieces[rnd.IntN(len(pieces))]; rnd.IntN(3) {
			case 0:
				text[i] = piece
			case 1:
				text = slices.Insert(text, i, piece)
			case 2:
				if len(text) > 1 {
					text = slices.Delete(text, i, i+1)
				}
			}
		}
		if checkDecodeQuery(t, string(text)) {
			decoded++
		}
	}
	t.Logf("%d texts were decoded", decoded)
}

// TestDecodeManyQueries: names that share a place are told apart.
func TestDecodeManyQueries(t *testing.T) {
	rnd := testkit.Rand(t)
	var req queryRequest
	for range 5000 {
		item := queryItem{Metric: fmt.Sprint("m", rnd.IntN(20)), Host: fmt.Sprint("h", rnd.IntN(2000))}
		if rnd.IntN(2) == 0 {
			item.From, item.Type, item.TypeIDs = new(rnd.Int64N(1e9)), "core", strings.Split("0123456789"[:rnd.IntN(10)], "")
		}
		req.Queries = append(req.Queries, item)
	}
	text, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	if !checkDecodeQuery(t, string(text)) {
		t.Error("it is left to encoding/json")
	}
}

// BenchmarkDecodeQuery decodes the request for the statistics of 1,000 jobs.
func BenchmarkDecodeQuery(b *testing.B) {
	req := queryRequest{Cluster: "fritz", To: 1725620400}
	for job := range 1000 {
		for host := range 8 {
			for metric := range 10 {
				req.Queries = append(req.Queries, queryItem{Metric: fmt.Sprint("metric", metric), Host: fmt.Sprintf("f%04d", (8*job+host)%200), From: new(int64(1725610000 + job))})
			}
		}
	}
	text, err := json.Marshal(req)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.Run("count", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := countJSON(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	into := func() *queryRequest { return &queryRequest{Queries: make([]queryItem, 0, len(req.Queries)+1)} }
	b.Run("quick", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if !decodeQuery(text, into()) {
				b.Fatal("it is left to encoding/json")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if err := json.Unmarshal(text, into()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
