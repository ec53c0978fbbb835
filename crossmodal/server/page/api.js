// The server. Every failure becomes an Error whose message says what to do.

const LOST = "The server does not answer. Look whether it still runs, then try again.";

async function answered(response) {
  const kind = response.headers.get("content-type") || "";
  const body = kind.includes("application/json") ? await response.json() : null;
  if (response.ok) return body;
  if (response.status === 401) throw new Error("This server wants its token: open the address that it printed when it began.");
  throw refusal(response.status, body);
}

// status: by which `problem` knows whether trying again can help.
function refusal(status, body) {
  return Object.assign(new Error(body?.error || `The server answered ${status}. Try again, or look at its log.`), { status });
}

function address(path, values = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== "") query.append(key, one);
  }
  const text = query.toString();
  return `api/${path}${text ? `?${text}` : ""}`;
}

const of = (index, what) => `indexes/${encodeURIComponent(index)}/${what}`;

async function fetched(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error instanceof TypeError) throw new Error(LOST);
    throw error;
  }
}

export const get = async (path, values, signal) => answered(await fetched(address(path, values), { signal }));

// The state of the server, also while it still opens its indexes.
export async function ready() {
  const response = await fetched(address("ready"));
  return response.status === 503 ? response.json() : answered(response);
}

// Sends files, telling how much of them has gone; `fetch` cannot tell.
export function post(path, values, form, { progress, signal } = {}) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path, values));
    request.upload.addEventListener("progress", (event) => progress?.(event.loaded / (event.total || 1)));
    request.addEventListener("load", () => {
      let body = null;
      try { body = JSON.parse(request.responseText); } catch { body = null; }
      if (request.status >= 200 && request.status < 300) done(body);
      else fail(refusal(request.status, body));
    });
    request.addEventListener("error", () => fail(new Error("The server went away while the file was sent. Start it again, then try again.")));
    request.addEventListener("abort", () => fail(new DOMException("stopped", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

export async function remove(path) {
  return answered(await fetched(address(path), { method: "DELETE" }));
}

export const indexes = () => get("indexes");
export const search = (index, values, signal) => get(of(index, "search"), values, signal);
export const similar = (index, values, signal) => get(of(index, "similar"), values, signal);
export const items = (index, id) => get(of(index, "items/some"), { id });
export const listed = (index, start, k) => get(of(index, "items"), { start, k });
export const waveform = (index, id) => get(of(index, "waveform"), { id });
export const places = (index, signal) => get(of(index, "map"), {}, signal);
export const colours = (index, values, signal) => get(of(index, "map/colours"), values, signal);
export const vocabulary = (index) => get(of(index, "vocabulary"));
export const excitement = (index, values, signal) => get(of(index, "excitement"), values, signal);
export const send = (index, what, values, form, options) => post(of(index, what), values, form, options);
export const align = (form, options) => post("align", {}, form, options);
export const job = (id) => get(`align/${encodeURIComponent(id)}`);
export const cancel = (id) => remove(`align/${encodeURIComponent(id)}`);
export const sound = (index, id) => address(of(index, "audio"), { id });
export const cover = (index, id) => address(of(index, "cover"), { id });
export const page = (index, id, number) => address(of(index, `pages/${number}`), { id });
export const pages = (index, id) => get(of(index, "pages"), { id });
