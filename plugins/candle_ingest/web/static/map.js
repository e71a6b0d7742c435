// Symbols × days on a canvas. Plotly would take seconds to load and to draw a year of a hundred symbols.
import { count, element, message } from "./dom.js";
import { link } from "./data.js";
import { LEVELS, NONE, level } from "./levels.js";

const AXIS = 24;
const FONT = "system-ui, sans-serif";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
// Browsers refuse larger canvases; a map that needs more is drawn less sharply.
const [LONGEST, LARGEST] = [16000, 16000000];

// `draw(text, onlyHoles)` draws the symbols whose name has `text`; the map follows the window's width.
export function coverageMap(data) {
  const canvas = element("canvas", { role: "img", "aria-label": "Symbols by days; the list below says the same in words" });
  const tip = element("div", { class: "tip", hidden: true });
  const none = element("div", { hidden: true }, message("plain", "No symbol is like that."));
  const node = element("div", { class: "map" }, canvas, tip, none);
  const chosen = { text: "", onlyHoles: false };
  let grid;
  const redraw = () => {
    const rows = data.pairs.map((_, row) => row).filter((row) => data.pairs[row].includes(chosen.text) && (!chosen.onlyHoles || data.open[row].some(Boolean)));
    grid = layOut(data, rows, node.clientWidth);
    [canvas.hidden, none.hidden, tip.hidden] = [!rows.length, Boolean(rows.length), true];
    if (rows.length) paint(canvas, grid);
  };
  canvas.addEventListener("mousemove", (event) => showTip(tip, grid, event));
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", (event) => openDay(grid, event));
  document.addEventListener("theme", redraw);
  new ResizeObserver(() => { if (grid?.width !== node.clientWidth) redraw(); }).observe(node);
  const draw = (text, onlyHoles) => {
    Object.assign(chosen, { text, onlyHoles });
    redraw();
  };
  return { node, draw };
}

// Where days are narrower than two pixels, several share a cell, which shows the worst: no hole is too narrow to see.
function layOut(data, rows, width) {
  const left = 12 + Math.max(0, ...rows.map((row) => data.pairs[row].length)) * 7;
  const together = Math.max(1, Math.ceil((2 * data.days.length) / (width - left)));
  const starts = data.days.map((_, column) => column).filter((column) => column % together === 0);
  const cells = rows.map((row) => starts.map((start) => worst(data, row, start, start + together)));
  const cell = (width - left) / starts.length;
  const size = rows.length <= 40 ? 22 : 14;
  return { data, rows, width, left, starts, cells, cell, size, gap: cell >= 5 ? 1 : 0, height: AXIS + rows.length * size };
}

// The worst of some days of a symbol; a day that nobody has asked for counts only where there is no other.
function worst(data, row, start, end) {
  let found = { value: NONE, column: start };
  for (let column = start; column < Math.min(end, data.days.length); column += 1) {
    const value = level(data.expected[row][column], data.open[row][column]);
    if (value !== NONE && (found.value === NONE || value > found.value)) found = { value, column };
  }
  return found;
}

function paint(canvas, grid) {
  const sharpness = Math.min(devicePixelRatio, LONGEST / grid.height, Math.sqrt(LARGEST / grid.height / grid.width));
  Object.assign(canvas, { width: grid.width * sharpness, height: grid.height * sharpness });
  Object.assign(canvas.style, { width: `${grid.width}px`, height: `${grid.height}px` });
  const pen = canvas.getContext("2d");
  pen.scale(sharpness, sharpness);
  const style = getComputedStyle(document.documentElement);
  paintCells(pen, grid, LEVELS.map(([name]) => style.getPropertyValue(`--${name}`)));
  pen.fillStyle = style.getPropertyValue("--text");
  pen.textBaseline = "middle";
  paintNames(pen, grid);
  paintDays(pen, grid);
}

function paintCells(pen, grid, colours) {
  grid.cells.forEach((cells, row) => cells.forEach(({ value }, index) => {
    // Whole pixels: else the page would show through between the cells.
    const [start, end] = [index, index + 1].map((column) => Math.round(grid.left + column * grid.cell));
    pen.fillStyle = colours[value];
    pen.fillRect(start, AXIS + row * grid.size, end - start - grid.gap, grid.size - 1);
  }));
}

function paintNames(pen, grid) {
  pen.font = `${grid.size > 14 ? 12 : 11}px ${FONT}`;
  pen.textAlign = "right";
  grid.rows.forEach((row, index) => pen.fillText(grid.data.pairs[row], grid.left - 6, AXIS + (index + 0.5) * grid.size));
}

// The names of days or months, as many as there is room for.
function paintDays(pen, grid) {
  pen.font = `12px ${FONT}`;
  pen.textAlign = "left";
  let free = grid.left;
  for (const [column, name] of names(grid.data.days)) {
    const x = grid.left + (column / grid.data.days.length) * (grid.width - grid.left);
    if (x < free || x + pen.measureText(name).width > grid.width) continue;
    pen.fillRect(Math.round(x), AXIS - 6, 1, 5);
    pen.fillText(name, x, 9);
    free = x + pen.measureText(name).width + 14;
  }
}

function names(days) {
  const all = days.map((day, column) => [column, day.split("-").map(Number)]);
  if (days.length > 120) return all.filter(([, [, , day]]) => day === 1).map(([column, [year, month]]) => [column, `${MONTHS[month - 1]} ${year}`]);
  return all.filter(([column]) => column % 7 === 0).map(([column, [, month, day]]) => [column, `${MONTHS[month - 1]} ${day}`]);
}

function cellAt(grid, event) {
  const row = Math.floor((event.offsetY - AXIS) / grid.size);
  const found = grid.cells[row]?.[Math.floor((event.offsetX - grid.left) / grid.cell)];
  return found && { row: grid.rows[row], column: found.column };
}

function showTip(tip, grid, event) {
  const at = cellAt(grid, event);
  event.target.style.cursor = at ? "pointer" : "";
  tip.hidden = !at;
  if (!at) return;
  const { pairs, days, expected, open } = grid.data;
  tip.replaceChildren(element("b", {}, `${pairs[at.row]}, ${days[at.column]}`), inWords(expected[at.row][at.column], open[at.row][at.column]));
  tip.style.left = `${Math.max(0, Math.min(event.offsetX + 12, grid.width - tip.offsetWidth))}px`;
  tip.style.top = `${event.offsetY + 16}px`;
}

function inWords(expected, open) {
  if (!expected) return "nobody has asked";
  return open ? `${count(open)} of ${count(expected)} candles open` : `all ${count(expected)} candles accounted for`;
}

function openDay(grid, event) {
  const at = cellAt(grid, event);
  if (at) location.assign(link({ view: "day", symbol: grid.data.pairs[at.row], day: grid.data.days[at.column] }));
}
