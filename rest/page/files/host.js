// The view of a host: all its metrics as plots over one time. The host itself first, its parts on
// demand.
import { h, debounce } from "./dom.js";
import { get, query } from "./api.js";
import { si, duration, moment } from "./format.js";
import { Plot } from "./plot.js";
import { readWindow, refreshInterval, windowControls } from "./window.js";
import { downloadSamples } from "./csv.js";

const maxPlots = 120; // of hosts with more metrics, those that the filter leaves
const maxParts = 256; // lines of a plot

export function hostView(root, context) {
	let parameters = new URLSearchParams(), described = null, key = "";
	const cards = new Map(); // by metric
	const title = h("h1");
	const note = h("p", { class: "muted" });
	const filter = h("input", { id: "metric-filter", type: "search", placeholder: "part of a name", autocomplete: "off", spellcheck: "false",
		oninput: debounce(100, () => filter.isConnected && context.navigate({ metric: filter.value }, true)) });
	const save = h("button", { type: "button", onclick: () => saveSamples() }, "CSV");
	const time = windowControls(context);
	const plots = h("div", { class: "plots" });
	root.append(title, h("div", { class: "controls stays" }, time.element,
		h("div", { class: "field" }, h("label", { for: "metric-filter" }, "Metrics"), filter), h("div", { class: "field end" }, save)), note, plots);

	function update(to) {
		parameters = to;
		const [cluster, host] = [parameters.get("cluster") ?? "", parameters.get("host") ?? ""];
		title.replaceChildren(host || "(without a name)", " ", h("small", {}, h("a", { href: context.address("hosts", { cluster }) }, cluster || "(without a name)")));
		if (document.activeElement !== filter) filter.value = parameters.get("metric") ?? "";
		time.update(parameters);
		if (key !== cluster + "\n" + host) {
			key = cluster + "\n" + host;
			described = null;
			clear();
		}
		const w = readWindow(parameters);
		for (const c of cards.values()) c.plot.setWindow(w.from, w.to);
	}

	function clear() {
		for (const c of cards.values()) c.plot.destroy();
		cards.clear();
		plots.replaceChildren();
	}

	async function refresh(signal) {
		const cluster = parameters.get("cluster") ?? "", host = parameters.get("host") ?? "";
		const w = readWindow(parameters);
		described = await get("host", { cluster, host, from: Math.floor(w.from), to: Math.ceil(w.to) }, signal);
		for (const m of described.metrics) m.parts = m.parts.filter((p) => p.type !== "");
		const wanted = choose();
		arrange(wanted);
		const items = wanted.map((m) => itemOf(m, host, scopeOf(m)));
		let some = false;
		await query(cluster, items, w.from, w.to, { signal }, (n, series, error) => {
			some ||= series.some((s) => s.values.some((v) => v !== null)); // an average may overflow
			cards.get(wanted[n].metric)?.show(series, w, error);
		});
		tell(wanted, w, some);
	}

	// choose returns the metrics that are shown.
	function choose() {
		const words = (parameters.get("metric") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
		return described.metrics.filter((m) => words.every((word) => m.metric.toLowerCase().includes(word))).slice(0, maxPlots);
	}

	function tell(wanted, w, some) {
		const all = described.metrics.length;
		note.replaceChildren(wanted.length < all ? `${wanted.length} of ${all} metrics. ` : `${all} metrics. `);
		if (some) {
			note.append("Drag to zoom, double click to go back; with the keyboard: arrows, + and −, 0.");
			return;
		}
		if (!described.newest) {
			note.append("There are no samples in this window.");
			return;
		}
		const span = w.to - w.from, to = described.newest + 60;
		note.append(`There are no samples in this window; the newest one is of ${moment(described.newest)}. `,
			h("a", { href: context.address("host", { ...Object.fromEntries(parameters), range: "", zoom: "", from: to - span, to }) }, "Show that time"));
	}

	// arrange has a card for each of the metrics, in order, and no others.
	function arrange(wanted) {
		const names = new Set(wanted.map((m) => m.metric));
		for (const [name, c] of cards) {
			if (names.has(name)) continue;
			c.plot.destroy();
			c.element.remove();
			cards.delete(name);
		}
		wanted.forEach((m, i) => {
			let c = cards.get(m.metric);
			if (!c) cards.set(m.metric, c = card(m));
			c.describe(m);
			if (plots.children[i] !== c.element) plots.insertBefore(c.element, plots.children[i] ?? null);
		});
	}

	// scopeOf returns the type of the parts that are shown of a metric, "" for the host itself.
	function scopeOf(m) {
		for (const pair of (parameters.get("parts") ?? "").split(",")) {
			const at = pair.lastIndexOf(":");
			if (pair.slice(0, at) === m.metric && (pair.slice(at + 1) === "" || m.parts.some((p) => p.type === pair.slice(at + 1)))) return pair.slice(at + 1);
		}
		// Without an aggregation, parts do not become a series of the host.
		return m.own || m.aggregation ? "" : m.parts[0]?.type ?? "";
	}

	function card(m) {
		const scope = h("select", { "aria-label": "Parts of " + m.metric, onchange: () => setScope(m.metric, scope.value) });
		const facts = h("span", { class: "facts" });
		const legend = h("div", { class: "legend" });
		const plot = new Plot({
			label: `${m.metric}: arrow keys move the cursor, plus and minus zoom, 0 goes back`,
			onZoom: (from, to) => context.navigate({ zoom: `${from}-${to}` }),
			onReset: () => context.navigate({ zoom: "" }),
			onCursor: (t) => { for (const c of cards.values()) if (c.plot !== plot) c.plot.setCursor(t); },
		});
		const own = plot.onCursor;
		plot.onCursor = (t) => { own(t); if (t === null) plot.setCursor(null); };
		const element = h("section", { class: "card", "data-metric": m.metric },
			h("div", { class: "card-head" }, h("h2", { title: m.metric }, m.metric), scope, plot.readout, facts), plot.element, legend);
		let options = "";
		return {
			plot, element,
			describe(now) {
				m = now;
				const list = [...(now.own || now.aggregation ? [["", "host"]] : []), ...now.parts.map((p) => [p.type, `${p.type} (${p.ids.length})`])];
				if (options !== JSON.stringify(list)) {
					options = JSON.stringify(list);
					scope.replaceChildren(...list.map(([value, text]) => h("option", { value }, text)));
				}
				if (scope.value !== scopeOf(now)) scope.value = scopeOf(now);
				scope.hidden = list.length < 2;
			},
			show(series, w, error) {
				plot.set(series, w.from, w.to, error);
				drawLegend(legend, plot, m, scope.value);
				const one = summary(series);
				facts.textContent = one ? `avg ${si(one.avg)}  min ${si(one.min)}  max ${si(one.max)}` : "";
				facts.title = m.interval ? `one sample every ${duration(m.interval)}` + (m.aggregation ? `; parts combine by ${m.aggregation}` : "") : "not configured any more";
			},
		};
	}

	function setScope(metric, type) {
		const kept = (parameters.get("parts") ?? "").split(",").filter((pair) => pair && pair.slice(0, pair.lastIndexOf(":")) !== metric);
		context.navigate({ parts: [...kept, metric + ":" + type].join(",") });
	}

	async function saveSamples() {
		if (!described) return;
		const w = readWindow(parameters), host = described.host;
		save.disabled = true;
		try {
			await downloadSamples(`${described.cluster}-${host}.csv`, described.cluster, choose().map((m) => itemOf(m, host, scopeOf(m))), w.from, w.to);
		} catch (fault) {
			note.textContent = fault.message;
		}
		save.disabled = false;
	}

	return { update, refresh, destroy: clear, interval: () => refreshInterval(readWindow(parameters)) };
}

// itemOf is what query is asked for: the host itself, or its parts of a type.
function itemOf(m, host, type) {
	const ids = [...(m.parts.find((p) => p.type === type)?.ids ?? [])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
	return { metric: m.metric, host, interval: m.interval, ...(type ? { type, ids: ids.slice(0, maxParts) } : {}) };
}

// summary combines the statistics of series.
export function summary(series) {
	const some = series.filter((s) => s.avg !== null && s.avg !== undefined);
	if (some.length === 0) return null;
	return {
		avg: some.reduce((sum, s) => sum + s.avg, 0) / some.length,
		min: Math.min(...some.map((s) => s.min)), max: Math.max(...some.map((s) => s.max)),
	};
}

// drawLegend names the lines, if there are few of them.
export function drawLegend(legend, plot, m, type) {
	const { series } = plot;
	if (series.length < 2) {
		legend.replaceChildren();
		return;
	}
	if (series.length > 8) {
		const all = m?.parts?.find((p) => p.type === type)?.ids.length ?? series.length;
		legend.textContent = `${series.length} lines` + (all > series.length ? ` of ${all}` : "") + ": point at one to see its name";
		return;
	}
	legend.replaceChildren(...series.map((s, i) => h("span", {}, h("span", { class: "swatch line-" + i }), s.label)));
}
