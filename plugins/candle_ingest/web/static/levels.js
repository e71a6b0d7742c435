// How far a day or an hour has come: one scale for the map and the day.
import { element } from "./dom.js";

export const LEVELS = [
  ["good", "complete"],
  ["part", "provisional: to be proved after the day"],
  ["unobtainable", "unobtainable in part"],
  ["tiny", "up to 0.1 % open"],
  ["small", "up to 1 % open"],
  ["large", "up to 10 % open"],
  ["bad", "more is open"],
  ["none", "not asked for"],
];
export const NONE = LEVELS.length - 1;
const LARGEST = [0.001, 0.01, 0.1, Infinity];

// `counts` has the candles expected, and of them those open, unobtainable and provisional.
export function level({ expected, open, unobtainable = 0, provisional = 0 }) {
  if (!expected) return NONE;
  if (open >= expected) return LEVELS.length - 2;
  if (open) return 3 + LARGEST.findIndex((most) => open / expected <= most);
  if (unobtainable) return 2;
  return provisional ? 1 : 0;
}

export function legend() {
  return element("ul", { class: "legend", "aria-label": "Colours" }, LEVELS.map(([name, text]) =>
    element("li", {}, element("span", { class: `swatch ${name}-fill` }), text)));
}
