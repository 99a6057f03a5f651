// Downloads as CSV (RFC 4180). They are made here: of what the server answers to the same queries,
// with all samples instead of those that a plot shows.
import { h } from "./dom.js";
import { query } from "./api.js";

// csvLine makes a line of fields.
export function csvLine(fields) {
	return fields.map((field) => {
		let text = String(field ?? "");
		// A table calculation would take a name that begins like this for a formula.
		if (typeof field === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
		return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
	}).join(",") + "\r\n";
}

// download saves lines as a file.
export function download(name, lines) {
	const url = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
	const link = h("a", { href: url, download: name.replace(/[^\w.-]+/g, "_") });
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const maxSamples = 2_000_000;

// downloadSamples asks for all samples of the items, see query, and saves those that there are, one
// a line.
export async function downloadSamples(name, cluster, items, from, to) {
	const lines = [csvLine(["time", "cluster", "host", "metric", "part", "value"])];
	let samples = 0;
	await query(cluster, items, from, to, { full: true }, (n, list) => {
		const item = items[n];
		for (const s of list) {
			s.values.forEach((v, i) => {
				if (v === null) return;
				if (++samples > maxSamples) throw new Error("These are more than 2,000,000 samples: choose fewer metrics or hosts, or a shorter time.");
				lines.push(csvLine([s.from + i * s.step, cluster, item.host, item.metric, item.type ? s.label : "", v]));
			});
		}
	});
	download(name, lines);
}
