// The window of time of a view: the last hours, or between two times, and within it what was zoomed
// into. All of it is in the address: range=6h, or from and to, and zoom=FROM-TO, in Unix seconds.
import { h } from "./dom.js";
import { localInput, moment } from "./format.js";

const ranges = { "15m": 900, "1h": 3600, "3h": 10800, "6h": 21600, "12h": 43200, "24h": 86400, "48h": 172800, "7d": 604800 };
const usual = "3h";

// readWindow returns {from, to, zoomed, live}: a live one ends now.
export function readWindow(parameters) {
	const zoom = (parameters.get("zoom") ?? "").match(/^(\d{1,12})-(\d{1,12})$/);
	if (zoom && Number(zoom[1]) < Number(zoom[2])) return { from: Number(zoom[1]), to: Number(zoom[2]), zoomed: true, live: false };
	const from = Number(parameters.get("from")), to = Number(parameters.get("to"));
	if (from > 0 && to > from) return { from, to, zoomed: false, live: false };
	const now = Math.ceil(Date.now() / 1000);
	return { from: now - (ranges[parameters.get("range")] ?? ranges[usual]), to: now, zoomed: false, live: true };
}

// covers says whether what is known of a window suffices for another one. A live one moves on with the samples.
export const covers = (known, w) => known.from <= w.from && (w.to <= known.to || known.live && w.live);

// refreshInterval is in seconds: a long window costs more, and changes less.
export const refreshInterval = (w) => !w.live ? 3600 : w.to - w.from > 172800 ? 60 : w.to - w.from > 43200 ? 30 : 10;

// windowControls returns {element, update(parameters)}.
export function windowControls(context) {
	const select = h("select", { id: "range", onchange: () => {
		custom.hidden = select.value !== "";
		if (select.value) context.navigate({ range: select.value, from: "", to: "", zoom: "" });
	} }, Object.keys(ranges).map((r) => h("option", { value: r }, "last " + r)), h("option", { value: "" }, "from … to …"));
	const from = h("input", { id: "from", type: "datetime-local", step: 1, required: true });
	const to = h("input", { id: "to", type: "datetime-local", step: 1, required: true });
	const custom = h("form", { class: "custom", hidden: true, onsubmit: (e) => {
		e.preventDefault();
		const [a, b] = [from, to].map((i) => Math.round(new Date(i.value).getTime() / 1000));
		if (a < b) context.navigate({ range: "", from: a, to: b, zoom: "" });
	} }, h("div", { class: "field" }, h("label", { for: "from" }, "From"), from), h("div", { class: "field" }, h("label", { for: "to" }, "To"), to),
	h("button", { type: "submit" }, "Show"));
	const back = h("button", { type: "button", hidden: true, onclick: () => context.navigate({ zoom: "" }) }, "Back from zoom");
	const text = h("span", { class: "muted window-text" });
	return {
		element: h("div", { class: "window" }, h("div", { class: "field" }, h("label", { for: "range" }, "Time"), select), custom, back, text),
		update(parameters) {
			const w = readWindow(parameters);
			const fixed = parameters.get("from") && parameters.get("to");
			select.value = fixed ? "" : ranges[parameters.get("range")] ? parameters.get("range") : usual;
			custom.hidden = !fixed;
			if (!custom.contains(document.activeElement)) [from.value, to.value] = [localInput(w.from), localInput(w.to)];
			back.hidden = !w.zoomed;
			text.textContent = fixed && !w.zoomed ? "" : `${moment(w.from)} to ${moment(w.to)}`;
		},
	};
}
