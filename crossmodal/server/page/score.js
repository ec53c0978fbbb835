// Follow a score: a recording and a score become a page with a cursor, made by a job that can be cancelled.

import * as api from "./api.js";
import { byId, make, problem, swap } from "./dom.js";
import { dropPlace, formOf } from "./files.js";
import { stop } from "./player.js";

let box, index, tools, out, sides, given, watching = 0, chosen;

export function enter(place, opened, more) {
  [box, index, tools, chosen] = [place, opened, more, { recording: null, score: null }];
  out = make("div", { class: "out", tabindex: -1, "aria-live": "polite" });
  sides = {};
  box.append(make("h1", {}, "Watch a score being followed"),
    make("p", { class: "lead" }, "Give a recording and a score of it: MusicXML, MEI, ABC, Humdrum, a PDF or a photo of the page. The cursor then moves with the sound, and any place of the score can be pressed and heard."),
    make("form", { class: "pair", onsubmit: (event) => { event.preventDefault(); begin(); } },
      ...["recording", "score"].map((side) => {
        sides[side] = make("p", { class: "took", id: `took-${side}` });
        return make("div", { class: "side" }, make("h2", {}, side === "recording" ? "Recording" : "Score"),
          dropPlace({ id: side, label: `Drop a ${side} here, or choose one`, onfile: (file) => take(side, file) }), sides[side]);
      }),
      make("button", { type: "submit", class: "main", id: "begin" }, "Follow")),
    out);
  return () => { watching++; };
}

// A file takes the place of the collection's item, in the address too.
function take(side, file) {
  chosen[side] = file;
  given = { ...given, [side]: "" };
  tools.go(given, { replace: true });
  tell();
}

export function show(values) {
  given = values;
  for (const side of ["recording", "score"]) if (values[side] || fromIndex(side)) chosen[side] = values[side] || null;
  tell();
  if (values.job) watch(values.job);
  else { watching++; swap(out); }
}

const fromIndex = (side) => typeof chosen[side] === "string";

function tell() {
  for (const side of ["recording", "score"]) {
    const value = chosen[side];
    sides[side].textContent = value ? (fromIndex(side) ? `From the collection: ${value}` : value.name) : "";
  }
  byId("begin").disabled = !(chosen.recording && chosen.score);
}

async function begin() {
  const values = { index: index.name };
  for (const side of ["recording", "score"]) values[fromIndex(side) ? `${side}_id` : side] = chosen[side];
  const ids = Object.fromEntries(Object.entries(chosen).filter(([side]) => fromIndex(side)));
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Sent" });
  const mine = ++watching, stop = new AbortController();
  swap(out, make("p", {}, "Sending both…"), bar, make("button", { type: "button", onclick: () => stop.abort() }, "Cancel"));
  try {
    const job = await api.align(formOf(values), { progress: (share) => { bar.value = share; }, signal: stop.signal });
    if (mine !== watching) return;
    tools.go({ ...ids, job: job.id }); // which shows it
  } catch (error) {
    if (error.name === "AbortError") swap(out);
    else swap(out, problem(error, begin));
  }
}

async function watch(id) {
  const mine = ++watching;
  const step = make("p", { role: "status" }, "Looking…"), bar = make("progress", { max: 1, value: 0, "aria-label": "Progress of the alignment" });
  swap(out, step, bar, make("button", { type: "button", onclick: () => api.cancel(id).catch(() => {}) }, "Cancel"));
  try {
    for (;;) {
      const job = await api.job(id);
      if (mine !== watching) return;
      if (job.state === "done") { page(id); return; }
      if (job.state === "failed") throw new Error(job.error);
      if (job.state === "cancelled") { swap(out, make("p", { class: "note" }, "Cancelled.")); return; }
      const text = `${job.step}…`;
      if (step.textContent !== text) step.textContent = text;
      bar.value = job.progress;
      await new Promise((done) => setTimeout(done, 500));
      if (mine !== watching) return;
    }
  } catch (error) {
    if (mine === watching) swap(out, problem(error, () => (chosen.recording && chosen.score ? begin() : watch(id))));
  }
}

// The page of `crossmodal align --html`, as it is: one cursor for both.
function page(id) {
  stop(); // the page below has a player of its own
  const source = `api/align/${encodeURIComponent(id)}/page`;
  swap(out, 
    make("p", { class: "fields" }, make("a", { href: source, target: "_blank", rel: "noopener" }, "Open it alone"), make("a", { href: `api/align/${encodeURIComponent(id)}/result`, download: "alignment.json" }, "Save the alignment (JSON)")),
    make("iframe", { class: "scorepage", src: source, title: "The score, with a cursor that follows the recording", allow: "autoplay" }));
  out.querySelector("iframe").scrollIntoView({ block: "start" });
}
