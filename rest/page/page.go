// Package page holds the page that an operator sees at /: HTML, CSS and JavaScript as they are in
// the directory files, without a framework or a build, and the handler that serves them. The page
// asks for its data as any other client does.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"strconv"
)

//go:embed files
var files embed.FS

const directory, index = "files", "index.html"

// policy lets the page load what comes from this server alone, nothing that stands in the HTML
// itself, and keeps it out of other pages.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Page serves the files. Make one with New. It is safe for concurrent use.
type Page struct {
	files map[string]file // by name
}

type file struct {
	content   []byte
	mediaType string
	tag       string
}

// New reads the embedded files.
func New() (*Page, error) {
	entries, err := files.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p := &Page{files: make(map[string]file, len(entries))}
	for _, e := range entries {
		content, err := files.ReadFile(path.Join(directory, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the page: %w", err)
		}
		kind := mediaType(e.Name())
		if kind == "" {
			return nil, fmt.Errorf("read the page: no media type is known of %s", e.Name())
		}
		p.files[e.Name()] = file{content, kind, Tag(content)}
	}
	return p, nil
}

// mediaType returns that of a file by its name. The machine's own table may lack it.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

// Tag returns the entity tag of what is sent.
func Tag(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// ServeIndex answers with the page itself.
func (p *Page) ServeIndex(w http.ResponseWriter, r *http.Request) { p.serve(w, r, p.files[index]) }

// ServeFile answers with a file that the page loads. It returns false, and does nothing, if there
// is none of the name.
func (p *Page) ServeFile(w http.ResponseWriter, r *http.Request, name string) bool {
	f, ok := p.files[name]
	if !ok || name == index {
		return false
	}
	p.serve(w, r, f)
	return true
}

// serve answers 304 to a browser that has the file: each start of the program may bring another
// one, so a browser asks each time.
func (p *Page) serve(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("ETag", f.tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(f.content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.content) // to a browser that may be gone
	}
}
