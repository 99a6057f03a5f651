// The view of the program's state: what an operator has to know first comes first.
import { h, table, renew } from "./dom.js";
import { get } from "./api.js";
import { si, bytes, count, duration, moment } from "./format.js";

const places = { embedded: "in the embedded server", cluster: "in the cluster of embedded servers", broker: "on the broker" };

// What the reasons mean, and what to do. Those above are no fault.
const reasons = {
	foreign: "events and logs of other programs: no fault",
	"unknown-metric": "metrics that are not configured",
	"no-number": "values that are no number, of metrics that need not have one: no fault",
	name: "a cluster or host that looks like a path",
	syntax: "no line protocol",
	field: "the field value is missing, or there are others",
	value: "the value is no number",
	timestamp: "the time cannot be read",
	future: "the time is too far ahead: compare the clocks",
	"too-long": "the line is longer than 64 KiB",
	"too-many-tags": "the line has more than 64 tags",
};
const noFault = ["foreign", "unknown-metric", "no-number"];

export function stateView(root) {
	let before = null; // the status of the refresh before, for rates
	let rate = null;
	let refusedRate = null;
	let quick = true; // the first rate is shown soon
	const content = h("div");
	root.append(h("h1", {}, "State"), content);

	async function refresh(signal) {
		const [status, refused] = await Promise.all([
			get("status", {}, signal),
			get("refused", {}, signal).catch((fault) => {
				if (fault.status !== 503) throw fault;
				return { lines: [], problem: fault.message };
			}),
		]);
		measure(status);
		renew(content, [headline(status), tiles(status), nodes(status), refusedLines(refused),
			h("div", { class: "columns" }, notStored(status), unknownMetrics(status), overLimit(status))]);
	}

	// measure finds how fast the counters grow since the refresh before.
	function measure(s) {
		if (before && s.started === before.started && s.time > before.time) {
			const seconds = s.time - before.time;
			rate = (s.samples.stored - before.samples.stored) / seconds;
			refusedRate = (faults(s) - faults(before)) / seconds;
			quick = false;
		}
		if (!before || s.time > before.time) before = s;
	}

	function headline(s) {
		const list = [];
		if (s.ready.ok) list.push(["good", "Ready", "It answers, and keeps what it is sent."]);
		else list.push(["bad", s.answering.ok ? "Not ready" : "Not answering queries yet", s.ready.why]);
		if (!s.log.writable.ok && s.ready.ok) list.push(["bad", "Log not writable", s.log.writable.why]);
		if (s.attention) list.push(["warn", "Needs attention", s.attention]);
		return headlines(list);
	}

	function tiles(s) {
		const behind = s.time - s["complete-until"];
		const list = [
			tile("Samples per second", rate === null ? "…" : si(rate), count(s.samples.stored) + " since the start"),
			tile("Lag", s.log["lag-entries"] === 0 ? "none" : count(s.log["lag-entries"]) + " entries",
				s.log["lag-entries"] === 0 ? "all of the log is in the store" : "newest entry " + duration(s.log["lag-seconds"]) + " old",
				s.log["lag-seconds"] > 60 ? "warn" : ""),
			tile("Answers complete", s["complete-until"] === 0 ? "unknown" : behind <= 5 ? "until now" : duration(behind) + " ago",
				s["complete-until"] === 0 ? "nothing is known of the log yet" : "up to " + moment(s["complete-until"]), behind > 60 ? "warn" : ""),
			tile("Log", s.log.writable.ok ? "writable" : "takes no entries",
				`${s.log.name}, ${places[s.log.place]}` + (s.log.outbox ? `; ${count(s.log.outbox)} writes wait` : ""), s.log.writable.ok ? "" : "bad"),
		];
		if (s.broker) {
			list.push(tile("Broker", s.broker.connected ? "connected" : "not connected", s.broker.address, s.broker.connected ? "" : "bad"));
		}
		list.push(memory(s), checkpoints(s));
		if (s.archive) list.push(archive(s.archive));
		list.push(
			tile("Lines refused", count(faults(s)),
				refusedRate > 0 ? si(refusedRate) + " per second now" : s.samples["refused-not-kept"] ? count(s.samples["refused-not-kept"]) + " of them not kept" : "since the start",
				refusedRate > 0 ? "warn" : ""),
			tile("Hosts", count(s.memory.hosts), count(s.memory.series) + " series, kept for " + duration(s.memory.retention)),
			tile("Program", s.version, "runs for " + duration(s.time - s.started)));
		return h("dl", { class: "tiles" }, list);
	}

	// fail takes back what may not be true any more.
	function fail() {
		if (before) content.querySelector(".headline")?.replaceWith(headlines([["warn", "Unknown", "Below is what was known at " + moment(before.time) + "."]]));
	}

	return { update() {}, refresh, fail, interval: () => quick ? 2 : 10 };
}

// headlines makes a list of {kind, title, text}.
function headlines(list) {
	return h("ul", { class: "headline" }, list.map(([kind, title, text]) => h("li", { class: kind },
		h("strong", {}, title), " ", h("span", {}, text))));
}

function faults(s) {
	return Object.entries(s.samples["not-stored"] ?? {}).reduce((sum, [reason, n]) => noFault.includes(reason) ? sum : sum + n, 0);
}

function tile(title, value, note, kind = "", extra = null) {
	return h("div", { class: "tile " + kind }, h("dt", {}, title), h("dd", { class: "value" }, value), extra, h("dd", { class: "note" }, note));
}

function memory(s) {
	const m = s.memory, note = `process ${bytes(m.process)}` + (m.evicted ? `; ${count(m.evicted)} blocks gave way` : "");
	if (!m.cap) return tile("Memory of samples", bytes(m.held), "no cap; " + note);
	const part = Math.min(m.held / m.cap, 1);
	const bar = h("dd", { class: "bar" }, h("span"));
	bar.firstChild.style.width = Math.round(part * 100) + "%";
	return tile("Memory of samples", `${bytes(m.held)} of ${bytes(m.cap)}`, note, part > 0.95 ? "warn" : "", bar);
}

function checkpoints(s) {
	const c = s.checkpoints;
	if (!c) return tile("Checkpoint", "…", "the newest one is being loaded");
	const age = c.last ? s.time - c.last : 0;
	const note = c.why || `due every ${duration(c.interval)}` + (c.failed ? `; ${count(c.failed)} failed` : "");
	return tile("Checkpoint", c.last ? duration(age) + " ago" : "none yet", note, c.why ? "bad" : c.last && age > 3 * c.interval ? "warn" : "");
}

function archive(a) {
	const note = a.why || (a["unreadable-files"] ? `${count(a["unreadable-files"])} files cannot be read` : a.oldest ? "back to " + moment(a.oldest) : "nothing has left memory yet");
	return tile("Archive", bytes(a.bytes), `${count(a.files)} files; ${note}`, a.why ? "bad" : a["unreadable-files"] ? "warn" : "");
}

function nodes(s) {
	if (s.nodes.length === 0) return null;
	const rows = s.nodes.map((n) => [
		n.name + (n.self ? " (this one)" : ""),
		n.leader ? "leads" : "follows",
		n.offline ? mark("bad", "out of reach") : n.current ? mark("good", "has the whole log") : mark("warn", `${count(n["lag-entries"])} entries behind`),
		n.leader ? "–" : duration(n["heard-seconds"]) + " ago",
	]);
	return section("Nodes of the cluster", table("Nodes of the cluster",
		[{ title: "Node" }, { title: "Role" }, { title: "Log" }, { title: "Last heard of", class: "number" }], rows, ""),
	`as the leader of the log said at ${moment(s.nodes[0].seen)}`);
}

function refusedLines(refused) {
	const rows = refused.lines.map((l) => [
		moment(l.time), h("span", { title: reasons[l.reason] ?? "" }, l.reason), [l.cluster, l.hostname].filter(Boolean).join(" / ") || "unknown", l.from,
		h("div", { class: "line" }, h("span", {}, l.detail), h("code", {}, l.line)),
	]);
	return section("Last refused lines", table("Last refused lines",
		[{ title: "Time", class: "fixed" }, { title: "Reason" }, { title: "Sender" }, { title: "Came by" }, { title: "What is wrong, and the line" }],
		rows, refused.problem ?? "None in the last seven days."), refused.lines.length ? "newest first, kept for seven days" : "");
}

function notStored(s) {
	const rows = Object.entries(s.samples["not-stored"] ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1])
		.map(([reason, n]) => [reason, count(n), reasons[reason] ?? ""]);
	if (s.samples["no-hostname"]) rows.push(["no hostname", count(s.samples["no-hostname"]), "stored under an empty name"]);
	if (s.samples["no-cluster"]) rows.push(["no cluster", count(s.samples["no-cluster"]), "stored under an empty name"]);
	if (s.samples.replaced) rows.push(["replaced", count(s.samples.replaced), "stored, and replaced a sample of another time: sent more often than the metric's frequency"]);
	return section("Lines not stored, by reason", table("Lines not stored, by reason",
		[{ title: "Reason" }, { title: "Lines", class: "number" }, { title: "" }], rows, "All lines were stored."), "since the start");
}

function unknownMetrics(s) {
	const list = s.samples["unknown-metrics"];
	const rows = list.map((m) => [m.metric || "all others", count(m.lines), [m.cluster, m.hostname].filter(Boolean).join(" / ")]);
	return section("Metrics that are not configured", table("Metrics that are not configured",
		[{ title: "Metric" }, { title: "Lines", class: "number" }, { title: "First sender" }], rows, "None."),
	s.samples["unknown-names"] > list.length ? `${list.length} of ${s.samples["unknown-names"]}` : "");
}

function overLimit(s) {
	if (s.samples["over-limit"].length === 0) return null;
	const rows = s.samples["over-limit"].map((r) => [r.limit, count(r.samples), [r.cluster, r.hostname].filter(Boolean).join(" / ") || "others"]);
	return section("Samples beyond a limit", table("Samples beyond a limit",
		[{ title: "Limit" }, { title: "Samples", class: "number" }, { title: "Sender" }], rows, ""));
}

function section(title, content, note = "") {
	return h("section", {}, h("h2", {}, title, note && h("small", {}, note)), content);
}

const mark = (kind, text) => h("span", { class: "mark " + kind }, text);
