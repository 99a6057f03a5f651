// The way of a line over a canvas. A plot gives the places: x(time) and y(value), in pixels.

// trace adds samples of a series to the path, from index begin to the one before end. What has no
// sample breaks the line.
export function trace(ctx, plot, s, begin, end) {
	if (end - begin > 2 * plot.width) traceColumns(ctx, plot, s, begin, end);
	else traceSamples(ctx, plot, s, begin, end);
}

// traceSamples goes from sample to sample.
function traceSamples(ctx, plot, s, begin, end) {
	const { values } = s;
	for (let i = begin, down = false; i < end; i++) {
		if (values[i] === null) {
			down = false;
			continue;
		}
		const x = plot.x(s.from + i * s.step), y = plot.y(values[i]);
		if (down) ctx.lineTo(x, y);
		else ctx.moveTo(x, y);
		// One sample alone would be a line without length.
		if (!down && (i + 1 >= end || values[i + 1] === null)) ctx.fillRect(x - 1.5, y - 1.5, 3, 3);
		down = true;
	}
}

// traceColumns goes from the first sample of a column of pixels to its least and its largest value, and
// on to its last one.
function traceColumns(ctx, plot, s, begin, end) {
	const left = plot.x(plot.from);
	let column = -1, down = false, first, last, low, high;
	const flush = () => {
		if (column < 0 || first === undefined) return;
		const x = left + column;
		if (down) ctx.lineTo(x, plot.y(first));
		else ctx.moveTo(x, plot.y(first));
		ctx.lineTo(x, plot.y(low));
		ctx.lineTo(x, plot.y(high));
		ctx.lineTo(x, plot.y(last));
		down = true;
	};
	for (let i = begin; i < end; i++) {
		const v = s.values[i], at = Math.floor(plot.x(s.from + i * s.step) - left);
		if (at !== column) {
			flush();
			if (first === undefined) down = false; // the column before had no sample
			column = at;
			first = undefined;
		}
		if (v === null) continue;
		if (first === undefined) first = low = high = v;
		last = v;
		if (v < low) low = v;
		if (v > high) high = v;
	}
	flush();
}
