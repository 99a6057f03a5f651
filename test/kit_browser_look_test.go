package test

import (
	"fmt"
	"strings"
)

// lookScript finds what cannot be read or used by everybody: texts with too little contrast to their
// ground (WCAG 2, AA), lines of plots likewise, controls without a name, and what is wider than the
// window.
const lookScript = `(() => {
	const faults = [];
	const parse = (text) => {
		const m = text.match(/rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/);
		return m ? [Number(m[1]), Number(m[2]), Number(m[3]), m[4] === undefined ? 1 : Number(m[4])] : [0, 0, 0, 0];
	};
	const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
	const ground = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c[3] > 0) layers.push(c);
			if (c[3] === 1) break;
		}
		return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
	};
	const light = (c) => {
		const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
	let texts = 0;
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const e = n.parentElement;
		if (!n.textContent.trim() || !seen(e) || e.closest(".hidden, .skip, script, noscript, option") || e.disabled) continue;
		const style = getComputedStyle(e), back = ground(e);
		const c = contrast(over(parse(style.color), back), back);
		const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700;
		texts++;
		if (c < (large ? 3 : 4.5)) faults.push("contrast " + c.toFixed(2) + " of " + JSON.stringify(n.textContent.slice(0, 40)));
	}
	if (texts < 5) faults.push("only " + texts + " texts were looked at");
	const probe = document.createElement("span");
	document.body.append(probe);
	const root = getComputedStyle(document.documentElement);
	const colour = (name) => { probe.style.color = root.getPropertyValue(name); return parse(getComputedStyle(probe).color); };
	for (let i = 0; i < 8; i++) {
		const c = contrast(colour("--line-" + i), colour("--panel"));
		if (c < 3) faults.push("contrast " + c.toFixed(2) + " of line " + i);
	}
	if (contrast(colour("--muted"), colour("--panel")) < 4.5) faults.push("the axes of plots cannot be read");
	probe.remove();
	for (const e of document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex='0'], img, [role=table], [role=slider]")) {
		if (!seen(e) || e.tagName === "IMG" && e.alt === "") continue;
		const label = e.getAttribute("aria-label") || e.alt || [...(e.labels ?? [])].map((l) => l.innerText).join("") || e.innerText || "";
		if (!label.trim()) faults.push("no name: " + e.outerHTML.slice(0, 120));
	}
	if (document.documentElement.scrollWidth > window.innerWidth) faults.push("the page is " + document.documentElement.scrollWidth + " pixels wide");
	const headings = document.querySelectorAll("h1");
	if (headings.length !== 1) faults.push(headings.length + " first headings");
	return faults;
})()`

// look checks what is shown in both colours, on a large and on a small screen, and saves pictures.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 360} {
		for _, dark := range []bool{false, true} {
			b.size(width, 800, dark)
			// Plots are drawn anew for the size with the next frame.
			eval[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
			colours := map[bool]string{false: "light", true: "dark"}[dark]
			if faults := eval[[]string](b, "%s", lookScript); len(faults) > 0 {
				b.t.Errorf("%s, %d pixels, %s:\n%s", name, width, colours, strings.Join(faults, "\n"))
			}
			b.save(fmt.Sprintf("%s-%d-%s", name, width, colours))
		}
	}
	b.size(1280, 800, false)
}
