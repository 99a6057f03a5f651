package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// snippet is a fenced block of a document.
type snippet struct {
	language string
	text     string
	line     int    // of its first line in the document
	mark     string // of the comment above it, such as "not run: why"
}

// documents returns the pages at the root of the repository by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../*.md")
	if err != nil || len(paths) < 5 {
		t.Fatalf("documents: %q, %v", paths, err)
	}
	pages := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(path)] = string(text)
	}
	return pages
}

var comment = regexp.MustCompile(`^<!-- (.*) -->$`)

func snippets(page string) (found []snippet) {
	var open *snippet
	mark := ""
	for i, line := range strings.Split(page, "\n") {
		switch fence, ok := strings.CutPrefix(line, "```"); {
		case ok && open == nil:
			open = &snippet{language: fence, line: i + 2, mark: mark}
		case ok:
			found = append(found, *open)
			open, mark = nil, ""
		case open != nil:
			open.text += line + "\n"
		case strings.TrimSpace(line) != "":
			mark = ""
			if m := comment.FindStringSubmatch(line); m != nil {
				mark = m[1]
			}
		}
	}
	return found
}

// TestSnippets runs the commands of the documents as a reader pastes them, in
// order, against a program that runs on its defaults; a block behind a command is
// what it has to answer. Blocks of JSON alone are configurations, and have to be
// free of faults.
func TestSnippets(t *testing.T) {
	t.Parallel()
	for name, page := range documents(t) {
		t.Run(name, func(t *testing.T) {
			reader := reader{dir: t.TempDir()}
			blocks := snippets(page)
			for i, b := range blocks {
				if strings.HasPrefix(b.mark, "not run: ") {
					continue
				}
				switch b.language {
				case "sh":
					want := snippet{}
					if i+1 < len(blocks) && (blocks[i+1].language == "json" || blocks[i+1].language == "text") && blocks[i+1].mark == "" {
						want = blocks[i+1]
					}
					reader.run(t, name, b, want)
				case "json":
					if i == 0 || blocks[i-1].language != "sh" || b.mark == "configuration" {
						checkConfiguration(t, name, b)
					}
				}
			}
		})
	}
}

// reader is somebody who follows a document.
type reader struct {
	dir  string // working directory
	node *node  // started with the first command
}

func (r *reader) run(t *testing.T, page string, b, want snippet) {
	t.Helper()
	if r.node == nil {
		r.start(t)
	}
	text := strings.NewReplacer(
		"http://localhost:8080", r.node.URL,
		"nats://127.0.0.1:4222", r.node.NATSURL,
	).Replace(b.text)
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = r.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s:%d: %v\n%s%s", page, b.line, err, out, &stderr)
		return
	}
	switch want.language {
	case "text":
		if strings.TrimSpace(string(out)) != strings.TrimSpace(want.text) {
			t.Errorf("%s:%d: answers\n%s", page, want.line, out)
		}
	case "json":
		// Of several commands the last one's answer is shown.
		answer := out
		if at := strings.LastIndex(strings.TrimSpace(string(out)), "\n{"); at >= 0 && json.Unmarshal(out, new(any)) != nil {
			answer = out[at:]
		}
		var got, expected any
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Errorf("%s:%d: the answer is no JSON: %v\n%s", page, b.line, err, out)
			return
		}
		if err := json.Unmarshal([]byte(want.text), &expected); err != nil {
			t.Errorf("%s:%d: %v", page, want.line, err)
			return
		}
		if d := compare("", expected, got); d != "" {
			t.Errorf("%s:%d: %s\n%s", page, want.line, d, out)
		}
	}
}

// start runs the program as make run does, but on free ports.
func (r *reader) start(t *testing.T) {
	t.Helper()
	if err := os.Symlink(filepath.Dir(binary(t, "cc-metric-store")), filepath.Join(r.dir, "bin")); err != nil {
		t.Fatal(err)
	}
	r.node = begin(t, launch{dir: r.dir, args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0", "-loglevel", "info"}})
	r.node.awaitReady()
}

// checkConfiguration asks the program what is wrong with a configuration.
func checkConfiguration(t *testing.T, page string, b snippet) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(b.text), 0o644); err != nil {
		t.Fatal(err)
	}
	n := run(t, launch{dir: dir, args: []string{"-check-config"}})
	if code := n.exitCode(); code != 0 {
		t.Errorf("%s:%d: -check-config: %s%s", page, b.line, n.stdout, n.log)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestLinks follows the links of the documents that lead to files of the
// repository, and to headings.
func TestLinks(t *testing.T) {
	pages := documents(t)
	anchors := map[string]bool{}
	for name, page := range pages {
		for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			anchors[name+"#"+anchorOf(h[1])] = true
		}
	}
	for name, page := range pages {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			target := m[1]
			if strings.Contains(target, "://") {
				continue
			}
			file, anchor, hasAnchor := strings.Cut(target, "#")
			if file == "" {
				file = name
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s: link to %s: %v", name, target, err)
			}
			if hasAnchor && !anchors[file+"#"+anchor] {
				t.Errorf("%s: no heading for the link to %s", name, target)
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchorOf returns the name under which the usual viewers know a heading.
func anchorOf(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

var (
	alert   = regexp.MustCompile(`- alert: (\w+)`)
	runbook = regexp.MustCompile(`runbook: "([^"#]+)#([^"]+)"`)
)

// TestAlertsHaveAParagraph: each alert leads to a heading of its own in the documents.
func TestAlertsHaveAParagraph(t *testing.T) {
	text, err := os.ReadFile("../deploy/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	pages := documents(t)
	rules := strings.Split(string(text), "      - alert: ")[1:]
	if len(rules) != len(alert.FindAll(text, -1)) || len(rules) == 0 {
		t.Fatalf("%d rules are read", len(rules))
	}
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "\n")
		m := runbook.FindStringSubmatch(rule)
		if m == nil || m[2] != strings.ToLower(name) {
			t.Errorf("%s: no runbook of its own: %q", name, m)
			continue
		}
		_, section, ok := strings.Cut(pages[m[1]], "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n#")
		if !ok || len(strings.TrimSpace(section)) < 80 {
			t.Errorf("%s: %s says nothing about it", name, m[1])
		}
	}
}

// code is a span of code that names files of the repository, perhaps with a *.
var code = regexp.MustCompile("`([\\w./*-]+\\.(?:go|yml|service)|(?:cmd|config|deploy|embedded|ingest|rest|store|test)/[\\w./*-]*)`")

// TestPaths: files and directories that the documents name are there.
func TestPaths(t *testing.T) {
	var files []string
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		files = append(files, filepath.ToSlash(path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range documents(t) {
		for _, m := range code.FindAllStringSubmatch(page, -1) {
			path := strings.TrimSuffix(m[1], "/")
			there := slices.ContainsFunc(files, func(file string) bool {
				last := strings.Split(file, "/")
				last = last[max(len(last)-1-strings.Count(path, "/"), 0):]
				ok, err := filepath.Match(path, strings.Join(last, "/"))
				return ok && err == nil
			})
			if !there {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}
