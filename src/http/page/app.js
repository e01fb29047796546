// The live page: folds the snapshot and the commits that follow it, and draws at most once per animation frame.
"use strict";

const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const DRAW_EVERY = 140; // ms between two draws: figures that change with every frame cannot be read
const MOVE_SHOWN = 8000; // ms that an arrow stays
const SILENT = 7000; // ms without an event (health comes every second) until the line counts as lost

// ---- figures: decimals are strings and stay exact, so they are grouped as text
const parts = new Intl.NumberFormat().formatToParts(12345.6);
const part = (type, other) => (parts.find((p) => p.type === type) || { value: other }).value;
const GROUP = part("group", ","), POINT = part("decimal", ".");
function figure(value) {
  if (value === null || value === undefined) return ["–", ""];
  const [whole, fraction] = String(value).split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, GROUP), fraction ? POINT + fraction : ""];
}
const text = (value) => figure(value).join("");
const words = (name) => { const t = name.replaceAll("_", " "); return t[0].toUpperCase() + t.slice(1); };
const latency = (ms) => ms === null ? "–" : ms < 10 ? ms.toFixed(1) + " ms" : ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s";
const setText = (node, value) => { if (node.textContent !== value) node.textContent = value; };

// ---- windows: a day is shown as its date, anything else with its hours
const DAY = 86400000;
const dateOf = (iso) => iso.slice(0, 10), clock = (iso) => iso.slice(11, 16);
function title(start, end) {
  if (clock(start) === "00:00" && Date.parse(end) - Date.parse(start) === DAY) return dateOf(start);
  const to = dateOf(start) === dateOf(end) ? clock(end) : `${dateOf(end)} ${clock(end)}`;
  return `${dateOf(start)} ${clock(start)}–${to}`;
}

// ---- state
const boards = new Map(); // by ranking name
let picked = ""; // chosen window start; "" is the newest of each ranking
let commit = 0, moves = 0, heard = 0, dirty = false, drawn = 0, said = 0, saying = "";

function shape(ranking) {
  const label = ranking.fields.find((f) => f.label && f.kind === "text");
  const keys = ranking.fields.filter((f) => f.key);
  const score = ranking.fields.find((f) => !f.key && f.name === ranking.order_by) ||
    ranking.fields.find((f) => !f.key && !f.label && f.kind !== "text");
  return { label, keys, score, rest: ranking.fields.filter((f) => !f.key && f !== label && f !== score) };
}

// The two boards: by city and by salesman where they are loaded, else what there is.
function choose(rankings) {
  const plain = rankings.filter((r) => r.partition.length === 0);
  const find = (name, column) => rankings.find((r) => r.name === name) ||
    plain.find((r) => { const keys = r.fields.filter((f) => f.key); return keys.length === 1 && keys[0].name === column; });
  const chosen = [find("top_sales_per_city", "city"), find("top_salesmen", "salesman_id"), ...plain, ...rankings];
  return [...new Set(chosen.filter(Boolean))].slice(0, 2);
}

function makeBoard(ranking) {
  const section = $("board").content.firstElementChild.cloneNode(true);
  const board = { name: ranking.name, section, list: section.querySelector("ol"), nodes: new Map(), rows: new Map(), windows: new Map(), start: null, pending: null };
  section.dataset.ranking = ranking.name;
  const heading = section.querySelector("h2");
  heading.textContent = words(ranking.name);
  heading.id = "board-" + ranking.name;
  section.setAttribute("aria-labelledby", heading.id);
  $("boards").append(section);
  return board;
}

const keyOf = (board, row) => JSON.stringify(board.shape.keys.map((k) => row[k.name]));

function show(board, start, rows) {
  if (board.start !== start) {
    for (const node of board.nodes.values()) node.remove();
    board.nodes.clear();
  }
  board.start = start;
  board.pending = null;
  board.fresh = true; // what is there from the beginning is not "new"
  board.rows = new Map(rows.map((row) => [keyOf(board, row), row]));
}

function snapshot(data) {
  commit = data.commit;
  for (const ranking of choose(data.rankings)) {
    let board = boards.get(ranking.name);
    if (!board) boards.set(ranking.name, board = makeBoard(ranking));
    board.shape = shape(ranking);
    const heads = board.section.querySelectorAll(".heads span");
    heads[1].textContent = words((board.shape.label || board.shape.keys[0] || { name: "" }).name);
    heads[2].textContent = board.shape.score ? words(board.shape.score.name) : "";
    board.windows = new Map(ranking.windows.map((w) => [w.window_start, w]));
    const newest = ranking.windows.length ? ranking.windows[0].window_start : null;
    if (picked && picked !== newest) load(board, picked);
    else show(board, newest, ranking.rows);
  }
  pick();
}

// An older window: its rows now, then the changes that arrived meanwhile.
async function load(board, start) {
  const pending = board.pending = [];
  try {
    const known = board.windows.has(start);
    const url = `api/v1/rankings/${encodeURIComponent(board.name)}/windows/${start}?limit=100`;
    const answer = known ? await fetch(url) : null;
    const rows = answer && answer.ok ? await answer.json() : [];
    if (board.pending !== pending) return; // another window was chosen, or a snapshot came
    show(board, start, rows);
    for (const change of pending) fold(board, change);
  } catch {
    if (board.pending === pending) board.pending = null; // the line is down; the next snapshot loads it again
  }
  redraw();
}

function fold(board, change) {
  const key = keyOf(board, change.row), old = board.rows.get(key);
  if (old && old.commit >= change.commit) return;
  if (change.op === "delete") board.rows.delete(key);
  else board.rows.set(key, { ...change.row, rank: change.rank, final: change.final, commit: change.commit });
}

function follow(data) {
  if (data.commit <= commit) return;
  commit = data.commit;
  let windows = false;
  for (const change of data.changes) {
    const board = boards.get(change.ranking);
    if (!board) continue;
    const start = change.window_start;
    let w = board.windows.get(start);
    if (!w && change.op === "upsert") {
      board.windows.set(start, w = { window_start: start, window_end: change.window_end, final: change.final });
      windows = true;
      const newest = [...board.windows.keys()].every((s) => s <= start);
      if (!picked && newest && !board.pending) show(board, start, []);
    }
    if (w && change.final && !w.final) { w.final = true; windows = true; }
    if (board.pending) { if (start === picked) board.pending.push(change); } else if (start === board.start) fold(board, change);
  }
  if (windows) pick();
}

function pick() {
  const all = new Map();
  for (const board of boards.values())
    for (const w of board.windows.values()) all.set(w.window_start, w);
  const options = [...all.values()].sort((a, b) => (a.window_start < b.window_start ? 1 : -1)).slice(0, 400);
  const select = $("window");
  const want = [["", "Newest"], ...options.map((w) => [w.window_start, title(w.window_start, w.window_end) + (w.final ? " · final" : "")])];
  if (JSON.stringify(want) === select.dataset.options) return;
  select.dataset.options = JSON.stringify(want);
  select.replaceChildren(...want.map(([value, label]) => new Option(label, value, false, value === picked)));
}

// ---- drawing
function redraw() { if (!dirty) { dirty = true; requestAnimationFrame(frame); } }

function frame(now) {
  if (now - drawn < DRAW_EVERY) return requestAnimationFrame(frame);
  drawn = now;
  dirty = false;
  for (const board of boards.values()) draw(board, now);
  document.body.dataset.moves = moves;
  document.body.dataset.commit = commit;
  const spoken = performance.now();
  if (saying && spoken - said > 10000) { said = spoken; $("say").textContent = saying; saying = ""; }
}

function draw(board, now) {
  const { label, keys, score, rest } = board.shape;
  const w = board.windows.get(board.start);
  const time = board.section.querySelector("time"), badge = board.section.querySelector(".badge");
  setText(time, board.start && w ? title(w.window_start, w.window_end) : "");
  if (board.start) time.dateTime = board.start;
  setText(badge, w ? (w.final ? "Final" : "Provisional") : "");
  badge.classList.toggle("final", Boolean(w && w.final));
  setText(board.section.querySelector(".empty"), board.windows.size ? "No rows in this window" : "Waiting for the first sale");

  const rows = [...board.rows].sort((a, b) => a[1].rank - b[1].rank || (a[0] < b[0] ? -1 : 1)).slice(0, Number($("count").value));
  const most = score ? Math.max(1e-9, ...rows.map(([, r]) => Math.abs(Number(r[score.name]) || 0))) : 1;
  const order = [...board.list.children];
  const moved = rows.length !== order.length || rows.some(([key], i) => !order[i] || order[i].dataset.key !== key);
  // First: where every row is seen now, also in the middle of an earlier move.
  const animate = moved && !still.matches && !board.fresh && !document.hidden;
  const before = new Map();
  if (animate) for (const node of order) before.set(node, node.getBoundingClientRect().top);

  const kept = new Set();
  rows.forEach(([key, row], i) => {
    let node = board.nodes.get(key);
    const entered = !node;
    if (entered) {
      node = $("row").content.firstElementChild.cloneNode(true);
      node.dataset.key = key;
      board.nodes.set(key, node);
      node.at = { from: row.rank, since: now };
      if (!board.fresh) mark(node, "new", "", now);
    }
    kept.add(key);
    const [bar, rank, , who, points] = node.children;
    if (!entered && Number(node.dataset.rank) !== row.rank) {
      moves++;
      if (now - node.at.since > MOVE_SHOWN) node.at.from = Number(node.dataset.rank);
      node.at.since = now;
      const rose = node.at.from - row.rank;
      mark(node, rose > 0 ? "up" : rose < 0 ? "down" : "", rose ? String(Math.abs(rose)) : "", now);
      if (row.rank < Number(node.dataset.rank)) {
        light(node);
        const name = label ? row[label.name] : keys.map((k) => row[k.name]).join(", ");
        if (row.rank <= 3) saying = `${name} rises to ${row.rank} in ${words(board.name)}`;
      }
    } else if (node.at.marked && now - node.at.since > MOVE_SHOWN) {
      node.at.from = row.rank;
      mark(node, "", "", now);
    }
    node.dataset.rank = row.rank;
    setText(rank, String(row.rank));
    const id = keys.map((k) => row[k.name] ?? "–").join(" · ");
    const facts = rest.map((f) => `${text(row[f.name])} ${f.name.replaceAll("_", " ")}`);
    setText(who.children[0], label ? row[label.name] ?? id : id || "All");
    setText(who.children[1], (label ? [id, ...facts] : facts).join("  ·  "));
    if (score) {
      const [whole, fraction] = figure(row[score.name]);
      if (points.dataset.value !== whole + fraction) {
        points.dataset.value = whole + fraction;
        const cents = document.createElement("i");
        cents.textContent = fraction;
        points.replaceChildren(whole, cents);
      }
      bar.style.setProperty("--share", Math.max(0, Number(row[score.name]) / most).toFixed(4));
    }
    if (board.list.children[i] !== node) board.list.insertBefore(node, board.list.children[i] || null);
  });
  for (const [key, node] of board.nodes)
    if (!kept.has(key)) { node.remove(); board.nodes.delete(key); }

  if (animate) {
    // Last, invert, play.
    for (const node of board.list.children) if (node.flip) node.flip.cancel();
    const after = [...board.list.children].map((node) => [node, node.getBoundingClientRect().top]);
    for (const [node, top] of after) {
      const from = before.get(node);
      if (from === undefined) node.flip = node.animate([{ opacity: 0, transform: "translateX(-1.5rem)" }, { opacity: 1, transform: "none" }], { duration: 500, easing: "ease-out" });
      else if (Math.abs(from - top) > 0.5) node.flip = node.animate([{ transform: `translateY(${from - top}px)` }, { transform: "none" }], { duration: 650, easing: "cubic-bezier(.22,.8,.24,1)" });
    }
  }
  board.fresh = false;
}

function mark(node, kind, by, now) {
  node.classList.remove("up", "down", "new");
  if (kind) node.classList.add(kind);
  node.at.marked = Boolean(kind);
  node.at.since = now;
  setText(node.children[2], by);
  node.children[2].setAttribute("aria-label", kind === "up" ? `up ${by}` : kind === "down" ? `down ${by}` : kind || "unchanged");
}

function light(node) {
  node.classList.remove("lit");
  requestAnimationFrame(() => node.classList.add("lit"));
}

function health(h) {
  setText($("h-rate"), text(String(Math.round(h.sales_per_second))));
  setText($("h-p50"), latency(h.latency_p50_ms));
  setText($("h-p99"), latency(h.latency_p99_ms));
  setText($("h-read"), text(h.read));
  setText($("h-late"), text(h.late));
  setText($("h-dead"), text(h.dead_letters));
  setText($("h-mark"), h.watermark ? h.watermark.slice(0, 19).replace("T", " ") : "–");
  $("h-dead").classList.toggle("bad", h.dead_letters > 0);
}

// ---- the line: reconnects by itself, and says so
let source = null, wait = 0, again = 0;
function state(name, words) {
  document.body.dataset.state = name;
  setText($("line-text"), words);
}
function connect() {
  clearTimeout(again);
  if (source) source.close();
  source = new EventSource("api/v1/events");
  heard = performance.now();
  const on = (name, take) => source.addEventListener(name, (event) => {
    heard = performance.now();
    wait = 0;
    const data = JSON.parse(event.data);
    take(data);
    state("live", "Live");
    redraw();
  });
  on("snapshot", snapshot);
  on("commit", follow);
  on("health", (data) => { lastHealth = data; });
  source.onerror = lost;
}
let lastHealth = null;
function lost() {
  source.close();
  wait = Math.min(wait ? wait * 1.6 : 700, 10000);
  const at = new Date(Date.now() - (performance.now() - heard)).toLocaleTimeString();
  state("lost", boards.size ? `Connection lost. Standings as of ${at}; reconnecting` : "No connection; trying again");
  clearTimeout(again);
  again = setTimeout(connect, wait);
}
setInterval(() => {
  if (document.body.dataset.state === "live" && performance.now() - heard > SILENT) lost();
  if (lastHealth && document.body.dataset.state === "live") health(lastHealth);
  redraw(); // arrows fade also when nothing moves
}, 500);

$("window").addEventListener("change", (event) => {
  picked = event.target.value;
  for (const board of boards.values()) {
    const start = picked || [...board.windows.keys()].sort().pop() || null;
    if (start && start !== board.start) load(board, start);
  }
});
$("count").addEventListener("change", redraw);
connect();
