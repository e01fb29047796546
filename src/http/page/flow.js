// The stages that a sale goes through, with live counts on the arrows; late sales and dead letters leave at the side.

import { $, svg } from "./dom.js";
import { brief, bytes, count } from "./text.js";
import { inWords, state, watch } from "./state.js";
import { ROOM, ROW, drawn, feeds, rows, said } from "./feeds.js";

const STAGES = ["read", "decode", "combine", "exchange", "totals", "rank", "gather", "commit", "sinks"];
const SAY = {
  read: "Partitions of the source, each by its own worker", decode: "Bytes to a typed sale, or a reason why not",
  combine: "One epoch's sales, folded by window and key", exchange: "Each key to the worker that owns it",
  totals: "Sums and counts of every key", rank: "An ordered index of each window", gather: "One consistent cut over all workers",
  commit: "All rankings in one commit", sinks: "Postgres, Kafka, files",
};

/** What flows out of each stage: the number and its unit; undefined where the server does not say. */
const OUT = {
  read: (h) => [h.read, "records"], decode: (h) => [h.read - h.dead_letters, state.noun],
  combine: (h) => [h.ranked ?? h.read - h.dead_letters - (h.duplicates || 0) - h.late - (h.filtered || 0), "ranked"],
  totals: (h) => [h.live_keys, "keys"], rank: (h) => [h.ranks_changed, "ranks moved"],
  gather: (h) => [h.changes, "changes"], commit: (h) => [h.commits, "commits"],
};
const SIDE = { decode: [["dead", "dead letters", (h) => h.dead_letters], ["late", "late", (h) => h.late]] };

export function flow() {
  const box = $("flow-picture"), wide = matchMedia("(min-width: 64rem)");
  let write = null, sources = [];
  const build = () => { write = picture(box, wide.matches, sources); if (state.health) write(state.health, sources); };
  wide.addEventListener("change", build);
  build();
  watch((what) => { if (what === "health") write(state.health, sources); });
  feeds((all) => {
    const changed = all.length !== sources.length;
    sources = all;
    if (changed) build(); else if (state.health) write(state.health, sources);
  });
}

function picture(box, wide, sources) {
  // Each stage has a place along the flow; the picture is turned by exchanging the axes. What feeds it stands before the first.
  const taken = sources.length ? (wide ? ROOM : rows(sources) * ROW + 30) : 0;
  const pitch = wide ? (taken ? 122 : 140) : 58;
  const size = wide ? [taken + (STAGES.length - 1) * pitch + 78, Math.max(128, rows(sources) * ROW + 4)] : [340, taken + STAGES.length * pitch - 18];
  const numbers = new Map();
  const at = (i) => wide ? [taken + i * pitch + 39, 44] : [150, taken + i * pitch + 20];
  const [fed, feed] = taken ? drawn(sources, wide, wide ? [taken - 4, 44] : [150, taken + 2]) : [[], () => {}];
  const parts = STAGES.flatMap((name, i) => {
    const [x, y] = at(i);
    const stage = svg("g", { class: "stage" }, svg("title", null, inWords(SAY[name])),
      svg("rect", { x: x - 38, y: y - 15, width: 76, height: 30, rx: 15 }), svg("text", { x, y: y + 4.5, "text-anchor": "middle" }, name));
    if (i === STAGES.length - 1) return [stage];
    const from = wide ? [x + 42, y] : [x, y + 17], to = wide ? [x + pitch - 42, y] : [x, y + pitch - 17];
    const head = wide ? `M${to[0] - 5} ${to[1] - 4}L${to[0]} ${to[1]}L${to[0] - 5} ${to[1] + 4}` : `M${to[0] - 4} ${to[1] - 5}L${to[0]} ${to[1]}L${to[0] + 4} ${to[1] - 5}`;
    const mid = wide ? [(from[0] + to[0]) / 2, y - 20, y + 27] : [x + 52, y + 26, y + 38];
    const n = svg("text", { class: "n", x: mid[0], y: wide ? mid[1] : y + 30, "text-anchor": wide ? "middle" : "start" });
    const unit = svg("text", { class: "unit", x: wide ? mid[0] : x + 52, y: wide ? mid[2] : y + 42, "text-anchor": wide ? "middle" : "start" });
    numbers.set(name, [n, unit]);
    return [stage, svg("path", { class: "arrow", d: `M${from}L${to}${head}` }), n, unit];
  });
  for (const [stage, outlets] of Object.entries(SIDE)) {
    const i = STAGES.indexOf(stage), [x, y] = at(i);
    outlets.forEach(([id, unit], k) => {
      const side = k ? 1 : -1;
      const from = wide ? [x + side * 24, y + 17] : [x - 36, y + side * 9], to = wide ? [x + side * 24, y + 44] : [x - 52, y + side * 9];
      const head = wide ? `M${to[0] - 4} ${to[1] - 5}L${to[0]} ${to[1]}L${to[0] + 4} ${to[1] - 5}` : "";
      const n = svg("tspan", { class: "n" }), u = svg("tspan", { class: "unit" }, ` ${unit}`);
      const anchor = wide && k ? "start" : "end";
      if (wide) { n.setAttribute("x", to[0]); n.setAttribute("dy", 16); u.setAttribute("x", to[0]); u.setAttribute("dy", 14); }
      numbers.set(id, [n]);
      parts.push(svg("path", { class: `arrow ${id}`, d: `M${from}L${to}${head}` }),
        svg("text", { x: to[0] - (wide ? 0 : 5), y: to[1] + (wide ? 0 : 4), "text-anchor": anchor }, n, u));
    });
  }
  const note = svg("text", { class: "unit", x: wide ? at(8)[0] : at(8)[0] + 52, y: wide ? 84 : at(8)[1] + 4, "text-anchor": wide ? "middle" : "start" });
  const flight = svg("text", { class: "unit", x: at(0)[0] + (wide ? 0 : 52), y: wide ? 84 : at(0)[1] + 4, "text-anchor": wide ? "middle" : "start" });
  box.replaceChildren(svg("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, role: "img", "aria-labelledby": "flow-title flow-text" }, ...fed, ...parts, note, flight));
  const put = (node, value) => { if (node.textContent !== value) node.textContent = value; };
  return (h, now) => {
    feed(now);
    for (const [name, out] of Object.entries(OUT)) {
      const [value, unit] = out(h), [n, u] = numbers.get(name);
      const known = value !== undefined && value !== null && !Number.isNaN(value);
      put(n, known ? brief(value) : "");
      put(u, known ? unit : "");
    }
    for (const [id, , value] of Object.values(SIDE).flat()) put(numbers.get(id)[0], brief(value(h)));
    put(flight, h.in_flight_bytes === undefined ? "" : `${bytes(h.in_flight_bytes)} in flight`);
    const down = (h.sinks || []).filter((s) => !s.up);
    put(note, !h.sinks ? "" : down.length ? `${down.map((s) => s.name).join(", ")} down` : `${h.sinks.length} up`);
    note.classList.toggle("bad", down.length > 0);
    put($("flow-text"), `Of ${count(h.read)} records read, ${count(h.dead_letters)} are dead letters${h.duplicates ? `, ${count(h.duplicates)} duplicates` : ""}${h.changes_of_rows ? `, ${count(h.changes_of_rows.updated)} updates, ${count(h.changes_of_rows.deleted)} ends of rows` : ""} and ${count(h.late)} late; ${count(h.changes)} changes were committed.${said(now)}`);
  };
}
