// Elements and texts. All text is set as text: a response of an exchange is never parsed as HTML.

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

export function message(kind, title, ...lines) {
  const texts = lines.filter(Boolean).map((line) => (line instanceof Node ? line : element("p", {}, line)));
  return element("div", { class: `message ${kind}`, role: kind === "bad" ? "alert" : "status" }, element("b", {}, title), texts);
}

// `columns` are [label, cell, isNumber]; a cell is a text or an element.
export function table(caption, columns, rows, rowClass = () => "") {
  const head = columns.map(([label, , number]) => element("th", { scope: "col", class: number && "number" }, label));
  const body = rows.map((row) =>
    element("tr", { class: rowClass(row) },
      columns.map(([label, cell, number]) => element("td", { "data-label": label, class: number && "number" }, cell(row)))));
  return element("table", { class: "stack", "aria-label": caption },
    element("thead", {}, element("tr", {}, head)), element("tbody", {}, body));
}

const URLS = /https?:\/\/[^\s"'<>]+/g;
const TAGS = /<\/?[a-z!][^<>]*>?/gi;

// The reason comes first and in full, without the markup of an error page; addresses, which are long, come last.
export function reasonText(text) {
  const urls = [...new Set(text.match(URLS) ?? [])];
  const words = text.replace(URLS, "…").replace(TAGS, " ").replace(/\s+/g, " ");
  return element("div", { class: "reason" }, element("p", {}, words), urls.map((url) => element("p", { class: "url" }, url)));
}

export const badge = (kind, text) => element("span", { class: `badge ${kind}` }, text);
export const count = (value) => value.toLocaleString("en-US");
// As in the terminal: 1 run, 2 runs.
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
export const areAll = (value, noun) => (value === 1 ? `The only ${noun} is` : `All ${counted(value, noun)} are`);
export const areSome = (value, whole, one, many) => `${count(value)} of ${counted(whole, one, many)} ${value === 1 || whole === 1 ? "is" : "are"}`;
export const price = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 10 });
export const share = (part) => `${(Math.floor(part * 10000) / 100).toFixed(2)} %`;
export const signed = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

// All times are UTC; each view says so once.
export const iso = (ms) => new Date(ms).toISOString().slice(0, 16);
export const day = (ms) => iso(ms).slice(0, 10);
export const moment = (ms) => iso(ms).replace("T", " ");

// UTC, with the reader's own time if that differs.
export function clock(ms) {
  const offset = -new Date(ms).getTimezoneOffset() * 60000;
  const local = moment(ms + offset);
  const shown = local.slice(0, 10) === day(ms) ? local.slice(11) : local;
  return element("time", { datetime: `${iso(ms)}Z` }, `${moment(ms)} UTC`, offset ? element("span", { class: "quiet" }, ` (${shown} here)`) : "");
}

export function duration(ms) {
  const minutes = Math.round(ms / 60000);
  if (minutes < 1) return `${Math.round(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  return counted(Math.round(minutes / 1440), "day");
}

export function period([start, end]) {
  const sameDay = day(start) === day(end - 1);
  const last = sameDay && day(start) !== day(end) ? "24:00" : sameDay ? iso(end).slice(11) : moment(end);
  return `${moment(start)} – ${last}`;
}
