// The overview: one strip, each city's share of what the listed ones sold together.

import { el, roving, setText } from "./dom.js";
import { figure, plain, sum } from "./text.js";

const EVERY = 400; // ms between two drawings
const MOST = 12;

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
    const all = sum(rows.map((row) => row[score.name]));
    const [whole, fraction] = figure(all);
    this.write(this.total, whole, fraction);
    const what = ranking.shape.keys.map((k) => plain(k.name)).join(", ");
    setText(this.title, `${plain(score.name)} of the ${rows.length} leading ${what === "city" ? "cities" : what}`);
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
