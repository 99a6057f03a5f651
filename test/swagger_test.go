package test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// swaggerDocument is what the test reads of the document of the REST interface.
type swaggerDocument struct {
	BasePath    string
	Paths       map[string]map[string]swaggerOperation
	Definitions map[string]swaggerSchema
}

type swaggerOperation struct {
	Consumes, Produces []string
	Parameters         []struct {
		Name, In string
		Required bool
		Example  any `json:"x-example"`
		Schema   swaggerSchema
	}
	Responses map[string]struct {
		Description string
		Schema      *swaggerSchema
	}
}

type swaggerSchema struct {
	Ref        string `json:"$ref"`
	Type       string
	Properties map[string]json.RawMessage
	Example    json.RawMessage
}

// resolved returns the schema that one refers to.
func (d swaggerDocument) resolved(s swaggerSchema) swaggerSchema {
	if name, ok := strings.CutPrefix(s.Ref, "#/definitions/"); ok {
		return d.Definitions[name]
	}
	return s
}

// send sends an operation as the page does that tries it out: with the examples of its
// parameters.
func (d swaggerDocument) send(n *node, path, method string, op swaggerOperation, header ...string) answer {
	n.t.Helper()
	query, body := url.Values{}, ""
	for _, p := range op.Parameters {
		switch {
		case p.In == "body":
			body = string(d.resolved(p.Schema).Example)
			var text string
			if op.Consumes[0] == "text/plain" && json.Unmarshal([]byte(body), &text) == nil {
				body = text
			}
		case p.Example != nil:
			value, ok := p.Example.(string)
			if !ok {
				value = fmt.Sprintf("%.0f", p.Example)
			}
			query.Set(p.Name, value)
		case p.Required:
			n.t.Errorf("%s %s: the parameter %s has no example", method, path, p.Name)
		}
	}
	if len(op.Consumes) > 0 {
		header = append(header, "Content-Type", op.Consumes[0])
	}
	header = append(header, "Accept", op.Produces[0])
	return n.send(strings.ToUpper(method), strings.TrimSuffix(d.BasePath, "/")+path+"?"+query.Encode(), body, header...)
}

// readSwagger returns the document that the program serves.
func readSwagger(n *node) (d swaggerDocument) {
	n.t.Helper()
	a := n.send("GET", "/swagger/doc.json", "")
	if err := json.Unmarshal([]byte(a.body), &d); err != nil || a.status != 200 {
		n.t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return d
}

// TestSwaggerIsTriedOut sends each operation of the document with its examples, and holds
// the answer against what is documented.
func TestSwaggerIsTriedOut(t *testing.T) {
	t.Parallel()
	n := begin(t, launch{args: []string{"-dev", "-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0", "-loglevel", "info"}})
	n.awaitReady()
	doc := readSwagger(n)
	sent := 0
	for _, path := range []string{"/write", "/query", "/healthcheck", "/debug", "/export", "/free"} { // written first, freed last
		for method, op := range doc.Paths[path] {
			sent++
			want := "200"
			if path == "/query" && method == "get" {
				want = "400" // it has no body, as the document says
			}
			a := doc.send(n, path, method, op)
			response, documented := op.Responses[want]
			if fmt.Sprint(a.status) != want || !documented {
				t.Errorf("%s %s: %d %s, want %s", method, path, a.status, a.body, want)
				continue
			}
			if response.Schema == nil {
				if a.body != "" {
					t.Errorf("%s %s: a body that is not documented: %s", method, path, a.body)
				}
				continue
			}
			schema := doc.resolved(*response.Schema)
			if schema.Type == "string" {
				if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || a.body == "" {
					t.Errorf("%s %s: %q of type %s", method, path, a.body, a.header.Get("Content-Type"))
				}
				continue
			}
			var members map[string]any
			if err := json.Unmarshal([]byte(a.body), &members); err != nil || len(members) == 0 {
				t.Errorf("%s %s: %s is no object: %v", method, path, a.body, err)
			}
			for name := range members {
				if schema.Properties != nil && schema.Properties[name] == nil {
					t.Errorf("%s %s: the member %s is not documented", method, path, name)
				}
			}
		}
	}
	operations := 0
	for _, methods := range doc.Paths {
		operations += len(methods)
	}
	if sent != operations {
		t.Errorf("%d of %d operations were sent", sent, operations)
	}
	// The examples ask for what the first one writes.
	a := doc.send(n, "/write", "post", doc.Paths["/write"]["post"])
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a = doc.send(n, "/query", "post", doc.Paths["/query"]["post"]); !strings.Contains(a.body, `"data":[4]`) || !strings.Contains(a.body, `"data":[70.5]`) {
		t.Errorf("the example of a query: %s", a.body)
	}
	if a = doc.send(n, "/debug", "get", doc.Paths["/debug"]["get"]); !strings.Contains(a.body, `"proc_run"`) {
		t.Errorf("the example of a dump: %s", a.body)
	}
}

// TestSwaggerWithoutToken: each operation needs a token where there is a key, and is
// documented to answer 401; those for trusted tokens answer 403 to others.
func TestSwaggerWithoutToken(t *testing.T) {
	t.Parallel()
	key := newKeyPair(t)
	n := begin(t, launch{config: withKey(key.config()), args: []string{"-config", "config.json", "-dev", "-loglevel", "info"}})
	n.awaitReady()
	doc := readSwagger(n)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for status, header := range map[int][]string{401: nil, 403: {"X-Auth-Token", key.token(t, nil)}} {
				if status == 403 && path != "/free" && path != "/debug" {
					continue
				}
				a := doc.send(n, path, method, op, header...)
				if response := op.Responses[fmt.Sprint(status)]; a.status != status || response.Description == "" {
					t.Errorf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
				}
			}
		}
	}
}
