package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "cc-metric-store"

// goPackage is what go list says about a package; imports are those of the
// code, not of its tests.
type goPackage struct {
	ImportPath, Dir  string
	GoFiles, Imports []string
}

// listPackages returns all packages of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 7 {
		t.Fatalf("only %d packages are found", len(packages))
	}
	return packages
}

// arrows says which packages of the module a package may import. All others
// import nothing of ours.
func arrows() map[string][]string {
	return map[string][]string{
		"cmd/cc-metric-store": {"config", "embedded", "ingest", "ingest/original", "rest", "rest/export", "rest/promapi", "store", "store/archive"},
		// The generator stands for the world outside. Of the others, only tests
		// may use its load.
		"cmd/cc-metric-generator":      {"cmd/cc-metric-generator/load"},
		"cmd/cc-metric-generator/load": nil,
		"config":                       nil,
		"embedded":                     nil,
		"ingest":                       {"ingest/lineproto", "store"},
		"ingest/lineproto":             {"store"},
		"ingest/original":              nil,
		"rest":                         {"rest/export", "rest/page", "rest/promapi", "store"},
		"rest/export":                  nil,
		"rest/page":                    nil,
		"rest/promapi":                 {"store"},
		"store":                        {"store/archive", "store/checkpoint", "store/chunk"},
		"store/archive":                nil,
		"store/checkpoint":             {"store/chunk"},
		"store/chunk":                  nil,
		"test":                         nil,
		// For the tests of all packages.
		"test/testkit": nil,
	}
}

// homes says where a library may be imported, by the beginning of its path.
func homes() map[string][]string {
	const (
		program   = "cmd/cc-metric-store"
		generator = "cmd/cc-metric-generator"
	)
	return map[string][]string{
		"github.com/nats-io/nats.go":          {"ingest", generator},
		"github.com/nats-io/nats-server":      {"embedded"},
		"github.com/minio/highwayhash":        {"embedded"},
		"github.com/influxdata/line-protocol": {"ingest/lineproto"},
		"github.com/cespare/xxhash":           {"store"},
		"golang.org/x/sync":                   {"ingest", "store", "store/checkpoint"},
		"github.com/labstack/echo":            {"rest"},
		"github.com/golang-jwt/jwt":           {"rest"},
		"github.com/swaggo":                   {"rest"},
		"github.com/klauspost/compress":       {"ingest", "rest", "store/archive", program},
		"github.com/parquet-go/parquet-go":    {"store/archive"},
		"github.com/prometheus/client_golang": {program},
		"github.com/prometheus/prometheus":    {"rest/promapi"},
		"github.com/prometheus/common":        {"rest/promapi"},
		"github.com/google/gops":              {program},
		"github.com/coreos/go-systemd":        {program},
		"github.com/schollz/progressbar":      {generator, program},
		"golang.org/x/term":                   {generator, program},
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	allowed, known := arrows(), homes()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		ours, ok := allowed[name]
		if !ok {
			t.Errorf("package %s has no place in the plan of imports", name)
			continue
		}
		for _, path := range p.Imports {
			if own, ok := strings.CutPrefix(path, module+"/"); ok {
				if !slices.Contains(ours, own) {
					t.Errorf("%s imports %s; it may import %q", name, own, ours)
				}
				continue
			}
			domain, _, _ := strings.Cut(path, "/")
			if !strings.Contains(domain, ".") {
				continue // the standard library
			}
			home := homeOf(known, path)
			if home == nil {
				t.Errorf("%s imports %s, which has no home yet", name, path)
			} else if !slices.Contains(home, name) {
				t.Errorf("%s imports %s, whose home is %q", name, path, home)
			}
		}
	}
}

func homeOf(known map[string][]string, path string) []string {
	for library, home := range known {
		if path == library || strings.HasPrefix(path, library+"/") {
			return home
		}
	}
	return nil
}

// TestNoGlobalState: no package has an init function, or a variable that is
// written after its declaration.
func TestNoGlobalState(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		for _, w := range globalWrites(parsed) {
			t.Errorf("%s: %s", files.Position(w.pos), w.what)
		}
	}
}

type finding struct {
	pos  token.Pos
	what string
}

// globalWrites finds the functions named init of a package, and what changes
// its variables: assignments to them and to parts of them, and their addresses.
// Names that a function declares anew are taken for its own everywhere in it.
func globalWrites(files []*ast.File) []finding {
	globals := map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					for _, name := range s.(*ast.ValueSpec).Names {
						globals[name.Name] = true
					}
				}
			}
		}
	}
	delete(globals, "_")
	var found []finding
	for _, f := range files {
		for _, d := range f.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if function.Recv == nil && function.Name.Name == "init" {
				found = append(found, finding{function.Pos(), "a function named init"})
			}
			found = append(found, writesIn(function, globals)...)
		}
	}
	return found
}

func writesIn(function *ast.FuncDecl, globals map[string]bool) []finding {
	local := localNames(function)
	var found []finding
	note := func(target ast.Expr, what string) {
		if name := root(target); globals[name] && !local[name] {
			found = append(found, finding{target.Pos(), what + " of the package's variable " + name})
		}
	}
	ast.Inspect(function, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, target := range n.Lhs {
					note(target, "an assignment")
				}
			}
		case *ast.IncDecStmt:
			note(n.X, "an assignment")
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				note(n.Key, "an assignment")
				note(n.Value, "an assignment")
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X, "the address")
			}
		}
		return true
	})
	return found
}

// root is the variable that an expression is a part of.
func root(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// localNames are those declared anywhere in the function.
func localNames(function *ast.FuncDecl) map[string]bool {
	local := map[string]bool{}
	ast.Inspect(function, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, target := range n.Lhs {
					local[root(target)] = true
				}
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				local[root(n.Key)] = true
				if n.Value != nil {
					local[root(n.Value)] = true
				}
			}
		}
		return true
	})
	return local
}

func TestGlobalWritesAreFound(t *testing.T) {
	t.Parallel()
	const source = `package p
var a, b, c, d, e = 1, []int{1}, map[string]int{}, struct{ x int }{}, 2
func init() {}
func f() { a = 2; b[0]++; c["x"] = 1; d.x = 3; g(&a); for a = range 3 {} }
func fine(b []int) { a := 1; a = 2; b[0] = a; var c map[string]int; c["x"] = 1; for d := range e { d++ }; _ = e }
func (t) init() {}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if found := globalWrites([]*ast.File{f}); len(found) != 7 {
		t.Errorf("%d findings, want 7: %v", len(found), found)
	}
}
