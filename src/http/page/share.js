// The overview: one strip, the total, and each one's share of it.

import { el, roving, setText } from "./dom.js";
import { state } from "./state.js";
import { figure, many, plain, sum } from "./text.js";

const EVERY = 400; // ms between two drawings
const MOST = 12;

const same = (a, b) => Boolean(a && b) && Date.parse(a) === Date.parse(b);

export class Share {
  constructor(section, open) {
    this.section = section;
    this.open = open;
    this.cells = [];
    this.drawn = -Infinity;
    this.total = section.querySelector(".total");
    this.title = section.querySelector("h2");
    this.strip = section.querySelector("ol");
    roving(this.strip, "button");
  }

  draw(ranking, now) {
    if (now - this.drawn < EVERY) return;
    this.drawn = now;
    const { score } = ranking.shape;
    const rows = ["decimal", "integer"].includes(score?.kind) && !ranking.partition.length ? ranking.ordered().map(([, row]) => row).filter((row) => Number(row[score.name]) > 0).slice(0, MOST) : [];
    this.section.hidden = rows.length < 2;
    if (rows.length < 2) return;
    const listed = sum(rows.map((row) => row[score.name]));
    // The total of all, where the server knows it; it is told once a second, and rows may be ahead of it.
    const w = ranking.window;
    const known = state.health?.totals?.find((t) => t.ranking === ranking.name && same(t.window_start, w?.window_start) && same(t.window_end, w?.window_end));
    const all = known && Number(known.value) > Number(listed) ? known.value : listed;
    this.section.classList.toggle("part", !known);
    const [whole, fraction] = figure(all);
    this.write(this.total, whole, fraction);
    const what = ranking.shape.keys.map((k) => many(k.name)).join(", "), unit = ranking.amount && ranking.unit ? `${ranking.unit}, ` : "";
    setText(this.title, known ? `${unit}${plain(score.name)} of all ${ranking.noun}${known.count ? ` (${figure(known.count)[0]})` : ""}` : `${unit}${plain(score.name)} of the ${rows.length} leading ${what}`);
    while (this.cells.length < rows.length) this.cells.push(this.cell(this.cells.length));
    this.cells.forEach((cell, i) => {
      const row = rows[i];
      cell.node.hidden = !row;
      if (!row) return;
      cell.row = [ranking, row];
      const share = Number(row[score.name]) / Number(all);
      const width = (share * 100).toFixed(2);
      if (cell.width !== width) { cell.width = width; cell.node.style.flexGrow = width; }
      setText(cell.name, ranking.name_of(row));
      setText(cell.share, `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`);
    });
  }

  write(node, whole, fraction) {
    if (node.dataset.value === whole + fraction) return;
    node.dataset.value = whole + fraction;
    node.replaceChildren(whole, el("i", null, fraction));
  }

  cell(i) {
    const name = el("b"), share = el("span");
    const cell = { name, share };
    const button = el("button", { type: "button", tabindex: i ? "-1" : "0", click: () => cell.row && this.open(cell.row[0], cell.row[0].keys(cell.row[1])) }, name, " ", share);
    cell.node = el("li", null, button);
    this.strip.append(cell.node);
    return cell;
  }
}
