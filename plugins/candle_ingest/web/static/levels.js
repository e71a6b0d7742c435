// How complete a day or an hour is: one scale for the map and the day.
import { element } from "./dom.js";

export const LEVELS = [
  ["good", "complete"],
  ["part", "provisional: not final yet"],
  ["unobtainable", "unobtainable in part"],
  ["tiny", "up to 0.1 % open"],
  ["small", "up to 1 % open"],
  ["large", "up to 10 % open"],
  ["bad", "more is open"],
  ["none", "not asked for"],
];
export const NONE = LEVELS.length - 1;
// By grade: the worst grade that at least one minute in a hundred has.
const GRADE_LEVELS = [
  ["good", "A: three or more exchanges, at most 20 bp apart"],
  ["tiny", "B: two exchanges, or up to 50 bp apart"],
  ["small", "C: one exchange, or more than 50 bp apart"],
  ["bad", "D: disputed, or without a rate"],
  ["part", "provisional: not graded yet"],
  ["none", "not asked for"],
];
const FEW = 0.01;
const LARGEST = [0.001, 0.01, 0.1, Infinity];

// `counts` has the candles expected, and of them those open, unobtainable and provisional.
export function level({ expected, open, unobtainable = 0, provisional = 0 }) {
  if (!expected) return NONE;
  if (open >= expected) return LEVELS.length - 2;
  if (open) return 3 + LARGEST.findIndex((most) => open / expected <= most);
  if (unobtainable) return 2;
  return provisional ? 1 : 0;
}

function gradeLevel(exchanges) {
  return ({ expected, provisional = 0, grade_b: b = 0, grade_c: c = 0, grade_d: d = 0 }) => {
    if (!expected) return GRADE_LEVELS.length - 1;
    if (provisional) return GRADE_LEVELS.length - 2;
    const most = (FEW * expected) / exchanges;
    return d >= most ? 3 : c + d >= most ? 2 : b + c + d >= most ? 1 : 0;
  };
}

// The two ways to colour the map; the last level of each means "not asked for".
export const schemes = (exchanges) => ({ state: { levels: LEVELS, level }, grade: { levels: GRADE_LEVELS, level: gradeLevel(exchanges) } });

export function legend(levels = LEVELS) {
  return element("ul", { class: "legend", "aria-label": "Colours" }, levels.map(([name, text]) =>
    element("li", {}, element("span", { class: `swatch ${name}-fill` }), text)));
}
