// How large a hole is: one scale for days and hours.
import { element } from "./dom.js";

export const LEVELS = [
  ["good", "all accounted for"],
  ["part", "asked for in part"],
  ["tiny", "up to 0.1 % open"],
  ["small", "up to 1 % open"],
  ["large", "up to 10 % open"],
  ["bad", "more is open"],
  ["none", "not asked for"],
];
export const NONE = LEVELS.length - 1;

// `whole` is how many candles there would be if all of the time had been asked for.
export function level(expected, open, whole = expected) {
  if (!expected) return NONE;
  if (!open) return expected < whole ? 1 : 0;
  const part = open / expected;
  return part <= 0.001 ? 2 : part <= 0.01 ? 3 : part <= 0.1 ? 4 : 5;
}

export function legend() {
  return element("ul", { class: "legend", "aria-label": "Colours" }, LEVELS.map(([name, text]) =>
    element("li", {}, element("span", { class: `swatch ${name}-fill` }), text)));
}
