// One ranking alone, for a frame on another page: its newest window, live. No panel, no search, no other window.
//
// What comes is the whole face each time, once a second at most; it is drawn as the boards of the page are: at most one step of
// the order a second, arrows are the net of the last seconds.

import { $, el, setText } from "./dom.js";
import { figure, minus, one, span, text, title, wallTime, windowTitle, words } from "./text.js";
import { Ranking } from "./state.js";
import * as motion from "./motion.js";

const SHOWN = 8000; // ms that an arrow looks back
const SILENT = 15000; // ms without a word after which the line is lost
const AGAIN = 5000; // ms until a line that was refused is tried again
const query = new URLSearchParams(location.search);
const limit = Math.min(25, Math.max(1, Number(query.get("limit")) || 10));
const name = location.pathname.split("/").pop(); // as the address has it, percent-encoded

const items = new Map(); // by key
let ranking = null, rows = [], watermark = null, heard = null, waits = false, drawn = 0;

function makeRow(key) {
  const parts = { rank: el("span", { class: "rank" }), move: el("span", { class: "move" }), name: el("b"), id: el("small"),
    whole: document.createTextNode(""), cents: el("i"), gap: el("span", { class: "gap" }) };
  const button = el("div", { class: "cells" }, parts.rank, parts.move, el("span", { class: "who" }, parts.name, parts.id),
    el("span", { class: "score" }, el("span", null, parts.whole, parts.cents), parts.gap));
  const node = el("li", { class: "row" }, button, el("span", { class: "bar", "aria-hidden": "true" }));
  return { key, node, button, ...parts, past: [], entered: null };
}

function write(item, row, leader, most) {
  const { label, keys, score } = ranking.shape;
  item.node.dataset.rank = row.rank;
  setText(item.rank, row.rank === null ? "" : String(row.rank));
  setText(item.name, ranking.name_of(row));
  setText(item.id, label && keys.length ? ranking.id_of(row) : "");
  const [whole, fraction] = figure(score ? row[score.name] : "");
  if (item.whole.data !== whole) item.whole.data = whole;
  setText(item.cents, fraction);
  const known = score && row !== leader && row[score.name] !== null && ["decimal", "integer"].includes(score.kind);
  const gap = known ? minus(row[score.name], leader[score.name]) : "";
  setText(item.gap, gap && Number(gap) ? text(gap).replace("-", "−") : "");
  item.node.style.setProperty("--share", most && score ? Math.max(0, Number(row[score.name]) / most).toFixed(3) : "0");
}

function arrow(item, now) {
  while (item.past.length > 1 && now - item.past[1][0] > SHOWN) item.past.shift();
  const rose = item.past[0][1] - item.past.at(-1)[1], isNew = item.entered !== null && now - item.entered <= SHOWN;
  const kind = isNew ? "new" : rose > 0 ? "up" : rose < 0 ? "down" : "";
  item.node.classList.remove("up", "down", "new");
  if (kind) item.node.classList.add(kind);
  setText(item.move, kind === "new" ? "new" : kind ? `${kind === "up" ? "▲" : "▼"} ${Math.abs(rose)}` : "");
}

function draw(now) {
  const { score } = ranking.shape, list = $("rows");
  const order = rows.map(([key]) => key), seen = [...list.children].map((node) => node.dataset.key);
  const moved = order.length !== seen.length || order.some((key, i) => seen[i] !== key);
  if (moved && seen.length && !motion.due(now)) return;
  const steps = moved && seen.length > 0;
  if (steps) motion.step(now);
  const before = steps && motion.moves() ? new Map([...list.children].map((node) => [node, node.getBoundingClientRect().top])) : null;
  let most = 0;
  if (score) for (const [, row] of rows) most = Math.max(most, Math.abs(Number(row[score.name]) || 0));
  rows.forEach(([key, row], i) => {
    let item = items.get(key);
    if (!item) {
      items.set(key, item = makeRow(key));
      item.node.dataset.key = key;
      item.entered = seen.length ? now : null;
    }
    item.past.push([now, row.rank]);
    write(item, row, rows[0][1], most);
    if (list.children[i] !== item.node) list.insertBefore(item.node, list.children[i] || null);
    arrow(item, now);
  });
  const kept = new Set(order);
  for (const [key, item] of items) if (!kept.has(key)) { item.node.remove(); items.delete(key); }
  if (before) motion.play([...items.values()], before, motion.movers(seen, order));
}

function head() {
  const w = ranking.window, { label, keys, score } = ranking.shape;
  setText($("title"), title(ranking));
  document.title = title(ranking);
  setText($("names"), words((label || keys[0] || { name: "name" }).name));
  setText($("figures"), score ? words(score.name) + (ranking.amount && ranking.unit ? `, ${ranking.unit}` : "") : "");
  const left = w && watermark && w.window_end ? Date.parse(w.window_end) - Date.parse(watermark) : NaN;
  const open = !w || !w.window_end ? "" : w.final ? ", final" : left > 0 ? `, closes in ${span(left)}` : ", closes now";
  setText($("when"), w ? windowTitle(w.window_start, w.window_end) + open : "");
  $("empty").hidden = rows.length > 0;
  setText($("empty"), `Waiting for the first ${one(ranking.noun)}`);
}

/** Says how the line is. What was known stays, with the time that it is of. */
function line(now) {
  const lost = heard === null ? null : now - heard > SILENT;
  document.body.dataset.state = lost === null ? "connecting" : lost ? "lost" : "live";
  document.body.dataset.waits = waits && !lost ? "yes" : "no";
  const since = heard === null ? "" : wallTime(Date.now() - (now - heard));
  setText($("line"), lost === null ? "Connecting" : lost ? `Connection lost. Shown as of ${since}` : waits ? "Not live: the server cannot read its rows now" : "Live");
}

function take(data) {
  const given = { ...data.ranking };
  const start = ranking?.start;
  if (ranking) ranking.take(given); else ranking = new Ranking(given);
  ranking.show(ranking.newest, data.rows);
  if (start !== ranking.start) { // another window: its rows did not move here from this one's
    for (const item of items.values()) item.node.remove();
    items.clear();
  }
  watermark = data.watermark;
  rows = ranking.ordered().slice(0, limit);
  head();
}

function connect() {
  const source = new EventSource(`${name}/events`);
  const hear = (event, then) => { heard = performance.now(); then(JSON.parse(event.data)); line(heard); };
  source.addEventListener("rows", (event) => hear(event, (data) => { waits = false; take(data); }));
  source.addEventListener("beat", (event) => hear(event, (data) => { waits = !data.live; }));
  // A line that breaks is opened again by the browser; one that was refused is not.
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN); });
}

function frame(now) {
  if (ranking && now - drawn >= 120) { drawn = now; draw(now); for (const item of items.values()) arrow(item, now); }
  requestAnimationFrame(frame);
}

connect();
setInterval(() => line(performance.now()), 1000);
requestAnimationFrame(frame);
