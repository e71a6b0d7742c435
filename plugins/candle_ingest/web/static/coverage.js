// Symbols × days: where candles are not accounted for.
import { badge, count, element, message, share, table } from "./dom.js";
import { Refusal, address, api, link } from "./data.js";
import { legend, level } from "./levels.js";
import { coverageMap } from "./map.js";

const SPANS = [30, 90, 365, 730];
const MOST_HOLES = 50;

export async function showCoverage(place, pipeline) {
  const days = Number(address.get("days")) || (innerWidth < 640 ? 30 : 90);
  const data = await api(pipeline, "coverage", { days });
  const spans = SPANS.map((span) => element("a", { class: "button", href: link({ view: "coverage", days: span }), "aria-current": span === days && "true" }, `${span} days`));
  // The other two are filled when the map stands: their places are kept, so that it does not jump.
  const tiles = element("div", { class: "tiles" }, completeTile(data, pipeline), tile("none", "Freshness", "…", "freshness"), tile("none", "Exchanges", "…", "exchanges"));
  place.replaceChildren(tiles, element("div", { class: "bar" }, spans));
  if (data.redis_problem) place.append(message("warn", "Redis does not say which symbols are listed.", data.redis_problem));
  const empty = data.expected.every((row) => row.every((value) => !value));
  if (empty) place.append(nothingYet(data, pipeline));
  else showMap(place, data);
  await painted();
  performance.mark("candles-map");
  await fillTiles(tiles, pipeline);
}

// The second frame begins when the first one is on the screen.
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

// A day of the history that nobody has asked for is a hole too.
function unaskedDays(data) {
  return data.expected.map((row) => row.filter((expected, column) => !expected && data.wanted[column]).length).reduce((a, b) => a + b, 0);
}

function completeTile(data, pipeline) {
  const sum = (rows) => rows.reduce((total, row) => total + row.reduce((a, b) => a + b, 0), 0);
  const unasked = unaskedDays(data);
  const [asked, open] = [sum(data.expected), sum(data.open)];
  if (!asked) return tile("none", "No data yet", "nobody has asked for these days", "coverage");
  const wholeDay = pipeline.exchanges.length * (86400000 / pipeline.bar_ms);
  const part = (open + unasked * wholeDay) / (asked + unasked * wholeDay);
  const more = `${count(open)} of ${count(asked)} candles of the exchanges are open${unasked ? `; ${count(unasked)} days of symbols are still to be asked for` : ""}`;
  return tile(part ? (part > 0.01 ? "bad" : "warn") : "good", part ? `${share(1 - part)} accounted for` : "Complete", more, "coverage");
}

const tile = (kind, title, text, view) => element("a", { class: `tile ${kind}`, href: link({ view }) }, element("b", {}, title), text);

async function fillTiles(tiles, pipeline) {
  try {
    const [freshness, health] = await Promise.all([api(pipeline, "freshness"), api(pipeline, "exchanges")]);
    tiles.replaceChildren(tiles.firstChild, freshnessTile(freshness), healthTile(health));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tiles.replaceChildren(tiles.firstChild, tile("none", "Not known whether it is late", error.message, "freshness"));
  }
}

function freshnessTile({ symbols }) {
  if (!symbols.length) return tile("none", "No symbols", "none is listed", "freshness");
  const late = symbols.filter(({ state }) => state !== "in time");
  if (!late.length) return tile("good", "In time", `${count(symbols.length)} symbols`, "freshness");
  const names = late.slice(0, 3).map(({ currency_pair: pair }) => pair).join(", ") + (late.length > 3 ? " …" : "");
  return tile("bad", `${count(late.length)} of ${count(symbols.length)} symbols late`, names, "freshness");
}

function healthTile({ exchanges }) {
  const failing = exchanges.filter(({ state }) => state !== "up");
  if (!failing.length) return tile("good", "All exchanges up", exchanges.map(({ exchange }) => exchange).join(", "), "exchanges");
  const kind = failing.some(({ state }) => state === "failing") ? "bad" : "warn";
  return tile(kind, `${failing.length} of ${exchanges.length} exchanges not up`, failing.map(({ exchange, state }) => `${exchange}: ${state}`).join(", "), "exchanges");
}

function nothingYet(data, pipeline) {
  const symbols = data.pairs.length ? `Listed in Redis: ${data.pairs.slice(0, 20).join(", ")}${data.pairs.length > 20 ? " …" : ""}.` : "";
  return message("plain", "There is nothing yet for these days.", symbols, `Unpause ${pipeline.dag_ids.join(", ")}; the first day shows here when its run is done.`);
}

function showMap(place, data) {
  const search = element("input", { type: "search", placeholder: "Filter symbols", "aria-label": "Filter symbols" });
  const only = element("input", { type: "checkbox" });
  const map = coverageMap(data);
  const redraw = () => map.draw(search.value.trim().toUpperCase(), only.checked);
  search.addEventListener("input", redraw);
  only.addEventListener("change", redraw);
  place.append(element("div", { class: "bar" }, search, element("label", {}, only, "only with holes")), legend(), map.node, holes(data));
  redraw();
}

function holes(data) {
  const found = data.pairs.flatMap((pair, row) => data.open[row].flatMap((open, column) =>
    open ? [{ pair, day: data.days[column], open, expected: data.expected[row][column] }] : []));
  const unasked = unaskedDays(data);
  if (!found.length && unasked) return message("warn", `${count(unasked)} days of symbols are still to be asked for.`, "Of what was asked, every candle is there, or nobody traded, or the market was not listed yet.");
  if (!found.length) return message("good", "No holes.", "Every candle is there, or nobody traded, or the market was not listed yet.");
  found.sort((a, b) => b.open / b.expected - a.open / a.expected || b.day.localeCompare(a.day));
  const columns = [
    ["Symbol", ({ pair }) => pair],
    ["Day", ({ pair, day }) => element("a", { href: link({ view: "day", symbol: pair, day }) }, day)],
    ["Open", ({ open, expected }) => `${count(open)} of ${count(expected)}`, true],
    ["", ({ open, expected }) => badge(level(expected, open) > 3 ? "bad" : "warn", share(open / expected)), true],
  ];
  const note = found.length > MOST_HOLES ? element("p", { class: "quiet" }, `The ${MOST_HOLES} largest of ${count(found.length)} days with holes.`) : "";
  return element("section", {}, element("h2", {}, "Holes, the largest first"), note, table("Days with holes", columns, found.slice(0, MOST_HOLES)));
}
