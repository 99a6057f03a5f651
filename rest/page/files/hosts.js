// The view of a cluster's hosts. The list has any length: only the rows in sight are in the document.
import { h, renew, debounce } from "./dom.js";
import { get } from "./api.js";
import { count, duration, moment } from "./format.js";
import { download, csvLine } from "./csv.js";

const rowHeight = 30; // as in the style sheet
const spare = 8; // rows beyond each end of what is in sight
const maxCompared = 64; // hosts of a job view

const columns = [
	{ key: "host", title: "Host" },
	{ key: "health", title: "Health" },
	{ key: "newest", title: "Last sample" },
	{ key: "metrics", title: "Fresh metrics" },
	{ key: "series", title: "Series" },
];
const order = { failed: 0, partial: 1, full: 2 };
const kinds = { full: "good", partial: "warn", failed: "bad" };

export function hostsView(root, context) {
	let cluster = "", clusters = [], all = [], shown = [], leftOut = 0;
	let parameters = new URLSearchParams();
	let asked = false; // the server has answered
	const chosen = new Set();

	const clusterSelect = h("select", { id: "cluster", onchange: () => context.navigate({ cluster: clusterSelect.value }) });
	const filter = h("input", { id: "filter", type: "search", placeholder: "part of a name", autocomplete: "off", spellcheck: "false",
		oninput: debounce(60, () => filter.isConnected && context.navigate({ q: filter.value }, true)) });
	const chips = ["", "full", "partial", "failed"].map((state) => h("button", { type: "button", class: state && "mark " + kinds[state], "data-health": state,
		onclick: () => context.navigate({ health: state }) }));
	const health = h("div", { class: "chips", role: "group", "aria-label": "Health" }, chips);
	const summary = h("p", { class: "muted", "aria-live": "polite" });
	const compare = h("a", { class: "button", hidden: true });
	const save = h("button", { type: "button", onclick: () => saveList() }, "CSV");
	const heads = columns.map((c) => h("span", { role: "columnheader", class: c.key }, h("button", { type: "button",
		onclick: () => context.navigate({ sort: c.key, desc: sorting().by === c.key && sorting().sign > 0 ? "1" : "" }) },
	c.title, h("span", { class: "arrow", "aria-hidden": "true" }))));
	const head = h("div", { class: "row head", role: "row" }, h("span", { role: "columnheader", class: "pick" }, h("span", { class: "hidden" }, "Choose")), heads);
	const rows = h("div", { class: "rows", role: "rowgroup" });
	// The headings are in the box that scrolls, as then their columns are those of the rows.
	const box = h("div", { class: "list", role: "table", "aria-label": "Hosts", tabindex: 0, onscroll: () => draw(), onkeydown: (e) => key(e) },
		h("div", { role: "rowgroup", class: "head-group" }, head), rows);
	const grid = h("div", { class: "grid" }, box);
	root.append(h("h1", {}, "Hosts"),
		h("div", { class: "controls" },
			h("div", { class: "field" }, h("label", { for: "cluster" }, "Cluster"), clusterSelect),
			h("div", { class: "field" }, h("label", { for: "filter" }, "Filter"), filter),
			h("div", { class: "field" }, h("span", { class: "label" }, "Health"), health),
			h("div", { class: "field end" }, compare, save)),
		summary, grid);
	const resized = new ResizeObserver(() => draw());
	resized.observe(box);

	function update(to) {
		const other = to.get("cluster") !== parameters.get("cluster");
		if (other) chosen.clear();
		parameters = to;
		if (document.activeElement !== filter) filter.value = parameters.get("q") ?? "";
		select();
		return other || !asked; // filtering and sorting are done here
	}

	async function refresh(signal) {
		({ clusters } = await get("clusters", {}, signal));
		const name = parameters.get("cluster") ?? [...clusters].sort((a, b) => b.hosts - a.hosts)[0]?.cluster ?? "";
		if (name && !clusters.some((c) => c.cluster === name)) clusters.unshift({ cluster: name, hosts: 0 });
		renew(clusterSelect, clusters.map((c) => h("option", { value: c.cluster }, `${c.cluster || "(without a name)"} (${count(c.hosts)})`)));
		if (clusterSelect.value !== name) clusterSelect.value = name;
		const list = await get("hosts", { cluster: name }, signal);
		cluster = name; // with its hosts, as rows lead to both
		leftOut = list["left-out"];
		asked = true;
		all = list.hosts.map((host, i) => {
			const [fresh, stale, missing] = [list.fresh[i], list.stale[i], list.missing[i]];
			const state = fresh === 0 ? "failed" : stale + missing > 0 ? "partial" : "full";
			return { host, lower: host.toLowerCase(), newest: list.newest[i], fresh, stale, missing, series: list.series[i], health: state };
		});
		select();
	}

	const sorting = () => ({ by: parameters.get("sort") ?? "host", sign: parameters.get("desc") ? -1 : 1 });

	// select filters and sorts as the address says.
	function select() {
		const words = (parameters.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
		const named = all.filter((x) => words.every((w) => x.lower.includes(w)));
		const wanted = parameters.get("health") ?? "";
		shown = wanted ? named.filter((x) => x.health === wanted) : named;
		const { by, sign } = sorting();
		const values = { health: (x) => order[x.health], newest: (x) => x.newest, metrics: (x) => x.fresh - x.stale - x.missing, series: (x) => x.series };
		// The list comes in order of the names, and sorting keeps that among equals.
		if (Object.hasOwn(values, by)) shown = [...shown].sort((a, b) => sign * (values[by](a) - values[by](b)));
		else if (sign < 0) shown = [...shown].reverse();
		drawControls(named, wanted, by, sign);
		draw();
	}

	function drawControls(named, wanted, by, sign) {
		for (const chip of chips) {
			const state = chip.dataset.health;
			const n = state ? named.reduce((sum, x) => sum + (x.health === state), 0) : named.length;
			chip.textContent = `${state || "all"} ${count(n)}`;
			chip.setAttribute("aria-pressed", wanted === state);
		}
		heads.forEach((element, i) => {
			const here = by === columns[i].key;
			element.setAttribute("aria-sort", here ? (sign > 0 ? "ascending" : "descending") : "none");
			element.querySelector(".arrow").textContent = here ? (sign > 0 ? "▲" : "▼") : "";
		});
		summary.textContent = !asked ? "" : clusters.length === 0 ? "The store holds no hosts: nothing was sent yet, or all of it has left memory." :
			all.length === 0 ? "The store holds no hosts of this cluster." :
			`${count(shown.length)} of ${count(all.length)} hosts` + (leftOut ? `; ${count(leftOut)} further ones are not listed` : "");
		drawChosen();
	}

	function drawChosen() {
		compare.hidden = chosen.size === 0;
		compare.textContent = `Compare ${chosen.size}`;
		compare.href = context.address("job", { cluster, hosts: [...chosen].join(",") });
	}

	// draw puts the rows in sight into the document.
	function draw() {
		box.setAttribute("aria-rowcount", shown.length + 1);
		rows.style.height = shown.length * rowHeight + "px";
		const first = Math.max(Math.floor(box.scrollTop / rowHeight) - spare, 0);
		const last = Math.min(Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + spare, shown.length);
		const focused = document.activeElement?.closest?.(".rows .row")?.dataset.index, now = Date.now() / 1000;
		// Rows that are there already stay: somebody may be about to click one.
		const old = new Map([...rows.children].map((e) => [e.dataset.index, e]));
		let at = rows.firstChild;
		shown.slice(first, last).forEach((x, i) => {
			const made = row(x, first + i, now), known = old.get(made.dataset.index);
			old.delete(made.dataset.index);
			if (known?.isEqualNode(made)) {
				if (known === at) at = at.nextSibling;
				else rows.insertBefore(known, at);
				return;
			}
			if (known && known === at) at = at.nextSibling;
			known?.remove();
			rows.insertBefore(made, at);
		});
		for (const e of old.values()) e.remove();
		if (focused !== undefined && !rows.contains(document.activeElement)) rows.querySelector(`[data-index="${focused}"] a`)?.focus({ preventScroll: true });
	}

	function row(x, i, now) {
		const expected = x.fresh + x.stale + x.missing;
		const kind = kinds[x.health];
		const why = [x.stale && `${x.stale} stale`, x.missing && `${x.missing} missing`].filter(Boolean).join(", ");
		const element = h("div", { class: "row", role: "row", "aria-rowindex": i + 2, "data-index": i },
			h("span", { role: "cell", class: "pick" }, h("input", { type: "checkbox", checked: chosen.has(x.host), "aria-label": "Choose " + x.host,
				onchange: (e) => choose(x.host, e.target) })),
			h("span", { role: "cell", class: "host" }, h("a", { href: context.address("host", { cluster, host: x.host }) }, x.host || "(without a name)")),
			h("span", { role: "cell", class: "health" }, h("span", { class: "mark " + kind }, x.health)),
			h("span", { role: "cell", class: "newest", title: moment(x.newest) }, duration(now - x.newest) + " ago"),
			h("span", { role: "cell", class: "metrics" }, `${x.fresh} of ${expected}`, why && h("small", {}, " " + why)),
			h("span", { role: "cell", class: "series" }, count(x.series)));
		element.style.top = i * rowHeight + "px";
		return element;
	}

	function choose(host, checkbox) {
		if (!checkbox.checked) chosen.delete(host);
		else if (chosen.size < maxCompared) chosen.add(host);
		else checkbox.checked = false;
		drawChosen();
	}

	// key moves the focus from row to row.
	function key(e) {
		const here = Number(document.activeElement?.closest?.(".rows .row")?.dataset.index ?? -1);
		const inSight = box.clientHeight - rowHeight; // below the headings
		const page = Math.max(Math.floor(inSight / rowHeight) - 1, 1);
		const to = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: shown.length - 1 }[e.key];
		if (to === undefined || shown.length === 0) return;
		e.preventDefault();
		const i = Math.min(Math.max(to, 0), shown.length - 1);
		box.scrollTop = Math.min(Math.max(box.scrollTop, (i + 1) * rowHeight - inSight), i * rowHeight);
		draw();
		rows.querySelector(`[data-index="${i}"] a`)?.focus({ preventScroll: true });
	}

	function saveList() {
		const lines = [csvLine(["cluster", "host", "health", "last_sample", "fresh", "stale", "missing", "series"])];
		for (const x of shown) lines.push(csvLine([cluster, x.host, x.health, x.newest, x.fresh, x.stale, x.missing, x.series]));
		download(`hosts-${cluster}.csv`, lines);
	}

	return { update, refresh, destroy: () => resized.disconnect() };
}
