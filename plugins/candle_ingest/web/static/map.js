// Symbols × days in a window that scrolls, by mouse and by keyboard: cells are opened or chosen.
import { count, counted, day, element, message } from "./dom.js";
import { AXIS, ROW, layOut, paint, worst } from "./grid.js";
import { countsOf } from "./rows.js";

const TALLEST = 620;
const HELP = "Arrow keys move, Shift and an arrow key choose several cells, Enter opens the day, Escape ends.";

// `open(pair, start, end)` opens a cell; `choose(pairs, start, end)` is told what is chosen, or nothing.
export function coverageMap(data, rows, { open, choose }) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const space = element("div", { class: "space" });
  const tip = element("div", { class: "tip", hidden: true });
  const spoken = element("p", { class: "hidden", "aria-live": "polite" });
  const none = element("div", { hidden: true }, message("plain", "No symbol matches."));
  const scroller = element("div", { class: "map", tabindex: 0, role: "application", "aria-label": `Map of symbols by ${data.fold}s. ${HELP}` }, canvas, space);
  const node = element("div", { class: "map-place" }, scroller, tip, none, spoken);
  const state = { grid: null, pairs: data.pairs, filtered: false, cursor: null, chosen: null, from: null };

  const height = () => Math.min(TALLEST, AXIS + state.pairs.length * ROW);
  const cellOf = (at) => worst(state.grid, rows.get(state.grid.pairs[at.row]), at.cell);
  function redraw() {
    [scroller.hidden, none.hidden] = [!state.pairs.length, Boolean(state.pairs.length)];
    if (!state.pairs.length) return;
    scroller.style.height = `${height()}px`;
    state.grid = layOut(data, state.pairs, scroller.clientWidth);
    space.style.height = `${state.pairs.length * ROW + AXIS - height()}px`;
    const scroll = scroller.scrollTop;
    const [first, last] = [Math.floor(scroll / ROW), Math.min(state.pairs.length, Math.ceil((scroll + height() - AXIS) / ROW))];
    rows.need(state.pairs.slice(first, last), state.filtered);
    paint(canvas, state.grid, rows, { scroll, first, last, height: height(), cursor: state.cursor, chosen: state.chosen });
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const at = { row: Math.floor((y - AXIS + scroller.scrollTop) / ROW), cell: Math.floor((x - state.grid.left) / state.grid.cell) };
    return y >= AXIS && x >= state.grid.left && at.row < state.pairs.length && at.cell < state.grid.starts.length ? { ...at, x, y } : null;
  }
  function pick(one, other) {
    const sorted = (name) => [one[name], other[name]].sort((a, b) => a - b);
    state.chosen = { rows: sorted("row"), cells: sorted("cell") };
    const [[top, bottom], [start, end]] = [state.chosen.rows, state.chosen.cells];
    choose(state.pairs.slice(top, bottom + 1), data.edges_ms[state.grid.starts[start]], edge(end + 1));
  }
  const edge = (cell) => data.edges_ms[Math.min(cell * state.grid.together, state.grid.columns)];
  function unpick() {
    state.chosen = null;
    choose(null);
  }
  const enter = (at) => {
    const { column } = cellOf(at);
    open(state.pairs[at.row], data.edges_ms[column], data.edges_ms[column + 1]);
  };
  const words = (at) => {
    const { column } = cellOf(at);
    const row = rows.get(state.pairs[at.row]);
    const gone = data.not_in_redis.has(state.pairs[at.row]) ? "not in Redis: " : "";
    return [`${state.pairs[at.row]}, ${spanName(data, column)}`, gone + (row ? inWords(countsOf(row, column)) : "loading")];
  };

  scroller.addEventListener("scroll", redraw);
  scroller.addEventListener("pointerdown", (event) => { state.from = event.button ? null : place(event); });
  scroller.addEventListener("pointermove", (event) => {
    const at = place(event);
    scroller.style.cursor = at ? "pointer" : "";
    if (event.buttons === 1 && state.from && at && (at.row !== state.from.row || at.cell !== state.from.cell)) {
      pick(state.from, at);
      redraw();
    }
    showTip(tip, node, at && words(at), at);
  });
  scroller.addEventListener("pointerleave", () => { tip.hidden = true; });
  scroller.addEventListener("pointerup", (event) => {
    const at = place(event);
    const [from, dragged] = [state.from, state.from && at && (at.row !== state.from.row || at.cell !== state.from.cell)];
    state.from = null;
    if (at && from && !dragged && !event.shiftKey) enter(at);
    else if (at && from && !dragged) {
      pick(at, at);
      redraw();
    }
  });
  scroller.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-20, 0], PageDown: [20, 0], Home: [0, -1e9], End: [0, 1e9] };
    if (event.key === "Enter" && state.cursor) return enter(state.cursor);
    if (event.key === "Escape") unpick();
    else if (moves[event.key]) move(moves[event.key], event.shiftKey);
    else return undefined;
    event.preventDefault();
    return redraw();
  });
  function move([rowsBy, cellsBy], extend) {
    const last = state.grid.starts.length - 1;
    const before = state.cursor ?? { row: Math.floor(scroller.scrollTop / ROW), cell: last };
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    state.cursor = state.cursor ? { row: clamp(before.row + rowsBy, state.pairs.length - 1), cell: clamp(before.cell + cellsBy, last) } : before;
    if (extend) {
      state.anchor ??= before;
      pick(state.anchor, state.cursor);
    } else state.anchor = null;
    const top = state.cursor.row * ROW;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + ROW > scroller.scrollTop + height() - AXIS) scroller.scrollTop = top + ROW - height() + AXIS;
    spoken.textContent = words(state.cursor).join(": ");
  }
  scroller.addEventListener("focus", () => { if (!state.cursor && scroller.matches(":focus-visible")) { move([0, 0]); redraw(); } });
  document.addEventListener("theme", redraw);
  new ResizeObserver(() => { if (state.grid && state.grid.width !== scroller.clientWidth) redraw(); }).observe(node);

  function show(pairs) {
    Object.assign(state, { pairs, filtered: pairs.length < data.pairs.length, cursor: null });
    if (state.chosen) unpick();
    scroller.scrollTop = 0;
    redraw();
  }
  return { node, show, redraw };
}

export function spanName(data, column) {
  const [start, end] = [data.edges_ms[column], data.edges_ms[column + 1]];
  return data.fold === "day" ? day(start) : `${day(start)} to ${day(end - 1)}`;
}

function inWords({ expected, open, unobtainable = 0, provisional = 0, grade_b: b = 0, grade_c: c = 0, grade_d: d = 0 }) {
  if (!expected) return "not asked for";
  const parts = [open && `${count(open)} of ${counted(expected, "candle")} open`, unobtainable && `${count(unobtainable)} unobtainable`];
  if (!open && !unobtainable) parts.push(`all ${counted(expected, "candle")} accounted for`);
  if (provisional) parts.push("provisional");
  for (const [grade, minutes] of Object.entries({ B: b, C: c, D: d })) if (minutes) parts.push(`${counted(minutes, "minute")} of grade ${grade}`);
  return parts.filter(Boolean).join(", ");
}

function showTip(tip, node, words, at) {
  tip.hidden = !at;
  if (!at) return;
  tip.replaceChildren(element("b", {}, words[0]), words[1]);
  tip.style.left = `${Math.max(0, Math.min(at.x + 12, node.clientWidth - tip.offsetWidth))}px`;
  tip.style.top = `${at.y + 16}px`;
}
