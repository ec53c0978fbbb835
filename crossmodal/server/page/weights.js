// What counts in "more like this", in a space whose vectors have facets (genre, mood, tempo, ...): a slider for each, in the address too.

import { make } from "./dom.js";

const KEY = "weight.", WHOLE = "weight"; // in the address: of a facet, and of the track as a whole

// values: of the address. What the API takes; nothing where all count as they do by themselves.
export function asked(facets, values) {
  if (!facets.some((name) => KEY + name in values) && !(WHOLE in values)) return {};
  const weight = facets.map((name) => `${name}=${values[KEY + name] ?? 1}`);
  return { weight, track_weight: values[WHOLE] || undefined };
}

// onchange(values) is called with the address's values as they are after a slider was let go.
export function sliders(facets, values, onchange) {
  const slider = (key, name, usual) => {
    const told = make("output", {}, Number(values[key] ?? usual).toFixed(1));
    const input = make("input", {
      type: "range", min: 0, max: 1, step: 0.1, value: values[key] ?? usual, "data-facet": name,
      oninput: () => { told.textContent = Number(input.value).toFixed(1); },
      onchange: () => { values = { ...values, [key]: input.value }; onchange(values); },
    });
    return make("label", {}, make("span", {}, name), input, told);
  };
  return make("fieldset", { class: "weights" }, make("legend", {}, "What counts"),
    ...facets.map((name) => slider(KEY + name, name, 1)), slider(WHOLE, "the track as a whole", 0));
}
