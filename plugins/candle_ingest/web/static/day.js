// One day of one symbol: exchanges × hours, and why something is open.
import { badge, count, element, iso, message, moment, period } from "./dom.js";
import { clearButton, runLink, taskLink } from "./airflow.js";
import { address, api, link } from "./data.js";
import { LEVELS, legend, level } from "./levels.js";

const DAY_MS = 86400000;
const NAMES = { failed: "Failed", rejected: "Rows that cannot be trusted", suspected: "Suspected outage", not_listed: "Not listed yet" };
const OUTCOMES = { repaired: "asked again: there were candles after all", confirmed: "asked again: nobody traded" };
const PARTS = { present: "candles", quiet: "quiet", not_listed: "not listed yet", suspected: "suspected", rejected: "rejected", failed: "failed", not_asked: "not asked" };

export async function showDay(place, pipeline) {
  const symbol = address.get("symbol") ?? "";
  const data = await api(pipeline, "day", { symbol, day: address.get("day") ?? "" });
  place.replaceChildren(
    element("div", { class: "bar" },
      element("h2", {}, `${data.symbol}, ${iso(data.day_ms).slice(0, 10)} (UTC)`),
      step(data, -1, "◀ day before"), step(data, 1, "day after ▶"),
      element("a", { class: "button", href: link({ view: "chart", symbol: data.symbol, start: iso(data.day_ms), end: iso(data.day_ms + DAY_MS) }) }, "Chart"),
      element("a", { class: "button", href: link({ view: "explain", symbol: data.symbol, time: iso(data.day_ms) }) }, "Explain a minute")),
    legend(), element("div", { class: "scroll" }, hours(data)), ...reasons(data, pipeline), merges(data, pipeline));
}

const step = (data, days, text) => element("a", { class: "button", href: link({ view: "day", symbol: data.symbol, day: iso(data.day_ms + days * DAY_MS).slice(0, 10) }) }, text);

const openOf = (sums) => sums.suspected + sums.rejected + sums.failed + sums.not_asked;

function hours(data) {
  const head = data.hours.map((start) => element("th", { scope: "col" }, iso(start).slice(11, 13)));
  const rows = Object.entries(data.accounts).map(([exchange, accounts]) =>
    element("tr", {}, element("th", { scope: "row" }, exchange), accounts.map((sums, index) => hour(exchange, data.hours[index], sums))));
  return element("table", { class: "hours", "aria-label": "Open candles by exchange and hour" },
    element("thead", {}, element("tr", {}, element("th", { scope: "row" }, "hour (UTC)"), head)), element("tbody", {}, rows));
}

function hour(exchange, start, sums) {
  const words = Object.entries(PARTS).filter(([name]) => sums[name]).map(([name, text]) => `${count(sums[name])} ${text}`).join(", ") || "nobody has asked";
  const label = `${exchange}, ${iso(start).slice(11)}: ${words}`;
  const open = openOf(sums);
  return element("td", { class: `${LEVELS[level(sums.expected, open)][0]}-fill`, title: label, "aria-label": label }, open ? String(open) : "");
}

function reasons(data, pipeline) {
  const show = (hole) => card(hole, pipeline);
  const [open, settled] = [data.holes.filter((hole) => hole.is_open), data.holes.filter((hole) => !hole.is_open)];
  const asked = Object.values(data.accounts).some((accounts) => accounts.some(({ expected }) => expected));
  const parts = [];
  if (!asked) parts.push(message("plain", "Nobody has asked for this day yet.", "Its backfill run is still to come, or history begins later."));
  else if (!open.length) parts.push(unaskedOr(data));
  if (open.length) parts.push(element("h2", {}, "Why something is open"), ...open.map(show));
  if (settled.length) parts.push(element("details", {}, element("summary", {}, `Settled since, or not to be had (${settled.length})`), settled.map(show)));
  return parts;
}

function unaskedOr(data) {
  const left = Object.entries(data.accounts).filter(([, accounts]) => accounts.some((sums) => sums.not_asked)).map(([exchange]) => exchange);
  if (left.length) return message("warn", `Not asked for everything yet: ${left.join(", ")}.`, "No failure is recorded. Its run is still to come; an exchange that does not list the symbol is never asked.");
  return message("good", "Nothing is open.", "Each candle is there, or nobody traded, or the market was not listed yet.");
}

function card(hole, pipeline) {
  const times = hole.windows.slice(0, 6).map(period).join("; ") + (hole.windows.length > 6 ? ` and ${hole.windows.length - 6} more` : "");
  const facts = [`${hole.tries} ${hole.tries > 1 ? "tries" : "try"}`, hole.count > 1 && `${hole.count} entries`, `recorded ${moment(hole.recorded_at_ms)}`, OUTCOMES[hole.outcome], hole.is_open && "the repair DAG asks again by itself"];
  const kind = hole.is_open ? "bad" : "good";
  return element("article", { class: "card" },
    element("p", {}, badge(kind, NAMES[hole.status] ?? hole.status), " ", element("b", {}, hole.exchange), ` ${times}`),
    element("p", { class: "reason" }, hole.reason),
    element("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
    hole.task && element("div", { class: "bar" }, runLink(hole.task), taskLink(hole.task), hole.is_open && hole.status !== "suspected" && clearButton(hole.task, pipeline)));
}

function merges(data, pipeline) {
  if (!data.merges.length) return message("warn", "Nothing of this day is merged.", "Too few exchanges have answered, or its run is still to come.");
  return element("section", {}, element("h2", {}, "Merged from"), element("ul", {}, data.merges.map(({ exchanges, windows }) => {
    const without = pipeline.exchanges.filter((name) => !exchanges.includes(name));
    return element("li", {}, `${exchanges.join(", ")}: ${windows.slice(0, 6).map(period).join("; ")}`, without.length ? element("b", {}, ` without ${without.join(", ")}`) : "");
  })));
}
