// Symbols × days: where candles are not accounted for.
import { areSome, badge, clock, count, counted, day, element, message, reasonText, share, table } from "./dom.js";
import { Refusal, address, api, keep, link } from "./data.js";
import { runOffer } from "./actions.js";
import { isLate, isUnlisted, isWanted, named } from "./freshness.js";
import { legend, schemes } from "./levels.js";
import { coverageMap } from "./map.js";
import { ratesTable } from "./rates.js";
import { Rows } from "./rows.js";
import { STATES } from "./states.js";

const SPANS = { 30: "30 days", 90: "90 days", 365: "1 year", 1095: "3 years", 3650: "10 years" };
const MAX_HOLES = 50;
// Answers are cached for a minute; those of one opening of the page are at most this far apart.
const SAME_TIME_MS = 30000;

export async function showCoverage(place, pipeline) {
  const days = Number(address.get("days")) || (innerWidth < 640 ? 30 : 90);
  const data = await api(pipeline, "overview", { days });
  data.not_in_redis = new Set(data.not_in_redis);
  const spans = Object.entries(SPANS).map(([span, name]) => element("a", { class: "button", href: link({ view: "coverage", days: span }), "aria-current": Number(span) === days && "true" }, name));
  // The other two are filled after the map is drawn: they keep their space, so that the map does not jump.
  const tiles = element("div", { class: "tiles" }, completeTile(data), tile("none", "Freshness", "…", "freshness"), tile("none", "Exchanges", "…", "exchanges"));
  const first = element("div", { class: "sentence" }, element("p", { class: "quiet" }, "…"));
  place.replaceChildren(first, tiles, element("div", { class: "bar" }, spans));
  if (data.redis_problem) place.append(message("warn", "The list of symbols cannot be read from Redis.", data.redis_problem));
  const empty = data.expected.every((value) => !value);
  if (empty) place.append(nothingYet(data, pipeline));
  else showMap(place, data, pipeline, days);
  await painted();
  performance.mark("candles-map");
  await Promise.all([fillTiles(tiles, pipeline), fillSentence(first, pipeline)]);
}

// The second frame begins once the first one is on the screen.
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
// A symbol that was removed from the list in Redis does not count.
const listedTotal = (data, values) => values.reduce((sum, value, row) => sum + (data.not_in_redis.has(data.pairs[row]) ? 0 : value), 0);

function completeTile(data) {
  const [asked, open, unobtainable, provisional] = [data.expected, data.open, data.unobtainable, data.provisional]
    .map((values) => listedTotal(data, values));
  if (!asked) return tile("none", "No data yet", "These days have not been asked for", "coverage");
  const more = [`${areSome(open, asked, "candle of the exchanges", "candles of the exchanges")} open`, unobtainable && `${count(unobtainable)} unobtainable`, provisional && `${count(provisional)} provisional`].filter(Boolean).join(", ");
  const part = (open + unobtainable) / asked;
  return tile(open ? (part > 0.01 ? "bad" : "warn") : unobtainable ? "warn" : "good", part ? `${share(1 - part)} accounted for` : provisional ? "Each candle accounted for" : "Complete", more, "coverage");
}

const tile = (kind, title, text, view) => element("a", { class: `tile ${kind}`, href: link({ view }) }, element("b", {}, title), text);

async function fillTiles(tiles, pipeline) {
  try {
    const [freshness, health] = await Promise.all([api(pipeline, "freshness"), api(pipeline, "exchanges")]);
    tiles.replaceChildren(tiles.firstChild, freshnessTile(freshness), healthTile(health));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tiles.replaceChildren(tiles.firstChild, tile("none", "Lag not known", error.message, "freshness"));
  }
}

// The summary, in the words of `candle-ingest status`.
async function fillSentence(place, pipeline) {
  try {
    const found = await api(pipeline, "summary");
    const kind = found.never_fetched || !found.symbols ? "plain" : found.holes.length || found.behind.length || Object.keys(found.unreadable).length || found.redis_problem ? "warn" : "good";
    place.replaceChildren(message(kind, found.sentence));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    place.replaceChildren(message("bad", "Completeness is not known.", error.message));
  }
}

function freshnessTile({ symbols }) {
  if (!symbols.length) return tile("none", "No symbols", "none is listed", "freshness");
  const [wanted, late, short] = [isWanted, isLate, isUnlisted].map((kind) => symbols.filter(kind));
  if (!late.length && short.length) return tile("warn", "Too few exchanges", `list ${named(short)}`, "freshness");
  if (!late.length) return tile("good", "In time", counted(wanted.length, "symbol"), "freshness");
  return tile("bad", `${count(late.length)} of ${counted(wanted.length, "symbol")} late`, named(late), "freshness");
}

function healthTile({ exchanges }) {
  if (exchanges.every(({ state }) => state === "no data")) return tile("none", "No exchange asked yet", "No fetch in the last 6 hours", "exchanges");
  const failing = exchanges.filter(({ state }) => state !== "up");
  if (!failing.length) return tile("good", "All exchanges up", exchanges.map(({ exchange }) => exchange).join(", "), "exchanges");
  const kind = failing.some(({ state }) => state === "failing") ? "bad" : "warn";
  return tile(kind, `${failing.length} of ${counted(exchanges.length, "exchange")} not up`, failing.map(({ exchange, state }) => `${exchange}: ${state}`).join(", "), "exchanges");
}

function nothingYet(data, pipeline) {
  const symbols = data.pairs.length ? `Listed in Redis: ${data.pairs.slice(0, 20).join(", ")}${data.pairs.length > 20 ? " …" : ""}.` : "";
  return message("plain", "Nothing has been fetched for these days yet.", symbols, `Unpause ${pipeline.dag_ids.join(", ")}; the first day appears here when its run is done.`);
}

function showMap(place, data, pipeline, days) {
  const search = element("input", { type: "search", placeholder: "Filter symbols", "aria-label": "Filter symbols", value: address.get("filter") ?? "" });
  const only = element("input", { type: "checkbox", checked: address.get("holes") === "1" });
  const known = schemes(pipeline.exchanges.length);
  const byGrade = element("input", { type: "checkbox", checked: address.get("colours") === "grade" });
  const colours = element("div");
  const colour = () => {
    data.scheme = byGrade.checked ? known.grade : known.state;
    colours.replaceChildren(legend(data.scheme.levels));
  };
  colour();
  const trouble = element("div", { "aria-live": "polite" });
  const actions = element("div", { "aria-live": "polite" });
  const rows = new Rows(pipeline, days, data, (error) => {
    trouble.replaceChildren(error ? message("bad", "Some rows of the map are missing.", error.message) : "");
    map.redraw();
  });
  const map = coverageMap(data, rows, {
    open: (pair, start, end) => location.assign(data.fold === "day" ? link({ view: "day", symbol: pair, day: day(start) }) : link({ view: "chart", symbol: pair, start: day(start), end: day(end) })),
    choose: (pairs, start, end) => actions.replaceChildren(pairs ? runOffer(pipeline, data, pairs, start, end) : ""),
  });
  const list = element("div", {}, element("p", { class: "quiet" }, "Loading the list of holes …"));
  const holes = api(pipeline, "holes", { days });
  const rates = element("div");
  // After the holes: the page answers four requests at a time, and the other three are those of the tiles and the sentence.
  holes.catch(() => null).then(() => api(pipeline, "rates", { days }))
    .then((found) => rates.replaceChildren(ratesTable(found)), (error) => rates.replaceChildren(message("bad", "The list of rates is missing.", error.message)));
  const redraw = () => {
    const text = search.value.trim().toUpperCase();
    map.show(data.pairs.filter((pair, row) => pair.includes(text) && (!only.checked || (data.open[row] && !data.not_in_redis.has(pair)))));
    holes.then((found) => list.replaceChildren(...unreadable(found), holesList(found, data, text, pipeline)),
      (error) => list.replaceChildren(message("bad", "The list of holes is missing.", error.message)));
  };
  const changed = () => {
    keep({ filter: search.value.trim() || null, holes: only.checked ? "1" : null, colours: byGrade.checked ? "grade" : null });
    colour();
    redraw();
  };
  search.addEventListener("input", changed);
  only.addEventListener("change", changed);
  byGrade.addEventListener("change", changed);
  place.append(
    element("div", { class: "bar" }, search, element("label", {}, only, "only with holes"), element("label", {}, byGrade, "colours by grade"), element("span", { class: "quiet" }, "As of ", clock(data.as_of_ms), ". Drag over days to choose them, or use Shift and the arrow keys.")),
    colours, trouble, map.node, goneNote(data), actions, list, rates);
  redraw();
}

const goneNote = ({ not_in_redis: gone }) => (gone.size ? element("p", { class: "quiet" }, `Pale, at the end: ${counted(gone.size, "symbol")} not in Redis. No run requests them by itself, and they do not count as open.`) : "");

// A record that cannot be read hides its own holes, and no others.
const unreadable = (found) => Object.values(found.unreadable).map((error) => message("bad", "A record cannot be read: its holes are missing here.", error));

// The list and the map are cached apart. Days on which an exchange has no record are open on the map only.
function noHoles(data, listedMs, { dag_ids: [backfill, catchUp] }) {
  const open = listedTotal(data, data.open);
  if (!open) return message("good", "No holes.", "For every minute that was asked for of these symbols, the candle is stored, or there was no trade, or the market was not listed yet.");
  if (Math.abs(data.as_of_ms - listedMs) > SAME_TIME_MS) return message("plain", "The list of holes has not caught up with the map.", "Refresh in a minute.");
  return message("plain", `${counted(open, "candle was", "candles were")} not asked for.`, `Those of today are requested by ${catchUp}. Days that were merged before an exchange joined the settings need a run of ${backfill}.`);
}

function holesList({ holes, as_of_ms: listedMs }, data, text, pipeline) {
  const found = holes.filter(({ currency_pair: pair }) => pair.includes(text));
  if (!found.length && text) return message("plain", "No hole matches the filter.");
  if (!found.length) return noHoles(data, listedMs, pipeline);
  const columns = [
    ["Symbol", ({ currency_pair: pair }) => pair],
    ["Day", ({ currency_pair: pair, day_ms: ms }) => element("a", { href: link({ view: "day", symbol: pair, day: day(ms) }) }, day(ms))],
    ["Exchange", ({ exchange }) => exchange],
    ["Open candles", ({ count: open }) => count(open), true],
    ["Why", ({ state, reason, due_ms: due }) => element("div", {}, badge(STATES[state]?.kind ?? "warn", STATES[state]?.text ?? state), reason && reasonText(reason), due ? element("p", { class: "quiet" }, "Next request at ", clock(due)) : "")],
  ];
  const note = found.length > MAX_HOLES ? element("p", { class: "quiet" }, `The ${MAX_HOLES} largest are shown.`) : "";
  return element("section", {}, element("h2", {}, "Holes, the largest first"), note, table("Days with holes", columns, found.slice(0, MAX_HOLES)));
}
