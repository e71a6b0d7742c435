// The values of the bar under the crosshair, as text above the chart.
import { count, element, moment, price, signed } from "./dom.js";

export function readout(bars, data) {
  const node = element("div", { class: "readout", "aria-live": "off" });
  let known = new Map();
  let last = bars.at(-1).time;
  const pair = (name, value, kind = "") => element("span", { class: kind }, element("b", {}, name), ` ${value}`);
  const show = (time) => {
    const bar = known.get(time);
    if (!bar) return;
    last = time;
    const distances = data.configured.map((name) => pair(name, bar.distances.has(name) ? `${signed(bar.distances.get(name))} bp` : "missing", bar.distances.has(name) ? "" : "missing"));
    node.replaceChildren(
      pair("", `${moment(bar.time)} UTC`), ...["open", "high", "low", "close"].map((name) => pair(name, price(bar[name]))), pair("volume", price(bar.volume)),
      pair("exchanges", `${bar.fewest === bar.most ? bar.most : bar.average.toFixed(1)} of ${data.configured.length}`),
      bar.dispersion != null && pair("dispersion", `${bar.dispersion.toFixed(1)} bp`), ...bar.marks.map((name) => pair(name, bar.counts[name] ? `${count(bar.counts[name])} min` : "", "missing")),
      data.every_ms > data.bar_ms && pair("candles", `${count(bar.count)} of ${count(data.every_ms / data.bar_ms)}`), ...distances);
  };
  // Other values of the same bars.
  const keep = (shown) => {
    known = new Map(shown.map((bar) => [bar.time, bar]));
    show(last);
  };
  keep(bars);
  return { node, show, keep };
}
