package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/golang-jwt/jwt/v5"
)

// TestPage opens the page in a browser and uses it.
func TestPage(t *testing.T) {
	t.Parallel()
	browser := openBrowser(t)
	n := start(t, pageConfig())
	now := time.Now().Unix() / 60 * 60
	n.write(pageSamples(now))
	n.write(manyHosts(now))
	n.wantError(n.send("POST", "/api/write", "cpu_load,cluster=alex,hostname=a003 value=<b>broken</b>"), 400)
	n.write("not_configured,cluster=alex,hostname=a003 value=1\n")
	b := openTab(t, browser, n, "/")
	for _, s := range []struct {
		name string
		run  func(*tab, int64)
	}{{"state", pageState}, {"hosts", pageHosts}, {"host", pageHost}, {"job", pageJob}, {"odd", pageOdd}, {"hidden", pageHidden}, {"large", pageLarge}, {"modules", pageModules}} {
		ok := t.Run(s.name, func(t *testing.T) {
			sub := &tab{t: t, ctx: b.ctx, base: b.base}
			s.run(sub, now)
		})
		if !ok {
			break // what follows goes on where this one ended
		}
	}
	b.wantNoProblems("404")
	t.Run("away", func(t *testing.T) { pageAway(&tab{t: t, ctx: b.ctx, base: b.base}, n) })
	t.Run("token", func(t *testing.T) { pageToken(t, browser) })
}

func pageState(b *tab, _ int64) {
	b.awaitText(".headline", "Ready")
	b.awaitText("main", "Last refused lines", "a003", "<b>broken</b>", "/api/write", "not_configured", "10,012", "of 1 GiB", "writable")
	// The rate is known when there was a second look.
	b.await("samples per second", `[...document.querySelectorAll(".tile")].some((e) => /Samples per second\n[\d.]+/.test(e.innerText))`)
	b.look("state")
}

func pageHosts(b *tab, _ int64) {
	b.do(chromedp.Click(chromedp.CSS(`nav a[data-view="hosts"]`)))
	b.await("the largest cluster", `document.querySelector("#cluster")?.value === "large"`)
	eval[bool](b, `(() => { const s = document.querySelector("#cluster"); s.value = "alex"; s.dispatchEvent(new Event("change")); return true; })()`)
	b.awaitText("main", "12 of 12 hosts", "full 10", "partial 1", "failed 1")
	b.look("hosts")
	b.do(chromedp.Click(chromedp.CSS(`[data-health="failed"]`)))
	b.awaitText("main", "1 of 12 hosts", "a011")
	b.do(chromedp.Click(chromedp.CSS(`[data-health=""]`)), chromedp.Click(chromedp.CSS(`.row.head .host button`)))
	b.await("descending order", `document.querySelector(".rows .row a")?.textContent === "a012"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "A00"))
	b.awaitText("main", "9 of 12 hosts")
	b.await("the filter in the address", `location.hash.includes("q=A00")`)
	// By keyboard: into the list, down, and to the host.
	b.do(chromedp.Focus(chromedp.CSS(".list")), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.End))
	b.await("the last row", `document.activeElement.textContent === "a001"`)
	b.do(chromedp.KeyEvent(kb.Enter))
}

// plotOf is the canvas of a metric with the cursor.
func plotOf(metric string) string { return fmt.Sprintf(`[data-metric=%q] canvas[tabindex]`, metric) }

func pageHost(b *tab, now int64) {
	b.awaitText("h1", "a001", "alex")
	b.awaitText("main", "6 metrics", "cpu_load")
	b.awaitText(`[data-metric="cpu_load"] .facts`, "min 33", "max 40.8")
	b.awaitText(`[data-metric="core_temp"] .legend`, "socket 0", "socket 1") // without an aggregation
	b.look("host")
	// A value under the pointer, and at the same time in the other plots.
	p := b.placeOf(plotOf("cpu_load"), 0.95, 0.5)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, p.X, p.Y))
	b.await("a value", `/^\d\d:\d\d:00  [34]\d/.test(document.querySelector('[data-metric="cpu_load"] .readout').textContent)`)
	b.await("the same time elsewhere", `document.querySelector('[data-metric="mem_used"] .readout').textContent.slice(0, 8) ===
		document.querySelector('[data-metric="cpu_load"] .readout').textContent.slice(0, 8)`)
	b.save("value")
	// The gap, by keyboard: the readout says that there is none.
	gap := now - 60*(pageTicks-1-105)
	b.do(chromedp.Focus(chromedp.CSS(plotOf("cpu_load"))), chromedp.KeyEvent(kb.End))
	for range 8 {
		b.do(chromedp.KeyEvent(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift)))
	}
	b.awaitText(`[data-metric="cpu_load"] .readout`, "no sample")
	if got := eval[string](b, "document.activeElement.getAttribute('aria-valuetext')"); !strings.Contains(got, "no sample") {
		b.t.Errorf("a screen reader hears %q", got)
	}
	shaded := eval[bool](b, `(() => {
		const lines = document.querySelector('[data-metric="cpu_load"] canvas'), box = lines.getBoundingClientRect(), ratio = lines.width / box.width;
		const from = Date.now() / 1000 - 10800, x = 52 + (%d - from) / 10800 * (box.width - 60);
		const pixels = lines.getContext("2d").getImageData(Math.round(x * ratio), 0, 1, lines.height).data;
		let shaded = 0;
		for (let i = 3; i < pixels.length; i += 4) shaded += pixels[i] > 0 && pixels[i] < 80;
		return shaded > lines.height / 2;
	})()`, gap)
	if !shaded {
		b.t.Error("the gap is not to be seen")
	}
	// Zoom by dragging, and back.
	from, to := b.placeOf(plotOf("mem_used"), 0.5, 0.5), b.placeOf(plotOf("mem_used"), 0.8, 0.5)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, from.X, from.Y), chromedp.MouseEvent(chromedp.MousePressed, from.X, from.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, (from.X+to.X)/2, from.Y, chromedp.ButtonLeft), chromedp.MouseEvent(chromedp.MouseMoved, to.X, to.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, to.X, to.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	b.await("a zoom in the address", `/zoom=\d+-\d+/.test(location.hash)`)
	b.awaitText("main", "Back from zoom")
	b.await("samples of the zoom", `/avg/.test(document.querySelector('[data-metric="mem_used"] .facts').textContent)`)
	b.save("zoomed")
	b.do(chromedp.DoubleClick(chromedp.CSS(plotOf("mem_used"))))
	b.await("all of it again", `!location.hash.includes("zoom")`)
	b.do(chromedp.Focus(chromedp.CSS(plotOf("mem_used"))), chromedp.KeyEvent("+"))
	b.await("a zoom by keyboard", `/zoom=\d+-\d+/.test(location.hash)`)
	b.do(chromedp.KeyEvent("0"))
	b.await("all of it again", `!location.hash.includes("zoom")`)
	// Parts on demand.
	eval[bool](b, `(() => { const s = document.querySelector('[data-metric="flops_any"] select'); s.value = "hwthread"; s.dispatchEvent(new Event("change")); return true; })()`)
	b.awaitText(`[data-metric="flops_any"] .legend`, "16 lines")
	p = b.placeOf(plotOf("flops_any"), 0.95, 0.2)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, p.X, p.Y))
	b.awaitText(`[data-metric="flops_any"] .readout`, "hwthread")
	b.save("parts")
	// The link shows the same to others.
	address := eval[string](b, "location.href")
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.awaitText(`[data-metric="flops_any"] .legend`, "16 lines")
}

func pageJob(b *tab, now int64) {
	eval[string](b, `location.hash = "#/job?cluster=alex&hosts=a%%5B002-004%%5D,a011&metrics=cpu_load,flops_any&from=%d&to=%d"`, now-7200, now)
	b.awaitText("main", "4 hosts, 2 metrics", "all hosts", "a004")
	b.await("a line for each host", `document.querySelectorAll('[data-metric="cpu_load"] .legend > span').length === 4`)
	if got := eval[int](b, `document.querySelectorAll("main table tbody tr").length`); got != 5 {
		b.t.Errorf("%d rows of statistics, want 5", got)
	}
	b.look("job")
	text := b.download(`[...document.querySelectorAll("button")].find((x) => x.textContent === "CSV of samples").click()`, "job-samples.csv")
	if lines := strings.Split(text, "\r\n"); lines[0] != "time,cluster,host,metric,part,value" || len(lines) < 2*3*119 || !strings.Contains(text, ",alex,a003,cpu_load,,") {
		b.t.Errorf("%d lines are saved: %s", len(lines), clip(text))
	}
}

// pageOdd: addresses that somebody has changed lead somewhere, and break nothing.
func pageOdd(b *tab, _ int64) {
	for _, hash := range []string{"#/constructor", "#/hosts?cluster=none&sort=toString&health=x&q=%00", "#/job?hosts=%5B%5D,a001&cluster=alex&zoom=9-1&metrics=,none", "#nothing"} {
		eval[string](b, `location.hash = %q`, hash)
		b.await("an answer", `document.querySelector("h1") && /^at/.test(document.querySelector("#updated").textContent)`)
	}
	b.await("the cluster of the address", `location.hash = "#/job?cluster=gone&hosts=a001", document.querySelector("#job-cluster")?.value === "gone"`)
	eval[string](b, `location.hash = "#/host?cluster=alex&host=nobody"`)
	b.awaitText("#problem", "no samples of host", "Check the name")
	eval[string](b, `location.hash = "#/host?cluster=alex&host=a001&from=100000&to=100600"`)
	b.awaitText("main", "There are no samples in this window", "Show that time")
	b.do(chromedp.Click(chromedp.CSS("main p a")))
	b.awaitText(`[data-metric="cpu_load"] .facts`, "avg")
}

// pageHidden: a tab that nobody sees asks for nothing, and asks at once when somebody sees it again.
func pageHidden(b *tab, _ int64) {
	eval[bool](b, `(() => {
		window.hiddenTab = true;
		Object.defineProperty(document, "hidden", { get: () => window.hiddenTab, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
		const [later, ask] = [window.setTimeout, window.fetch];
		window.timers = window.asked = 0;
		window.setTimeout = (f, wait) => { window.timers += wait >= 1000; return later(f, wait); };
		window.fetch = (...all) => { window.asked++; return ask(...all); };
		document.querySelector("#updated").textContent = "";
		location.hash = "#/state";
		return true;
	})()`)
	b.await("the state", `document.querySelector("#updated").textContent.startsWith("at") && document.querySelector(".headline")`)
	if timers := eval[int](b, "window.timers"); timers != 0 {
		b.t.Errorf("a hidden tab is refreshed: %d timers", timers)
	}
	eval[bool](b, `(() => { window.asked = 0; window.hiddenTab = false; document.dispatchEvent(new Event("visibilitychange")); return true; })()`)
	b.await("a refresh and the next timer", "window.asked >= 2 && window.timers > 0")
}

// pageLarge scrolls through 10,000 hosts: few rows are in the document, and no frame takes long.
func pageLarge(b *tab, _ int64) {
	eval[string](b, `location.hash = "#/hosts?cluster=large"`)
	b.awaitText("main", "10,000 of 10,000 hosts", "failed 1,000")
	rows := `document.querySelectorAll(".rows .row").length`
	b.await("rows", "%s > 10", rows)
	type timing struct{ Worst, Filter float64 }
	took := eval[timing](b, `(async () => {
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		const box = document.querySelector(".list");
		let worst = 0;
		for (let i = 0; i <= 40; i++) {
			const begin = performance.now();
			box.scrollTop = box.scrollHeight * i / 40;
			box.dispatchEvent(new Event("scroll"));
			box.getBoundingClientRect();
			worst = Math.max(worst, performance.now() - begin);
			await frame();
		}
		const begin = performance.now();
		document.querySelector(".row.head .newest button").click();
		await new Promise((done) => window.addEventListener("hashchange", done, { once: true }));
		return { Worst: worst, Filter: performance.now() - begin };
	})()`)
	b.t.Logf("a step of scrolling took at most %.1f ms, sorting %.1f ms", took.Worst, took.Filter)
	if took.Worst > 1000 || took.Filter > 3000 { // some 20 ms on an idle machine
		b.t.Errorf("the list stutters: %+v", took)
	}
	if n := eval[int](b, "%s", rows); n > 120 {
		b.t.Errorf("%d rows are in the document", n)
	}
	eval[int](b, "(window.asked = 0)") // see pageHidden
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "n09993"))
	b.awaitText("main", "1 of 10,000 hosts", "failed")
	if asked := eval[int](b, "window.asked"); asked > 2 { // a refresh may be due
		b.t.Errorf("filtering asks the server %d times", asked)
	}
	b.look("large")
}

// pageAway: who looks is told that the program is gone, and sees it when it is back.
func pageAway(b *tab, n *node) {
	eval[string](b, `location.hash = "#/state"`)
	b.awaitText(".headline", "Ready")
	n.stop()
	b.do(chromedp.Click(chromedp.CSS("#live")), chromedp.Click(chromedp.CSS("#live"))) // asks at once
	b.awaitText("#problem", "does not answer", "Is the program running")
	b.awaitText(".headline", "Unknown")
	b.look("away")
}

// pageToken: with a key, the page asks for a token, says what is wrong with one, and forgets it.
func pageToken(t *testing.T, browser context.Context) {
	key := newKeyPair(t)
	n := start(t, withKey(key.config()))
	b := openTab(t, browser, n, "/")
	enter := func(token string) {
		t.Helper()
		b.do(chromedp.SendKeys(chromedp.CSS("#token"), token), chromedp.KeyEvent(kb.Enter))
	}
	b.awaitText("#problem", "asks for a token")
	b.look("token")
	enter("nonsense")
	b.awaitText("#problem", "not accepted", "malformed")
	enter(key.token(t, jwt.MapClaims{"roles": []string{"user"}}))
	b.awaitText(".headline", "Ready")
	if stored := eval[int](b, "localStorage.length + document.cookie.length"); stored != 0 {
		t.Error("the token outlives the tab")
	}
	eval[string](b, `location.hash = "#/hosts"`)
	b.awaitText("main", "The store holds no hosts: nothing was sent yet")
	if options := eval[int](b, `document.querySelectorAll("#cluster option").length`); options != 0 {
		t.Errorf("%d clusters to choose, though there is none", options)
	}
	eval[string](b, `location.hash = "#/state"`)
	b.awaitText(".headline", "Ready")
	b.do(chromedp.Reload())
	b.awaitText(".headline", "Ready")
	b.do(chromedp.Click(chromedp.CSS("#forget")))
	b.awaitText("#problem", "asks for a token")
	b.await("nothing of what was shown", `!document.querySelector(".headline")`)
	b.wantNoProblems("401")
}

// TestPageIsOff: without the page, a browser gets the text that others get.
func TestPageIsOff(t *testing.T) {
	t.Parallel()
	cfg := baseConfig()
	section(cfg, "main")["page"] = false
	n := start(t, cfg)
	if a := n.send("GET", "/", "", "Accept", "text/html"); a.status != 200 || !strings.HasPrefix(a.body, "cc-metric-store") {
		t.Errorf("%d %s", a.status, clip(a.body))
	}
	n.wantError(n.send("GET", "/api/page/status", ""), 404)
}
