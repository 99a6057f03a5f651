// Numbers and times as people read them. Times are those of the browser's time zone.

const prefixes = [["E", 1e18], ["P", 1e15], ["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]];

// si shows a number with about three digits, and a prefix of SI if it is large.
export function si(x) {
	if (x === null || x === undefined || !Number.isFinite(x)) return "–";
	const size = Math.abs(x);
	if (size >= 1e21) return String(Number(x.toPrecision(2)));
	for (const [prefix, unit] of prefixes) {
		if (size >= unit * 0.9995) return trim(x / unit) + " " + prefix;
	}
	if (size !== 0 && size < 1e-3) return x.toExponential(2);
	return trim(x);
}

// tick shows a number on an axis, with the digits by which it differs from its neighbours, a step away,
// as far as there is room.
export function tick(x, step) {
	const size = Math.abs(x);
	if (!(size >= step / 1e6)) return "0";
	if (size < 1e-3 || size >= 1e21) {
		const digits = Math.min(Math.max(Math.floor(Math.log10(size)) - Math.floor(Math.log10(step) + 1e-9) + 1, 1), 3);
		return size < 1 ? x.toExponential(digits - 1) : String(Number(x.toPrecision(digits)));
	}
	const [prefix, unit] = prefixes.find(([, u]) => size >= u * 0.9995) ?? ["", 1];
	for (let decimals = Math.min(Math.max(-Math.floor(Math.log10(step / unit) + 1e-9), 0), 6); ; decimals--) {
		const text = Number((x / unit).toFixed(decimals)) + (prefix && " " + prefix);
		if (text.length <= 8 || decimals === 0) return text;
	}
}

function trim(x) {
	const digits = Math.abs(x) >= 100 ? 0 : Math.abs(x) >= 10 ? 1 : Math.abs(x) >= 0.9995 ? 2 : 4;
	return String(Number(x.toFixed(digits)));
}

// exact shows more digits than si: five of a large number, seven of others.
export function exact(x) {
	if (x === null || x === undefined) return "no sample";
	for (const [prefix, unit] of prefixes) {
		if (unit > 1e3 && Math.abs(x) >= unit) return Number((x / unit).toPrecision(5)) + " " + prefix;
	}
	return String(Number(x.toPrecision(7)));
}

export function bytes(n) {
	for (const [prefix, unit] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
		if (n >= unit) return trim(n / unit) + " " + prefix;
	}
	return n + " B";
}

export const count = (n) => n.toLocaleString("en");

// duration shows seconds: 42 s, 3 min, 2 h 5 min, 3 d 4 h.
export function duration(seconds) {
	const s = Math.max(Math.round(seconds), 0);
	if (s < 90) return s + " s";
	if (s < 5400) return Math.round(s / 60) + " min";
	const hours = Math.floor(s / 3600);
	if (hours < 48) return hours + " h" + (s % 3600 >= 60 ? " " + Math.floor(s % 3600 / 60) + " min" : "");
	return Math.floor(hours / 24) + " d" + (hours % 24 ? " " + hours % 24 + " h" : "");
}

const two = (n) => String(n).padStart(2, "0");

// clock shows a time as 14:03:07, day as 2026-11-26, both with moment.
export function clock(unix) {
	const d = new Date(unix * 1000);
	return two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds());
}

export function day(unix) {
	const d = new Date(unix * 1000);
	return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate());
}

export const moment = (unix) => day(unix) + " " + clock(unix);

// localInput is the value of an <input type="datetime-local">.
export const localInput = (unix) => day(unix) + "T" + clock(unix);

// expandHosts reads a list of hosts as Slurm writes it: "f01,f[02-04,07]". It makes at most limit
// names.
export function expandHosts(text, limit) {
	const names = [];
	const add = (name) => { if (name && names.length < limit && !names.includes(name)) names.push(name); };
	for (const item of text.split(/[\s,]+(?![^[]*\])/)) {
		const m = item.match(/^(.*?)\[([\d,\- ]+)\](.*)$/);
		if (!m) { add(item); continue; }
		for (const range of m[2].split(",")) {
			const [first, last = first] = range.split("-").map((s) => s.trim());
			// Beyond safe integers, n + 1 may be n.
			for (let n = Number(first); n <= Number(last) && Number.isSafeInteger(n) && names.length < limit; n++) {
				add(m[1] + String(n).padStart(first.length, "0") + m[3]);
			}
		}
	}
	return names;
}
