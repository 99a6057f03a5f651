// The frame of the page: it shows the view that the address names, refreshes it while somebody
// looks, and says what is wrong. What is shown is all in the address, so that it can be sent to others:
// #/host?cluster=fritz&host=f0101&range=6h.
//
// A view is a function (root, context) that fills root and returns {update(parameters), refresh(signal),
// destroy(), interval()}: update is called when the address changes, and returns false if the server
// need not be asked for that; refresh asks it; fail is called when that fails; interval is in seconds.
import { h } from "./dom.js";
import { ApiError, token } from "./api.js";
import { clock } from "./format.js";
import { stateView } from "./state.js";
import { hostsView } from "./hosts.js";
import { hostView } from "./host.js";
import { jobView } from "./job.js";

const views = { state: ["State", stateView], hosts: ["Hosts", hostsView], host: ["Host", hostView], job: ["Job", jobView] };
const interval = 10; // seconds between two refreshes, unless a view wants more

const root = document.getElementById("view");
const problem = document.getElementById("problem");
const updated = document.getElementById("updated");
const liveButton = document.getElementById("live");
const forgetButton = document.getElementById("forget");

let current = { name: "", view: null };
let live = true;
let timer = 0;
let answered = 0; // when the server last did, Unix seconds
let running = null; // an AbortController while the server is asked

// read returns the view and the parameters that the address names.
function read() {
	const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
	return { name: Object.hasOwn(views, path) ? path : "state", parameters: new URLSearchParams(query) };
}

// address returns the fragment that shows a view. Parameters that are empty are left out.
function address(name, parameters) {
	const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
	const query = new URLSearchParams(given).toString();
	return "#/" + name + (query ? "?" + query : "");
}

const context = {
	address,
	// navigate changes the parameters of the view that is shown. Without keep, "back" leads to the
	// ones before.
	navigate(changes, keep = false) {
		const { name, parameters } = read();
		const to = address(name, { ...Object.fromEntries(parameters), ...changes });
		if (to === location.hash) return;
		if (keep) {
			history.replaceState(null, "", to);
			show();
		} else {
			location.hash = to;
		}
	},
};

function show() {
	const { name, parameters } = read();
	if (name !== current.name) {
		current.view?.destroy?.();
		root.replaceChildren();
		current = { name, view: views[name][1](root, context) };
		window.scrollTo(0, 0);
	}
	for (const link of document.querySelectorAll("nav a")) {
		const here = link.dataset.view === name || link.dataset.view === "hosts" && name === "host";
		if (here) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
	document.title = [parameters.get("host") || views[name][0], "cc-metric-store"].join(" · ");
	if (current.view.update(parameters) !== false) refresh();
}

// refresh asks the server now, and again after the interval while the page is live and visible.
async function refresh() {
	clearTimeout(timer);
	running?.abort();
	const mine = running = new AbortController();
	let wait = interval;
	try {
		await current.view.refresh(mine.signal);
		if (mine.signal.aborted) return;
		wait = current.view.interval?.() ?? interval;
		problem.replaceChildren();
		answered = Date.now() / 1000;
		updated.textContent = "at " + clock(answered);
		updated.className = "muted";
	} catch (fault) {
		if (mine.signal.aborted) return;
		if (answered) {
			updated.textContent = "last answer at " + clock(answered);
			updated.className = "mark bad";
		}
		current.view.fail?.();
		tell(fault);
	}
	forgetButton.hidden = !token.get();
	running = null;
	schedule(wait);
}

// schedule sets the next refresh, in seconds.
function schedule(wait) {
	clearTimeout(timer);
	if (live && !document.hidden && !askingForToken()) timer = setTimeout(refresh, wait * 1000);
}

// tell shows an error, and what to do about it.
function tell(fault) {
	if (fault instanceof ApiError && fault.status === 401) {
		askForToken(fault.message);
		return;
	}
	if (!(fault instanceof ApiError)) console.error(fault);
	const advice = fault instanceof ApiError ? fault.advice() : "This is a fault of the page: please report it.";
	problem.replaceChildren(h("p", {}, h("strong", {}, fault.message.replace(/^./, (c) => c.toUpperCase())), " ", advice));
}

const askingForToken = () => problem.querySelector("form") !== null;

function askForToken(why) {
	if (askingForToken()) return;
	const rejected = token.get() !== "";
	token.forget();
	const input = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true });
	problem.replaceChildren(h("form", {
		class: "token",
		onsubmit: (e) => {
			e.preventDefault();
			token.set(input.value.trim());
			problem.replaceChildren();
			refresh();
		},
	},
	h("p", {}, h("strong", {}, rejected ? "The token is not accepted. " : "This server asks for a token. "), rejected ? why + "." : "",
		" cc-metric-store -gen-token makes one. It is kept in this tab alone."),
	h("label", { for: "token" }, "Token"), input, h("button", { type: "submit", class: "primary" }, "Use it")));
	input.focus();
}

liveButton.addEventListener("click", () => {
	live = !live;
	liveButton.setAttribute("aria-pressed", live);
	if (live) refresh();
	else clearTimeout(timer);
});

forgetButton.addEventListener("click", () => {
	token.forget();
	forgetButton.hidden = true;
	// What was shown with it goes, too.
	current = { name: "", view: current.view };
	show();
});

// A tab that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => {
	if (document.hidden) clearTimeout(timer);
	else if (live && !running && !askingForToken()) refresh();
});
// The fragment names a view, so that the link to the content cannot be one.
document.querySelector(".skip").addEventListener("click", (e) => {
	e.preventDefault();
	root.focus();
});
window.addEventListener("hashchange", show);
show();
