package test

import (
	"fmt"
	"reflect"
	"testing"
)

// pageModules calls functions of the page's files in the browser.
func pageModules(b *tab, _ int64) {
	for _, c := range []struct {
		call string
		want any
	}{
		{`expandHosts("f[0098-0101,7] a,b\nb", 64)`, []any{"f0098", "f0099", "f0100", "f0101", "f7", "a", "b"}},
		{`expandHosts("n[1-3]-ib,x[2-1]", 64)`, []any{"n1-ib", "n2-ib", "n3-ib"}},
		{`expandHosts("n[1-999999999],n[1-999999999]", 3)`, []any{"n1", "n2", "n3"}},
		{`expandHosts("n[9007199254740990-9007199254740999],b", 64)`, []any{"n9007199254740990", "n9007199254740991", "b"}},
		{`[si(0), si(null), si(1234), si(999600), si(-2.5e9), si(0.05), si(1e-7), si(2e15), si(-1.7e308)]`, []any{"0", "–", "1.23 k", "1 M", "-2.5 G", "0.05", "1.00e-7", "2 P", "-1.7e+308"}},
		{`[tick(2166, 2), tick(1.912, 0.002), tick(100, 50), tick(1e-20, 0.5), tick(5e38, 5e38), tick(-2.5e-7, 5e-8), tick(123456.789, 0.001), tick(-1250, 50)]`, []any{"2.166 k", "1.912", "100", "0", "5e+38", "-2.5e-7", "123.46 k", "-1.25 k"}},
		{`[exact(null), exact(80000000000), exact(1/3)]`, []any{"no sample", "80 G", "0.3333333"}},
		{`[duration(-5), duration(89), duration(600), duration(7500), duration(2*86400+3600)]`, []any{"0 s", "89 s", "10 min", "2 h 5 min", "2 d 1 h"}},
		{`csvLine(["=1+1", 'a"b', "c,d", -3, null, "e\nf"])`, "'=1+1,\"a\"\"b\",\"c,d\",-3,,\"e\nf\"\r\n"},
		{`[[1, 9, false], [2, 8, false], [1, 10, false], [0, 9, false], [20, 30, false], [2, 10, true]].map(([from, to, live]) => covers({ from: 1, to: 9, live: false }, { from, to, live }))`,
			[]any{true, true, false, false, false, false}},
		{`[[2, 10, true], [0, 8, true], [2, 10, false]].map(([from, to, live]) => covers({ from: 1, to: 9, live: true }, { from, to, live }))`, []any{true, false, false}},
	} {
		got := eval[any](b, `(async () => {
			const at = (name) => import(new URL("page/" + name, document.baseURI));
			const { expandHosts, si, tick, exact, duration } = await at("format.js"), { csvLine } = await at("csv.js"), { covers } = await at("window.js");
			return %s;
		})()`, c.call)
		if !reflect.DeepEqual(got, c.want) {
			b.t.Errorf("%s is %q, want %q", c.call, got, c.want)
		}
	}
	b.t.Run("ticks", func(t *testing.T) { pagePlotTicks(&tab{t: t, ctx: b.ctx, base: b.base}) })
	b.t.Run("plot", func(t *testing.T) { pagePlot(&tab{t: t, ctx: b.ctx, base: b.base}) })
}

// pagePlotTicks has windows over the nights in which clocks are put back, and forward: ticks are at full units
// of local time on both sides.
func pagePlotTicks(b *tab) {
	b.zone("Europe/Berlin")
	defer b.zone("")
	for _, c := range []struct {
		from, to string
		most     int
		want     string
	}{
		{"2026-10-23T12:00:00+02:00", "2026-10-27T12:00:00+01:00", 5, "10-24 10-25 10-26 10-27"},
		{"2026-10-24T21:00:00+02:00", "2026-10-25T07:00:00+01:00", 4, "21:00 10-25 03:00 06:00"},
		{"2026-10-25T01:00:00+02:00", "2026-10-25T04:00:00+01:00", 5, "01:00 02:00 03:00 04:00"},
		{"2026-03-27T12:00:00+01:00", "2026-03-31T12:00:00+02:00", 5, "03-28 03-29 03-30 03-31"},
		{"2026-03-29T00:00:00+01:00", "2026-03-29T05:00:00+02:00", 5, "03-29 01:00 03:00 04:00 05:00"},
		{"no time", "no time", 5, ""},
		{"2026-03-29T01:58:00+01:00", "2026-03-29T03:02:00+02:00", 5, "01:58 01:59 03:00 03:01 03:02"},
	} {
		got := eval[string](b, `(async () => {
			const { timeTicks } = await import(new URL("page/axes.js", document.baseURI));
			return timeTicks(Date.parse(%q) / 1000, Date.parse(%q) / 1000, %d).map(([, text]) => text).join(" ");
		})()`, c.from, c.to, c.most)
		if got != c.want {
			b.t.Errorf("from %s to %s: ticks %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

// pagePlot draws more samples than there are pixels: one peak among 20,000 is to be seen, and so is a
// gap.
func pagePlot(b *tab) {
	type column struct{ Top, Bottom int } // of what is drawn in the colour of the line, -1: nothing
	type picture struct {
		Peak, Flat, Gap column
		High, Low       float64 // where 100 and 50 are
		Lost            string  // values that have no place within the axes
	}
	p := eval[picture](b, `(async () => {
		const { Plot } = await import(new URL("page/plot.js", document.baseURI));
		const nothing = () => {}, plot = new Plot({ label: "test", onZoom: nothing, onReset: nothing, onCursor: nothing });
		const box = document.createElement("div");
		box.style.width = "460px";
		box.append(plot.element);
		document.querySelector("main").prepend(box);
		const values = Array.from({ length: 20000 }, (_, i) => i === 10020 ? 100 : i >= 14000 && i < 16000 ? null : 50);
		plot.set([{ label: "a", from: 0, step: 1, values }], 0, 20000);
		while (!plot.style) await new Promise(requestAnimationFrame);
		const ctx = plot.lines.getContext("2d"), ratio = plot.lines.width / plot.lines.clientWidth;
		const { width, height } = plot.lines, pixels = ctx.getImageData(0, 0, width, height).data;
		const column = (t) => {
			const left = Math.round((Math.floor(plot.x(t)) - 1) * ratio), found = [];
			for (let y = 0; y < height; y++) {
				for (let x = left; x < left + 3; x++) {
					const [r, g, b, a] = pixels.subarray(4 * (y * width + x));
					if (a > 120 && b > 120 && r < 90) found.push(Math.floor(y / ratio)); // #0b5cad
				}
			}
			return { Top: Math.min(...found, Infinity) === Infinity ? -1 : Math.min(...found), Bottom: Math.max(...found, -1) };
		};
		const picture = { Peak: column(10020), Flat: column(5000), Gap: column(15000), High: plot.y(100), Low: plot.y(50), Lost: "" };
		for (const values of [[1.7e308, -1.7e308], [-1.7e308], [5e-324], [0, 5e-324], [1, 1 + 2 ** -52], [-1e15], [0], [-3, -3]]) {
			plot.set([{ label: "a", from: 0, step: 60, values }], 0, 600);
			for (const v of values) if (!(plot.y(v) >= 0 && plot.y(v) <= plot.over.clientHeight)) picture.Lost += v + " ";
		}
		plot.destroy();
		box.remove();
		return picture;
	})()`)
	text := fmt.Sprintf("%+v", p)
	near := func(a int, y float64) bool { return float64(a) > y-3 && float64(a) < y+3 }
	if !near(p.Peak.Top, p.High) || !near(p.Peak.Bottom, p.Low) {
		b.t.Error("the peak is lost:", text)
	}
	if !near(p.Flat.Top, p.Low) || !near(p.Flat.Bottom, p.Low) {
		b.t.Error("the line is not where it should be:", text)
	}
	if p.Lost != "" {
		b.t.Error("not within the axes:", text)
	}
	if p.Gap.Top != -1 {
		b.t.Error("the gap is drawn over:", text)
	}
}
