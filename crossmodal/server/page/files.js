// A place to drop or choose a file.

import { make, say } from "./dom.js";

const KINDS = {
  audio: /\.(wav|wave|flac|ogg|oga|mp3|mp2|opus|aiff?|aifc|au|caf|w64|rf64|m4a|m4b|aac|mp4|wma|webm|mka|amr|ac3|ape|wv|mpc|tta)$/i,
  midi: /\.(mid|midi|kar|rmi)$/i,
  image: /\.(jpe?g|png|webp|gif|bmp|tiff?)$/i,
  sheet: /\.(musicxml|xml|mxl|mei|abc|krn|gz|pdf|png|jpe?g|tiff?)$/i,
};

// The first of some kinds that a file is by its name, else by what the browser says of it.
export function kindOf(file, among) {
  const named = among.find((kind) => KINDS[kind].test(file.name));
  if (named) return named;
  const type = file.type.split("/")[0];
  return among.find((kind) => kind === type) || null;
}

// onfile(file) is called with what was dropped, chosen or pasted.
export function dropPlace({ label, onfile, id }) {
  const input = make("input", { type: "file", id, class: "hidden-file", "aria-label": label });
  const place = make("div", { class: "drop" }, make("label", { class: "choose", for: id }, label), input);
  input.addEventListener("change", () => { if (input.files.length) take(input.files); input.value = ""; });
  function take(files) {
    if (files.length > 1) say(`One file at a time: ${files[0].name} is taken.`);
    onfile(files[0]);
  }
  accept(place, take);
  return place;
}

export function accept(place, take) {
  let inside = 0;
  const mark = (by) => { inside = by ? Math.max(0, inside + by) : 0; place.classList.toggle("over", inside > 0); };
  place.addEventListener("dragenter", () => mark(1));
  place.addEventListener("dragleave", () => mark(-1));
  place.addEventListener("drop", (event) => {
    mark(0);
    if (event.defaultPrevented) return; // a place within this one has taken it
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
}

export function formOf(values) {
  const form = new FormData();
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") form.append(key, value);
  return form;
}
