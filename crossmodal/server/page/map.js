// The collection in two dimensions: zoom, drag, colour by a word or a column, press a point to hear it.

import * as api from "./api.js";
import { ink, make, problem, sharpen, waiting } from "./dom.js";
import { onchange, play, playing } from "./player.js";
import { link } from "./state.js";

const PALETTE = ["--k0", "--k1", "--k2", "--k3", "--k4", "--k5", "--k6", "--k7"];
const WHOLE = { x: 0.5, y: 0.5, zoom: 1 };
let box, index, tools, canvas, tip, legend, map, colour, view, here, picked, release, stopping, tagField, columnField, values, resizing, resting, turn = 0;

export function enter(place, chosen, given) {
  [box, index, tools, map, colour, here, picked] = [place, chosen, given, null, null, -1, -1];
  stopping = new AbortController();
  tagField = make("input", { type: "text", id: "tag", list: "words-known", placeholder: "any word", autocomplete: "off" });
  columnField = make("select", { id: "column" }, make("option", { value: "" }, "–"), index.columns.map((name) => make("option", { value: name }, name)));
  const words = make("datalist", { id: "words-known" });
  canvas = make("canvas", { class: "plane", tabindex: 0, role: "application", "aria-label": "Map of the collection. Arrow keys go to the nearest item, Enter plays it, plus and minus zoom." });
  tip = make("p", { class: "tip", role: "status" }, "Point at a dot to see what it is; press it to hear it.");
  legend = make("ul", { class: "legend" });
  box.append(make("h1", {}, "Map of the collection"),
    make("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); recolour({ tag: tagField.value.trim(), column: "" }); } },
      index.can.includes("tags") ? [make("label", {}, "Colour by a word: ", tagField, words), make("button", { type: "submit" }, "Colour")] : null,
      make("label", {}, "or by a column: ", columnField)),
    legend, make("div", { class: "frame" }, canvas,
      make("div", { class: "zoom" }, button("+", "Zoom in", () => zoom(1.5)), button("−", "Zoom out", () => zoom(1 / 1.5)), button("⤢", "Show all", () => { view = { ...WHOLE }; look(); }))), tip);
  columnField.addEventListener("change", () => recolour({ tag: "", column: columnField.value }));
  if (index.can.includes("tags")) api.vocabulary(index.name).then((known) => words.append(...known.map((word) => make("option", { value: word })))).catch(() => {});
  listen();
  release = onchange(() => draw());
  resizing = new ResizeObserver(() => draw());
  resizing.observe(canvas);
  return () => { release(); resizing.disconnect(); stopping.abort(); clearTimeout(resting); };
}

const button = (text, label, onclick) => make("button", { type: "button", "aria-label": label, title: label, onclick }, text);

const within = (zoom) => Math.min(60, Math.max(0.6, zoom));
const number = (text, usual) => (text && Number.isFinite(Number(text)) ? Number(text) : usual);
const rounded = (value) => Number(value.toPrecision(5));

export async function show(given) {
  const mine = ++turn;
  values = given;
  view = { x: number(given.x, WHOLE.x), y: number(given.y, WHOLE.y), zoom: within(number(given.zoom, WHOLE.zoom)) };
  tagField.value = given.tag || "";
  columnField.value = given.column || "";
  try {
    if (!map) {
      tip.replaceChildren(waiting("Laying the map out; the first time this takes a while for a large collection…"));
      const made = await api.places(index.name, stopping.signal);
      if (mine !== turn) return;
      map = made;
    }
    const row = map.ids.indexOf(given.item ?? "");
    if (row !== picked) here = picked = row;
    tell();
    const made = given.tag || given.column ? await api.colours(index.name, { tag: given.tag, column: given.tag ? undefined : given.column }, stopping.signal) : null;
    if (mine !== turn) return;
    colour = made;
    explain();
    tell();
  } catch (error) {
    if (mine === turn && error.name !== "AbortError") tip.replaceChildren(problem(error, () => show(values)));
  }
}

function tell() {
  if (here < 0) tip.textContent = `${map.ids.length.toLocaleString()} items, laid out by ${map.method}. Point at a dot to see what it is; press it to hear it.`;
  point(here, false);
}

function recolour(next) {
  keep(next);
  show(values);
}

// Writes what is seen, and what is new of the state, into the address.
function keep(next = {}) {
  clearTimeout(resting);
  const whole = Object.keys(WHOLE).every((key) => rounded(view[key]) === WHOLE[key]);
  values = { ...values, ...next };
  for (const key of Object.keys(WHOLE)) values[key] = whole ? "" : String(rounded(view[key]));
  tools.go(values, { replace: true });
}

// Draws, and writes into the address once the view rests: browsers refuse an address that changes with every frame.
function look() {
  draw();
  clearTimeout(resting);
  const was = location.hash;
  resting = setTimeout(() => { if (location.hash === was) keep(); }, 300);
}

function explain() {
  if (colour?.names) {
    legend.replaceChildren(...colour.names.slice(0, PALETTE.length).map((name, row) => make("li", {}, swatch(row), name)),
      ...(colour.names.length > PALETTE.length || colour.groups.includes(-1) ? [make("li", {}, swatch(-1), "others")] : []));
  } else if (colour) {
    const best = colour.values.map((v, row) => [v, row]).sort((a, b) => b[0] - a[0]).slice(0, 3).map(([, row]) => map.titles[row]);
    legend.replaceChildren(make("li", {}, make("span", { class: "ramp", "aria-hidden": "true" }), `fits “${colour.by}” less … more`), make("li", { class: "soft" }, `Best: ${best.join("; ")}`));
  } else legend.replaceChildren();
}

const square = (row) => row >= 0 && row < PALETTE.length && row % 2 === 1; // the group by its shape, too

function swatch(row) {
  const made = make("span", { class: "swatch", "aria-hidden": "true" });
  if (square(row)) made.style.borderRadius = "2px"; // as it is drawn
  made.style.background = row < 0 ? ink("--rest") : ink(PALETTE[row]);
  return made;
}

function size() { return Math.min(canvas.clientWidth, canvas.clientHeight) - 40; }
function place(row) {
  const scale = size() * view.zoom;
  return [canvas.clientWidth / 2 + (map.x[row] - view.x) * scale, canvas.clientHeight / 2 - (map.y[row] - view.y) * scale];
}

function draw() {
  if (!map || !canvas.isConnected) return;
  const { context, width, height } = sharpen(canvas), count = map.ids.length;
  const radius = Math.max(2, Math.min(9, 60 / Math.sqrt(count) * Math.sqrt(view.zoom)));
  const shades = PALETTE.map(ink), rest = ink("--rest"), strong = ink("--k1"), edge = ink("--ink");
  const order = colour?.values ? [...colour.values.keys()].sort((a, b) => colour.values[a] - colour.values[b]) : map.ids.keys();
  const sounding = map.ids.indexOf(playing() ?? "");
  for (const row of order) {
    const [x, y] = place(row);
    if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
    context.globalAlpha = 0.85;
    context.fillStyle = rest;
    if (colour?.groups) context.fillStyle = shades[colour.groups[row]] || rest;
    else if (colour) { context.fillStyle = colour.values[row] > 0 ? strong : rest; context.globalAlpha = 0.15 + 0.85 * Math.abs(colour.values[row]); }
    else context.fillStyle = shades[0];
    context.beginPath();
    if (colour?.groups && square(colour.groups[row])) context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
    else context.arc(x, y, radius, 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
  for (const [row, line] of [[picked, 2], [here, 2], [sounding, 4]]) {
    if (row < 0) continue;
    const [x, y] = place(row);
    context.strokeStyle = edge;
    context.lineWidth = line;
    context.beginPath();
    context.arc(x, y, radius + 4, 0, 7);
    context.stroke();
  }
  canvas.dataset.drawn = String(count);
}

function nearest(x, y, most = 24) {
  let best = -1, least = most ** 2;
  for (let row = 0; row < map.ids.length; row++) {
    const [px, py] = place(row), away = (px - x) ** 2 + (py - y) ** 2;
    if (away < least) { least = away; best = row; }
  }
  return best;
}

function point(row, press) {
  here = row;
  if (row >= 0) {
    const value = colour?.values ? ` · ${colour.by}: ${colour.values[row].toFixed(2)}` : colour?.groups && colour.groups[row] >= 0 ? ` · ${colour.names[colour.groups[row]]}` : "";
    tip.replaceChildren(make("strong", {}, map.titles[row]), value, " · ", make("a", { href: link("search", index.name, { like: map.ids[row] }) }, "More like this"));
    if (press) {
      picked = row;
      keep({ item: map.ids[row] });
      if (["audio", "voice", "mix"].includes(map.modalities[row])) play(index.name, map.ids[row], map.titles[row]);
    }
  }
  draw();
}

function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const next = within(view.zoom * by), scale = size();
  const dx = (x - canvas.clientWidth / 2) / scale, dy = (canvas.clientHeight / 2 - y) / scale;
  view.x += dx / view.zoom - dx / next;
  view.y += dy / view.zoom - dy / next;
  view.zoom = next;
  look();
}

function listen() {
  const fingers = new Map();
  let moved = 0, spread = 0;
  const at = (event) => { const frame = canvas.getBoundingClientRect(); return [event.clientX - frame.left, event.clientY - frame.top]; };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, at(event)); moved = 0; spread = 0; });
  canvas.addEventListener("pointermove", (event) => {
    if (!map) return;
    const [x, y] = at(event), before = fingers.get(event.pointerId);
    if (!before) { const row = nearest(x, y); if (row !== here) point(row, false); canvas.classList.toggle("onto", row >= 0); return; }
    fingers.set(event.pointerId, [x, y]);
    if (fingers.size === 2) {
      const [[ax, ay], [bx, by]] = fingers.values(), wide = Math.hypot(ax - bx, ay - by);
      if (spread) zoom(wide / spread, (ax + bx) / 2, (ay + by) / 2);
      spread = wide;
      moved = 99;
      return;
    }
    moved += Math.hypot(x - before[0], y - before[1]);
    if (moved < 5) return;
    const scale = size() * view.zoom;
    view.x -= (x - before[0]) / scale;
    view.y += (y - before[1]) / scale;
    look();
  });
  const up = (event) => {
    const was = fingers.delete(event.pointerId);
    if (was && map && moved < 5 && event.type === "pointerup") { const row = nearest(...at(event)); if (row >= 0) point(row, true); }
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); if (map) zoom(Math.exp(-event.deltaY / 400), ...at(event)); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (!map) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in ways) { event.preventDefault(); step(...ways[event.key]); }
    else if ((event.key === "Enter" || event.key === " ") && here >= 0) { event.preventDefault(); point(here, true); }
    else if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
  });
}

// The nearest item in a direction.
function step(dx, dy) {
  if (here < 0) { point(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity), false); return; }
  const [x, y] = place(here);
  let best = -1, least = Infinity;
  for (let row = 0; row < map.ids.length; row++) {
    const [px, py] = place(row), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    const cost = along + 2 * aside;
    if (row !== here && along > 0.5 && aside < 2 * along && cost < least) { least = cost; best = row; }
  }
  if (best < 0) return;
  const [px, py] = place(best);
  if (px < 0 || py < 0 || px > canvas.clientWidth || py > canvas.clientHeight) { view.x = map.x[best]; view.y = map.y[best]; look(); }
  point(best, false);
}
