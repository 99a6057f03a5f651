// Requests to the server that the page comes from, with the token if there is one. Addresses are
// relative, so that the page also works below a path of a proxy.

const tokenKey = "cc-metric-store-token";

// The token is kept for this tab alone, and goes with it.
export const token = {
	get: () => sessionStorage.getItem(tokenKey) || "",
	set: (text) => sessionStorage.setItem(tokenKey, text),
	forget: () => sessionStorage.removeItem(tokenKey),
};

// ApiError is an answer that is none. status is 0 if the server was not reached.
export class ApiError extends Error {
	constructor(status, message, id) {
		super(message);
		this.status = status;
		this.id = id; // by which the log of the server names the request
	}

	// advice says what to do about it.
	advice() {
		switch (this.status) {
		case 0: return "Is the program running, and is this machine still connected to it? It is asked again.";
		case 401: return "";
		case 403: return "Use another token, or see main.jwt-roles of the configuration.";
		case 404: return "Check the name. Samples older than the retention are gone.";
		case 400: case 413: return "Ask for fewer hosts or metrics, or for a shorter time.";
		case 503: return "It is asked again; the view State says how far the program is.";
		}
		return this.status >= 500 ? `The log of the program says more about request ${this.id}.` : "";
	}
}

async function request(path, options, signal) {
	const headers = { Accept: "application/json", ...options.headers };
	if (token.get()) headers.Authorization = "Bearer " + token.get();
	let answer;
	try {
		answer = await fetch(path, { ...options, headers, signal, credentials: "same-origin" });
	} catch (fault) {
		if (fault.name === "AbortError") throw fault;
		throw new ApiError(0, "The server does not answer.");
	}
	const body = await answer.text();
	signal?.throwIfAborted(); // it came after all, and nobody waits for it
	let object = null;
	try {
		object = JSON.parse(body);
	} catch { /* below */ }
	if (!answer.ok || object === null) {
		const what = object && object.error || body.trim().slice(0, 300) || answer.statusText;
		throw new ApiError(answer.status, what, answer.headers.get("X-Request-Id"));
	}
	return object;
}

export function get(path, parameters = {}, signal) {
	const query = new URLSearchParams(parameters).toString();
	return request("api/page/" + path + (query ? "?" + query : ""), {}, signal);
}

// batch is how many queries are sent at once: an answer is shown soon, and no one is large.
const batch = 48;

// thinned is about how many values a series of a plot has at the most.
const thinned = 3000;

// query asks for series. An item is {metric, host, interval, type, ids}; without a type it is the
// host itself. The window begins at a multiple of the interval, as samples mostly do: so the times
// of an answer are theirs. use is called for each item, in order, with its number, and with a list of
// {label, from, step, values, avg, min, max} or an error text. full asks for all samples.
export async function query(cluster, items, from, to, { signal, full = false }, use) {
	const resolution = full ? 0 : Math.ceil((to - from) / thinned);
	for (let at = 0; at < items.length; at += batch) {
		const part = items.slice(at, at + batch);
		const body = {
			cluster,
			queries: part.map(({ metric, host, interval = 60, type, ids }) => ({
				metric, host, type, "type-ids": ids, resolution,
				from: Math.floor(from / (interval || 60)) * (interval || 60), to: Math.ceil(to),
			})),
		};
		const answer = await request("api/query", { method: "POST", body: JSON.stringify(body) }, signal);
		answer.results.forEach((row, n) => {
			if (row.length && row[0].error) use(at + n, [], row[0].error);
			else use(at + n, row.map((s, k) => series(s, part[n], k)), "");
		});
	}
}

function series(s, item, k) {
	const label = item.type ? item.type + " " + item.ids[k] : item.host;
	return { label, from: s.from, step: s.resolution || 1, values: s.data || [], avg: s.avg, min: s.min, max: s.max };
}
