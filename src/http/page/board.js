// One ranking on the page: rows in their order, moves animated, only what changed is touched.

import { el, roving, setAttr, setText } from "./dom.js";
import { fact, figure, wallTime, windowTitle, words } from "./text.js";
import { state } from "./state.js";
import { Sparks } from "./spark.js";

const MOVE_SHOWN = 8000; // ms that an arrow stays
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** A row's node and what was last drawn of it. */
function makeRow(board, key) {
  const rank = el("span", { class: "rank" }), move = el("span", { class: "move" });
  const name = el("b"), facts = el("small"), mark = el("span", { class: "mark" });
  const spark = el("span", { class: "spark", "aria-hidden": "true" });
  const whole = document.createTextNode(""), cents = el("i");
  const score = el("span", { class: "score" }, whole, cents);
  const button = el("button", { type: "button", tabindex: "-1", click: () => board.open(key) },
    rank, move, el("span", { class: "who" }, el("span", { class: "name" }, name, mark), facts), spark, score);
  const node = el("li", { class: "row" }, button, el("span", { class: "bar", "aria-hidden": "true" }));
  node.dataset.key = key;
  return { key, node, button, rank, move, name, facts, mark, spark, whole, cents, shown: {}, from: 0, since: 0, marked: false };
}

export class Board {
  constructor(ranking, open) {
    this.ranking = ranking;
    this.open = (key) => open(ranking, JSON.parse(key));
    this.items = new Map(); // by key
    const id = `board-${ranking.name}`;
    this.time = el("time");
    this.badge = el("button", { type: "button", class: "badge", "data-about": "window" });
    this.list = el("ol", { class: "rows", role: "list" });
    this.empty = el("p", { class: "empty" }, "Waiting for the first sale");
    this.heads = { name: el("span"), score: el("span") };
    this.section = el("section", { class: "board", "aria-labelledby": id, "data-ranking": ranking.name },
      el("header", null, el("h2", { id }, words(ranking.name)), el("p", { class: "when" }, this.time, this.badge)),
      el("div", { class: "heads", "aria-hidden": "true" }, el("span", null, "Rank"), el("span"), this.heads.name, el("span", { class: "spark" }, "Over the window"), this.heads.score),
      this.list, this.empty);
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
    }
    const rows = ranking.ordered().slice(0, limit);
    const { score } = ranking.shape;
    let most = 0;
    if (score) for (const [, row] of rows) most = Math.max(most, Math.abs(Number(row[score.name]) || 0));

    const seen = [...this.list.children];
    const moved = rows.length !== seen.length || rows.some(([key], i) => seen[i].dataset.key !== key);
    // First: where every row is seen now, also in the middle of an earlier move.
    const animate = moved && !still.matches && !ranking.fresh && !document.hidden;
    const before = animate ? new Map(seen.map((node) => [node, node.getBoundingClientRect().top])) : null;
    const focused = moved && this.list.contains(document.activeElement) ? document.activeElement : null;

    let say = "";
    const kept = new Set();
    rows.forEach(([key, row], i) => {
      kept.add(key);
      let item = this.items.get(key);
      const entered = !item;
      if (entered) {
        this.items.set(key, item = makeRow(this, key));
        item.from = row.rank;
        if (!ranking.fresh) this.mark(item, "new", "", now);
      } else if (item.shown.rank !== row.rank) {
        state.moves++;
        if (now - item.since > MOVE_SHOWN) item.from = item.shown.rank;
        const rose = item.from - row.rank;
        this.mark(item, rose > 0 ? "up" : rose < 0 ? "down" : "", rose ? String(Math.abs(rose)) : "", now);
        if (row.rank < item.shown.rank) {
          light(item);
          if (row.rank <= 3) say = `${ranking.name_of(row)} rises to ${row.rank} in ${words(ranking.name)}`;
        }
      } else if (item.marked && now - item.since > MOVE_SHOWN) {
        item.from = row.rank;
        this.mark(item, "", "", now);
      }
      this.write(item, row, most);
      const at = this.list.children[i];
      if (at !== item.node) this.list.insertBefore(item.node, at || null);
    });
    for (const [key, item] of this.items)
      if (!kept.has(key)) { item.node.remove(); this.items.delete(key); }
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
    this.oneTabStop();

    if (animate) this.play(before);
    ranking.fresh = false;
    return say;
  }

  head(w) {
    const { ranking } = this, { label, keys, score } = ranking.shape;
    setText(this.heads.name, words((label || keys[0] || { name: "name" }).name));
    setText(this.heads.score, score ? words(score.name) : "");
    setText(this.time, w ? windowTitle(w.window_start, w.window_end) : "");
    if (w) setAttr(this.time, "datetime", w.window_start || "");
    const kind = !w ? "" : w.corrected ? "corrected" : w.final ? "final" : "provisional";
    if (this.badge.dataset.kind !== kind) {
      this.badge.dataset.kind = kind;
      this.badge.hidden = !kind;
    }
    setText(this.badge, kind === "corrected" ? `Final, corrected ${wallTime(w.corrected.at)}` : kind === "final" ? "Final" : kind ? "Provisional" : "");
    setText(this.empty, ranking.windows.size ? "No rows in this window" : "Waiting for the first sale");
    const hidden = ranking.rows.size > 0;
    if (this.empty.hidden !== hidden) this.empty.hidden = hidden;
  }

  write(item, row, most) {
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
    if (shown.commit === row.commit && shown.most === most) return;
    shown.commit = row.commit;
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

  // Last, invert, play: all reads first, then all writes.
  play(before) {
    for (const item of this.items.values()) item.flip?.cancel();
    const after = [...this.items.values()].map((item) => [item, item.node.getBoundingClientRect().top]);
    for (const [item, top] of after) {
      const from = before.get(item.node);
      if (from === undefined) item.flip = item.node.animate([{ opacity: 0, transform: "translateX(-1.5rem)" }, { opacity: 1, transform: "none" }], { duration: 450, easing: "ease-out" });
      else if (Math.abs(from - top) > 0.5) item.flip = item.node.animate([{ transform: `translateY(${from - top}px)` }, { transform: "none" }], { duration: 600, easing: "cubic-bezier(.22,.8,.24,1)" });
    }
  }

  mark(item, kind, by, now) {
    item.node.classList.remove("up", "down", "new");
    if (kind) item.node.classList.add(kind);
    item.marked = Boolean(kind);
    item.since = now;
    const arrow = { up: "▲", down: "▼", new: "new" }[kind];
    item.move.replaceChildren(...(arrow ? [
      el("span", { class: "sr" }, kind === "new" ? "new" : `${kind} ${by}`),
      el("span", { "aria-hidden": "true" }, kind === "new" ? arrow : `${arrow} ${by}`)] : []));
  }
}

function light({ node }) {
  node.classList.remove("lit");
  requestAnimationFrame(() => node.classList.add("lit"));
}

