// Small helpers to build the document. Text only ever gets into it as text: names and lines come
// from whoever sends metrics.

// h makes an element: h("a", {href: "#", onclick: f}, "text", otherElement).
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false) continue;
		if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else if (value === true) element.setAttribute(name, "");
		else element.setAttribute(name, value);
	}
	element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
	return element;
}

// table makes a table with a caption, in a box that scrolls sideways on small screens. A column is
// {title, class}; a row is a list of texts or elements.
export function table(caption, columns, rows, empty) {
	const head = h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.class }, c.title)));
	const body = rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: columns[i].class }, cell))));
	if (rows.length === 0) body.push(h("tr", {}, h("td", { colspan: columns.length, class: "muted" }, empty)));
	return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
		h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, head), h("tbody", {}, body)));
}

// renew gives parent these children, and leaves those alone that are there already: what somebody
// reads, has scrolled or selected stays as it is.
export function renew(parent, children) {
	const wanted = children.filter((c) => c !== null);
	while (parent.children.length > wanted.length) parent.lastElementChild.remove();
	wanted.forEach((child, i) => {
		const old = parent.children[i];
		if (!old) parent.append(child);
		else if (!old.isEqualNode(child)) {
			const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
			old.replaceWith(child);
			if (focused) child.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
		}
	});
}

// debounce returns a function that calls f when it has not been called for so long.
export function debounce(milliseconds, f) {
	let timer;
	return (...args) => {
		clearTimeout(timer);
		timer = setTimeout(() => f(...args), milliseconds);
	};
}
