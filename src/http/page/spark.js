// The line of each row's total over its window: forty points from the server, then carried on with what arrives.
// The width is the whole window, so a line that ends early is a window that is not over.

import { svg } from "./dom.js";
import { state } from "./state.js";
import { get, Problem, windowPath } from "./api.js";

const AGAIN = 2000; // ms between two questions for rows that have no line yet
const EVERY = 1000; // ms between two drawings of the lines
const W = 96, H = 24;

/** False once a server has answered that it has no series. */
let offered = true;

export class Sparks {
  constructor(ranking, board) {
    this.ranking = ranking;
    this.board = board;
    this.series = null; // {start, points, values: Map(key -> numbers)}
    this.asked = -Infinity;
    this.drawn = -Infinity;
  }

  /** Draws at most once a second; asks when the window is another or rows have no line. */
  draw(now) {
    if (now - this.drawn < EVERY || !this.ranking.start) return;
    this.drawn = now;
    const { ranking, board } = this;
    const known = this.series?.start === ranking.start ? this.series : null;
    const missing = !known || [...board.items.keys()].some((key) => !known.values.has(key));
    if (offered && missing && now - this.asked > (known ? AGAIN : EVERY)) {
      this.asked = now;
      this.ask(ranking.start, board.items.size);
    }
    if (!known) { for (const item of board.items.values()) this.path(item, null); return; }
    const slice = this.slice();
    for (const [key, item] of board.items) {
      const row = ranking.rows.get(key), values = known.values.get(key);
      if (values && row && slice >= 0) carry(values, slice, Number(ranking.score_of(row)));
      this.path(item, values);
    }
  }

  async ask(start, rows) {
    try {
      const answer = await get(`${windowPath(this.ranking.name, start)}/series?limit=${Math.max(20, Math.min(100, rows))}`);
      const values = new Map(answer.series.map(({ key, values }) => [JSON.stringify(key), values.map((v) => v === null ? null : Number(v))]));
      this.series = { start, points: answer.points.length, values };
      document.body.dataset.series = "yes";
    } catch (error) {
      if (error instanceof Problem && (error.status === 404 || error.status === 400) && !this.series) offered = document.body.dataset.series === "yes";
    }
  }

  /** Which fortieth of the window event time is in; the last one once the window is over. */
  slice() {
    const w = this.ranking.window, mark = state.health?.watermark;
    if (!w || !w.window_start) return -1; // all time has no fortieths
    const from = Date.parse(w.window_start), to = Date.parse(w.window_end);
    const n = this.series.points;
    if (w.final) return n - 1;
    if (!mark) return -1;
    const at = Date.parse(mark) + state.outOfOrderness;
    return Math.max(0, Math.min(n - 1, Math.floor((at - from) / (to - from) * n)));
  }

  path(item, values) {
    const d = values ? line(values) : "";
    if (item.shown.spark === d) return;
    item.shown.spark = d;
    if (!item.line) {
      item.line = svg("path", { class: "trace" });
      item.area = svg("path", { class: "area" });
      item.spark.append(svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none" }, item.area, item.line));
    }
    item.line.setAttribute("d", d);
    item.area.setAttribute("d", d && `${d}V${H}H${d.slice(1, d.indexOf(" "))}Z`);
  }
}

function carry(values, slice, value) {
  // Slices that passed without a change keep the value before them.
  let last = slice;
  while (last > 0 && (values[last - 1] === null || values[last - 1] === undefined)) last--;
  const before = last > 0 ? values[last - 1] : null;
  for (let i = last; i < slice; i++) values[i] = before;
  values[slice] = value;
}

/** Path of the points that are known: it rises from nothing at the beginning of the window to the row's own most. */
export function line(values, w = W, h = H) {
  const first = values.findIndex((v) => v !== null && v !== undefined);
  if (first < 0) return "";
  let low = 0, high = 1e-9;
  for (const v of values) if (v !== null && v !== undefined) { low = Math.min(low, v); high = Math.max(high, v); }
  const y = (v) => (h - 1.5 - (v - low) / (high - low) * (h - 3)).toFixed(1);
  // Each value stands at the end of its slice.
  const x = (i) => ((i + 1) / values.length * w).toFixed(1);
  // It begins where the window begins, with nothing; the way to the first value that was seen is straight.
  let d = `M0.0 ${y(0)}`;
  for (let i = first; i < values.length; i++) if (values[i] !== null && values[i] !== undefined) d += `L${x(i)} ${y(values[i])}`;
  return d;
}
