// "Just now": what happened that matters, in sentences, newest first: who took the lead, who entered, who is about to be overtaken.
//
// It hears of whole steps, as they are seen: what was undone between two of them did not happen. A lead is always told; of the rest one
// at a time, and the same not again for a while.

import { $, el, setText } from "./dom.js";
import { minus, span, text, title } from "./text.js";

const KEPT = 6, LOUD = 3;
const QUIET = 5000; // ms between two sentences that are no change at the top
const AGAIN = 30000; // ms until the same is said again
const SOON = 12000; // ms in which somebody is overtaken, if both go on as they do
const LOOK = 5000; // ms over which a gap is looked at

export class News {
  constructor(open) {
    this.open = open;
    this.list = $("news-list");
    this.items = [];
    this.quiet = -Infinity;
    this.said = new Map(); // what was said: when
    this.gaps = new Map(); // ranking and pair: [when, gap]s
  }

  /** One board changed its order: `was` and `is` are its rows in order, as [key, row]. Returns what is worth saying aloud. */
  step(ranking, was, is, now) {
    if (!was.length || !is.length || ranking.partition.length) return "";
    const { score } = ranking.shape;
    const name = (row) => ranking.name_of(row);
    const before = new Map(was.map(([key, row], i) => [key, i]));
    const [first, lead] = is[0], [old] = was[0];
    if (first !== old) {
      const other = is.find(([key]) => key === old)?.[1];
      const by = other && score ? minus(lead[score.name], other[score.name]) : null;
      return this.tell(ranking, lead, now, other ? [name(lead), " took the lead from ", name(other), by ? `, by ${text(by)}${unit(ranking)}` : ""] : [name(lead), " took the lead"], `lead ${ranking.name} ${now}`);
    }
    for (let i = 1; i < Math.min(LOUD, is.length); i++) {
      const [key, row] = is[i], from = before.get(key);
      if (from === undefined || from <= i) continue;
      const passed = is[i + 1]?.[1];
      return this.calm(ranking, row, now, passed ? [name(row), ` rose to ${row.rank}, past `, name(passed)] : [name(row), ` rose to ${row.rank}`], `rose ${ranking.name} ${key}`);
    }
    const entered = is.find(([key]) => !before.has(key));
    if (entered) return this.calm(ranking, entered[1], now, [name(entered[1]), ` entered at ${entered[1].rank}`], `entered ${ranking.name} ${entered[0]}`);
    return "";
  }

  /** Rows as they are, also where their order is the same: a gap at the top that closes is told before it is closed. */
  watch(ranking, is, now) {
    const { score } = ranking.shape;
    if (!score || ranking.partition.length) return;
    const seen = new Set();
    for (let i = 0; i + 1 < Math.min(LOUD + 1, is.length); i++) {
      const [[k1, ahead], [k2, behind]] = [is[i], is[i + 1]];
      const pair = `${ranking.name} ${k1} ${k2}`, gap = Math.abs(Number(ahead[score.name]) - Number(behind[score.name]));
      seen.add(pair);
      const past = this.gaps.get(pair) || [];
      if (past.length && now - past.at(-1)[0] < 500) continue;
      past.push([now, gap]);
      while (past.length > 1 && now - past[0][0] > LOOK) past.shift();
      this.gaps.set(pair, past);
      const [since, then] = past[0], took = now - since, closed = then - gap;
      if (took < LOOK * 0.7 || closed <= 0 || gap <= 0) continue;
      if (gap / (closed / took) < SOON)
        this.calm(ranking, behind, now, [ranking.name_of(behind), " is about to overtake ", ranking.name_of(ahead), ` for rank ${ahead.rank}: ${text(minus(ahead[score.name], behind[score.name]))}${unit(ranking)} to go`], `soon ${pair}`);
    }
    for (const pair of this.gaps.keys()) if (pair.startsWith(`${ranking.name} `) && !seen.has(pair)) this.gaps.delete(pair);
  }

  calm(ranking, row, now, words, what) {
    if (now - this.quiet < QUIET || now - (this.said.get(what) ?? -Infinity) < AGAIN) return "";
    this.quiet = now;
    return this.tell(ranking, row, now, words, what);
  }

  tell(ranking, row, now, words, what) {
    this.said.set(what, now);
    for (const [key, at] of this.said) if (now - at > AGAIN) this.said.delete(key);
    const age = el("span", { class: "soft" }), keys = ranking.keys(row), said = words.join("");
    // Names stand out, at the even places: they are what one looks for.
    const parts = words.map((w, i) => i % 2 ? w : el("b", null, w));
    const node = el("li", null, el("button", { type: "button", click: () => this.open(ranking, keys) }, ...parts), " ", el("span", { class: "soft" }, title(ranking)), " ", age);
    this.items.unshift({ node, age, at: now });
    this.list.prepend(node);
    for (const gone of this.items.splice(KEPT)) gone.node.remove();
    $("news").hidden = false;
    this.ages(now);
    return said;
  }

  /** Another window: what was told is not of it. */
  clear(ranking) {
    for (const key of this.gaps.keys()) if (key.startsWith(`${ranking.name} `)) this.gaps.delete(key);
  }

  ages(now) { for (const item of this.items) setText(item.age, `${span(now - item.at)} ago`); }
}

const unit = (ranking) => ranking.amount && ranking.unit ? ` ${ranking.unit}` : "";
