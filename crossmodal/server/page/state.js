// Where one is, in the part of the address after "#": every state can be sent to somebody, and the back button works.

export function read() {
  const text = location.hash.startsWith("#/") ? location.hash.slice(2) : "";
  const [path, query = ""] = text.split("?");
  const [view = "", index = ""] = path.split("/").map(plain);
  return { view: view || "search", index, values: Object.fromEntries(new URLSearchParams(query)) };
}

function plain(part) {
  try { return decodeURIComponent(part); } catch { return part; } // a "%" that was typed, or cut off
}

export function link(view, index, values = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") query.set(key, value);
  const text = query.toString();
  return `#/${encodeURIComponent(view)}/${encodeURIComponent(index)}${text ? `?${text}` : ""}`;
}

// Returns whether the view will be shown anew because of it. replace: a change within a state (a zoom, a colour), which "back" should not
// go through and which shows nothing anew.
export function go(view, index, values, { replace = false } = {}) {
  const wanted = link(view, index, values);
  if (wanted === location.hash) return false;
  if (replace) history.replaceState(null, "", wanted);
  else location.hash = wanted.slice(1);
  return !replace;
}
