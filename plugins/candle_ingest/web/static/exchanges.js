// How the exchanges have answered recently.
import { areAll, badge, clock, count, counted, duration, element, message, moment, reasonText, table } from "./dom.js";
import { address, api, link } from "./data.js";

const SPANS = [1, 6, 24, 168];
const KINDS = { up: "good", "partly failing": "warn", failing: "bad", "no data": "none" };

export async function showExchanges(place, pipeline) {
  const hours = Number(address.get("hours")) || 6;
  const data = await api(pipeline, "exchanges", { hours });
  const spans = SPANS.map((span) => element("a", { class: "button", href: link({ view: "exchanges", hours: span }), "aria-current": span === hours && "true" }, span === 168 ? "1 week" : `${span} h`));
  const columns = [
    ["Exchange", ({ exchange }) => exchange],
    ["State", state],
    ["Fetches", ({ ok, failed }) => count(ok + failed), true],
    ["Failed", ({ failed }) => count(failed), true],
    ["Calls", ({ calls }) => count(calls), true],
    ["Candles", ({ candles }) => count(candles), true],
    ["Pace", pace],
    ["Median", ({ median_ms: ms }) => milliseconds(ms), true],
    ["95 % within", ({ p95_ms: ms }) => milliseconds(ms), true],
    ["Last success", ({ last_success_ms: ms }) => ago(ms, data.now_ms)],
    ["Last failure", lastFailure(data.now_ms)],
  ];
  place.replaceChildren(element("div", { class: "bar" }, spans), element("p", { class: "quiet" }, "By the last fetch of each symbol; durations are those of whole fetches."));
  if (data.exchanges.every(({ symbols }) => !symbols)) place.append(message("plain", `No fetch in the last ${counted(hours, "hour")}.`, "Are the DAGs paused, or has the scheduler stopped?"));
  if (data.redis_problem) place.append(message("plain", "The pace of the exchanges is not known.", data.redis_problem));
  place.append(element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Exchanges" }, table("Exchanges", columns, data.exchanges)), doctor(data));
}

// The latest findings of `candle-ingest doctor`: whether the exchanges behave as the package relies on.
function doctor({ findings }) {
  if (!findings.length) return message("plain", "The facts about the exchanges have not been checked yet.", "candle-ingest doctor checks, with a few calls to each exchange, that it still answers as this package expects.");
  const wrong = findings.filter(({ is_harmless: harmless }) => !harmless);
  const found = Math.max(...findings.map(({ found_ms: ms }) => ms));
  const columns = [
    ["Exchange", ({ exchange }) => exchange],
    ["Fact", ({ fact }) => fact],
    ["Expected", ({ expected }) => expected],
    ["Seen", ({ seen }) => seen],
    ["Verdict", ({ verdict, is_harmless: harmless }) => badge(harmless ? "good" : "bad", verdict)],
  ];
  const rows = (some) => element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Findings of the doctor" }, table("Findings of the doctor", columns, some));
  return element("section", {},
    element("h2", {}, "Facts about the exchanges"),
    element("p", {}, wrong.length ? `${count(wrong.length)} of ${counted(findings.length, "fact")} ${wrong.length === 1 ? "differs" : "differ"} or could not be checked. ` : `${asExpected(findings)} `, "Checked by candle-ingest doctor at ", clock(found), "."),
    wrong.length ? rows(wrong) : "",
    element("details", {}, element("summary", {}, counted(findings.length, "fact")), rows(findings)));
}

// As in the terminal.
function asExpected(findings) {
  const unseen = findings.filter(({ verdict }) => verdict === "not seen").length;
  if (!unseen) return `${areAll(findings.length, "fact")} as expected.`;
  const known = findings.length - unseen;
  return `${counted(known, "fact")} ${known === 1 ? "is" : "are"} as expected, and ${count(unseen)} could not be observed.`;
}

function state({ state: text, symbols, symbols_failing: failing }) {
  const names = failing.slice(0, 5).join(", ") + (failing.length > 5 ? " …" : "");
  const more = failing.length ? element("div", { class: "quiet" }, `${count(failing.length)} of ${counted(symbols, "symbol")}: ${names}`) : "";
  return element("div", {}, badge(KINDS[text], text), more);
}

// How much all tasks slow down their requests since an exchange refused some.
function pace({ slowdown }) {
  if (slowdown == null) return "not known";
  return slowdown <= 1 ? "usual" : badge("warn", `${slowdown.toFixed(1)} times slower`);
}

const milliseconds = (ms) => (ms == null ? "" : ms < 10000 ? `${count(Math.round(ms))} ms` : duration(ms));
const ago = (ms, now) => (ms == null ? "none" : element("span", { title: `${moment(ms)} UTC` }, `${duration(now - ms)} ago`));

const lastFailure = (now) => ({ last_failure_ms: ms, last_reason: reason, last_reason_pair: pair }) =>
  ms == null ? "none" : element("div", {}, ago(ms, now), `, ${pair}`, reasonText(reason));
