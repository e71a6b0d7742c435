// The address of this page, and the data behind it.

export const address = new URLSearchParams(location.search);

export function link(changes) {
  const values = new URLSearchParams();
  const pipeline = changes.pipeline ?? address.get("pipeline");
  if (pipeline) values.set("pipeline", pipeline);
  for (const [name, value] of Object.entries(changes)) if (value != null) values.set(name, value);
  return `?${values}`;
}

// Puts values into the address without leaving the page, so that reloads and shared links keep them.
export function keep(values) {
  for (const [name, value] of Object.entries(values)) value == null ? address.delete(name) : address.set(name, value);
  history.replaceState(null, "", `?${address}`);
}

export class Refusal extends Error {
  constructor(status, answer) {
    super(typeof answer.detail === "string" ? answer.detail : JSON.stringify(answer.detail ?? answer));
    this.status = status;
    this.kind = answer.kind;
  }
}

const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });
const TRIES = 8;

// If the server responds that it is busy, the request is retried for some seconds.
export async function ask(path, options = {}) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await askOnce(path, options);
    } catch (error) {
      if (error.kind !== "busy" || tried === TRIES) throw error;
      await pause(0.5 + Math.random() * tried);
    }
  }
}

async function askOnce(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  const text = await answer.text();
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    content = { detail: text.slice(0, 300) || answer.statusText };
  }
  if (!answer.ok) throw new Refusal(answer.status, content);
  return content;
}

// The server caches responses for a minute; `refresh` requests new ones.
let headers = {};
export const refresh = () => { headers = { "Cache-Control": "no-cache" }; };

export const api = (pipeline, view, values = {}) =>
  ask(`api/${encodeURIComponent(pipeline.name)}/${view}?${new URLSearchParams(values)}`, { headers });
