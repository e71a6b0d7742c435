// The rate markets that convert symbols: how many of their candles are there. Those of the symbols are counted apart.
import { count, element, table } from "./dom.js";

export function ratesTable({ rates }) {
  if (!rates.length) return "";
  const columns = [
    ["Pair", ({ currency_pair: pair }) => pair],
    ["Exchange", ({ exchange }) => exchange],
    ["Answered", ({ answered, expected }) => `${count(answered)} of ${count(expected)}`, true],
    ["Open candles", open, true],
  ];
  if (rates.some(({ unobtainable }) => unobtainable)) columns.push(["Unobtainable", ({ unobtainable }) => count(unobtainable), true]);
  const note = element("p", { class: "quiet" }, "The rates that convert prices in stablecoins are observed on these markets. Days that were not asked for do not count, and the numbers of the symbols do not include these markets.");
  return element("section", {}, element("h2", {}, "Rates"), note, table("Rates", columns, rates));
}

const open = ({ open: all, silent }) => (silent ? element("div", {}, count(all), element("p", { class: "quiet" }, `${silent === all ? "silent" : `${count(silent)} silent`} so far, requested again`)) : count(all));
