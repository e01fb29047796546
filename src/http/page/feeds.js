// What feeds the topics: the sources of ingestion before the first stage, each with its state, its records and its lag. Those that do not
// go on stand below the picture, too, with the whole reason.

import { $, el, svg } from "./dom.js";
import { get } from "./api.js";
import { brief } from "./text.js";
import { state } from "./state.js";

const EVERY = 2000; // ms between two questions, while somebody looks
const MOST = 4; // sources that there is room for
export const ROOM = 220, ROW = 36; // beside the first stage, and above it a row each

/** What does not go on comes first, so that it is seen. */
const ORDER = ["broken", "waiting", "snapshot", "streaming"];
const isWell = (source) => ORDER.indexOf(source.state) > 1;

/** Asks while the operations are open; `then` is given the sources. */
export function feeds(then) {
  const box = $("operations");
  const ask = async () => {
    // A server that knows of none is not asked.
    if (!box.open || document.hidden || !state.health?.sources) return;
    try {
      const all = (await get("sources")).sources;
      all.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.name < b.name ? -1 : 1));
      then(all);
      words(all.filter((s) => !isWell(s)).map((s) => [s.name, `${s.state}: ${s.reason ?? ""}`]));
    } catch (problem) {
      words([["Sources", `not known: ${problem.message}`]]);
    }
  };
  box.addEventListener("toggle", ask);
  setInterval(ask, EVERY);
}

function words(lines) {
  const list = $("feeds"), text = JSON.stringify(lines);
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.hidden = !lines.length;
  list.replaceChildren(...lines.map(([name, said]) => el("li", null, el("b", null, name), ` ${said}`)));
}

/** How many rows they take. */
export const rows = (all) => Math.min(all.length, MOST) + (all.length > MOST ? 1 : 0);

const lag = (seconds) => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
const line = (source) => `${source.state} · ${brief(source.records)}${source.records && isWell(source) ? ` · ${lag(source.lag_seconds)}` : ""}`;

/** Rows of the picture and what writes them. `to`: where the arrows lead, beside (wide) or below. */
export function drawn(all, wide, to) {
  const some = all.slice(0, MOST), rest = all.length - some.length, nodes = [], write = [];
  some.forEach((_, i) => {
    const y = i * ROW + 16;
    const dot = svg("circle", { class: "dot", cx: 6, cy: y - 4, r: 4 }), hint = svg("title");
    const name = svg("text", { class: "n", x: 18, y }), what = svg("text", { class: "unit", x: 18, y: y + 14 });
    nodes.push(svg("g", { class: "feed" }, hint, dot, name, what));
    if (wide) nodes.push(svg("path", { class: "arrow", d: `M182 ${y}C198 ${y} 198 ${to[1]} ${to[0]} ${to[1]}` }));
    write.push((source) => {
      for (const node of [dot, what]) node.classList.toggle("bad", !isWell(source));
      hint.textContent = `${source.name}: ${source.type} into ${source.topic}${source.reason ? `; ${source.reason}` : ""}`;
      name.textContent = cut(source.name, 22);
      what.textContent = line(source);
    });
  });
  if (rest) nodes.push(svg("text", { class: "unit", x: 18, y: MOST * ROW + 16 }, `and ${rest} more`));
  if (!wide) nodes.push(svg("path", { class: "arrow", d: `M${to[0]} ${to[1] - 22}L${to}` }));
  nodes.push(svg("path", { class: "arrow", d: wide ? `M${to[0] - 5} ${to[1] - 4}L${to}L${to[0] - 5} ${to[1] + 4}` : `M${to[0] - 4} ${to[1] - 5}L${to}L${to[0] + 4} ${to[1] - 5}` }));
  return [nodes, (now) => now.slice(0, MOST).forEach((source, i) => write[i](source))];
}

/** The same as a sentence. */
export const said = (all) => all.length ? ` Sources: ${all.map((s) => `${s.name} ${line(s)}`).join("; ")}.` : "";
