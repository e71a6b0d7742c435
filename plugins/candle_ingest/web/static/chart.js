// Candlesticks of any range, each exchange's close over them, and where few exchanges took part.
import { count, duration, element, iso, message, moment } from "./dom.js";
import { address, api, link } from "./data.js";
import { chooseSymbol, form, symbolField, timeField } from "./inputs.js";
import { colour, draw, plain, plotly } from "./plot.js";

const HOUR_MS = 3600000;
const SPANS = { "6 hours": 6, "1 day": 24, "1 week": 168, "1 month": 720, "1 year": 8760 };
const LINES = ["#3f8fd2", "#e69f00", "#cc79a7", "#56b4e9", "#009e73", "#d55e00", "#8c6bb1", "#a6761d"];
// In bars: shorter ones are usual where little is traded.
const LONGEST_GAP = 5;
const DASHES = ["solid", "dot", "dash", "dashdot"];

export async function showChart(place, pipeline) {
  plotly();
  const { pairs, symbol } = await chooseSymbol(pipeline);
  const end = address.get("end") ?? iso(Date.now());
  const start = address.get("start") ?? iso(Date.parse(`${end}Z`) - 24 * HOUR_MS);
  const spans = Object.entries(SPANS).map(([name, hours]) =>
    element("a", { class: "button", href: link({ view: "chart", symbol, start: iso(Date.parse(`${end}Z`) - hours * HOUR_MS), end }) }, name));
  place.replaceChildren(form("chart", "Show", symbolField(symbol, pairs), timeField("start", "from", start), timeField("end", "to (UTC)", end)), element("div", { class: "bar" }, spans));
  if (!symbol) return place.append(message("plain", "There is no symbol yet.", "Redis lists none; write one above."));
  const data = await api(pipeline, "chart", { symbol, start, end });
  if (!data.times.length) return place.append(message("plain", `No candle of ${data.symbol} in this range.`, element("p", {}, "Coverage says why: ", element("a", { href: link({ view: "day", symbol: data.symbol, day: start.slice(0, 10) }) }, start.slice(0, 10)))));
  showBars(place, data, pipeline);
}

function showBars(place, data, pipeline) {
  const plot = element("div", { class: "plot", role: "img", "aria-label": `Candlesticks of ${data.symbol}` });
  const clicked = element("p", { class: "quiet", "aria-live": "polite" }, data.every_ms === data.bar_ms ? "Click a candle to have it explained." : "Click a bar to look into it; drag to zoom.");
  const few = summaryOfFew(data);
  place.append(element("p", {}, `${data.symbol}, ${count(data.times.length)} bars of ${duration(data.every_ms)}, UTC. ${few}`), plot, clicked);
  const redraw = async () => {
    await draw(plot, traces(data), layout(data));
    plot.removeAllListeners?.("plotly_click");
    plot.removeAllListeners?.("plotly_relayout");
    plot.on("plotly_click", ({ points: [point] }) => openBar(data, Date.parse(`${String(point.x).replace(" ", "T")}Z`)));
    plot.on("plotly_relayout", (change) => zoom(data, change));
  };
  document.addEventListener("theme", redraw);
  redraw().then(() => performance.mark("candles-chart"));
}

function openBar(data, start) {
  if (!Number.isFinite(start)) return;
  if (data.every_ms === data.bar_ms) location.assign(link({ view: "explain", symbol: data.symbol, time: iso(start) }));
  else location.assign(link({ view: "chart", symbol: data.symbol, start: iso(start), end: iso(start + data.every_ms) }));
}

// What is drawn is coarse: a closer look comes from the server.
function zoom(data, change) {
  const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  if (!from || data.every_ms === data.bar_ms) return;
  const [start, end] = [from, to].map((text) => Date.parse(`${String(text).replace(" ", "T")}Z`));
  location.assign(link({ view: "chart", symbol: data.symbol, start: iso(start), end: iso(Math.max(end, start + data.every_ms)) }));
}

const most = (data) => Math.max(...data.merged.most);

// Quiet exchanges are usual: what counts is how many of them are missing on average.
function lack(data, index) {
  return 1 - data.merged.average[index] / most(data);
}

function lackColour(part) {
  return colour(part > 0.5 ? "bad" : part > 0.1 ? "large" : part > 0.01 ? "small" : "tiny");
}

function summaryOfFew(data) {
  const few = data.times.filter((_, index) => lack(data, index) > 0).length;
  const short = data.merged.count.filter((found) => found < data.every_ms / data.bar_ms).length;
  const parts = [];
  if (few) parts.push(`${count(few)} bars have candles of fewer than ${most(data)} exchanges: see the marks below the volume.`);
  if (short && data.every_ms > data.bar_ms) parts.push(`In ${count(short)} bars candles are missing or nobody traded.`);
  return parts.join(" ");
}

function traces(data) {
  const times = data.times.map(moment);
  const { open, high, low, close, volume, fewest } = data.merged;
  const candles = { type: "candlestick", name: "merged", x: times, open, high, low, close, increasing: { line: { color: colour("up") } }, decreasing: { line: { color: colour("down") } } };
  const volumes = { type: "bar", name: "volume", x: times, y: volume, yaxis: "y2", width: data.every_ms * 0.9, offset: 0, marker: { color: colour("muted"), line: { width: 0 } }, opacity: 0.6, showlegend: false };
  const all = most(data);
  const few = data.times.map((_, index) => index).filter((index) => lack(data, index) > 0);
  const marks = {
    type: "bar", name: `fewer than ${all} exchanges`, x: few.map((index) => times[index]), y: few.map(() => 1), yaxis: "y3", marker: { color: few.map((index) => lackColour(lack(data, index))), line: { width: 0 } },
    text: few.map((index) => `${data.merged.average[index].toFixed(2)} of ${all} exchanges on average, at least ${fewest[index]}`), textposition: "none",
    hovertemplate: "%{text}<extra></extra>", width: data.every_ms, offset: 0, showlegend: false,
  };
  const lines = Object.entries(data.exchanges).map(([name, line], index) => ({
    type: "scatter", mode: "lines", name: plain(name), ...broken(line, data.every_ms), line: { width: 1, color: LINES[index % LINES.length], dash: DASHES[index % DASHES.length] }, hovertemplate: `${plain(name)} %{y}<extra></extra>`,
  }));
  return [candles, ...lines, volumes, ...(few.length ? [marks] : [])];
}

// No line over times without a candle: nothing is known of them.
function broken({ times, close }, every) {
  const [x, y] = [[], []];
  times.forEach((time, index) => {
    if (index && time - times[index - 1] > LONGEST_GAP * every) {
      x.push(moment(time - every));
      y.push(null);
    }
    x.push(moment(time));
    y.push(close[index]);
  });
  return { x, y };
}

function layout(data) {
  const narrow = innerWidth < 640;
  return {
    height: narrow ? 540 : 600, margin: { l: narrow ? 52 : 70, r: 8, t: 8, b: narrow ? 130 : 32 }, hovermode: narrow ? "closest" : "x", dragmode: narrow ? false : "zoom", legend: { orientation: "h", x: 0, ...(narrow ? { y: -0.12, yanchor: "top" } : { y: 1.08 }) },
    xaxis: { type: "date", rangeslider: { visible: false }, anchor: "free", position: 0, range: [data.times[0], data.times.at(-1) + data.every_ms].map(moment) }, yaxis: { domain: [0.27, 1], fixedrange: true, tickformat: ",~g" },
    yaxis2: { domain: [0.07, 0.23], fixedrange: true, title: { text: narrow ? "" : "volume" }, nticks: 4 },
    yaxis3: { domain: [0, 0.05], fixedrange: true, showticklabels: false, showgrid: false, zeroline: false, range: [0, 1] },
  };
}
