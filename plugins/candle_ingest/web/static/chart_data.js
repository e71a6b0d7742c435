// Bars and gaps of a chart, from the response.
import { duration, period } from "./dom.js";

// In bars: shorter gaps are usual in markets that rarely trade.
const MAX_QUIET_LENGTH = 5;

const MARKS = ["excluded", "clamped", "disputed"];
const DEPEG = 0.005;
const quoteOf = (market) => market.split("/")[1] ?? "";
const lookUp = ({ times, values }) => new Map(times.map((time, index) => [time, values[index]]));

// Whether any exchange quotes in a stablecoin that is converted.
export const isConverted = (data) => Object.values(data.exchanges).some(({ market }) => market && quoteOf(market) !== quoteOf(data.symbol));

// One object per bar, with each exchange's distance to the merged mean in basis points, and the quality of its minutes.
export function bars(data, converted = true) {
  const quality = Object.fromEntries(Object.entries(data.quality).map(([name, line]) => [name, lookUp(line)]));
  const means = Object.entries(data.exchanges).map(([name, { times, mean, market }]) => [name, lookUp({ times, values: mean }), quoteOf(market)]);
  const factor = (quote, time) => (!converted || !quote || quote === quoteOf(data.symbol) ? 1 : quality[`rate_${quote.toLowerCase()}`]?.get(time));
  return data.times.map((time, index) => {
    const merged = Object.fromEntries(Object.entries(data.merged).map(([name, values]) => [name, values[index]]));
    const distances = means.map(([name, known, quote]) => [name, (known.get(time) * (factor(quote, time) ?? 1) / merged.mean - 1) * 10000]).filter(([, value]) => Number.isFinite(value));
    const marks = MARKS.filter((name) => quality[name].get(time));
    const rates = ["rate_usdt", "rate_usdc"].map((name) => quality[name].get(time)).filter((rate) => rate != null);
    if (rates.some((rate) => Math.abs(rate - 1) > DEPEG)) marks.push("depeg");
    return { ...merged, time, exchanges: merged.average, distances: new Map(distances), dispersion: quality.dispersion.get(time) ?? null, marks, counts: Object.fromEntries(MARKS.map((name) => [name, quality[name].get(time) ?? 0])) };
  });
}

// Stretches of the range without a bar: one missing bar is a gap where bars are longer than candles.
export function gapsOf(data) {
  const least = data.every_ms === data.bar_ms ? MAX_QUIET_LENGTH * data.bar_ms : 0;
  const now = Date.now();
  const last = Math.min(data.end_ms, Math.floor(now / data.bar_ms) * data.bar_ms);
  const found = [];
  let free = data.start_ms;
  for (const time of [...data.times, last]) {
    if (time - free > least) found.push(gap(free, time));
    free = Math.max(free, time + data.every_ms);
  }
  return found;
}

const gap = (start, end) => ({ start, end, period: period([start, end]), length: duration(end - start) });
