// The listening experiment: what does a feature of the encoder hear? The clips that excite it most, one after another.

import * as api from "./api.js";
import { clock, make, problem, swap, waiting } from "./dom.js";
import { onchange, play, playing } from "./player.js";
import { symbol } from "./results.js";

let index, tools, out, tag, feature, release = () => {}, stopping = null;

export function enter(box, chosen, given) {
  [index, tools] = [chosen, given];
  out = make("div", { class: "out", tabindex: -1, "aria-live": "polite" });
  const words = make("datalist", { id: "words-here" });
  tag = make("input", { type: "text", id: "by-tag", list: "words-here", placeholder: "flute", autocomplete: "off" });
  feature = make("input", { type: "number", id: "by-feature", min: 0, max: index.dimension - 1, step: 1, placeholder: `0 – ${index.dimension - 1}` });
  const known = index.can.includes("tags");
  box.append(make("h1", {}, "Listening experiment"),
    make("p", { class: "lead" }, `Each recording is described by ${index.dimension} numbers that were learned. Pick one of them${known ? ", or a word," : ""} and hear the clips that excite it most: what do they have in common? After CLMR (Spijkervet & Burgoyne, 2021).`),
    make("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); pick(feature.value !== "" ? { feature: feature.value } : { tag: tag.value.trim() }); } },
      known ? make("label", {}, "Word: ", tag, words) : null, make("label", {}, "Feature: ", feature),
      make("button", { type: "submit", class: "main" }, "Listen"),
      make("button", { type: "button", onclick: () => pick({ feature: Math.floor(Math.random() * index.dimension) }) }, "Any feature")),
    out);
  tag.addEventListener("input", () => { if (tag.value) feature.value = ""; });
  feature.addEventListener("input", () => { if (feature.value) tag.value = ""; });
  if (known) api.vocabulary(index.name).then((list) => words.append(...list.map((word) => make("option", { value: word })))).catch(() => {});
  return () => { stopping?.abort(); release(); };
}

function pick(values) {
  if (values.tag === "" ) { swap(out, make("p", { class: "note" }, "Type a word or the number of a feature first.")); return; }
  tools.go(values);
}

export async function show(values) {
  tag.value = values.tag || "";
  feature.value = values.feature ?? "";
  if (!values.tag && values.feature === undefined) { swap(out); return; }
  stopping?.abort();
  release();
  const mine = stopping = new AbortController();
  swap(out, waiting("Looking for the clips that excite it most…"));
  try {
    const made = await api.excitement(index.name, { tag: values.tag, feature: values.tag ? undefined : values.feature, k: 8 }, mine.signal);
    if (mine === stopping) draw(made, values);
  } catch (error) {
    if (error.name !== "AbortError") swap(out, problem(error, () => show(values)));
  }
}

function draw(made, values) {
  const most = Math.max(...made.clips.map((clip) => Math.abs(clip.value)), 1e-9);
  const list = make("ol", { class: "clips" }, made.clips.map((clip) => make("li", { class: "clip" },
    make("button", { type: "button", class: "hear round", "data-id": clip.id, "aria-label": `Play ${clip.title}`, onclick: () => hear(clip) }, symbol()),
    make("div", { class: "body" }, make("h3", {}, clip.title),
      make("p", { class: "facts" }, clip.seconds === undefined || clip.seconds === null ? "" : `most of it at ${clock(clip.seconds)}`)),
    make("meter", { min: 0, max: most, value: Math.max(0, clip.value), "aria-label": `${clip.value.toFixed(2)}` }), make("small", {}, clip.value.toFixed(2)))));
  release = onchange((id) => { for (const one of list.querySelectorAll(".hear")) one.classList.toggle("on", one.dataset.id === id); });
  const number = Number(values.feature);
  const steps = values.tag ? null : make("p", { class: "fields" },
    make("button", { type: "button", disabled: number <= 0, "data-keep": "before", onclick: () => pick({ feature: number - 1 }) }, "← the one before"),
    make("button", { type: "button", disabled: number >= index.dimension - 1, "data-keep": "next", onclick: () => pick({ feature: number + 1 }) }, "the next →"));
  swap(out, make("h2", { tabindex: -1 }, values.tag ? `What fits “${values.tag}” most` : `What excites feature ${values.feature} most`), list, ...(steps ? [steps] : []));
}

function hear(clip) {
  const again = playing() === clip.id;
  play(index.name, clip.id, clip.title, { at: again || !clip.seconds ? 0 : Math.max(0.01, clip.seconds - 3) });
}
