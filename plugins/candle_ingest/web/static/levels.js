// How large a hole is: one scale for days and hours.
import { element } from "./dom.js";

export const LEVELS = [
  ["good", "all accounted for"],
  ["tiny", "up to 0.1 % open"],
  ["small", "up to 1 % open"],
  ["large", "up to 10 % open"],
  ["bad", "more is open"],
  ["none", "nobody has asked"],
];
export const NONE = LEVELS.length - 1;

export function level(expected, open) {
  if (!expected) return NONE;
  if (!open) return 0;
  const part = open / expected;
  return part <= 0.001 ? 1 : part <= 0.01 ? 2 : part <= 0.1 ? 3 : 4;
}

export function legend() {
  return element("ul", { class: "legend", "aria-label": "Colours" }, LEVELS.map(([name, text]) =>
    element("li", {}, element("span", { class: `swatch ${name}-fill` }), text)));
}
