// Candlesticks of any range, the volume, each exchange's distance to the merged price, and gaps.
import { count, counted, element, iso, message } from "./dom.js";
import { address, api, link } from "./data.js";
import { bars, gapsOf, isConverted } from "./chart_data.js";
import { layout, traces } from "./chart_traces.js";
import { form, symbolField, timeField } from "./inputs.js";
import { draw, plotly } from "./plot.js";
import { readout } from "./readout.js";
import { askForSymbol, chooseSymbol, unlisted } from "./symbols.js";

const HOUR_MS = 3600000;
const SPANS = { "6 hours": 6, "1 day": 24, "1 week": 168, "1 month": 720, "1 year": 8760 };
const MAX_GAPS = 12;

export async function showChart(place, pipeline) {
  plotly();
  const { pairs, symbol } = await chooseSymbol(pipeline);
  const end = address.get("end") ?? iso(Date.now());
  const start = address.get("start") ?? iso(Date.parse(`${end}Z`) - 24 * HOUR_MS);
  const spans = Object.entries(SPANS).map(([name, hours]) =>
    element("a", { class: "button", href: link({ view: "chart", symbol, start: iso(Date.parse(`${end}Z`) - hours * HOUR_MS), end }) }, name));
  const inField = (text) => (text.length === 10 ? `${text}T00:00` : text.slice(0, 16));
  place.replaceChildren(form("chart", "Show", symbolField(symbol, pairs), timeField("start", "from (UTC)", inField(start)), timeField("end", "to (UTC)", inField(end))), element("div", { class: "bar" }, spans));
  if (!symbol) return place.append(message("plain", "There is no symbol yet.", "Redis lists none; write one above."));
  const data = await askForSymbol(place, pairs, symbol, { view: "chart", start, end }, () => api(pipeline, "chart", { symbol, start, end }));
  if (!data) return undefined;
  place.append(unlisted(pairs, data.symbol, { view: "chart", start, end }));
  data.configured = pipeline.exchanges;
  return showBars(place, data);
}

function showBars(place, data) {
  const [found, gaps] = [bars(data), gapsOf(data)];
  const converted = element("input", { type: "checkbox", checked: true });
  if (!found.length) place.append(message("plain", `No candle of ${data.symbol} is stored in this range.`));
  else {
    const plot = element("div", { class: "plot", role: "img", "aria-label": `Candlesticks, volume and distances of ${data.symbol}` });
    const values = readout(found, data);
    if (isConverted(data)) place.append(element("label", {}, converted, "Show each exchange converted to the quote of the pair"));
    place.append(element("p", {}, summary(data, found)), values.node, plot, element("p", { class: "quiet" }, hint(data)));
    paint(plot, data, () => bars(data, converted.checked), gaps, values, converted);
  }
  place.append(gapList(data, gaps));
}

function hint(data) {
  if (data.every_ms === data.bar_ms) return "Click a candle to see how its price is made.";
  return innerWidth < 640 ? "Tap a bar to zoom in." : "Click a bar or drag over a range to zoom in.";
}

function summary(data, found) {
  const short = found.filter(({ exchanges }) => exchanges < data.configured.length).length;
  const absent = data.configured.filter((name) => !(name in data.exchanges));
  const parts = [`${data.symbol}: ${counted(found.length, "bar")} of ${barName(data.every_ms)}, UTC.`];
  if (absent.length) parts.push(`Nothing in this range from ${absent.join(", ")}.`);
  if (short) parts.push(`${counted(short, "bar")} with candles of fewer than the ${counted(data.configured.length, "exchange")} of the pipeline: see the lowest panel.`);
  return parts.join(" ");
}

const barName = (ms) => (ms < HOUR_MS ? `${ms / 60000} min` : ms < 24 * HOUR_MS ? `${ms / HOUR_MS} h` : counted(ms / 24 / HOUR_MS, "day"));

function paint(plot, data, current, gaps, values, converted) {
  const redraw = async () => {
    const shown = current();
    values.keep(shown);
    await draw(plot, traces(data, shown), layout(data, gaps));
    for (const name of ["plotly_click", "plotly_relayout", "plotly_hover", "plotly_clickannotation"]) plot.removeAllListeners?.(name);
    plot.on("plotly_click", ({ points: [point] }) => openBar(data, time(point.x)));
    plot.on("plotly_relayout", (change) => zoom(data, change));
    plot.on("plotly_hover", ({ points: [point] }) => values.show(time(point.x)));
    plot.on("plotly_clickannotation", ({ index }) => location.assign(dayLink(data, gaps[index])));
  };
  document.addEventListener("theme", redraw);
  converted.addEventListener("change", redraw);
  redraw().then(() => performance.mark("candles-chart"));
}

const time = (text) => Date.parse(`${String(text).replace(" ", "T")}Z`);
const dayLink = (data, gap) => link({ view: "day", symbol: data.symbol, day: iso(gap.start).slice(0, 10) });

function openBar(data, start) {
  if (!Number.isFinite(start)) return;
  if (data.every_ms === data.bar_ms) location.assign(link({ view: "explain", symbol: data.symbol, time: iso(start) }));
  else location.assign(link({ view: "chart", symbol: data.symbol, start: iso(start), end: iso(start + data.every_ms) }));
}

// The drawn bars are coarse: zooming in requests finer ones from the server.
function zoom(data, change) {
  const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  if (!from || data.every_ms === data.bar_ms) return;
  const [start, end] = [time(from), time(to)];
  location.assign(link({ view: "chart", symbol: data.symbol, start: iso(start), end: iso(Math.max(end, start + data.every_ms)) }));
}

function gapList(data, gaps) {
  if (!gaps.length) return "";
  const items = gaps.slice(0, MAX_GAPS).map((gap) => element("li", {}, element("a", { href: dayLink(data, gap) }, gap.period), ` ${gap.length}`));
  const more = gaps.length > MAX_GAPS ? element("li", {}, `and ${count(gaps.length - MAX_GAPS)} more`) : "";
  return element("section", {}, element("h2", {}, "Without merged candles"), element("p", { class: "quiet" }, "There were no trades, or too few exchanges have answered: the day shows which."), element("ul", {}, items, more));
}
