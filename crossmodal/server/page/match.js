// Match a MIDI file with recordings, and see it lie over what was recorded.

import * as api from "./api.js";
import { clock, ink, make, problem, sharpen, swap, waiting } from "./dom.js";
import { dropPlace, formOf } from "./files.js";
import { loaded, onchange, pause, play } from "./player.js";
import { cards } from "./results.js";

let index, tools, out, release = () => {}, stopping = null, sound = document.getElementById("sound");

export function enter(box, chosen, given) {
  [index, tools] = [chosen, given];
  out = make("div", { class: "out", tabindex: -1, "aria-live": "polite" });
  box.append(make("h1", {}, "Match MIDI with recordings"),
    make("p", { class: "lead" }, "Which recording is this MIDI file of, or which MIDI file is of this recording? The answer is laid over the recording's spectrum, note by note."),
    dropPlace({ id: "match-file", label: "Drop a MIDI file or a recording here, or choose one", onfile: run }), out);
  return () => { stopping?.abort(); release(); };
}

export function show(values) {
  if (values.file && !out.childNodes.length) swap(out, make("p", { class: "lead" }, `This address is of a match of the file ${values.file}. Drop it here to see it again.`));
}

async function run(file) {
  stopping?.abort();
  release();
  const mine = stopping = new AbortController(), bar = make("progress", { max: 1, value: 0, "aria-label": "Sent" });
  tools.go({ file: file.name });
  swap(out, waiting(`Matching ${file.name}…`), bar, make("button", { type: "button", onclick: () => mine.abort() }, "Cancel"));
  try {
    const made = await api.send(index.name, "match", { k: 5 }, formOf({ file }), { signal: mine.signal, progress: (share) => { if (share < 1) bar.value = share; else bar.removeAttribute("value"); } });
    const shown = await cards(index, made.ranking);
    if (mine !== stopping) return;
    release = shown.release;
    const notes = (made.ranking.warnings || []).map((text) => make("p", { class: "note" }, text));
    if (made.ranking.abstained) notes.push(make("p", { class: "note" }, "Not sure: nothing fits well enough. The nearest are:"));
    swap(out, make("h2", { tabindex: -1 }, `For ${file.name}`), ...notes, shown.list);
    if (made.roll) { const picture = roll(made.roll, made.ranking, file, shown.titles.get(made.roll.id)); out.insertBefore(picture.box, shown.list); const before = release; release = () => { before(); picture.release(); }; picture.draw(); }
  } catch (error) {
    if (error.name === "AbortError") { if (mine === stopping) swap(out); } else swap(out, problem(error, () => run(file)));
  }
}

// Notes as outlines over constant-Q, both in the recording's seconds; a window of it, moved with the sound or the slider.
function roll(data, ranking, file, title) {
  const bytes = Uint8Array.from(atob(data.frames), (c) => c.charCodeAt(0)), rows = bytes.length / data.bins;
  const span = 20, fromIndex = ranking.query.modality === "midi", url = fromIndex ? null : URL.createObjectURL(file);
  const canvas = make("canvas", { class: "roll", role: "img", "aria-label": `Piano roll of ${data.notes.length} notes over the recording's spectrum` });
  const seek = make("input", { type: "range", min: 0, max: data.seconds, step: 0.1, value: 0, "aria-label": "Place in the recording" });
  const told = make("span", { class: "soft" }, "0:00");
  const own = url ? make("audio", { src: url, controls: true }) : null;
  const image = spectrum(bytes, rows, data.bins);
  const player = own || sound;
  let start = 0, frame = 0;
  const ours = () => own || (loaded()?.id === data.id && loaded().index === index.name), running = () => ours() && !player.paused;
  function draw() {
    if (!canvas.isConnected) return;
    const { context, width, height } = sharpen(canvas), now = ours() ? player.currentTime : 0;
    if (running()) start = Math.max(0, Math.min(data.seconds - span, now - span / 3));
    const x = (seconds) => (seconds - start) / span * width, y = (pitch) => height - (pitch - data.pitch + 1) / data.bins * height, step = height / data.bins;
    context.fillStyle = ink("--card");
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    const first = (start - data.first_seconds) * data.frames_per_second;
    context.drawImage(image, first, 0, span * data.frames_per_second, data.bins, 0, 0, width, height);
    context.strokeStyle = ink("--k1");
    context.lineWidth = 1.5;
    for (const [onset, end, pitch] of data.notes) {
      if (end < start || onset > start + span || pitch < data.pitch || pitch >= data.pitch + data.bins) continue;
      context.strokeRect(x(onset), y(pitch), Math.max(2, x(end) - x(onset)), step);
    }
    context.fillStyle = ink("--accent");
    context.fillRect(x(now) - 1, 0, 2, height);
    canvas.dataset.notes = String(data.notes.length);
    seek.value = start;
    told.textContent = `${clock(start)} – ${clock(Math.min(data.seconds, start + span))} of ${clock(data.seconds)}`;
    frame = running() ? requestAnimationFrame(draw) : 0;
  }
  const again = () => { if (!frame) draw(); };
  seek.addEventListener("input", () => { start = Number(seek.value); if (running()) player.currentTime = start; else draw(); });
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect(), at = start + (event.clientX - box.left) / box.width * span;
    if (own) { own.currentTime = at; own.play(); } else play(index.name, data.id, title, { at: Math.max(0.01, at) });
  });
  const events = ["play", "pause", "seeked", "timeupdate"];
  for (const name of events) player.addEventListener(name, again);
  own?.addEventListener("play", pause); // one sound at a time
  const letGo = onchange((id) => { if (id) own?.pause(); again(); }), resizing = new ResizeObserver(again);
  resizing.observe(canvas);
  const key = data.transposition_semitones ? `, moved by ${data.transposition_semitones} semitones` : "";
  const box = make("figure", { class: "rollbox" }, make("figcaption", {}, `The MIDI's notes (outlines) over the recording's constant-Q spectrum${key}. Press a place to hear it.`), canvas,
    make("p", { class: "fields" }, seek, told), own);
  return { box, draw, release: () => { letGo(); resizing.disconnect(); for (const name of events) player.removeEventListener(name, again); if (url) URL.revokeObjectURL(url); } };
}

function spectrum(bytes, rows, bins) {
  const image = document.createElement("canvas");
  image.width = Math.max(1, rows);
  image.height = bins;
  const context = image.getContext("2d"), pixels = context.createImageData(image.width, bins);
  const [r, g, b] = rgb(ink("--spectrum"));
  for (let row = 0; row < rows; row++) for (let bin = 0; bin < bins; bin++) {
    const at = 4 * ((bins - 1 - bin) * image.width + row);
    pixels.data.set([r, g, b, bytes[row * bins + bin]], at);
  }
  context.putImageData(pixels, 0, 0);
  return image;
}

function rgb(text) {
  return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));
}
