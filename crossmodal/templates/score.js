"use strict";
{
// The cursor follows the sound by the rows of the alignment; a place that is pressed is looked up in them the other way round.
const data = JSON.parse(document.getElementById("score-data").textContent);
const byId = (id) => document.getElementById(id);
const sound = byId("sound"), seek = byId("seek"), place = byId("place"), tempo = byId("tempo");
const overlays = Array.from(document.querySelectorAll(".sheet svg"));
const count = data.seconds.length;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

function draw(kind) {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("class", kind);
  return rect;
}
const line = draw("line"), bar = draw("bar"), halo = draw("halo"), cursor = draw("cursor"), under = draw("under");

function lay(rect, page, left, top, right, bottom) {
  if (rect.parentNode !== overlays[page]) overlays[page].append(rect);
  const values = { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  for (const name of Object.keys(values)) rect.setAttribute(name, values[name].toFixed(1));
}

// The last row at or before a moment, -1 before the first.
function rowAt(seconds) {
  let low = 0, high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.seconds[middle] <= seconds) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function joined(row) {
  return row + 1 < count && data.system[row] === data.system[row + 1] && data.stretch[row] === data.stretch[row + 1];
}

let shownSystem = -1, shownText = "", shownTempo = "";
function show(force) {
  const now = sound.currentTime, row = rowAt(now);
  const outside = row < 0 || now > data.seconds[count - 1] + 0.5;
  byId("clock").textContent = clock(now);
  if (document.activeElement !== seek || !held) seek.value = now;
  for (const rect of [line, bar, halo, cursor]) rect.setAttribute("visibility", outside ? "hidden" : "visible");
  if (outside) {
    tell(count === 0 ? "" : row < 0 ? "before the music" : "after the music", "");
    shownSystem = -1;
    return;
  }
  const system = data.system[row], [page, left, top, right, bottom] = data.systems[system];
  let x = data.x[row];
  if (joined(row)) {
    const span = data.seconds[row + 1] - data.seconds[row];
    x += (data.x[row + 1] - x) * Math.min(1, (now - data.seconds[row]) / span);
  }
  const unit = (bottom - top) / 60;
  lay(line, page, left, top, right, bottom);
  const measure = data.measure[row];
  if (measure >= 0) lay(bar, ...data.measures[measure].slice(0, 5)); else bar.setAttribute("visibility", "hidden");
  const width = Math.max(1.5, overlays[page].viewBox.baseVal.width / 420);
  lay(halo, page, x - 4 * width, top - unit, x + 4 * width, bottom + unit);
  lay(cursor, page, x - width / 2, top - 2 * unit, x + width / 2, bottom + 2 * unit);
  tell(words(row), data.tempo[row] ? `${data.tempo[row]} beats a minute` : "");
  if ((system !== shownSystem || force) && byId("follow").checked) turnTo(page, top, bottom);
  shownSystem = system;
}

function words(row) {
  const measure = data.measure[row], page = data.systems[data.system[row]][0] + 1;
  if (measure < 0) {
    const first = data.systems.findIndex((s) => s[0] === page - 1);
    return `Page ${page}, system ${data.system[row] - first + 1}`;
  }
  const beat = data.beat[row] === null ? "" : `, beat ${Math.max(1, Math.floor(data.beat[row] + 0.02))}`;
  return `Bar ${data.measures[measure][5]}${beat}`;
}

function tell(text, speed) {
  if (text !== shownText) place.textContent = shownText = text;
  if (speed !== shownTempo) tempo.textContent = shownTempo = speed;
}

function turnTo(page, top, bottom) {
  const box = overlays[page].getBoundingClientRect();
  const scale = box.height / overlays[page].viewBox.baseVal.height;
  const high = box.top + top * scale, low = box.top + bottom * scale;
  const room = window.innerHeight - document.querySelector(".player").offsetHeight;
  // A system that can be seen with what follows it needs no turning of the page.
  if (high > 20 && low + 0.15 * room < room) return;
  const wanted = window.scrollY + high - Math.max(20, 0.12 * room);
  window.scrollTo({ top: wanted, behavior: calm.matches || sound.paused ? "auto" : "smooth" });
}

let frame = 0;
function run() {
  show(false);
  frame = sound.paused ? 0 : requestAnimationFrame(run);
}
function start() { if (!frame) frame = requestAnimationFrame(run); }

function go(seconds) {
  sound.currentTime = Math.min(Math.max(0, seconds), data.duration);
  show(true);
}
function toggle() { if (sound.paused) sound.play(); else sound.pause(); }

// The moments at which a place sounds: in each stretch of each system the one nearest to it.
function moments(system, x) {
  const best = new Map(), [, left, , right] = data.systems[system];
  for (let row = 0; row < count; row++) {
    if (data.system[row] !== system) continue;
    const away = Math.abs(data.x[row] - x), known = best.get(data.stretch[row]);
    if (!known || away < known.away) best.set(data.stretch[row], { away, seconds: data.seconds[row] });
  }
  return Array.from(best.values()).filter((m) => m.away < 0.06 * (right - left)).map((m) => m.seconds);
}

// Pressing the same place again goes on to the next time it is played.
function hear(system, x) {
  const times = moments(system, x);
  if (!times.length) { tell("not played here", ""); return; }
  const later = times.filter((t) => t > sound.currentTime + 0.3);
  const near = times.some((t) => Math.abs(t - sound.currentTime) < 3);
  const nearest = times.reduce((a, b) => (Math.abs(b - sound.currentTime) < Math.abs(a - sound.currentTime) ? b : a));
  go(near && times.length > 1 ? later[0] ?? times[0] : nearest);
  if (sound.paused) sound.play();
}

function pressed(event) {
  const svg = event.currentTarget, box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
  const x = (event.clientX - box.left) * view.width / box.width, y = (event.clientY - box.top) * view.height / box.height;
  let found = -1, least = Infinity;
  data.systems.forEach(([page, , top, , bottom], index) => {
    const away = Math.max(top - y, y - bottom, 0);
    if (page === Number(svg.dataset.page) && away < least) { least = away; found = index; }
  });
  return found < 0 || least > 0.06 * view.height ? null : { system: found, x };
}

function hover(event) {
  const at = pressed(event);
  under.setAttribute("visibility", at ? "visible" : "hidden");
  if (!at) return;
  const [page, left, top, right, bottom] = data.systems[at.system];
  const measure = data.measures.find((m) => m[0] === page && m[2] < bottom && m[4] > top && m[1] <= at.x && at.x < m[3]);
  const half = overlays[page].viewBox.baseVal.width / 100;
  lay(under, page, measure ? measure[1] : Math.max(left, at.x - half), top, measure ? measure[3] : Math.min(right, at.x + half), bottom);
}

for (const svg of overlays) {
  svg.addEventListener("click", (event) => { const at = pressed(event); if (at) hear(at.system, at.x); });
  svg.addEventListener("pointermove", hover);
  svg.addEventListener("pointerleave", () => under.setAttribute("visibility", "hidden"));
}
for (const button of document.querySelectorAll(".time")) {
  button.addEventListener("click", () => { go(Number(button.dataset.seconds) - 2); if (sound.paused) sound.play(); });
}

let held = false;
seek.addEventListener("pointerdown", () => { held = true; });
addEventListener("pointerup", () => { held = false; });
seek.addEventListener("input", () => go(Number(seek.value)));
byId("play").addEventListener("click", toggle);
byId("speed").addEventListener("change", (event) => { sound.playbackRate = Number(event.target.value); });
byId("follow").addEventListener("change", () => show(true));
const state = () => {
  document.body.classList.toggle("playing", !sound.paused);
  byId("play").setAttribute("aria-label", sound.paused ? "Play" : "Pause");
  if (!sound.paused) start();
};
for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, state);
sound.addEventListener("seeked", () => show(false));

const wanted = byId("bar");
if (wanted) wanted.addEventListener("change", () => {
  const index = data.measures.findIndex((m) => m[5] === wanted.value.trim());
  const row = index < 0 ? -1 : data.measure.indexOf(index);
  wanted.setAttribute("aria-invalid", String(row < 0));
  if (row >= 0) go(data.seconds[row]);
});

function step(direction) {
  const row = Math.max(0, rowAt(sound.currentTime));
  let other = row;
  while (other + direction >= 0 && other + direction < count && data.system[other] === data.system[row]) other += direction;
  if (direction < 0) while (other > 0 && data.system[other - 1] === data.system[other]) other--;
  if (count) go(data.seconds[other]);
}
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input[type=text], select")) return;
  const onButton = event.target.closest("button, summary, input[type=checkbox]");
  const keys = { ArrowLeft: () => go(sound.currentTime - 5), ArrowRight: () => go(sound.currentTime + 5),
    ArrowUp: () => step(-1), ArrowDown: () => step(1), Home: () => go(0) };
  if (event.key === " " && !onButton) { event.preventDefault(); toggle(); }
  else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

const asked = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash); // a place to link to
if (asked) sound.addEventListener("loadedmetadata", () => go(Number(asked[1])), { once: true });
show(false);
}
