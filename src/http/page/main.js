// The live page: what comes in over the line goes into the state; at most once an animation frame it is drawn.

import { $, el, setText } from "./dom.js";
import { many, one, span, title, wallTime, words } from "./text.js";
import { get, hasKey, setKey } from "./api.js";
import { Stream } from "./stream.js";
import { follow, pick, snapshot, state, tell, watch } from "./state.js";
import { Board } from "./board.js";
import { News } from "./news.js";
import { demo } from "./demo.js";
import { Share } from "./share.js";
import { windows } from "./windows.js";
import { search } from "./search.js";
import { about, health } from "./health.js";
import { tabs } from "./tabs.js";
import { why } from "./why.js";
import { flow } from "./flow.js";
import * as panel from "./panel.js";
import * as place from "./place.js";

const DRAW_EVERY = 120; // ms between two drawings: figures that change with every frame cannot be read
const SAY_EVERY = 10000; // ms between two moves that are said aloud
const wall = "wall" in document.documentElement.dataset;
const body = document.body;

// ---- the boards: by city and by salesman where they are loaded, and the one that the address names
const news = new News(openRow);
const boards = new Map();
let shown = [];

function choose() {
  const all = [...state.rankings.values()];
  const whole = all.filter((r) => r.partition.length === 0);
  const find = (name, column) => all.find((r) => r.name === name) || whole.find((r) => r.shape.keys.length === 1 && r.shape.keys[0].name === column);
  const named = state.rankings.get(place.read().ranking);
  const usual = [...new Set([find("top_sales_per_city", "city"), find("top_salesmen", "salesman_id"), ...whole, ...all].filter(Boolean))];
  shown = usual.slice(0, 2);
  if (named && !shown.includes(named)) shown = [shown[0], named];
  for (const ranking of shown) if (!boards.has(ranking)) boards.set(ranking, new Board(ranking, openRow, news));
  $("boards").replaceChildren(...shown.map((r) => boards.get(r).section));
  tabs(shown.map((r) => [boardName(r), boards.get(r).section]));
  const others = usual.filter((r) => !shown.includes(r));
  speak();
  $("others").hidden = !others.length;
  $("others").replaceChildren("Other rankings: ", ...others.map((r) => el("a", { href: `#${encodeURIComponent(r.name)}/newest` }, boardName(r))));
}
const boardName = (ranking) => title(ranking);

/** The page speaks of what the table says: orders, plays; of the keys by their names. */
function speak() {
  const names = [...new Set(shown.flatMap((r) => (r.shape.label ? [r.shape.label.name] : r.shape.keys.map((k) => k.name))))].map((n) => one(many(n)).replace(/ name$/, ""));
  const find = names.length ? `Find a ${names.join(" or a ")}` : "Find";
  $("q").placeholder = find;
  $("q").setAttribute("aria-label", find);
  state.noun = shown[0]?.noun || "sales";
  $("flow-title").textContent = `How a ${one(state.noun)} becomes a rank`;
}

// ---- drawing
const share = new Share($("share"), openRow);
let dirty = false, drawn = 0, said = -Infinity, saying = "";

function redraw() { if (!dirty) { dirty = true; requestAnimationFrame(frame); } }

function frame(now) {
  if (now - drawn < DRAW_EVERY) return requestAnimationFrame(frame);
  drawn = now;
  dirty = false;
  const limit = Number($("count").value);
  shown.forEach((ranking, i) => {
    const board = boards.get(ranking);
    saying = board.draw(now, limit) || saying;
    board.sparks.draw(now);
    if (i === 0) share.draw(ranking, now);
  });
  news.ages(now);
  body.dataset.moves = state.moves;
  body.dataset.commit = state.commit;
  if (body.dataset.first === undefined && document.querySelector(".row")) body.dataset.first = Math.round(performance.now());
  if (saying && now - said > SAY_EVERY) { said = now; setText($("say"), saying); saying = ""; }
}

// ---- the panels, and the address that names them
function openRow(ranking, keys, start) {
  const window = start && start !== ranking.newest ? start : state.picked;
  if (start && start !== ranking.start && start !== ranking.newest) pick(start);
  place.write({ ranking: ranking.name, window, keys }, true);
  why(ranking, keys, start, () => place.write({ ranking: "", window: state.picked }));
}

function openAbout(id) {
  place.write({ about: id }, true);
  about(id, () => place.write({ window: state.picked }));
}

/** Brings the page to what the address says: at the start, by "back", by a link. */
function arrive() {
  const to = place.read();
  if (to.about) return openAbout(to.about);
  if (to.window !== state.picked) pick(to.window);
  choose();
  tell("windows");
  const ranking = state.rankings.get(to.ranking);
  if (ranking && to.keys.length) why(ranking, to.keys, to.window || null, () => place.write({ ranking: "", window: state.picked }));
  else panel.close();
}

// ---- the line
function line(name, info = {}) {
  const before = body.dataset.state;
  if (name === "live" && before === "live") return;
  body.dataset.state = name;
  const since = wallTime(Date.now() - (stream.heard === null ? 0 : performance.now() - stream.heard));
  const why = info.why ? ` (${info.why})` : "";
  next = info.next || 0;
  $("retry").hidden = name !== "lost" && name !== "key";
  setText($("line-text"), name === "live" ? live() : name === "key" ? "A key is needed" : name === "connecting" ? "Connecting"
    : stream.heard === null ? `No connection${why}` : `Connection lost${why}. Shown as of ${since}`);
  if (name === "key") askKey(info.why);
  else if ($("key-ask").open) $("key-ask").close();
  age();
}
let next = 0;

/** What the process waits for takes the place of "Live": rows stay as they are until it goes on. */
let waiting = "";
const live = () => waiting ? `Not live: ${waiting}` : "Live";
function waits(text) {
  if (text === waiting) return;
  waiting = text;
  body.dataset.waits = text ? "yes" : "no";
  if (body.dataset.state === "live") setText($("line-text"), live());
}

/** How old what is shown is, and when it is tried again: outside the status, which would be read aloud each second. */
function age() {
  const since = stream.heard === null ? null : performance.now() - stream.heard;
  const wait = Math.max(0, Math.ceil((next - Date.now()) / 1000));
  setText($("line-age"), body.dataset.state === "lost" ? `${since === null ? "" : `${span(since)} old, `}${wait ? `next try in ${wait} s` : "trying"}`
    : body.dataset.state === "live" && state.changed && Date.now() - state.changed > 5000 ? `last change ${span(Date.now() - state.changed)} ago` : "");
}

let arrived = false;
const stream = new Stream("api/v1/events", (name, data) => {
  if (name === "snapshot") {
    if (!arrived) { const to = place.read(); if (!to.about) state.picked = to.window; }
    snapshot(data);
    if (!arrived) {
      arrived = true;
      arrive();
      // The lines are carried on at the greatest event time seen, which is so much ahead of the watermark.
      get("watermarks").then((w) => { state.outOfOrderness = w.out_of_orderness_ms || 0; }, () => { /* an older server */ });
    }
  } else if (name === "commit") follow(data);
  else if (name === "health") { state.health = data; waits(data.waiting_for || ""); tell("health"); }
}, line);

function askKey(why) {
  setText($("key-why"), hasKey() ? `The server does not take this key: ${why}` : "This server shows its rankings only to those who have a key.");
  if (!$("key-ask").open) $("key-ask").showModal();
}
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey($("key").value.trim());
  $("key").value = "";
  $("key-ask").close();
  line("connecting");
  stream.open();
});
$("retry").addEventListener("click", () => stream.open());

// ---- controls
$("count").addEventListener("change", redraw);
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts until a reload */ }
});
document.addEventListener("click", (event) => {
  const id = event.target.closest?.("[data-about]")?.dataset.about;
  if (id) openAbout(id);
});
addEventListener("popstate", arrive);
addEventListener("hashchange", arrive);

// Which rankings are shown is decided before anything lists their windows.
watch((what) => {
  if (what === "shape") choose();
  if (what !== "health") redraw();
});
windows(() => shown);
search(() => shown, openRow);
health();
flow();
panel.panel();
demo();
// Arrows fade and the age grows also when nothing moves.
setInterval(() => { age(); redraw(); }, 500);
if (wall) $("count").value = "10";
stream.open();
