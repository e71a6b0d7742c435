// One day of one symbol: exchanges × hours, and why something is open.
import { badge, clock, count, counted, element, iso, message, period, reasonText } from "./dom.js";
import { retryButton } from "./actions.js";
import { clearButton, runLink, taskLink } from "./airflow.js";
import { address, api, link } from "./data.js";
import { LEVELS, legend, level } from "./levels.js";
import { STATES, openOf } from "./states.js";

const DAY_MS = 86400000;
const MAX_PERIODS = 6;

export async function showDay(place, pipeline) {
  const symbol = address.get("symbol") ?? "";
  const data = await api(pipeline, "day", { symbol, day: address.get("day") ?? "" });
  const first = firstOpen(data);
  place.replaceChildren(
    element("div", { class: "bar" },
      element("h2", {}, `${data.symbol}, ${iso(data.day_ms).slice(0, 10)} (UTC)`),
      step(data, -1, "◀ day before"), step(data, 1, "day after ▶"),
      element("a", { class: "button", href: link({ view: "chart", symbol: data.symbol, start: iso(data.day_ms), end: iso(data.day_ms + DAY_MS) }) }, "Chart"),
      first == null
        ? element("a", { class: "button", href: minute(data, data.day_ms) }, "Explain a minute")
        : element("a", { class: "button warn", href: minute(data, first) }, `First open minute: ${iso(first).slice(11)}`)),
    legend(), element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Exchanges by hours" }, hours(data)), ...reasons(data, pipeline), data.when_asked ? "" : merges(data));
}

const step = (data, days, text) => element("a", { class: "button", href: link({ view: "day", symbol: data.symbol, day: iso(data.day_ms + days * DAY_MS).slice(0, 10) }) }, text);
const minute = (data, ms) => link({ view: "explain", symbol: data.symbol, time: iso(ms) });

// From the reasons, else the first hour in which something is open.
function firstOpen(data) {
  const starts = data.holes.filter((hole) => hole.is_open).map((hole) => hole.windows[0][0]);
  const open = data.hours.filter((_, index) => Object.values(data.counts).some((counts) => openOf(counts[index])));
  return [...starts, ...open].length ? Math.max(data.day_ms, Math.min(...starts, ...open)) : null;
}

function hours(data) {
  const head = data.hours.map((start) => element("th", { scope: "col" }, iso(start).slice(11, 13)));
  const rows = Object.entries(data.counts).map(([exchange, counts]) =>
    element("tr", {}, element("th", { scope: "row" }, exchange), counts.map((sums, index) => hour(data, exchange, index, sums))));
  return element("table", { class: "hours", "aria-label": "Open candles by exchange and hour" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "hour (UTC)"), head)), element("tbody", {}, rows));
}

// Leads to the minutes of the hour.
function hour(data, exchange, index, sums) {
  const start = data.hours[index];
  const end = data.hours[index + 1] ?? data.day_ms + DAY_MS;
  const words = Object.entries(STATES).filter(([name]) => sums[name]).map(([name, { text }]) => `${count(sums[name])} ${text.split(":")[0]}`).join(", ") || "not asked for";
  const open = openOf(sums);
  const label = `${exchange}, ${iso(start).slice(11)}: ${words}`;
  const href = link({ view: "chart", symbol: data.symbol, start: iso(start), end: iso(end) });
  const provisional = Number(data.states[exchange] === "provisional");
  const name = LEVELS[level({ expected: sums.expected, open, unobtainable: sums.unobtainable, provisional })][0];
  return element("td", { class: `${name}-fill` }, element("a", { href, title: label, "aria-label": label }, open ? String(open) : " "));
}

function reasons(data, pipeline) {
  const [open, settled] = [data.holes.filter((hole) => hole.is_open), data.holes.filter((hole) => !hole.is_open)];
  const parts = [];
  if (data.when_asked) parts.push(message("plain", "This day has not been asked for.", data.when_asked));
  else if (!open.length) parts.push(unaskedOr(data));
  if (open.length) parts.push(element("h2", {}, "Why something is open"), ...open.map((hole) => card(hole, pipeline, data)));
  if (settled.length) parts.push(element("details", {}, element("summary", {}, `Settled, or not obtainable (${settled.length})`), settled.map((hole) => card(hole, pipeline, data))));
  return parts;
}

function unaskedOr(data) {
  const left = Object.entries(data.counts).filter(([, counts]) => counts.some(openOf)).map(([exchange]) => exchange);
  if (left.length) return message("warn", `Not everything has been asked for: ${left.join(", ")}.`, "No failure is recorded: the run has not started yet.");
  if (data.waits_for_rates) return message("warn", "No minute of an exchange is open, but the day is not final.", "A rate that converts its prices is still to come, and listed under Coverage; or its next merge is.");
  return message("good", "Nothing is open.", "For every minute the candle is stored, or there was no trade, or the market was not listed yet.");
}

// What happens next comes first, then what has happened; addresses come last.
function card(hole, pipeline, { symbol: pair, why_not_fetched: why }) {
  const times = hole.windows.slice(0, MAX_PERIODS).map(period).join("; ") + (hole.windows.length > MAX_PERIODS ? ` and ${hole.windows.length - MAX_PERIODS} more` : "");
  const { kind, text } = STATES[hole.state] ?? { kind: "warn", text: hole.state };
  return element("article", { class: "card" },
    element("p", {}, badge(hole.is_open ? kind : "good", text), " ", element("b", {}, hole.exchange), ` ${times}`),
    element("p", { class: "next" }, next(hole, pipeline, why)),
    hole.reason && reasonText(hole.reason),
    hole.state !== "not_asked" && element("p", { class: "quiet" }, counted(hole.tries, "try", "tries"), hole.since_ms ? [" since ", clock(hole.since_ms)] : ""),
    hole.task && element("div", { class: "bar" }, runLink(hole.task), taskLink(hole.task), hole.is_open && hole.state !== "silent" && clearButton(hole.task, pipeline)),
    hole.state === "unobtainable" && retryButton(pipeline, pair, pair));
}

function next(hole, pipeline, why) {
  if (hole.state === "not_asked") return why || `Requested by a run of ${pipeline.dag_ids[0]} for this day; recent minutes by ${pipeline.dag_ids[1]}.`;
  if (!hole.is_open) return hole.state === "unobtainable" ? "It is requested again only on demand." : "Nothing is left to do.";
  const repair = `Retried by ${pipeline.dag_ids[2]}`;
  return hole.due_ms ? [`${repair}, next at `, clock(hole.due_ms), "."] : `${repair}.`;
}

const DAY_STATES = {
  final: ["good", "Final", "every exchange was asked for the whole day after it had ended"],
  provisional: ["warn", "Provisional", "the closing looks, which ask for the whole day after it has ended, are still to come"],
  open: ["bad", "Open", "some minutes have no settled answer"],
  unobtainable: ["bad", "Unobtainable in part", "some minutes could not be fetched, and are requested again only on demand"],
};

const WAITS_FOR_RATES = ["warn", "Open", "a rate, or the next merge, is still to come"];

// Which minutes of the day are merged, and why the others are not.
function merges(data) {
  const [kind, name, text] = data.waits_for_rates ? WAITS_FOR_RATES : DAY_STATES[data.state] ?? ["warn", data.state, ""];
  const waiting = data.waiting.map(({ start_ms: start, end_ms: end, reason }) => element("li", { class: "reason" }, `${period([start, end])}: ${reason}`));
  const merged = data.merged.length ? `Merged: ${data.merged.slice(0, MAX_PERIODS).map(period).join("; ")}${data.merged.length > MAX_PERIODS ? " …" : ""}.` : "Nothing of this day is merged.";
  return element("section", {}, element("h2", {}, "The merged day"), element("p", {}, badge(kind, name), ` ${text}. ${merged}`),
    waiting.length ? element("div", {}, element("p", {}, "Not merged yet:"), element("ul", {}, waiting)) : "");
}
