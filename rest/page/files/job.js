// The view of a job: some hosts over one time, each metric as one plot with a line for each host,
// and statistics in a table.
import { h, table, renew } from "./dom.js";
import { get, query } from "./api.js";
import { si, expandHosts } from "./format.js";
import { Plot } from "./plot.js";
import { drawLegend, summary } from "./host.js";
import { covers, readWindow, refreshInterval, windowControls } from "./window.js";
import { csvLine, download, downloadSamples } from "./csv.js";

const maxHosts = 64, maxMetrics = 24, usualMetrics = 6, maxListed = 500;

export function jobView(root, context) {
	let parameters = new URLSearchParams(), described = null, describedIn = null, key = "", statistics = [], picked = "";
	const cards = new Map(); // by metric
	const clusterSelect = h("select", { id: "job-cluster" });
	const hosts = h("input", { id: "job-hosts", autocomplete: "off", spellcheck: "false", placeholder: "f0101,f[0102-0104]", required: true });
	const form = h("form", { class: "job", onsubmit: (e) => {
		e.preventDefault();
		context.navigate({ cluster: clusterSelect.value, hosts: hosts.value.trim() });
	} },
	h("div", { class: "field" }, h("label", { for: "job-cluster" }, "Cluster"), clusterSelect),
	h("div", { class: "field grow" }, h("label", { for: "job-hosts" }, "Hosts"), hosts), h("button", { type: "submit", class: "primary" }, "Show"));
	const time = windowControls(context);
	const picker = h("details", { class: "picker" }, h("summary", {}, "Metrics"), h("fieldset", {}, h("legend", { class: "hidden" }, "Metrics")));
	const save = h("button", { type: "button", hidden: true, onclick: () => saveSamples() }, "CSV of samples");
	const saveTable = h("button", { type: "button", hidden: true, onclick: () => saveStatistics() }, "CSV of statistics");
	const note = h("p", { class: "muted" });
	const plots = h("div", { class: "plots" });
	const numbers = h("section", {});
	root.append(h("h1", {}, "Job"), form, h("div", { class: "controls stays" }, time.element, h("div", { class: "field end" }, save, saveTable)), picker, note, plots, numbers);

	const names = () => expandHosts(parameters.get("hosts") ?? "", maxHosts);

	function update(to) {
		parameters = to;
		if (document.activeElement !== hosts) hosts.value = parameters.get("hosts") ?? "";
		time.update(parameters);
		const now = (parameters.get("cluster") ?? "") + "\n" + (parameters.get("hosts") ?? "");
		if (now !== key) {
			key = now;
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
		numbers.replaceChildren();
	}

	async function refresh(signal) {
		const { clusters } = await get("clusters", {}, signal);
		if (document.activeElement !== clusterSelect) {
			const cluster = parameters.get("cluster") ?? clusters[0]?.cluster ?? "";
			// The archive may have a cluster that memory has not.
			if (cluster && !clusters.some((c) => c.cluster === cluster)) clusters.unshift({ cluster });
			renew(clusterSelect, clusters.map((c) => h("option", { value: c.cluster }, c.cluster || "(without a name)")));
			clusterSelect.value = cluster;
		}
		const list = names();
		save.hidden = saveTable.hidden = picker.hidden = list.length === 0;
		if (list.length === 0) {
			note.textContent = "Name the hosts of the job, as Slurm lists them, or choose them in the view Hosts.";
			return;
		}
		const cluster = parameters.get("cluster") ?? "";
		const w = readWindow(parameters);
		if (!described || !covers(describedIn, w)) { // at other times, the archive may have others
			described = await describe(cluster, list, w, signal);
			describedIn = w;
		}
		const metrics = chooseMetrics();
		drawPicker(metrics);
		arrange(metrics);
		const items = itemsOf(metrics, list);
		const found = new Map(metrics.map((m) => [m, []])), errors = new Map();
		await query(cluster, items, w.from, w.to, { signal }, (n, series, error) => {
			if (error) errors.set(items[n].metric, error);
			found.get(items[n].metric).push(series[0] ?? { label: items[n].host, from: w.from, step: 60, values: [], avg: null, min: null, max: null });
			if (n % list.length === list.length - 1) cards.get(items[n].metric)?.show(found.get(items[n].metric), w, errors.get(items[n].metric) ?? "");
		});
		statistics = metrics.map((metric) => ({ metric, series: found.get(metric) }));
		drawStatistics(list);
		note.textContent = `${list.length} hosts` + (list.length === maxHosts ? ` (no more than ${maxHosts} are shown)` : "") + `, ${metrics.length} metrics.`;
	}

	// describe returns the metrics that the hosts can be compared by: those of the first host that is
	// known.
	async function describe(cluster, list, w, signal) {
		let fault;
		for (const host of list) {
			try {
				const answer = await get("host", { cluster, host, from: Math.floor(w.from), to: Math.ceil(w.to) }, signal);
				return answer.metrics.filter((m) => m.own || m.aggregation);
			} catch (problem) {
				if (problem.status !== 404) throw problem;
				fault = problem;
			}
		}
		throw fault;
	}

	const itemsOf = (metrics, list) => metrics.flatMap((metric) => {
		const interval = described.find((m) => m.metric === metric)?.interval;
		return list.map((host) => ({ metric, host, interval }));
	});

	function chooseMetrics() {
		const given = parameters.get("metrics");
		if (given) return given.split(",").filter(Boolean).slice(0, maxMetrics);
		return described.slice(0, usualMetrics).map((m) => m.metric);
	}

	function drawPicker(chosen) {
		const fieldset = picker.lastElementChild, now = JSON.stringify([chosen, described]);
		if (picked === now) return;
		picked = now;
		picker.firstElementChild.textContent = `Metrics (${chosen.length} of ${described.length})`;
		const focused = document.activeElement?.value;
		fieldset.replaceChildren(fieldset.firstElementChild, ...described.slice(0, maxListed).map(({ metric }) => h("label", {}, h("input", { type: "checkbox", value: metric, checked: chosen.includes(metric),
			onchange: () => {
				const boxes = [...fieldset.querySelectorAll("input")], listed = boxes.map((i) => i.value);
				const now = [...chosen.filter((m) => !listed.includes(m)), ...boxes.filter((i) => i.checked).map((i) => i.value)];
				context.navigate({ metrics: now.slice(0, maxMetrics).join(",") });
			} }), metric)));
		if (focused) [...fieldset.querySelectorAll("input")].find((i) => i.value === focused)?.focus();
	}

	function arrange(metrics) {
		for (const [name, c] of cards) {
			if (metrics.includes(name)) continue;
			c.plot.destroy();
			c.element.remove();
			cards.delete(name);
		}
		metrics.forEach((m, i) => {
			if (!cards.has(m)) cards.set(m, card(m));
			const { element } = cards.get(m);
			if (plots.children[i] !== element) plots.insertBefore(element, plots.children[i] ?? null);
		});
	}

	function card(metric) {
		const facts = h("span", { class: "facts" });
		const legend = h("div", { class: "legend" });
		const plot = new Plot({
			label: `${metric}: arrow keys move the cursor, up and down choose a host, plus and minus zoom, 0 goes back`,
			onZoom: (from, to) => context.navigate({ zoom: `${from}-${to}` }),
			onReset: () => context.navigate({ zoom: "" }),
			onCursor: (t) => { for (const c of cards.values()) if (c.plot !== plot || t === null) c.plot.setCursor(t); },
		});
		const element = h("section", { class: "card", "data-metric": metric },
			h("div", { class: "card-head" }, h("h2", { title: metric }, metric), plot.readout, facts), plot.element, legend);
		return {
			plot, element,
			show(series, w, error) {
				plot.set(series, w.from, w.to, error);
				drawLegend(legend, plot);
				const s = summary(series);
				facts.textContent = s ? `avg ${si(s.avg)}  min ${si(s.min)}  max ${si(s.max)}` : "";
			},
		};
	}

	function drawStatistics(list) {
		const columns = [{ title: "Host" }, ...statistics.map((s) => ({ title: s.metric, class: "number" }))];
		const cell = (s) => !s || s.avg === null ? "–" : h("span", {}, si(s.avg), h("small", {}, ` ${si(s.min)} – ${si(s.max)}`));
		const rows = [[h("strong", {}, "all hosts"), ...statistics.map((s) => cell(summary(s.series)))],
			...list.map((host, i) => [h("a", { href: context.address("host", { ...timeParameters(), cluster: parameters.get("cluster"), host }) }, host), ...statistics.map((s) => cell(s.series[i]))])];
		renew(numbers, [h("h2", {}, "Statistics", h("small", {}, "average, and least – largest, of all samples in the window")),
			table("Statistics", columns, rows, "")]);
	}

	// timeParameters returns those of the window, for links to other views.
	const timeParameters = () => Object.fromEntries(["range", "from", "to", "zoom"].map((name) => [name, parameters.get(name)]));

	function saveStatistics() {
		const lines = [csvLine(["cluster", "host", "metric", "avg", "min", "max"])];
		for (const { metric, series } of statistics) {
			series.forEach((s, i) => lines.push(csvLine([parameters.get("cluster"), names()[i], metric, s.avg, s.min, s.max])));
		}
		download("job-statistics.csv", lines);
	}

	async function saveSamples() {
		const w = readWindow(parameters);
		save.disabled = true;
		try {
			const items = itemsOf(statistics.map((s) => s.metric), names());
			await downloadSamples("job-samples.csv", parameters.get("cluster") ?? "", items, w.from, w.to);
		} catch (fault) {
			note.textContent = fault.message;
		}
		save.disabled = false;
	}

	return { update, refresh, destroy: clear, interval: () => refreshInterval(readWindow(parameters)) };
}
