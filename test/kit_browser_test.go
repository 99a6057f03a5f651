package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// screenshotsEnv names a directory for pictures of what the browser shows; without it there are none.
const screenshotsEnv = "CC_SCREENSHOTS"

// tab is a page in a real browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string // of the node's URL: all requests have to go there

	mu sync.Mutex
	// Guarded by mu.
	problems []string // errors of the console, exceptions, requests to elsewhere
	requests int
}

// openBrowser starts Debian's chromium. It ends with the test. Where there is none, the test says that
// it did not run.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("the page was not opened in a browser: chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"),
		chromedp.Flag("disable-gpu", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	t.Cleanup(cancelBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// openTab opens a path of the node in a new tab of the browser that runs in program.
func openTab(t *testing.T, program context.Context, n *node, path string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(program)
	t.Cleanup(cancel)
	ctx, cancelTimeout := context.WithTimeout(ctx, patience)
	t.Cleanup(cancelTimeout)
	b := &tab{t: t, ctx: ctx, base: n.URL}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.size(1280, 800, false)
	b.do(chromedp.Navigate(n.URL + path))
	return b
}

// listen takes note of what should not be.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text, _ := json.Marshal(e.Args)
			b.problems = append(b.problems, "console: "+string(text))
		}
	case *runtime.EventExceptionThrown:
		text, _ := json.Marshal(e.ExceptionDetails)
		b.problems = append(b.problems, "exception: "+string(text))
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			b.problems = append(b.problems, fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.URL, e.Entry.Text))
		}
	case *cdpnetwork.EventRequestWillBeSent:
		b.requests++
		// Those to data: are for pictures of the browser itself, and go nowhere.
		if !strings.HasPrefix(e.Request.URL, b.base+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.problems = append(b.problems, "a request to "+e.Request.URL)
		}
	}
}

// wantNoProblems checks that there were none but those that hold one of the words.
func (b *tab) wantNoProblems(but ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		expected := false
		for _, word := range but {
			expected = expected || strings.Contains(p, word)
		}
		if !expected {
			b.t.Error(clip(p))
		}
	}
	if b.requests == 0 {
		b.t.Error("no request was seen")
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.save("failed")
		b.t.Fatal(err)
	}
}

// eval returns the value of an expression of JavaScript, or what its promise becomes.
func eval[T any](b *tab, expression string, arguments ...any) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(expression, arguments...), func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
	if err != nil {
		b.t.Fatalf("%s: %v", clip(expression), err)
	}
	return value
}

// await returns when an expression of JavaScript is true.
func (b *tab) await(what, expression string, arguments ...any) {
	b.t.Helper()
	expression = fmt.Sprintf(expression, arguments...)
	deadline := time.Now().Add(patience / 2)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if ok && err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.save("failed")
			b.t.Fatalf("in vain waited for: %s (%v); the page says: %s", what, err, clip(eval[string](b, "document.body.innerText")))
		}
		time.Sleep(20 * time.Millisecond) // between two looks, not for something to happen
	}
}

// awaitText returns when the element has a text that contains the words.
func (b *tab) awaitText(selector string, words ...string) {
	b.t.Helper()
	for _, w := range words {
		b.await(selector+" with "+w, "document.querySelector(%q)?.innerText.includes(%q)", selector, w)
	}
}

// size changes the size of the window and the colours.
func (b *tab) size(width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// zone changes the time zone; an empty one is the machine's.
func (b *tab) zone(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: name})
		return err
	}))
}

// save makes a picture, if that is wanted.
func (b *tab) save(name string) {
	b.t.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// download returns the file that a script lets the browser save.
func (b *tab) download(script, name string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
	}); err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, "(() => { %s; return true; })()", script)
	var text []byte
	waitFor(b.t, "the file "+name, func() (err error) {
		text, err = os.ReadFile(filepath.Join(dir, name)) // it gets its name when it is complete
		return err
	})
	return string(text)
}

// point is a place in the window.
type point struct{ X, Y float64 }

// placeOf returns the place within an element, in parts of its width and height.
func (b *tab) placeOf(selector string, x, y float64) point {
	b.t.Helper()
	return eval[point](b, `(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(); return {X: r.left + %v * r.width, Y: r.top + %v * r.height}; })()`, selector, x, y)
}
