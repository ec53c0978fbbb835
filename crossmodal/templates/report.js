"use strict";
// Maps: name the point nearest to the pointer, show one category at a time, find by name. Names are only ever text.
for (const map of document.querySelectorAll(".map")) {
  const svg = map.querySelector(".plane svg");
  const tip = map.querySelector(".tip");
  if (!svg) continue;
  const rest = "Point at or touch a mark to see its name.";
  const points = Array.from(svg.querySelectorAll(".points path"), (path) => {
    const box = path.getBBox();
    const title = path.querySelector("title");
    const name = title.textContent;
    title.remove();
    return { path, name, x: box.x + box.width / 2, y: box.y + box.height / 2 };
  });
  let here = null;
  const show = (point) => {
    if (here === point) return;
    if (here) here.path.classList.remove("here");
    here = point;
    if (point) point.path.classList.add("here");
    tip.textContent = point ? point.name : rest;
  };
  const visible = (p) => !p.path.classList.contains("faded") && !p.path.parentNode.classList.contains("faded");
  const nearest = (event) => {
    const area = svg.getBoundingClientRect();
    const unit = svg.viewBox.baseVal.width / area.width;
    const x = (event.clientX - area.left) * unit;
    const y = (event.clientY - area.top) * unit;
    let best = null;
    let least = (24 * unit) ** 2;
    for (const p of points) {
      const distance = (p.x - x) ** 2 + (p.y - y) ** 2;
      if (distance < least && visible(p)) { best = p; least = distance; }
    }
    show(best);
  };
  tip.textContent = rest;
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  const buttons = map.querySelectorAll(".legend button");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const chosen = button.getAttribute("aria-pressed") !== "true" ? button.dataset.group : null;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other.dataset.group === chosen));
      for (const group of svg.querySelectorAll(".points")) {
        group.classList.toggle("faded", chosen !== null && group.dataset.group !== chosen);
      }
    });
  }
  map.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    const found = points.filter((p) => p.name.toLowerCase().includes(wanted));
    for (const p of points) p.path.classList.toggle("faded", !found.includes(p));
    show(null);
    if (wanted) tip.textContent = found.length === 1 ? found[0].name : `${found.length} found`;
  });
}
// One recording at a time.
document.addEventListener("play", (event) => {
  for (const audio of document.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
}, true);
