// One ranking on the page: rows in their order, moves animated, only what changed is touched.

import { el, roving, setAttr, setText } from "./dom.js";
import { fact, figure, minus, one, span, text, title, wallTime, windowTitle, words } from "./text.js";
import { state } from "./state.js";
import { Sparks } from "./spark.js";
import * as motion from "./motion.js";
import { carry } from "./carry.js";

const MOVE_SHOWN = 8000; // ms that an arrow looks back

/** How long an open window still takes, by the time of its records. */
function open(w) {
  const mark = state.health?.watermark, rest = mark && w.window_end ? Date.parse(w.window_end) - Date.parse(mark) : NaN;
  return rest > 0 ? `Open, closes in ${span(rest)}` : w.window_end ? "Open, closes now" : "Open";
}

/** A row's node and what was last drawn of it. */
function makeRow(board, key) {
  const rank = el("span", { class: "rank" }), move = el("span", { class: "move" });
  const name = el("b"), facts = el("small"), mark = el("span", { class: "mark" });
  const spark = el("span", { class: "spark", "aria-hidden": "true" });
  const whole = document.createTextNode(""), cents = el("i");
  const gap = el("span", { class: "gap" });
  const score = el("span", { class: "score" }, el("span", null, whole, cents), gap);
  const button = el("button", { type: "button", tabindex: "-1", click: () => board.open(key) },
    rank, move, el("span", { class: "who" }, el("span", { class: "name" }, name, mark), facts), spark, score);
  const node = el("li", { class: "row" }, button, el("span", { class: "bar", "aria-hidden": "true" }));
  node.dataset.key = key;
  return { key, node, button, rank, move, name, facts, mark, spark, whole, cents, gap, shown: {}, past: [], entered: null, marked: "" };
}

export class Board {
  constructor(ranking, open, news) {
    this.ranking = ranking;
    this.news = news;
    this.seen = []; // what is drawn: [key, row] in order
    this.open = (key) => open(ranking, JSON.parse(key));
    this.items = new Map(); // by key
    const id = `board-${ranking.name}`;
    this.time = el("time");
    this.badge = el("button", { type: "button", class: "badge", "data-about": "window" });
    this.list = el("ol", { class: "rows", role: "list" });
    this.empty = el("p", { class: "empty" });
    this.legend = el("p", { class: "legend" }, "▲▼ places within 8 s. The line under a row: its part of the leader's.");
    this.heads = { name: el("span"), score: el("span") };
    this.section = el("section", { class: "board", "aria-labelledby": id, "data-ranking": ranking.name },
      el("header", null, el("h2", { id }, title(ranking)), el("p", { class: "when" }, this.time, this.badge)),
      el("div", { class: "heads", "aria-hidden": "true" }, el("span", null, "Rank"), el("span"), this.heads.name, el("span", { class: "spark" }, "Over the window"), this.heads.score),
      this.list, this.empty, el("footer", null, this.legend, carry(ranking)));
    roving(this.list, "button");
    this.sparks = new Sparks(ranking, this);
  }

  /** Draws what differs from what is seen. Returns what is worth saying aloud, or "". */
  draw(now, limit) {
    const { ranking } = this, w = ranking.window;
    this.head(w);
    if (ranking.fresh) { // another window: its rows did not move here from this one's
      for (const item of this.items.values()) item.node.remove();
      this.items.clear();
      this.seen = [];
    }
    const rows = ranking.ordered().slice(0, limit);
    const { score } = ranking.shape;
    let most = 0;
    if (score) for (const [, row] of rows) most = Math.max(most, Math.abs(Number(row[score.name]) || 0));

    const order = rows.map(([key]) => key), seen = this.seen.map(([key]) => key);
    const moved = order.length !== seen.length || order.some((key, i) => seen[i] !== key);
    // Another order waits for the next step, and what is seen stays one truth until then; so do ranks that only tell ties apart.
    if (!ranking.fresh && moved && seen.length && !motion.due(now)) { this.arrows(now); return ""; }
    const steps = moved && seen.length > 0 && !ranking.fresh;
    if (steps) motion.step(now);
    const animate = steps && motion.moves();
    const before = animate ? new Map([...this.list.children].map((node) => [node, node.getBoundingClientRect().top])) : null;
    const focused = moved && this.list.contains(document.activeElement) ? document.activeElement : null;
    const say = steps ? this.news.step(ranking, this.seen, rows, now) : "";
    if (ranking.fresh) this.news.clear(ranking); else this.news.watch(ranking, rows, now);

    const kept = new Set();
    rows.forEach(([key, row], i) => {
      kept.add(key);
      let item = this.items.get(key);
      if (!item) {
        this.items.set(key, item = makeRow(this, key));
        item.entered = ranking.fresh || !seen.length ? null : now;
      } else if (item.shown.rank !== row.rank) state.moves++;
      item.past.push([now, row.rank]);
      this.write(item, row, most, rows[0][1]);
      const at = this.list.children[i];
      if (at !== item.node) this.list.insertBefore(item.node, at || null);
    });
    for (const [key, item] of this.items)
      if (!kept.has(key)) { item.node.remove(); this.items.delete(key); }
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
    this.oneTabStop();
    this.arrows(now);
    this.seen = rows;

    if (animate) motion.play([...this.items.values()], before, motion.movers(seen, order));
    ranking.fresh = false;
    return say ? `${say} in ${title(ranking)}` : "";
  }

  head(w) {
    const { ranking } = this, { label, keys, score } = ranking.shape;
    setText(this.heads.name, words((label || keys[0] || { name: "name" }).name));
    setText(this.heads.score, score ? words(score.name) + (ranking.amount && ranking.unit ? `, ${ranking.unit}` : "") : "");
    setText(this.time, w ? windowTitle(w.window_start, w.window_end) : "");
    if (w) setAttr(this.time, "datetime", w.window_start || "");
    const kind = !w ? "" : w.corrected ? "corrected" : w.final ? "final" : "provisional";
    if (this.badge.dataset.kind !== kind) {
      this.badge.dataset.kind = kind;
      this.badge.hidden = !kind;
    }
    setText(this.badge, kind === "corrected" ? `Final, corrected ${wallTime(w.corrected.at)}` : kind === "final" ? "Final" : kind ? open(w) : "");
    const waits = state.health?.waiting_for;
    setText(this.empty, ranking.windows.size ? "No rows in this window" : waits ? `Nothing yet: waiting for ${waits}` : `Waiting for the first ${one(ranking.noun)}`);
    const hidden = ranking.rows.size > 0;
    if (this.empty.hidden !== hidden) this.empty.hidden = hidden;
  }

  write(item, row, most, leader) {
    const { ranking } = this, { label, keys, score, rest } = ranking.shape, { shown } = item;
    if (shown.rank !== row.rank) {
      shown.rank = row.rank;
      item.node.dataset.rank = row.rank;
      setText(item.rank, row.rank === null ? "" : String(row.rank));
    }
    const corrected = ranking.corrections.get(item.key) || 0;
    if (shown.corrected !== corrected) {
      shown.corrected = corrected;
      setText(item.mark, corrected ? `corrected ${wallTime(corrected)}` : "");
    }
    const lead = score ? leader[score.name] : null;
    if (shown.commit === row.commit && shown.most === most && shown.lead === lead) return;
    shown.commit = row.commit;
    shown.lead = lead;
    shown.most = most;
    setText(item.name, ranking.name_of(row));
    const facts = rest.map((f) => fact(f, row[f.name]));
    if (label && keys.length) facts.unshift(ranking.id_of(row));
    while (item.facts.children.length < facts.length) item.facts.append(el("span"));
    facts.forEach((f, i) => setText(item.facts.children[i], f));
    if (!score) return;
    const [whole, fraction] = figure(row[score.name]);
    if (item.whole.data !== whole) item.whole.data = whole;
    setText(item.cents, fraction);
    const known = lead !== null && lead !== undefined && row[score.name] !== null && ["decimal", "integer"].includes(score.kind);
    const gap = known && row !== leader ? minus(row[score.name], lead) : "";
    setText(item.gap, gap && Number(gap) ? text(gap).replace("-", "−") : "");
    const share = most ? Math.max(0, Number(row[score.name]) / most).toFixed(3) : "0";
    if (shown.share !== share) {
      shown.share = share;
      item.node.style.setProperty("--share", share);
    }
  }

  oneTabStop() {
    const first = this.list.firstElementChild?.firstElementChild;
    if (first && !this.list.querySelector("button[tabindex='0']")) first.tabIndex = 0;
  }

  /** Arrows and glow say the same: the net of the last seconds. */
  arrows(now) {
    for (const item of this.items.values()) {
      const { past } = item;
      while (past.length > 1 && now - past[1][0] > MOVE_SHOWN) past.shift();
      const rose = past.length ? past[0][1] - past.at(-1)[1] : 0;
      const isNew = item.entered !== null && now - item.entered <= MOVE_SHOWN;
      this.mark(item, isNew ? "new" : rose > 0 ? "up" : rose < 0 ? "down" : "", isNew || !rose ? "" : String(Math.abs(rose)));
    }
  }

  mark(item, kind, by) {
    const mark = `${kind} ${by}`;
    if (item.marked === mark) return;
    const lights = kind === "up" && !item.marked.startsWith("up");
    item.marked = mark;
    item.node.classList.remove("up", "down", "new", "lit");
    if (kind) item.node.classList.add(kind);
    if (lights) requestAnimationFrame(() => item.node.classList.add("lit"));
    const arrow = { up: "▲", down: "▼", new: "new" }[kind];
    item.move.replaceChildren(...(arrow ? [
      el("span", { class: "sr" }, kind === "new" ? "new" : `${kind} ${by}`),
      el("span", { "aria-hidden": "true" }, kind === "new" ? arrow : `${arrow} ${by}`)] : []));
  }
}
