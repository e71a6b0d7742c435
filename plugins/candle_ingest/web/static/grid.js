// The position and colour of the cells of the map. One canvas, as large as the window, shows a part of all rows.
import { countsOf } from "./rows.js";

const FONT = "system-ui, sans-serif";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86400000;
export const ROW = 22;
export const AXIS = 26;

// If columns are narrower than two pixels, several share a cell, which shows the worst: no hole is too narrow to see.
export function layOut(data, pairs, width) {
  const left = 14 + Math.max(0, ...pairs.map((pair) => pair.length)) * 7.4;
  const columns = data.edges_ms.length - 1;
  const together = Math.max(1, Math.ceil((2 * columns) / (width - left)));
  const starts = Array.from({ length: Math.ceil(columns / together) }, (_, index) => index * together);
  const cell = (width - left) / starts.length;
  return { data, pairs, width, left, starts, together, columns, cell, gap: cell >= 5 ? 1 : 0 };
}

// The worst column of a cell; one that was not asked for counts only if there is no other.
export function worst(grid, row, cell) {
  const start = grid.starts[cell];
  const { levels, level } = grid.data.scheme;
  const NONE = levels.length - 1;
  let found = { value: NONE, column: start };
  if (!row) return found;
  for (let column = start; column < Math.min(start + grid.together, grid.columns); column += 1) {
    const value = level(countsOf(row, column));
    if (value !== NONE && (found.value === NONE || value > found.value)) found = { value, column };
  }
  return found;
}

export function paint(canvas, grid, rows, view) {
  const sharpness = Math.min(devicePixelRatio, 2);
  Object.assign(canvas, { width: grid.width * sharpness, height: view.height * sharpness });
  Object.assign(canvas.style, { width: `${grid.width}px`, height: `${view.height}px` });
  const pen = canvas.getContext("2d");
  pen.scale(sharpness, sharpness);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`);
  const colours = grid.data.scheme.levels.map(([name]) => colour(name));
  const top = (row) => AXIS + row * ROW - view.scroll;
  pen.textBaseline = "middle";
  pen.font = `12px ${FONT}`;
  for (let row = view.first; row < view.last; row += 1) {
    const known = rows.get(grid.pairs[row]);
    const gone = grid.data.not_in_redis.has(grid.pairs[row]);
    pen.fillStyle = colour(gone ? "muted" : "text");
    pen.textAlign = "right";
    pen.fillText(grid.pairs[row], grid.left - 6, top(row) + ROW / 2);
    grid.starts.forEach((_, index) => {
      // Whole pixels: otherwise the page would show through between the cells.
      const [start, end] = [index, index + 1].map((column) => Math.round(grid.left + column * grid.cell));
      pen.globalAlpha = known && !gone ? 1 : 0.4;
      pen.fillStyle = colours[worst(grid, known, index).value];
      pen.fillRect(start, top(row), end - start - grid.gap, ROW - 2);
      pen.globalAlpha = 1;
    });
  }
  paintChosen(pen, grid, view, top, colour);
  pen.fillStyle = colour("page");
  pen.fillRect(0, 0, grid.width, AXIS);
  pen.fillStyle = colour("text");
  paintDates(pen, grid);
}

// The chosen cells, and a frame around the one with the keyboard focus.
function paintChosen(pen, grid, view, top, colour) {
  const frame = ({ rows, cells }, width) => {
    const [x, y] = [grid.left + cells[0] * grid.cell, top(rows[0])];
    pen.lineWidth = width;
    pen.strokeRect(x - 1, y - 1, (cells[1] - cells[0] + 1) * grid.cell + 1, (rows[1] - rows[0] + 1) * ROW);
  };
  pen.strokeStyle = colour("accent");
  if (view.chosen) frame(view.chosen, 3);
  pen.strokeStyle = colour("text");
  if (view.cursor) frame({ rows: [view.cursor.row, view.cursor.row], cells: [view.cursor.cell, view.cursor.cell] }, 2);
}

// The names of days or months, as many as fit.
function paintDates(pen, grid) {
  pen.textAlign = "left";
  let free = grid.left;
  const place = (column) => grid.left + (column / grid.columns) * (grid.width - grid.left);
  for (const [column, name, next] of names(grid)) {
    const x = place(column);
    // The rest of a month that has nearly ended would hide the name of the next.
    if (!column && next && place(next) < x + pen.measureText(name).width + 14) continue;
    if (x < free || x + pen.measureText(name).width > grid.width) continue;
    pen.fillRect(Math.round(x), AXIS - 6, 1, 5);
    pen.fillText(name, x, 10);
    free = x + pen.measureText(name).width + 14;
  }
}

function names({ data, columns }) {
  const all = Array.from({ length: columns }, (_, column) => [column, new Date(data.edges_ms[column])]);
  const months = data.edges_ms[columns] - data.edges_ms[0] > 120 * DAY_MS;
  if (!months) return all.filter(([column]) => column % 7 === 0).map(([column, day]) => [column, `${MONTHS[day.getUTCMonth()]} ${day.getUTCDate()}`]);
  const first = all.filter(([column, day]) => !column || day.getUTCMonth() !== all[column - 1][1].getUTCMonth());
  return first.map(([column, day], index) => [column, `${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`, first[index + 1]?.[0]]);
}
