// The traces for Plotly: candles, volume, distances of the exchanges, and how many of them were used.
import { moment } from "./dom.js";
import { colour, plain } from "./plot.js";

// Okabe and Ito's colours, which people with a colour vision deficiency can tell apart; dashes help in print.
const LINES = ["#3f8fd2", "#e69f00", "#cc79a7", "#56b4e9", "#009e73", "#d55e00", "#8c6bb1", "#a6761d"];
const DASHES = ["solid", "dot", "dash", "dashdot"];
const MAX_LABELS = 8;

export function traces(data, bars) {
  const times = bars.map(({ time }) => moment(time));
  const column = (name) => bars.map((bar) => bar[name]);
  const quiet = { hoverinfo: "none", showlegend: false };
  const candles = { type: "candlestick", ...quiet, x: times, open: column("open"), high: column("high"), low: column("low"), close: column("close"), increasing: { line: { color: colour("up") } }, decreasing: { line: { color: colour("down") } } };
  const volumes = { type: "bar", ...quiet, x: times, y: column("volume"), yaxis: "y2", width: data.every_ms * 0.9, offset: 0, marker: { color: colour("muted"), line: { width: 0 } }, opacity: 0.6 };
  const short = bars.filter(({ exchanges }) => exchanges < data.configured.length);
  const marks = { type: "bar", hoverinfo: "none", name: "fewer exchanges than configured", x: short.map(({ time }) => moment(time)), y: short.map(() => 1), yaxis: "y4", width: data.every_ms, offset: 0, marker: { color: short.map((bar) => lackColour(1 - bar.exchanges / data.configured.length)), line: { width: 0 } } };
  const off = bars.filter((bar) => bar.marks.includes("depeg"));
  const depeg = { type: "bar", hoverinfo: "none", name: "stablecoin off its peg", x: off.map(({ time }) => moment(time)), y: off.map(() => 0.8), base: 1.2, yaxis: "y4", width: data.every_ms, offset: 0, marker: { color: colour("small"), line: { width: 0 } } };
  const names = [...new Set([...data.configured, ...Object.keys(data.exchanges)])];
  const spread = { type: "bar", ...quiet, name: "dispersion", showlegend: bars.some(({ dispersion }) => dispersion), x: times, y: column("dispersion"), yaxis: "y3", width: data.every_ms, offset: 0, marker: { color: colour("dispersion"), line: { width: 0 } } };
  return [candles, volumes, spread, ...marked(bars), ...names.map((name, index) => distances(name, index, bars, data)), ...(short.length ? [marks] : []), ...(off.length ? [depeg] : [])];
}

// What the guard did, above the candles; the readout and the day say more.
const MARKS = { excluded: ["x", "an exchange excluded"], clamped: ["triangle-down", "a wick clamped"], disputed: ["diamond", "disputed"] };

function marked(bars) {
  return Object.entries(MARKS).map(([name, [symbol, text]]) => {
    const found = bars.filter(({ marks }) => marks.includes(name));
    return { type: "scatter", mode: "markers", hoverinfo: "none", name: text, x: found.map(({ time }) => moment(time)), y: found.map(({ high }) => high * 1.0005), marker: { symbol, size: 9, color: colour("bad"), line: { width: 1, color: colour("text") } } };
  }).filter(({ x }) => x.length);
}

// A line stops where the exchange has no candle.
function distances(name, index, bars, data) {
  const [x, y] = [[], []];
  bars.forEach((bar, position) => {
    const gap = position && bar.time - bars[position - 1].time > data.every_ms;
    if (gap) {
      x.push(moment(bar.time - data.every_ms));
      y.push(null);
    }
    x.push(moment(bar.time));
    y.push(bar.distances.get(name) ?? null);
  });
  const absent = y.every((value) => value == null);
  return { type: "scatter", mode: "lines", name: plain(absent ? `${name} (nothing)` : name), x, y, yaxis: "y3", hoverinfo: "none", line: { width: 1.3, color: LINES[index % LINES.length], dash: DASHES[Math.floor(index / LINES.length) % DASHES.length] } };
}

function lackColour(part) {
  return colour(part > 0.5 ? "bad" : part > 0.1 ? "large" : part > 0.01 ? "small" : "tiny");
}

export function layout(data, gaps) {
  const narrow = innerWidth < 640;
  const axis = { fixedrange: true };
  const title = (text) => ({ title: { text: narrow ? "" : text, font: { size: 11 } } });
  const edge = (ms) => moment(ms);
  return {
    height: narrow ? 580 : 640, margin: { l: narrow ? 52 : 74, r: 8, t: 8, b: narrow ? 110 : 60 }, hovermode: "x", dragmode: narrow ? false : "zoom", bargap: 0, barmode: "overlay",
    legend: { orientation: "h", x: 0, y: -0.06, yanchor: "top" },
    xaxis: { type: "date", rangeslider: { visible: false }, anchor: "free", position: 0, range: [data.start_ms, data.end_ms].map(edge), showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1, spikedash: "solid", spikecolor: colour("muted") },
    yaxis: { ...axis, domain: [0.45, 1], tickformat: ",~g", showspikes: true, spikethickness: 1, spikedash: "solid", spikecolor: colour("muted") },
    yaxis2: { ...axis, domain: [0.31, 0.42], ...title("volume"), nticks: 3 },
    yaxis3: { ...axis, domain: [0.07, 0.28], ...title("distance, bp"), nticks: 5, zeroline: true, tickformat: "~g" },
    yaxis4: { ...axis, domain: [0, 0.05], showticklabels: false, showgrid: false, zeroline: false, range: [0, 2] },
    shapes: gaps.map(({ start, end }) => ({ type: "rect", xref: "x", yref: "paper", x0: edge(start), x1: edge(end), y0: 0, y1: 1, fillcolor: colour("gap"), opacity: 0.5, line: { width: 0 }, layer: "below" })),
    annotations: gaps.map((gap, index) => label(gap, index, data)),
  };
}

// Only wide gaps have room for a label; the list below the chart has them all.
function label(gap, index, data) {
  const wide = (gap.end - gap.start) / (data.end_ms - data.start_ms) > 0.06 && index < MAX_LABELS;
  return { x: moment((Math.max(gap.start, data.start_ms) + Math.min(gap.end, data.end_ms)) / 2), y: 0.97, xref: "x", yref: "paper", showarrow: false, visible: wide, captureevents: true, text: `<u>no candles ${plain(gap.length)}</u>`, font: { size: 11, color: colour("text") } };
}
