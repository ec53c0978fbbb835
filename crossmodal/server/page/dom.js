// Making elements. Text is only ever text: nothing that came from a file becomes markup.

export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

export function say(text) {
  const place = byId("said");
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { place.textContent = ""; }, 6000);
}

// A problem in words, with what can be done about it, where the answer would have been. What the server refused it would refuse again.
export function problem(error, again) {
  return make("div", { class: "problem", role: "alert" },
    make("p", {}, error.message),
    again && !(error.status >= 400 && error.status < 500) ? make("button", { type: "button", onclick: again }, "Try again") : null);
}

export function waiting(text) {
  return make("p", { class: "waiting", role: "status" }, make("span", { class: "spin", "aria-hidden": "true" }), text);
}

// Puts something else into a place. Whoever was in it with the keyboard is then at its heading, or at what has the same data-keep.
export function swap(place, ...children) {
  const active = document.activeElement, inside = place.contains(active);
  const kept = active === place ? place.dataset.kept : active?.dataset.keep;
  place.replaceChildren(...children);
  if (!inside) return;
  place.dataset.kept = kept || "";
  const next = (kept && place.querySelector(`[data-keep="${kept}"]:enabled`)) || place.querySelector("h2");
  (next || place).focus({ preventScroll: !next });
}

// Colours of the style sheet, for canvases.
export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A canvas as sharp as the screen; returns its context and its size in CSS pixels.
export function sharpen(canvas) {
  const ratio = Math.min(3, window.devicePixelRatio || 1), box = canvas.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width)), height = Math.max(1, Math.round(box.height));
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
