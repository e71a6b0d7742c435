// One candle of one symbol: what each exchange gave to it.
import { badge, cut, element, iso, message, moment, price, share, table } from "./dom.js";
import { taskLink } from "./airflow.js";
import { address, api, link } from "./data.js";
import { chooseSymbol, form, symbolField, timeField } from "./inputs.js";

const STATES = {
  used: ["good", "used"],
  quiet: ["good", "quiet: nobody traded"],
  answered: ["good", "answered"],
  not_listed: ["none", "not listed yet"],
  "not asked": ["warn", "nobody has asked"],
  "not merged": ["warn", "not merged: it came after the merge, or the merge went without this exchange"],
  suspected: ["warn", "suspected outage"],
  rejected: ["bad", "left out: it cannot be trusted"],
  failed: ["bad", "no usable answer"],
};

export async function showExplain(place, pipeline) {
  const { pairs, symbol } = await chooseSymbol(pipeline);
  const time = address.get("time") ?? iso(Date.now() - 15 * 60000);
  place.replaceChildren(form("explain", "Explain", symbolField(symbol, pairs), timeField("time", "minute (UTC)", time)));
  if (!symbol) return place.append(message("plain", "There is no symbol yet.", "Redis lists none; write one above."));
  const data = await api(pipeline, "explain", { symbol, time });
  const around = (ms, text) => element("a", { class: "button", href: link({ view: "explain", symbol: data.symbol, time: iso(ms) }) }, text);
  place.append(
    element("div", { class: "bar" }, element("h2", {}, `${data.symbol}, ${moment(data.start_ms)} (UTC)`),
      around(2 * data.start_ms - data.end_ms, "◀ before"), around(data.end_ms, "after ▶"),
      element("a", { class: "button", href: link({ view: "day", symbol: data.symbol, day: iso(data.start_ms).slice(0, 10) }) }, "Day")),
    verdict(data), parts(data));
}

function verdict(data) {
  if (!data.stored && !data.merged) return message("plain", "There is no candle.", "No exchange has one that could be merged; the table says why.");
  if (!data.stored) return message("warn", "Nothing is merged and stored yet.", "The last row shows what a merge of these candles would give.");
  if (!data.agrees) return message("bad", "The stored candle is not what its parts give now.", "An exchange corrected its candle after the merge, or the setting high_low was changed. A rerun of the interval merges it anew.");
  const how = data.high_low === "extremes" ? "High and low are the highest and the lowest." : "All prices are averages by volume.";
  return message("good", "The stored candle is what its parts give.", `${how} Volume is the sum.`);
}

function parts(data) {
  const rows = [...data.parts];
  if (data.merged) rows.push({ exchange: data.stored ? "reckoned from the parts" : "would be merged", ohlcv: data.merged, total: true });
  if (data.stored) rows.push({ exchange: "stored", ohlcv: data.stored, total: true });
  const value = (index) => ({ ohlcv }) => (ohlcv ? price(ohlcv[index]) : "");
  const columns = [
    ["Exchange", ({ exchange }) => exchange],
    ["Market", ({ market }) => market || ""],
    ...["Open", "High", "Low", "Close", "Volume"].map((name, index) => [name, value(index), true]),
    ["Weight", ({ weight }) => (weight == null ? "" : share(weight)), true],
    ["Why", (part) => why(part, Boolean(data.stored))],
  ];
  return element("div", { class: "scroll" }, table("The candle by exchanges", columns, rows, ({ total }) => (total ? "total" : "")));
}

function why(part, isStored) {
  if (part.total) return "";
  const [kind, known] = STATES[part.state] ?? ["warn", part.state];
  const text = part.state === "used" && !isStored ? "would be used" : known;
  const reason = part.reason && cut(part.reason);
  const links = part.task && element("div", { class: "bar" }, taskLink(part.task));
  return element("div", { class: "why" }, badge(kind, text), reason, links);
}
