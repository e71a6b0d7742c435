// The rate markets that convert symbols: how many of their candles are there.
import { count, element, table } from "./dom.js";

export function ratesTable({ rates }) {
  if (!rates.length) return "";
  const columns = [
    ["Pair", ({ currency_pair: pair }) => pair],
    ["Exchange", ({ exchange }) => exchange],
    ["Answered", ({ answered, expected }) => `${count(answered)} of ${count(expected)}`, true],
    ["Open candles", ({ open }) => count(open), true],
  ];
  if (rates.some(({ unobtainable }) => unobtainable)) columns.push(["Unobtainable", ({ unobtainable }) => count(unobtainable), true]);
  const note = element("p", { class: "quiet" }, "The rates that convert prices in stablecoins are observed on these markets. Days that were not asked for do not count.");
  return element("section", {}, element("h2", {}, "Rates"), note, table("Rates", columns, rates));
}
