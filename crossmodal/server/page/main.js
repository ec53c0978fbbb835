// The page: which view shows which collection, by the address alone.

import * as api from "./api.js";
import { byId, make, problem, say } from "./dom.js";
import { go, link, read } from "./state.js";

const VIEWS = {
  search: { name: "Search", can: (index) => index.asks.length || index.can.includes("identify") || index.can.includes("match"), load: () => import("./search.js") },
  map: { name: "Map", can: (index) => index.can.includes("map"), load: () => import("./map.js") },
  score: { name: "Follow a score", can: () => true, load: () => import("./score.js") },
  match: { name: "Match MIDI", can: (index) => index.can.includes("match"), load: () => import("./match.js") },
  listen: { name: "Listening experiment", can: (index) => index.can.includes("features") && !index.can.includes("match"), load: () => import("./listen.js") },
};

const HELD = { audio: "recordings", voice: "voices", mix: "mixes", image: "covers", sheet: "scores", midi: "MIDI files" };
const called = (index) => `${index.items.toLocaleString()} ${index.modalities.map((kind) => HELD[kind] || kind).join(" and ")} · ${index.space.split("@")[0]} · ${index.title}`;

let known = [], leave = () => {}, shown = "", turn = 0;

async function begin() {
  const main = byId("main");
  try {
    let state = await api.ready();
    for (; !state.ready; state = await api.ready()) await new Promise((done) => setTimeout(done, 700));
    byId("problems").replaceChildren(...state.problems.map((text) => make("p", { class: "note" }, `Not opened: ${text}`)));
    known = await api.indexes();
  } catch (error) {
    main.replaceChildren(problem(error, begin));
    return;
  }
  if (!known.length) {
    main.replaceChildren(problem(new Error("No collection is open. Make one with 'crossmodal index', name it when you start the server, and look at the server's log."), begin));
    return;
  }
  byId("index").replaceChildren(...known.map((index) => make("option", { value: index.name }, called(index))));
  route();
}

function route() {
  const state = read();
  const index = known.find((one) => one.name === state.index) || known[0];
  if (state.index && index.name !== state.index) say(`There is no collection ${state.index} here; this is ${index.name}.`);
  const view = VIEWS[state.view]?.can(index) ? state.view : Object.keys(VIEWS).find((name) => VIEWS[name].can(index));
  byId("index").value = index.name;
  if (byId("views").dataset.of !== index.name) { // made anew only then, so that the keyboard stays where it is
    byId("views").dataset.of = index.name;
    byId("views").replaceChildren(...Object.entries(VIEWS).filter(([, one]) => one.can(index)).map(([name, one]) =>
      make("li", {}, make("a", { href: link(name, index.name), "data-view": name }, one.name))));
  }
  for (const one of byId("views").querySelectorAll("a")) {
    if (one.dataset.view === view) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  }
  document.querySelector("nav [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
  document.title = `${VIEWS[view].name} · crossmodal`;
  render(view, index, state.view === view ? state.values : {});
}

async function render(view, index, values) {
  const mine = ++turn, main = byId("main"), module = await VIEWS[view].load().catch(() => null);
  if (mine !== turn) return;
  if (!module) { unloaded(view); return; }
  const place = `${view}/${index.name}`;
  if (place !== shown) {
    leave();
    const box = make("div", { class: `view ${view}` });
    main.replaceChildren(box);
    leave = module.enter(box, index, { go: (next, options) => go(view, index.name, next, options), known }) || (() => {});
    shown = place;
  }
  module.show(values);
}

// Trying again begins anew, once the server answers: a browser may not ask twice for a module that failed.
function unloaded(view) {
  leave();
  [leave, shown] = [() => {}, ""];
  const again = () => api.ready().then(() => location.reload()).catch((error) => say(error.message));
  byId("main").replaceChildren(problem(new Error(`“${VIEWS[view].name}” could not be loaded. Look whether the server still runs, then try again.`), again));
}

byId("index").addEventListener("change", (event) => go(read().view, event.target.value, {}));
addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  const field = document.querySelector("input[type=search]");
  if (event.key === "/" && field && !event.target.closest("input, textarea, select")) { event.preventDefault(); field.focus(); }
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
// A file dropped beside a place for files must not replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
begin();
