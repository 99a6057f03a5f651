// What a plot needs besides its lines: a clean canvas, and where ticks are.
import { clock, day } from "./format.js";

const second = 1, minute = 60, hour = 3600, dayLength = 86400;
const timeSteps = [1, 2, 5, 10, 15, 30].map((n) => n * second).concat([1, 2, 5, 10, 15, 30].map((n) => n * minute),
	[1, 2, 3, 6, 12].map((n) => n * hour), [1, 2, 7, 14, 28].map((n) => n * dayLength));

// prepare empties a canvas, in its size of now and with the pixels of the screen.
export function prepare(canvas) {
	const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
	if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
	if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
	const ctx = canvas.getContext("2d");
	ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
	ctx.clearRect(0, 0, width, height);
	return ctx;
}

export function stroke(ctx, x1, y1, x2, y2) {
	ctx.beginPath();
	ctx.moveTo(x1, y1);
	ctx.lineTo(x2, y2);
	ctx.stroke();
}

// niceStep returns the next larger one of 1, 2, 5, 10, 20, ...
export function niceStep(least) {
	const power = 10 ** Math.floor(Math.log10(least));
	for (const n of [1, 2, 5]) if (n * power >= least) return n * power;
	return 10 * power;
}

// timeTicks returns about as many times with their texts, at full units of local time.
export function timeTicks(from, to, most) {
	const step = timeSteps.find((s) => (to - from) / s <= Math.max(most, 1)) ?? timeSteps.at(-1);
	const ticks = [];
	for (let local = Math.ceil((from + shift(from)) / step) * step; ticks.length < 100; local += step) {
		const guess = local - shift(from), t = local - shift(guess); // clocks may have been changed since from
		if (!(t <= to)) break; // not for a time that no clock shows, either
		// An hour that the clocks leave out has no ticks, one that they repeat has one of each.
		if (t < from || t + shift(t) !== local) continue;
		const midnight = local % dayLength === 0;
		ticks.push([t, midnight || step >= dayLength ? day(t).slice(5) : step < minute ? clock(t) : clock(t).slice(0, 5)]);
	}
	return ticks;
}

// shift is by how many seconds local time is ahead.
const shift = (t) => -new Date(t * 1000).getTimezoneOffset() * minute;
