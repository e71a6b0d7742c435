// One candle of one symbol: what each exchange contributed.
import { badge, clock, element, iso, message, price, reasonText, table, wholeShares } from "./dom.js";
import { taskLink } from "./airflow.js";
import { address, api, link } from "./data.js";
import { form, symbolField, timeField } from "./inputs.js";
import { askForSymbol, chooseSymbol, unlisted } from "./symbols.js";
import { STATES } from "./states.js";

const RECENT_MS = 15 * 60000;

export async function showExplain(place, pipeline) {
  const { pairs, symbol } = await chooseSymbol(pipeline);
  const time = address.get("time") ?? iso(Date.now() - RECENT_MS);
  const inField = time.length === 10 ? `${time}T00:00` : time.slice(0, 16);
  place.replaceChildren(form("explain", "Explain", symbolField(symbol, pairs), timeField("time", "minute (UTC)", inField)));
  if (!symbol) return place.append(message("plain", "There is no symbol yet.", "Redis lists none; write one above."));
  const data = await askForSymbol(place, pairs, symbol, { view: "explain", time }, () => api(pipeline, "explain", { symbol, time }));
  if (!data) return undefined;
  const around = (ms, text) => element("a", { class: "button", href: link({ view: "explain", symbol: data.symbol, time: iso(ms) }) }, text);
  place.append(
    unlisted(pairs, data.symbol, { view: "explain", time }),
    element("div", { class: "bar" }, element("h2", {}, `${data.symbol}, `, clock(data.start_ms)),
      around(2 * data.start_ms - data.end_ms, "◀ before"), around(data.end_ms, "after ▶"),
      element("a", { class: "button", href: link({ view: "day", symbol: data.symbol, day: iso(data.start_ms).slice(0, 10) }) }, "Day"),
      element("a", { class: "button", href: link({ view: "chart", symbol: data.symbol, start: iso(data.start_ms - 3600000), end: iso(data.start_ms + 3600000) }) }, "Chart")),
    verdict(data), element("p", {}, data.record_state === "final" ? "Final: proved after the day was over." : data.record_state ? `The day is ${data.record_state}.` : ""), parts(data));
  return undefined;
}

function verdict(data) {
  if (!data.stored && !data.merged) return message("plain", "There is no candle.", "No exchange has one that could be merged; the table says why.");
  if (!data.stored) return message("warn", "No merged candle is stored for this minute.", waiting(data), "The last row shows what a merge of these candles would give.");
  if (!data.agrees) return message("bad", "The stored candle differs from what its parts give now.", "An exchange corrected its candle after the merge, or the setting high_low was changed. A rerun of the interval merges it again.");
  const how = data.high_low === "extremes" ? "High and low are the highest and the lowest." : "All prices are averages weighted by volume.";
  return message("good", "The stored candle is what its parts give.", `${how} Volume is the sum.`);
}

function waiting(data) {
  if (data.waiting) return data.waiting;
  const answered = data.parts.filter(({ state }) => STATES[state]?.usable).length;
  return `${answered} of ${data.parts.length} exchanges have answered for it.`;
}

function parts(data) {
  const rows = data.parts.map((part) => ({ ...part }));
  const used = rows.filter(({ weight }) => weight != null);
  wholeShares(used.map(({ weight }) => weight)).forEach((text, index) => { used[index].share = text; });
  if (data.merged) rows.push({ exchange: data.stored ? "computed from the parts" : "would be merged", ohlcv: data.merged, total: true });
  if (data.stored) rows.push({ exchange: "stored", ohlcv: data.stored, total: true });
  const value = (index) => ({ ohlcv }) => (ohlcv ? price(ohlcv[index]) : "");
  const columns = [
    ["Exchange", ({ exchange }) => exchange],
    ["Market", ({ market }) => market || ""],
    ...["Open", "High", "Low", "Close", "Volume"].map((name, index) => [name, value(index), true]),
    ["Weight", ({ share }) => share ?? "", true],
    ["Why", (part) => why(part, Boolean(data.stored))],
  ];
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The candle by exchanges" }, table("The candle by exchanges", columns, rows, ({ total }) => (total ? "total" : "")));
}

function why(part, isStored) {
  if (part.total) return "";
  const { kind, text } = STATES[part.state] ?? { kind: "warn", text: part.state };
  const known = part.state === "used" && !isStored ? "would be used" : text;
  const due = part.due_ms ? element("p", { class: "quiet" }, "Asked again at ", clock(part.due_ms)) : "";
  const links = part.task && element("div", { class: "bar" }, taskLink(part.task));
  return element("div", { class: "why" }, badge(kind, known), part.conversion, part.reason && reasonText(part.reason), due, links);
}
