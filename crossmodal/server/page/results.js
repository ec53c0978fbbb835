// Answers as cards: player, waveform, tags with scores, cover, and ways on.

import * as api from "./api.js";
import { clock, ink, make, sharpen } from "./dom.js";
import { onchange, play, playing } from "./player.js";
import { link } from "./state.js";

const waves = new Map(); // index and id -> what the server answered, so that going back costs nothing
const lazy = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { lazy.unobserve(target); target.begin(); }
}, { rootMargin: "200px" });

// answer: the envelope of everything that ranks. Returns an element, what to call when it is taken away, and titles by id.
export async function cards(index, answer, extra = () => []) {
  const ids = answer.results.map((one) => one.id).filter(Boolean);
  const infos = new Map((ids.length ? await api.items(index.name, ids) : []).map((item) => [item.id, item]));
  const list = make("ol", { class: "cards", "aria-label": "Results" });
  for (const result of answer.results) list.append(card(index, result, infos.get(result.id), extra));
  const release = onchange((id) => {
    for (const button of list.querySelectorAll("button.hear")) {
      const on = button.dataset.id === id;
      button.classList.toggle("on", on);
      button.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${button.dataset.title}`);
    }
  });
  return { list, release, titles: new Map([...infos].map(([id, item]) => [id, item.title])) };
}

export function card(index, result, info, extra = () => []) {
  const title = info?.title || result.id;
  const facts = [];
  if (result.confidence !== undefined) facts.push(`confidence ${result.confidence.toFixed(2)}`);
  if (result.similarity !== undefined) facts.push(`similarity ${result.similarity.toFixed(2)}`);
  if (info?.seconds) facts.push(clock(info.seconds));
  const at = result.detail?.seconds;
  const box = make("li", { class: "card", "data-id": result.id },
    make("div", { class: "body" },
      make("div", { class: "head" },
        make("span", { class: "rank", "aria-hidden": "true" }, `${result.rank}`),
        make("h3", {}, title),
        info?.has_audio ? hear(index, result.id, title, at) : null),
      make("p", { class: "facts" }, facts.join(" · ")),
      info?.has_audio ? waveform(index, result.id, title) : null,
      info?.tags?.length ? tags(index, info.tags) : null,
      where(result.detail),
      make("p", { class: "more" }, ...ways(index, result, info, extra))));
  if (info?.has_cover || info?.has_pages) { box.begin = () => picture(index, info, box); lazy.observe(box); }
  return box;
}

function hear(index, id, title, at) {
  const on = playing() === id;
  return make("button", {
    type: "button", class: `hear round${on ? " on" : ""}`, "data-id": id, "data-title": title, "aria-label": `${on ? "Pause" : "Play"} ${title}`,
    onclick: () => play(index.name, id, title, { at: at && playing() !== id ? at : 0 }),
  }, symbol());
}

export function symbol() {
  const box = document.createElement("span");
  box.className = "sign";
  box.setAttribute("aria-hidden", "true");
  return box;
}

// Shown when it has come: a recording may have tags and no picture in them.
function picture(index, info, box) {
  const source = info.has_pages ? api.page(index.name, info.id, 1) : api.cover(index.name, info.id);
  const image = make("img", { class: info.has_pages ? "cover score" : "cover", src: source, alt: info.has_pages ? `First page of ${info.title}` : `Cover of ${info.title}` });
  image.addEventListener("load", () => box.prepend(image));
}

function waveform(index, id, title) {
  const canvas = make("canvas", { class: "mini", "aria-hidden": "true", title: "Press a place to hear it" });
  canvas.begin = async () => {
    const key = `${index.name}\n${index.generation}\n${id}`;
    try {
      if (!waves.has(key)) waves.set(key, await api.waveform(index.name, id));
    } catch { canvas.remove(); return; }
    const { peaks, seconds } = waves.get(key);
    const draw = () => {
      const { context, width, height } = sharpen(canvas), loudest = Math.max(0.05, ...peaks);
      context.fillStyle = ink("--rest");
      for (let x = 0; x < width; x += 3) {
        const high = Math.max(1, peaks[Math.floor(x / width * peaks.length)] / loudest * height);
        context.fillRect(x, (height - high) / 2, 2, high);
      }
    };
    draw();
    new ResizeObserver(draw).observe(canvas);
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      play(index.name, id, title, { at: Math.max(0.01, (event.clientX - box.left) / box.width * seconds) });
    });
  };
  lazy.observe(canvas);
  return canvas;
}

export function tags(index, rows, onto = "map") {
  return make("ul", { class: "tags", "aria-label": "Words that fit" }, rows.map(({ tag, similarity }) =>
    make("li", {}, make("a", { href: link(onto, index.name, { tag }), title: `Show "${tag}" on the map` }, tag),
      make("meter", { min: 0, max: 1, value: Math.max(0, similarity), "aria-label": `fits ${similarity.toFixed(2)}` }), make("small", {}, similarity.toFixed(2)))));
}

function where(detail = {}) {
  const parts = [];
  if (detail.page) parts.push(`page ${detail.page}, system ${detail.system}`);
  if (detail.votes !== undefined) parts.push(`${detail.votes} votes`);
  if (detail.offset_seconds !== undefined) parts.push(`begins ${detail.offset_seconds.toFixed(2)} s in`);
  if (detail.transposition_semitones) parts.push(`${detail.transposition_semitones > 0 ? "+" : "−"}${Math.abs(detail.transposition_semitones)} semitones`);
  for (const [name, cosine] of Object.entries(detail.facets || {})) parts.push(`${name} ${cosine.toFixed(2)}`);
  if (detail.copies?.length) parts.push(`${detail.copies.length} more copies`);
  return parts.length ? make("p", { class: "facts" }, parts.join(" · ")) : null;
}

function ways(index, result, info, extra) {
  const given = [...extra(result, info)];
  if (index.asks.length || index.can.includes("map")) {
    given.unshift(make("a", { href: link("search", index.name, { like: result.id }), class: "like" }, "More like this"));
  }
  if (info?.has_audio) given.push(make("a", { href: link("score", index.name, { recording: result.id }) }, "Follow a score with it"));
  if (info?.has_pages) given.push(make("a", { href: link("score", index.name, { score: result.id }) }, "Follow this score"));
  return given;
}
