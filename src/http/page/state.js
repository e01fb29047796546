// What is known: every ranking's windows, and the rows of the window that is shown. Snapshots are laid down, commits are
// folded onto them. Nothing here draws.

import { get, windowPath } from "./api.js";
import { one } from "./text.js";

const ROWS = 100; // rows of a window that are asked for, as many as a snapshot carries

export const state = {
  commit: 0,
  /** Rankings by name, in the server's order. */
  rankings: new Map(),
  /** The chosen window's name (`Ranking.name_window`); "" is the newest of each ranking. */
  picked: "",
  /** The newest health numbers, and when they came (performance.now()). */
  health: null,
  /** When the last change came, wall time in ms. */
  changed: 0,
  moves: 0,
  /** What a record is called, in the plural. */
  noun: "sales",
  /** How far the watermark is behind the greatest event time seen, ms. */
  outOfOrderness: 0,
};

/** A sentence of ours, which speaks of sales, in the table's words. */
export function inWords(text) {
  const many = state.noun, single = one(many), big = (word) => word[0].toUpperCase() + word.slice(1);
  return text.replace(/\b([Ss])ale(s?)\b/g, (_, s, plural) => { const word = plural ? many : single; return s === "S" ? big(word) : word; });
}

const listeners = new Set();
/** Called with the kind of what happened: "rows", "windows", "health", "shape". */
export const watch = (listener) => listeners.add(listener);
export const tell = (what) => { for (const listener of listeners) listener(what); };

/** A key as paths and addresses have it. */
export const pathed = (value) => String(value ?? "\0");

/** Which fields name a row, which one orders it, and the rest. */
function shapeOf({ fields, order_by, keys: order }) {
  const label = fields.find((f) => f.label && f.kind === "text");
  // In the query's order, as paths and series have them; a SELECT may list them otherwise.
  const keys = (order || fields.filter((f) => f.key).map((f) => f.name)).map((name) => fields.find((f) => f.name === name) || { name });
  const score = fields.find((f) => !f.key && f.name === order_by) || fields.find((f) => !f.key && !f.label && f.kind !== "text");
  return { label, keys, score, rest: fields.filter((f) => !f.key && f !== label && f !== score) };
}

export class Ranking {
  constructor(data) {
    this.name = data.name;
    this.windows = new Map(); // by name: {window_start, window_end, final, finalCommit, corrected}
    this.start = null; // the name of the window whose rows are here
    this.rows = new Map(); // by key
    this.pending = null; // changes that came while the rows of another window were on their way
    this.fresh = true; // what is there from the beginning is not "new"
    this.corrections = new Map(); // wall time of each correction seen in the shown window, by key
    this.take(data);
  }

  take(data) {
    this.shape = shapeOf(data);
    this.partition = data.partition || [];
    this.limit = data.limit;
    this.noun = data.noun || "sales";
    this.unit = data.unit || "";
    /** Whether what it is ordered by is an amount: a unit is of amounts, not of counts. */
    this.amount = this.shape.score?.kind === "decimal";
    this.byEnd = (data.named_by || []).includes("window_end");
    const before = this.windows;
    this.windows = new Map(data.windows.map((w) => {
      const name = this.name_window(w), known = before.get(name);
      const final = w.final ? { finalCommit: known?.finalCommit ?? w.commit, corrected: known?.corrected ?? null } : { corrected: null };
      return [name, { ...w, ...final }];
    }));
  }

  /** What names the window of a row, a change, a window: its start, with the end where that does not say it; "all" is of all time. */
  name_window(w) { return w.window_start === null ? "all" : this.byEnd ? `${w.window_start}/${w.window_end}` : w.window_start; }
  key(row) { return JSON.stringify(this.shape.keys.map((k) => row[k.name] ?? null)); }
  /** Its keys as paths and addresses have them: texts, and NULL is the one that no text is. */
  keys(row) { return this.shape.keys.map((k) => pathed(row[k.name])); }
  name_of(row) { return (this.shape.label && row[this.shape.label.name]) || this.id_of(row) || "All"; }
  id_of(row) { return this.shape.keys.map((k) => row[k.name] ?? "–").join(" · "); }
  score_of(row) { return this.shape.score ? row[this.shape.score.name] : null; }
  get window() { return this.windows.get(this.start); }
  get newest() { let best = null; for (const s of this.windows.keys()) if (best === null || s > best) best = s; return best; }
  /** The rows in their order: partition, rank, key. */
  ordered() {
    const place = (row) => this.partition.map((p) => row[p]).join("\u0000");
    return [...this.rows].sort(([k1, a], [k2, b]) =>
      place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : a.rank - b.rank || (k1 < k2 ? -1 : 1));
  }

  show(start, rows) {
    if (this.start !== start) { this.fresh = true; this.corrections = new Map(); }
    this.start = start;
    this.pending = null;
    this.rows = new Map(rows.map((row) => [this.key(row), row]));
  }

  /** An older window: its rows now, then the changes that came meanwhile. */
  async load(start) {
    const pending = this.pending = [];
    this.wanted = start;
    try {
      const rows = this.windows.has(start) ? await get(`${windowPath(this.name, start)}?limit=${ROWS}`) : [];
      if (this.pending !== pending) return; // another window was chosen, or a snapshot came
      this.show(start, rows);
      for (const change of pending) this.fold(change);
    } catch {
      if (this.pending === pending) this.pending = null; // the line is down; the next snapshot loads it again
    }
    tell("rows");
    tell("windows");
  }

  fold(change) {
    const key = this.key(change.row), old = this.rows.get(key);
    if (old && old.commit >= change.commit) return;
    if (change.op === "delete") this.rows.delete(key);
    else this.rows.set(key, { ...change.row, window_start: change.window_start, window_end: change.window_end, rank: change.rank, final: change.final, commit: change.commit });
  }
}

export function snapshot(data) {
  // A server that was started anew may count from the beginning again.
  state.commit = data.commit;
  let shape = false;
  for (const given of data.rankings) {
    let ranking = state.rankings.get(given.name);
    if (ranking) ranking.take(given);
    else { state.rankings.set(given.name, ranking = new Ranking(given)); shape = true; }
    const newest = ranking.newest;
    if (state.picked && state.picked !== newest && ranking.windows.has(state.picked)) ranking.load(state.picked);
    else ranking.show(newest, given.rows);
  }
  state.changed = Date.now();
  if (shape) tell("shape");
  tell("windows");
  tell("rows");
}

/** A final window that changes is corrected: the page says so, and where. */
function correct(ranking, w, change, now) {
  if (w.corrected?.commit !== change.commit) w.corrected = { at: now, commit: change.commit, count: (w.corrected?.count || 0) + 1 };
  if (ranking.name_window(change) !== ranking.start) return;
  ranking.corrections.set(ranking.key(change.row), now);
}

export function follow(data) {
  if (data.commit <= state.commit) return;
  state.commit = data.commit;
  const now = state.changed = Date.now();
  let windows = false;
  for (const change of data.changes) {
    const ranking = state.rankings.get(change.ranking);
    if (!ranking) continue;
    const start = ranking.name_window(change);
    let w = ranking.windows.get(start);
    if (!w && change.op === "upsert") {
      w = { window_start: change.window_start, window_end: change.window_end, final: change.final, finalCommit: change.final ? change.commit : null, corrected: null };
      ranking.windows.set(start, w);
      windows = true;
      if (!state.picked && ranking.newest === start && !ranking.pending) ranking.show(start, []);
    } else if (w && change.final) {
      if (!w.final) { w.final = true; w.finalCommit = change.commit; windows = true; }
      else if (w.finalCommit !== change.commit) { correct(ranking, w, change, now); windows = true; }
    }
    if (ranking.pending) { if (start === ranking.wanted) ranking.pending.push(change); }
    else if (start === ranking.start) ranking.fold(change);
  }
  if (windows) tell("windows");
  tell("rows");
}

/** Shows another window, of every ranking that has it; "" follows the newest. */
export function pick(start) {
  if (state.picked === start) return;
  state.picked = start;
  for (const ranking of state.rankings.values()) {
    const want = start && ranking.windows.has(start) ? start : ranking.newest;
    if (want && want !== ranking.start) ranking.load(want);
  }
  tell("windows");
}

/** Every window that some of these rankings has, newest first. */
export function allWindows(rankings) {
  const all = new Map();
  for (const ranking of rankings)
    for (const [name, w] of ranking.windows) {
      if (name === "all") continue; // the one of all time is always shown
      const known = all.get(name);
      all.set(name, known ? { ...known, final: known.final && w.final, corrected: known.corrected || w.corrected } : { ...w, name });
    }
  return [...all.values()].sort((a, b) => (a.name < b.name ? 1 : -1)).slice(0, 400);
}
