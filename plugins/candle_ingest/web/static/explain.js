// One candle of one symbol: how its price is made.
import { badge, clock, element, iso, message, price, reasonText, table } from "./dom.js";
import { taskLink } from "./airflow.js";
import { address, api, link } from "./data.js";
import { form, symbolField, timeField } from "./inputs.js";
import { askForSymbol, chooseSymbol, unlisted } from "./symbols.js";
import { STATES } from "./states.js";

const HOUR_MS = 3600000;
const VOLUME = 4;

// Without a time the server takes the last final minute.
export async function showExplain(place, pipeline) {
  const { pairs, symbol } = await chooseSymbol(pipeline);
  const asked = address.get("time") ?? "";
  const showForm = (time) => form("explain", "Explain", symbolField(symbol, pairs), timeField("time", "minute (UTC)", time));
  place.replaceChildren(showForm(asked.length === 10 ? `${asked}T00:00` : asked.slice(0, 16)));
  if (!symbol) return place.append(message("plain", "There is no symbol yet.", "Redis lists none; write one above."));
  const values = asked ? { symbol, time: asked } : { symbol };
  const data = await askForSymbol(place, pairs, symbol, { view: "explain", ...values }, () => api(pipeline, "explain", values));
  if (!data) return undefined;
  const around = (ms, text) => element("a", { class: "button", href: link({ view: "explain", symbol: data.symbol, time: iso(ms) }) }, text);
  place.replaceChildren(
    showForm(iso(data.start_ms)), unlisted(pairs, data.symbol, { view: "explain", time: iso(data.start_ms) }),
    element("div", { class: "bar" }, element("h2", {}, `${data.symbol}, `, clock(data.start_ms)),
      around(2 * data.start_ms - data.end_ms, "◀ before"), around(data.end_ms, "after ▶"),
      element("a", { class: "button", href: link({ view: "day", symbol: data.symbol, day: iso(data.start_ms).slice(0, 10) }) }, "Day"),
      element("a", { class: "button", href: link({ view: "chart", symbol: data.symbol, start: iso(data.start_ms - HOUR_MS), end: iso(data.start_ms + HOUR_MS) }) }, "Chart")),
    message(data.verdict.kind, data.verdict.title, data.verdict.text && reasonText(data.verdict.text), data.stored && how(data)), parts(data));
  return undefined;
}

const how = ({ high_low: highLow }) => `${highLow === "extremes" ? "High and low are the highest and the lowest; open and close are" : "Prices are"} averages weighted by volume. Volume is the sum.`;

function parts(data) {
  const rows = data.parts.flatMap((part) => [part, ...steps(part)]);
  if (data.merged && !(data.is_merged && data.agrees)) rows.push({ exchange: data.is_merged ? "computed from the parts" : "would be merged", ohlcv: data.merged, total: true });
  if (data.stored) rows.push({ exchange: "stored", ohlcv: data.stored, total: true });
  const value = (index) => ({ ohlcv }) => (ohlcv ? rounded(ohlcv[index], index === VOLUME ? 6 : 8) : "");
  const columns = [
    ["Exchange", ({ exchange, market }) => [exchange ?? "", market && element("div", { class: "quiet" }, market)]],
    ...["Open", "High", "Low", "Close", "Volume"].map((name, index) => [name, value(index), true]),
    ["Weight", ({ percent }) => (percent == null ? "" : `${percent.toFixed(2)} %`), true],
    ["Why", (part) => why(part, data.is_merged)],
  ];
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The candle by exchanges" }, table("The candle by exchanges", columns, rows, ({ total, step }) => (total ? "total" : step ? "step" : "")));
}

// As many digits as the terminal shows, so that all columns fit; the whole value is in the title.
const rounded = (value, digits) => element("span", { title: price(value) }, value.toLocaleString("en-US", { maximumSignificantDigits: digits }));

// The candle of an exchange after each step: converted at its rate, and with its wick clamped.
function steps({ conversion, converted, clamped }) {
  const found = [];
  const [rate, source] = (conversion ?? "").split(/ \((.*)\)$/);
  if (converted) found.push({ market: rate.replace(" ", "\u00a0"), note: source, ohlcv: converted, step: true });
  if (clamped) found.push({ market: "with high and low clamped", ohlcv: clamped, step: true });
  return found;
}

function why(part, isMerged) {
  if (part.total || part.step) return part.note ? element("span", { class: "quiet" }, part.note) : "";
  const { kind, text } = STATES[part.state] ?? { kind: "warn", text: part.state };
  const known = part.state === "used" && !isMerged ? "would be used" : text;
  const due = part.due_ms ? element("p", { class: "quiet" }, "Next request at ", clock(part.due_ms)) : "";
  const links = part.task && element("div", { class: "bar" }, taskLink(part.task));
  const notes = part.notes.map((note) => element("p", {}, note));
  return element("div", { class: "why" }, badge(kind, known), notes, part.reason && reasonText(part.reason), due, links);
}
