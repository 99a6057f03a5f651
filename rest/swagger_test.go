package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestSwagger(t *testing.T) {
	key := newKeyPair(t) // the page is open all the same
	f := start(t, Config{Dev: true, Version: `1.0 "beta"`, JWTPublicKey: key.config()}, nil)
	for _, path := range []string{"/swagger", "/swagger/"} {
		if a := f.send("GET", path, ""); a.status != 301 || a.header.Get("Location") != "/swagger/index.html" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	page := f.send("GET", "/swagger/index.html", "")
	if page.status != 200 || !strings.Contains(page.body, "cc-metric-store REST API") {
		t.Errorf("page: %d %s", page.status, page.body)
	}
	for _, asset := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		if a := f.send("GET", "/swagger/"+asset, ""); a.status != 200 || len(a.body) < 100 || !strings.Contains(page.body, asset) {
			t.Errorf("%s: %d, %d bytes", asset, a.status, len(a.body))
		}
	}
	for _, path := range []string{"/swagger/none.js", "/swagger/..%2fserver.go", "/swagger/a/b"} {
		if a := f.send("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	var doc struct {
		Swagger, BasePath string
		Info              struct{ Title, Version string }
		Paths             map[string]map[string]any
		Definitions       map[string]any
	}
	text := f.send("GET", "/swagger/doc.json", "").body
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Swagger != "2.0" || doc.BasePath != "/api/" || doc.Info.Title != "cc-metric-store REST API" || doc.Info.Version != `1.0 "beta"` {
		t.Errorf("document: %+v", doc)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if a := f.send(strings.ToUpper(method), "/api"+path, ""); a.status != 401 {
				t.Errorf("documented %s %s: %d", method, path, a.status)
			}
		}
	}
	for part := range strings.SplitSeq(text, `"$ref": "#/definitions/`) {
		if name, _, _ := strings.Cut(part, `"`); part[0] != '{' && doc.Definitions[name] == nil {
			t.Errorf("no definition of %q", name)
		}
	}
	if len(doc.Paths) != 6 {
		t.Errorf("%d paths", len(doc.Paths))
	}
}

// TestSwaggerExamples sends the examples of the document that JSON can check.
func TestSwaggerExamples(t *testing.T) {
	f := start(t, Config{Dev: true}, nil)
	var doc struct {
		Definitions map[string]struct{ Example json.RawMessage }
	}
	if err := json.Unmarshal([]byte(f.send("GET", "/swagger/doc.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{"/api/query": "QueryRequest", "/api/healthcheck": "HealthRequest"} {
		if a := f.send("POST", path, string(doc.Definitions[name].Example)); a.status != 200 || len(a.body) < 20 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestSwaggerErrorExamples wants an example of its own for each status of an endpoint
// that is an error.
func TestSwaggerErrorExamples(t *testing.T) {
	f := start(t, Config{Dev: true}, nil)
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Description string
				Examples    map[string]struct{ Status, Error string }
			}
		}
	}
	if err := json.Unmarshal([]byte(f.send("GET", "/swagger/doc.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, m := range methods {
			seen := map[string]bool{}
			for _, status := range []string{"400", "401", "403", "503"} {
				if m.Responses[status].Description == "" {
					t.Errorf("%s %s does not document %s", method, path, status)
				}
			}
			for status, r := range m.Responses {
				code, err := strconv.Atoi(status)
				if err != nil || code < 400 {
					continue
				}
				e := r.Examples["application/json"]
				if e.Status != http.StatusText(code) || e.Error == "" || seen[e.Error] {
					t.Errorf("%s %s, %s: the example is %+v", method, path, status, e)
				}
				seen[e.Error] = true
			}
		}
	}
}

// TestSwaggerListsWhatIsServed compares the routes with the document, both ways.
func TestSwaggerListsWhatIsServed(t *testing.T) {
	a := newAPI(Config{}.withDefaults(), settings{}, newStore(t), &testLog{})
	h, err := a.routes(Config{Dev: true, Metrics: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Host     string
		Schemes  []string
		BasePath string
		Info     struct{ Description string }
		Paths    map[string]map[string]any

		SecurityDefinitions map[string]struct{ Type, In, Name string }
		Security            []map[string][]string
	}
	text, err := swaggerPages.ReadFile("swagger/doc.json")
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			documented[strings.ToUpper(method)+" /api"+path] = true
		}
	}
	served := map[string]bool{}
	for _, r := range h.(*echo.Echo).Routes() {
		switch {
		case strings.HasSuffix(r.Path, "/*") || strings.HasPrefix(r.Path, "/swagger"):
		case r.Method == http.MethodHead || r.Method == echo.RouteNotFound: // what is said of GET, and a 405
		case slices.Contains([]string{"/write", "/query", "/ping", "/health", "/api/v2/write"}, r.Path): // for clients of InfluxDB
			if !strings.Contains(doc.Info.Description, r.Path) {
				t.Errorf("%s is not named in the description", r.Path)
			}
		case strings.HasPrefix(r.Path, "/api/"):
			served[r.Method+" "+r.Path] = true
		case r.Method != http.MethodGet || !strings.Contains(doc.Info.Description, r.Path):
			t.Errorf("%s %s is not named in the description", r.Method, r.Path)
		}
	}
	for route := range served {
		if !documented[route] {
			t.Errorf("%s is served and not documented", route)
		}
	}
	for route := range documented {
		if !served[route] {
			t.Errorf("%s is documented and not served", route)
		}
	}
	// The page asks the server that it came from.
	if doc.Host != "" || doc.Schemes != nil || doc.BasePath != "/api/" {
		t.Errorf("the address is not relative: %q, %q, %q", doc.Host, doc.Schemes, doc.BasePath)
	}
	if len(doc.Security) != len(doc.SecurityDefinitions) || len(doc.Security) != 2 {
		t.Errorf("%d of %d ways to send a token can be used", len(doc.Security), len(doc.SecurityDefinitions))
	}
	key := newKeyPair(t)
	f := start(t, Config{JWTPublicKey: key.config()}, nil)
	for name, value := range map[string]string{"Bearer": "Bearer " + key.sign(t, nil), "XAuthToken": key.sign(t, nil)} {
		s := doc.SecurityDefinitions[name]
		if answer := f.send("POST", "/api/query", "{}", s.Name, value); s.Type != "apiKey" || s.In != "header" || answer.status != 200 {
			t.Errorf("%s, %+v: %d", name, s, answer.status)
		}
	}
}
