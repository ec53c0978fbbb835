// The one player: a recording at a time, its waveform, and where it is.

import * as api from "./api.js";
import { byId, clock, ink, say, sharpen } from "./dom.js";

const sound = byId("sound"), bar = byId("player"), wave = byId("wave");
let current = null, peaks = [], seconds = 0;
const listeners = new Set();

export const playing = () => (current && !sound.paused ? current.id : null);
export const loaded = () => current; // its index and id, also while it is paused
export function onchange(listener) { listeners.add(listener); return () => listeners.delete(listener); }
function changed() {
  bar.classList.toggle("playing", !sound.paused);
  byId("play").setAttribute("aria-label", sound.paused ? "Play" : "Pause");
  for (const listener of listeners) listener(playing());
}

export async function play(index, id, title, { at = 0 } = {}) {
  if (current?.id === id && current.index === index) {
    if (at) { sound.currentTime = at; await begin(); } else if (sound.paused) await begin(); else sound.pause();
    return;
  }
  const mine = current = { index, id };
  peaks = [];
  seconds = 0;
  bar.hidden = false;
  document.body.classList.add("with-player");
  byId("now").textContent = title;
  sound.src = api.sound(index, id);
  if (at) sound.addEventListener("loadedmetadata", () => { if (current === mine) sound.currentTime = at; }, { once: true });
  draw();
  await begin();
  try {
    const made = await api.waveform(index, id);
    if (current === mine) { ({ peaks, seconds } = made); draw(); }
  } catch (error) { say(error.message); }
}

async function begin() {
  try { await sound.play(); } catch (error) {
    if (error.name !== "AbortError") say(`This recording cannot be played here: ${error.message}`);
  }
}

export function stop() {
  sound.pause();
  sound.removeAttribute("src");
  sound.load();
  current = null;
  bar.hidden = true;
  document.body.classList.remove("with-player");
  changed();
}

const length = () => (Number.isFinite(sound.duration) && sound.duration > 0 ? sound.duration : seconds);

function draw() {
  const { context, width, height } = sharpen(wave), total = length(), share = total ? sound.currentTime / total : 0;
  const count = peaks.length || 1, step = Math.max(2, width / count), loudest = Math.max(0.05, ...peaks);
  for (let x = 0; x < width; x += step) {
    const level = peaks.length ? peaks[Math.min(count - 1, Math.floor(x / width * count))] / loudest : 0;
    const high = Math.max(2, level * (height - 4));
    context.fillStyle = x / width < share ? ink("--accent") : ink("--rest");
    context.fillRect(x, (height - high) / 2, Math.max(1, step - 1), high);
  }
  byId("clock").textContent = total ? `${clock(sound.currentTime)} / ${clock(total)}` : "";
  wave.setAttribute("aria-valuemax", total.toFixed(0));
  wave.setAttribute("aria-valuenow", sound.currentTime.toFixed(0));
  wave.setAttribute("aria-valuetext", `${clock(sound.currentTime)} of ${clock(total)}`);
}

let frame = 0;
function run() {
  draw();
  frame = sound.paused ? 0 : requestAnimationFrame(run);
}

for (const name of ["play", "pause", "ended"]) {
  sound.addEventListener(name, () => { changed(); if (!sound.paused && !frame) frame = requestAnimationFrame(run); });
}
for (const name of ["seeked", "loadedmetadata"]) sound.addEventListener(name, draw);
sound.addEventListener("error", () => { if (current) say("The recording could not be loaded: its file may be gone. Index again with --update."); });
byId("play").addEventListener("click", () => (sound.paused ? begin() : sound.pause()));
byId("close").addEventListener("click", stop);
wave.addEventListener("pointerdown", (event) => {
  const box = wave.getBoundingClientRect();
  if (length()) sound.currentTime = (event.clientX - box.left) / box.width * length();
});
export function skip(by) {
  if (current && length()) sound.currentTime = Math.min(length(), Math.max(0, sound.currentTime + by));
}
wave.addEventListener("keydown", (event) => {
  const keys = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageUp: 30, PageDown: -30 };
  if (event.key in keys) { event.preventDefault(); skip(keys[event.key]); }
  if (event.key === "Home") { event.preventDefault(); sound.currentTime = 0; }
});
addEventListener("resize", () => { if (!bar.hidden) draw(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!bar.hidden) draw(); });
addEventListener("keydown", (event) => { // the space bar plays and pauses where nothing else wants it
  if (event.key !== " " || bar.hidden || event.target.closest("button, input, select, textarea, summary, a, canvas")) return;
  event.preventDefault();
  if (sound.paused) begin(); else sound.pause();
});
export function pause() { sound.pause(); }
