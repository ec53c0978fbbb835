// Search with words, or with a dropped file.

import * as api from "./api.js";
import { make, problem, say, swap, waiting } from "./dom.js";
import { accept, dropPlace, formOf, kindOf } from "./files.js";
import { cards, tags } from "./results.js";
import * as weights from "./weights.js";

let box, index, tools, out, side, field, choice, own, count, filter, release = () => {}, stopping = null, file = null;

// What can be done with a file, what is most likely meant first: scores and MIDI files are looked up rather than compared as a whole.
const WAYS = {
  identify: { name: "Find which score or recording it is", takes: (of) => other(of, "identify", ["audio", "sheet"]) },
  match: { name: "Find the recording or MIDI file of it", takes: (of) => other(of, "match", ["midi", "audio"]) },
  search: { name: "Find what sounds or looks like it", takes: (of) => of.asks.filter((kind) => kind !== "text") },
  tag: { name: "Describe it with words", takes: (of) => (of.can.includes("tags") ? ["audio"] : []) },
};
// An index that can be asked this way takes the kind of file that it does not hold.
const other = (of, way, kinds) => (of.can.includes(way) ? kinds.filter((_, n) => of.modalities.includes(kinds[1 - n])) : []);
const KINDS = { audio: "a recording", image: "a picture", midi: "a MIDI file", sheet: "a page or score" };

export function enter(place, chosen, given) {
  [box, index, tools] = [place, chosen, given];
  file = null;
  const can = Object.keys(WAYS).filter((way) => WAYS[way].takes(index).length);
  field = make("input", { type: "search", id: "words", name: "text", placeholder: "slow solemn choir", autocomplete: "off", maxlength: 2000, enterkeyhint: "search" });
  count = make("select", { id: "count" }, [5, 10, 20, 50].map((n) => make("option", { value: n, selected: n === 10 }, `${n}`)));
  filter = make("input", { type: "text", id: "filter", placeholder: "column=value", list: "columns", autocomplete: "off" });
  choice = make("select", { id: "way" }, can.map((way) => make("option", { value: way }, WAYS[way].name)));
  own = make("input", { type: "text", id: "vocabulary", placeholder: "calm, lively, brass band", autocomplete: "off" });
  const describing = make("label", { class: "wide" }, "Out of these words (else the collection's own): ", own);
  const fitting = () => { describing.hidden = choice.value !== "tag"; };
  choice.addEventListener("change", fitting);
  fitting();
  out = make("div", { class: "out", tabindex: -1, "aria-live": "polite" });
  side = make("div");
  const words = index.asks.includes("text");
  box.append(
    make("h1", {}, words ? "Search with words or a file" : "Search with a file"),
    make("form", { role: "search", onsubmit: (event) => { event.preventDefault(); asked(); } },
      words ? make("div", { class: "line" }, make("label", { for: "words", class: "hidden" }, "Words to search for"), field, make("button", { type: "submit", class: "main" }, "Search")) : null,
      can.length ? dropPlace({ id: "file", label: `Drop ${kinds(can)} here, or choose one`, onfile: dropped }) : null,
      make("details", { class: "options" }, make("summary", {}, "More choices"),
        make("div", { class: "fields" },
          can.length ? make("label", {}, "With a file: ", choice) : null,
          can.includes("tag") ? describing : null,
          make("label", {}, "Results: ", count),
          make("label", {}, "Only: ", filter, make("datalist", { id: "columns" }, index.columns.map((name) => make("option", { value: `${name}=` }))))))),
    side, out);
  if (can.length) accept(box, (files) => dropped(files[0]));
  return () => { stopping?.abort(); release(); };
}

const kinds = (ways) => [...new Set(ways.flatMap((way) => WAYS[way].takes(index)))].map((kind) => KINDS[kind]).join(", ");

function asked() {
  if (!field.value.trim()) { field.focus(); say("Type some words first."); return; }
  file = null;
  const values = { text: field.value.trim(), ...told() };
  if (!tools.go(values)) show(values); // the same again, after something went wrong
}

function dropped(chosen) {
  file = chosen;
  const way = choice.value;
  const values = { file: chosen.name, way, ...told() };
  if (!tools.go(values)) show(values); // the address may be the same for another file of that name
}

export function show(values) {
  field.value = values.text || "";
  const k = values.k || "10", options = [...count.options];
  if (!options.some((one) => one.value === k)) count.add(new Option(k), options.find((one) => Number(one.value) > Number(k)) || null);
  count.value = k;
  filter.value = values.filter || "";
  if (values.way in WAYS && WAYS[values.way].takes(index).length) { choice.value = values.way; choice.dispatchEvent(new Event("change")); }
  const weighed = values.like && index.facets.length;
  if (!weighed) side.replaceChildren();
  else if (side.dataset.like !== values.like || !side.childNodes.length) side.replaceChildren(weights.sliders(index.facets, values, reweighed));
  side.dataset.like = values.like || "";
  if (values.text) run(`Searching for “${values.text}”`, (signal) => api.search(index.name, { text: values.text, ...limits() }, signal));
  else if (values.like) run("Looking for more like this", (signal) => api.similar(index.name, { id: values.like, ...limits(), ...weights.asked(index.facets, values) }, signal), { like: values.like });
  else if (values.file && file?.name === values.file) ask(choice.value);
  else if (values.file) swap(out, make("p", { class: "lead" }, `This address is of a search with the file ${values.file}, which lies on the machine of who made it. Drop it here to search again.`));
  else examples();
}

function reweighed(values) {
  tools.go(values, { replace: true });
  show(values);
}

// The same choices for the address, which leaves out what is usual.
const told = () => ({ k: count.value === "10" ? "" : count.value, filter: filter.value.trim() });
const limits = () => ({ k: count.value, filter: filter.value.trim() || undefined });

function examples() {
  const words = ["slow solemn choir", "lively fiddle tune", "solo flute, fast and cheerful", "string quartet in a concert hall"];
  swap(out, index.asks.includes("text") ? make("div", {}, make("p", { class: "soft" }, `${index.items.toLocaleString()} items to be found. For example:`),
    make("ul", { class: "chips" }, words.map((text) => make("li", {}, make("button", { type: "button", onclick: () => { field.value = text; asked(); } }, text)))))
    : make("p", { class: "soft" }, `${index.items.toLocaleString()} items to be found.`));
}

function ask(way) {
  const sent = file, kind = kindOf(sent, WAYS[way].takes(index));
  if (!kind) {
    swap(out, problem(new Error(`${sent.name}: expected ${kinds([way])}, got something else; choose another file, or another use of it under “More choices”.`)));
    return;
  }
  const values = { ...limits(), ...(way === "search" ? { kind } : {}), ...(way === "identify" ? { modality: kind } : {}) };
  const words = way === "tag" ? own.value.split(/[,;]/).join("\n") : "";
  run(`Sending ${sent.name}`, (signal, progress) => api.send(index.name, way, values, formOf({ file: sent, vocabulary: words }), { signal, progress }), { name: sent.name });
}

// like: the item of which more is wanted; name: of the file that is sent.
async function run(text, request, { like = null, name = null } = {}) {
  stopping?.abort();
  release();
  const mine = stopping = new AbortController(), bar = make("progress", { max: 1, value: 0, "aria-label": "Sent" });
  swap(out, waiting(`${text}…`), ...(name ? [bar, make("button", { type: "button", onclick: () => mine.abort() }, "Cancel")] : []));
  out.setAttribute("aria-busy", "true");
  try {
    const made = await request(mine.signal, (share) => {
      bar.value = share;
      if (share >= 1) { bar.removeAttribute("value"); out.querySelector(".waiting").lastChild.data = `Listening to ${name}…`; }
    });
    const answer = made.ranking || made;
    if (mine !== stopping) return;
    const shown = await drawn(answer, like);
    if (mine === stopping) swap(out, ...shown);
  } catch (error) {
    if (error.name === "AbortError" && mine !== stopping) return;
    if (error.name === "AbortError") examples();
    else swap(out, problem(error, () => run(text, request, { like, name })));
  } finally {
    if (mine === stopping) out.removeAttribute("aria-busy");
  }
}

async function drawn(answer, like) {
  const notes = (answer.warnings || []).map((text) => make("p", { class: "note" }, text));
  if (answer.abstained && answer.results.length) notes.push(make("p", { class: "note" }, "Not sure: nothing fits well enough. The nearest are:"));
  if (answer.results.some((one) => one.detail?.tag)) {
    return [make("h2", { tabindex: -1 }, `What fits ${answer.query.path}`), ...notes,
      tags(index, answer.results.map((one) => ({ tag: one.detail.tag, similarity: one.similarity })))];
  }
  const made = await cards(index, answer);
  release = made.release;
  const title = like ? `More like ${(await api.items(index.name, [like]))[0].title}` : answer.query.text ? `For “${answer.query.text}”` : `For ${answer.query.path}`;
  if (!answer.results.length) notes.push(make("p", { class: "note" }, answer.abstained ? "No answer." : "Nothing found. Take the filter away, or use other words."));
  return [make("h2", { tabindex: -1 }, title), ...notes, made.list];
}
