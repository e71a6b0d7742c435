// How late each symbol is, and how far its history is merged.
import { areAll, areSome, badge, count, counted, duration, element, message, moment, table } from "./dom.js";
import { api } from "./data.js";

const KINDS = { "on time": "good", late: "bad", "no candles": "none", "not in Redis": "none", "too few exchanges": "warn" };
export const isUnlisted = ({ state }) => state === "too few exchanges";
// A symbol that no run fetches does not count.
export const isWanted = (symbol) => symbol.state !== "not in Redis" && !isUnlisted(symbol);
export const named = (symbols) => symbols.slice(0, 3).map(({ currency_pair: pair }) => pair).join(", ") + (symbols.length > 3 ? " …" : "");
export const isLate = (symbol) => isWanted(symbol) && symbol.state !== "on time";

export async function showFreshness(place, pipeline) {
  const data = await api(pipeline, "freshness");
  place.replaceChildren();
  if (data.redis_problem) place.append(message("warn", "The list of symbols cannot be read from Redis.", data.redis_problem, "Symbols with a watermark are shown."));
  if (!data.symbols.length) return place.append(message("plain", "There are no symbols yet.", "Write them to Redis, and unpause the DAGs."));
  const [wanted, late, short] = [isWanted, isLate, isUnlisted].map((kind) => data.symbols.filter(kind));
  if (short.length) place.append(message("warn", `Too few exchanges list ${named(short)}.`, "Check the spelling in Redis, and the settings exchanges and min_exchanges_required."));
  if (!wanted.length) return place.append(symbols(data));
  place.append(
    late.length
      ? message("bad", `${areSome(late.length, wanted.length, "symbol")} late or ${late.length === 1 ? "has" : "have"} no candles yet.`, `A symbol is late if it has had no new merged candle for ${duration(data.late_after_ms)}. A hole holds its watermark back.`)
      : message("good", `${areAll(wanted.length, "symbol")} on time.`, `None lags by more than ${duration(data.late_after_ms)}.`),
    history(data, wanted), merging(data), symbols(data));
}

function history(data, symbols) {
  if (!data.days_wanted) return message("plain", "No history is configured.", "backfill_start_date is skip, or today.");
  const [wanted, done] = [data.days_wanted * symbols.length, symbols.reduce((sum, { days_done: days }) => sum + days, 0)];
  const left = wanted - done;
  const pace = left <= 0 ? "All days are recorded." : data.done_at_ms
    ? `${counted(data.days_in_last_hour, "day")} in the last hour: done in about ${duration(data.done_at_ms - data.now_ms)}, at ${moment(data.done_at_ms)} UTC.`
    : "None in the last hour, so there is no estimate. Is the backfill DAG paused?";
  return element("section", { class: "card" }, element("b", {}, "History"), element("p", { class: "bar" }, element("progress", { max: wanted, value: done, "aria-label": "History" }), `${count(done)} of ${counted(wanted, "symbol-day")} since ${moment(data.history_start_ms).slice(0, 10)}. ${pace}`));
}

// After a change of the settings that a price depends on.
function merging({ merging: { days, outdated } }) {
  if (!outdated) return "";
  const done = days - outdated;
  return element("section", { class: "card" }, element("b", {}, "Merged again with the new settings"), element("p", { class: "bar" }, element("progress", { max: days, value: done, "aria-label": "Merged again" }), `${count(done)} of ${counted(days, "symbol-day")}. Repair continues, newest first, without requests to exchanges.`));
}

function symbols(data) {
  const time = (ms) => (ms == null ? "none" : moment(ms));
  const columns = [
    ["Symbol", ({ currency_pair: pair, ticker }) => element("span", { title: `${ticker} in Redis` }, pair)],
    ["State", ({ state }) => badge(KINDS[state], state)],
    ["Lag", ({ lag_ms: lag }) => (lag == null ? "" : duration(lag)), true],
    ["Caught up to", ({ catch_up_ms: ms }) => time(ms)],
    ["History merged to", ({ backfill_ms: ms }) => time(ms)],
    ["Days of history", ({ days_done: days }) => (data.days_wanted ? `${count(days)} of ${count(data.days_wanted)}` : ""), true],
  ];
  const rows = [...data.symbols].sort((a, b) => isWanted(b) - isWanted(a) || (b.lag_ms ?? Infinity) - (a.lag_ms ?? Infinity) || a.currency_pair.localeCompare(b.currency_pair));
  return element("section", {}, element("p", { class: "quiet" }, "Times are open times of candles, UTC. The symbol with the longest lag comes first."), table("Symbols", columns, rows));
}
