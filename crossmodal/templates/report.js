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
    return { path, name, sound: path.dataset.sound, x: box.x + box.width / 2, y: box.y + box.height / 2 };
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
    const view = svg.viewBox.baseVal;
    const unit = view.width / area.width;
    const x = view.x + (event.clientX - area.left) * unit;
    const y = view.y + (event.clientY - area.top) * unit;
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
  const player = map.querySelector(".plane audio");
  svg.addEventListener("click", () => {
    if (!player || !here || !here.sound || dragged) return;
    if (player.getAttribute("src") !== here.sound) player.setAttribute("src", here.sound);
    player.play();
  });
  // The wheel zooms about the pointer, dragging moves, a double click shows all again.
  const { x: wholeX, y: wholeY, width: wholeWidth, height: wholeHeight } = svg.viewBox.baseVal;
  const whole = { x: wholeX, y: wholeY, width: wholeWidth, height: wholeHeight };
  const look = (x, y, width) => svg.setAttribute("viewBox", `${x} ${y} ${width} ${(width * whole.height) / whole.width}`);
  let dragged = false;
  let held = null;
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const view = svg.viewBox.baseVal;
    const area = svg.getBoundingClientRect();
    const width = Math.min(whole.width, Math.max(whole.width / 40, view.width * Math.exp(event.deltaY / 500)));
    const share = { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
    const height = (width * whole.height) / whole.width;
    look(view.x + share.x * (view.width - width), view.y + share.y * (view.height - height), width);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    const view = svg.viewBox.baseVal;
    held = { left: event.clientX, top: event.clientY, x: view.x, y: view.y };
    dragged = false;
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return;
    const unit = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    const [right, down] = [event.clientX - held.left, event.clientY - held.top];
    if (Math.hypot(right, down) > 4) dragged = true;
    if (dragged) look(held.x - right * unit, held.y - down * unit, svg.viewBox.baseVal.width);
  });
  svg.addEventListener("dblclick", () => look(whole.x, whole.y, whole.width));
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
