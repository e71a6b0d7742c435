// The address of this page, and the data behind it.

export const address = new URLSearchParams(location.search);

export function link(changes) {
  const values = new URLSearchParams();
  const pipeline = changes.pipeline ?? address.get("pipeline");
  if (pipeline) values.set("pipeline", pipeline);
  for (const [name, value] of Object.entries(changes)) if (value != null) values.set(name, value);
  return `?${values}`;
}

export class Refusal extends Error {
  constructor(status, answer) {
    super(typeof answer.detail === "string" ? answer.detail : JSON.stringify(answer.detail ?? answer));
    this.status = status;
    this.kind = answer.kind;
  }
}

export async function ask(path, options = {}) {
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

export const api = (pipeline, view, values = {}) =>
  ask(`api/${encodeURIComponent(pipeline.name)}/${view}?${new URLSearchParams(values)}`);
