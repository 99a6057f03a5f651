// Plot draws lines over time on a canvas. All plots of a view show the same window, and a cursor at
// the same time: a view passes on what onCursor tells it.
//
// Two canvases lie above each other: the lines, which are drawn when data, window or size change,
// and the cursor, which is drawn with each move of the pointer. Where there are more samples than
// pixels, each column of pixels gets its least and its largest value, so that no peak is lost. What
// has no sample is a gap; where no line has any, the ground is shaded.
import { h } from "./dom.js";
import { tick, exact, clock, moment } from "./format.js";
import { prepare, stroke, niceStep, timeTicks } from "./axes.js";
import { trace } from "./trace.js";

const margin = { left: 52, right: 8, top: 8, bottom: 20 };
const colours = 8; // --line-0 to --line-7 of the style sheet

export class Plot {
	// label names the plot for those who do not see it. onZoom(from, to), onReset() and
	// onCursor(time or null) are called when the user asks for it.
	constructor({ label, onZoom, onReset, onCursor }) {
		Object.assign(this, { label, onZoom, onReset, onCursor });
		this.series = [];
		this.from = this.to = 0;
		this.cursor = null; // Unix seconds
		this.picked = 0; // the series whose value is shown
		this.visible = false;
		this.lines = h("canvas", { "aria-hidden": "true" });
		this.over = h("canvas", { tabindex: 0, role: "slider", "aria-label": label, "aria-valuenow": 0, "aria-valuetext": "no samples" });
		this.readout = h("span", { class: "readout" }); // the view puts it where there is room
		this.message = h("div", { class: "message" });
		this.element = h("div", { class: "plot" }, h("div", { class: "canvases" }, this.lines, this.over, this.message));
		this.listen();
		this.sizes = new ResizeObserver(() => this.draw());
		this.sizes.observe(this.over);
		this.sights = new IntersectionObserver(([entry]) => {
			this.visible = entry.isIntersecting;
			if (this.visible && this.stale) this.draw();
		}, { rootMargin: "200px" });
		this.sights.observe(this.element);
		this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
		this.redraw = () => this.draw();
		this.scheme.addEventListener("change", this.redraw);
	}

	destroy() {
		this.sizes.disconnect();
		this.sights.disconnect();
		this.scheme.removeEventListener("change", this.redraw);
	}

	// set shows series, each {label, from, step, values}, in the window.
	set(series, from, to, message = "") {
		Object.assign(this, { series, from, to });
		this.picked = Math.min(this.picked, Math.max(series.length - 1, 0));
		this.over.setAttribute("aria-valuemin", Math.floor(from));
		this.over.setAttribute("aria-valuemax", Math.ceil(to));
		this.message.textContent = message || (series.some((s) => s.values.some((v) => v !== null)) ? "" : "no samples in this window");
		this.draw();
	}

	// setWindow moves the window at once; the samples for it may come later.
	setWindow(from, to) { this.set(this.series, from, to); }

	// setCursor shows the values at a time, null: none. y is where the pointer is, if it is here.
	setCursor(time, y) {
		this.cursor = time;
		if (y !== undefined) this.pick(y);
		if (this.visible) this.drawCursor();
	}

	get width() { return this.over.clientWidth - margin.left - margin.right; }
	get height() { return this.over.clientHeight - margin.top - margin.bottom; }
	x(t) { return margin.left + (t - this.from) / (this.to - this.from) * this.width; }
	time(x) { return this.from + (x - margin.left) / this.width * (this.to - this.from); }
	y(v) { return margin.top + (this.high - Math.min(Math.max(v, this.low), this.high)) / (this.high - this.low) * this.height; }

	colour(i) {
		if (this.series.length <= colours) return this.style.getPropertyValue("--line-" + i);
		const light = this.style.getPropertyValue("--many-lightness");
		return `hsl(${Math.round(i * 360 / this.series.length)} 60% ${light} / 0.75)`;
	}

	draw() {
		this.stale = !this.visible;
		if (this.stale || this.over.clientWidth === 0) return;
		this.style = getComputedStyle(this.element);
		this.scale();
		const ctx = prepare(this.lines);
		this.drawGrid(ctx);
		ctx.save();
		this.clip(ctx);
		this.shadeGaps(ctx);
		ctx.lineWidth = this.series.length > colours ? 1 : 1.5;
		this.series.forEach((s, i) => this.drawLine(ctx, s, this.colour(i)));
		ctx.restore();
		this.drawCursor();
	}

	// clip keeps what is drawn then within the axes.
	clip(ctx) {
		ctx.beginPath();
		ctx.rect(margin.left, 0, this.width, this.over.clientHeight);
		ctx.clip();
	}

	// range returns the indices of a series that the window shows, and one more on each side.
	range(s) {
		return [Math.max(Math.floor((this.from - s.from) / s.step) - 1, 0), Math.min(Math.ceil((this.to - s.from) / s.step) + 2, s.values.length)];
	}

	// scale chooses the values at the top and at the bottom.
	scale() {
		let low = Infinity, high = -Infinity;
		for (const s of this.series) {
			const [begin, end] = this.range(s);
			for (let i = begin; i < end; i++) {
				const v = s.values[i];
				if (v === null) continue;
				if (v < low) low = v;
				if (v > high) high = v;
			}
		}
		if (low > high) [low, high] = [0, 1];
		if (low >= 0 && low < 0.7 * high) low = 0; // most metrics are read against zero
		if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
		// What is so large or small that distances overflow, or vanish, is drawn at the edge.
		[low, high] = [Math.max(low, -largest), Math.min(high, largest)];
		if (low === high) [low, high] = low < 0 ? [low, 0] : [0, high];
		if (high - low < least(low)) high = low + least(low);
		this.step = niceStep((high - low) / Math.max(Math.floor(this.height / 34), 2));
		this.low = Math.floor(low / this.step + 1e-9) * this.step;
		this.high = Math.ceil(high / this.step - 1e-9) * this.step;
	}

	drawGrid(ctx) {
		ctx.strokeStyle = this.style.getPropertyValue("--grid");
		ctx.fillStyle = this.style.getPropertyValue("--muted");
		ctx.font = "11px system-ui, sans-serif";
		ctx.lineWidth = 1;
		ctx.textAlign = "right";
		ctx.textBaseline = "middle";
		for (let k = 0; k <= Math.round((this.high - this.low) / this.step); k++) {
			const v = this.low + k * this.step, y = Math.round(this.y(v)) + 0.5;
			stroke(ctx, margin.left, y, margin.left + this.width, y);
			ctx.fillText(tick(v, this.step), margin.left - 6, y);
		}
		ctx.textAlign = "center";
		ctx.textBaseline = "top";
		for (const [t, text] of timeTicks(this.from, this.to, this.width / 76)) {
			const x = Math.round(this.x(t)) + 0.5;
			stroke(ctx, x, margin.top, x, margin.top + this.height);
			const half = ctx.measureText(text).width / 2;
			if (x + half <= this.over.clientWidth) ctx.fillText(text, x, margin.top + this.height + 5);
		}
	}

	// shadeGaps shades the columns of pixels where no series has a sample.
	shadeGaps(ctx) {
		if (this.series.length === 0) return;
		const covered = new Uint8Array(Math.max(Math.ceil(this.width), 0) + 1);
		for (const s of this.series) {
			const [begin, end] = this.range(s);
			for (let i = begin; i < end; i++) {
				if (s.values[i] === null) continue;
				const first = Math.max(Math.floor(this.x(s.from + (i - 0.5) * s.step) - margin.left), 0);
				const last = Math.ceil(this.x(s.from + (i + 0.5) * s.step) - margin.left);
				for (let x = first; x <= last && x < covered.length; x++) covered[x] = 1;
			}
		}
		ctx.fillStyle = this.style.getPropertyValue("--gap");
		for (let x = 0, begin = -1; x <= covered.length; x++) {
			if (x < covered.length && !covered[x]) {
				if (begin < 0) begin = x;
			} else if (begin >= 0) {
				ctx.fillRect(margin.left + begin, margin.top, x - begin, this.height);
				begin = -1;
			}
		}
	}

	drawLine(ctx, s, colour) {
		const [begin, end] = this.range(s);
		ctx.strokeStyle = ctx.fillStyle = colour;
		ctx.lineJoin = "round";
		ctx.beginPath();
		trace(ctx, this, s, begin, end);
		ctx.stroke();
	}

	// index returns that of the sample of a series at the cursor.
	index(s) { return Math.round((this.cursor - s.from) / s.step); }

	// pick chooses the series that is nearest to a height.
	pick(y) {
		let best = Infinity;
		this.series.forEach((s, i) => {
			const v = s.values[this.index(s)];
			if (v === null || v === undefined) return;
			const distance = Math.abs(this.y(v) - y);
			if (distance < best) [best, this.picked] = [distance, i];
		});
	}

	drawCursor() {
		if (!this.style || this.over.clientWidth === 0) return;
		const ctx = prepare(this.over);
		const s = this.series[this.picked];
		this.readout.textContent = "";
		if (this.drag) {
			ctx.fillStyle = this.style.getPropertyValue("--selection");
			ctx.fillRect(Math.min(this.drag.from, this.drag.to), margin.top, Math.abs(this.drag.to - this.drag.from), this.height);
		}
		if (!s || this.cursor === null || this.cursor < this.from || this.cursor > this.to) return;
		const i = this.index(s), v = s.values[i] ?? null;
		// At the sample, or where there is none at the pointer.
		const time = v === null ? this.cursor : s.from + i * s.step, x = this.x(time);
		ctx.strokeStyle = this.style.getPropertyValue("--muted");
		ctx.lineWidth = 1;
		stroke(ctx, Math.round(x) + 0.5, margin.top, Math.round(x) + 0.5, margin.top + this.height);
		if (v !== null) {
			if (this.series.length > 1) {
				ctx.save();
				this.clip(ctx);
				ctx.lineWidth = 2.5;
				this.drawLine(ctx, s, opaque(this.colour(this.picked)));
				ctx.restore();
			}
			ctx.fillStyle = opaque(this.colour(this.picked));
			ctx.beginPath();
			ctx.arc(x, this.y(v), 3.5, 0, 2 * Math.PI);
			ctx.fill();
		}
		const label = this.series.length > 1 ? s.label + ": " : "";
		this.readout.textContent = `${clock(time)}  ${label}${exact(v)}`;
		this.over.setAttribute("aria-valuenow", Math.round(time));
		this.over.setAttribute("aria-valuetext", `${moment(time)}, ${label}${exact(v)}`);
	}

	listen() {
		const over = this.over;
		const at = (e) => {
			const box = over.getBoundingClientRect();
			return { x: Math.min(Math.max(e.clientX - box.left, margin.left), margin.left + this.width), y: e.clientY - box.top };
		};
		over.addEventListener("pointerdown", (e) => {
			if (e.button !== 0) return;
			this.drag = { from: at(e).x, to: at(e).x };
			over.setPointerCapture(e.pointerId);
		});
		over.addEventListener("pointermove", (e) => {
			const p = at(e);
			if (this.drag) this.drag.to = p.x;
			this.cursor = this.time(p.x);
			this.pick(p.y);
			this.onCursor(this.cursor);
			this.drawCursor();
		});
		over.addEventListener("pointerup", () => {
			const drag = this.drag;
			this.drag = null;
			if (drag && Math.abs(drag.to - drag.from) > 4) this.zoom(this.time(Math.min(drag.from, drag.to)), this.time(Math.max(drag.from, drag.to)));
			else this.drawCursor();
		});
		over.addEventListener("pointercancel", () => { this.drag = null; this.drawCursor(); });
		// A finger that is lifted leaves the values there.
		over.addEventListener("pointerleave", (e) => { if (!this.drag && e.pointerType === "mouse") this.onCursor(null); });
		over.addEventListener("dblclick", () => this.onReset());
		over.addEventListener("blur", () => this.onCursor(null));
		over.addEventListener("keydown", (e) => this.key(e));
	}

	// zoom asks for a window, of some seconds at least.
	zoom(from, to) {
		const least = 5 * (this.series[0]?.step ?? 1), missing = Math.max(least - (to - from), 0) / 2;
		this.onZoom(Math.floor(from - missing), Math.ceil(to + missing));
	}

	key(e) {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		const step = (this.series[this.picked]?.step ?? 60) * (e.shiftKey ? 10 : 1);
		const here = this.cursor ?? (this.from + this.to) / 2, span = this.to - this.from;
		const move = (t) => {
			this.cursor = Math.min(Math.max(t, this.from), this.to);
			this.onCursor(this.cursor);
			this.drawCursor();
		};
		const actions = {
			ArrowLeft: () => move(here - step), ArrowRight: () => move(here + step),
			Home: () => move(this.from), End: () => move(this.to),
			ArrowUp: () => { this.picked = Math.min(this.picked + 1, this.series.length - 1); move(here); },
			ArrowDown: () => { this.picked = Math.max(this.picked - 1, 0); move(here); },
			"+": () => this.zoom(here - span / 4, here + span / 4), "-": () => this.zoom(here - span, here + span),
			0: () => this.onReset(),
		};
		if (!actions[e.key]) return;
		e.preventDefault();
		actions[e.key]();
	}
}

const largest = 3e307; // at an end of an axis

// least is the least distance between the ends of an axis that begins there.
const least = (low) => Math.max(Math.abs(low) * 1e-12, 1e-290);

const opaque = (colour) => colour.replace(" / 0.75", "");
