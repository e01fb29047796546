// "Why?": one row's rank explained (its neighbours, its last change, corrections, late sales) and its history.

import { el, svg } from "./dom.js";
import { count, moment, one, plain, span, text, title, wallTime, windowTitle, words } from "./text.js";
import { get, keyPath, part, Problem, windowPath } from "./api.js";
import { state } from "./state.js";
import * as panel from "./panel.js";

/** False once a server has answered that it does not explain. */
const offered = { why: true, history: true };

/** Opens the panel for one key; `start` is the window, null the one shown. */
export function why(ranking, keys, start, onClose) {
  const at = start || ranking.start;
  const row = [...ranking.rows.values()].find((r) => JSON.stringify(ranking.keys(r)) === JSON.stringify(keys));
  const body = { head: el("div", { class: "place" }), why: el("div"), history: el("div") };
  let commit = null;
  const refresh = async () => {
    const now = state.commit;
    if (now === commit) return; // nothing changed since it was last asked
    const told = await Promise.all([explain(body, ranking, keys, at), past(body, ranking, keys, at)]);
    if (told[0] !== false) commit = now;
  };
  panel.show({
    title: row ? ranking.name_of(row) : keys.join(" · ").replaceAll("\0", "–"),
    kind: title(ranking),
    nodes: [body.head, body.why, body.history],
    refresh, onClose,
  });
  if (row) head(body, ranking, row, at);
  refresh();
}

function head(body, ranking, row, start) {
  const { score } = ranking.shape;
  const w = ranking.windows.get(start);
  body.head.replaceChildren(
    el("p", { class: "big" }, el("span", { class: "sr" }, "Rank "), String(row.rank)),
    el("p", null, el("b", null, score ? text(row[score.name]) : ""), el("span", null, score ? plain(score.name) : "")),
    el("p", { class: "soft" }, el("b", null, w ? windowTitle(w.window_start, w.window_end) : start === "all" ? "All time" : moment(start.split("/")[0])), el("span", null, row.final ? "final" : "provisional")));
}

async function explain(body, ranking, keys, start) {
  if (!offered.why) return;
  let w;
  try {
    w = await get(`${windowPath(ranking.name, start)}/keys/${keyPath(keys)}/why`);
  } catch (error) {
    if (!(error instanceof Problem)) {
      // What was told before stays, and says that it is old.
      if (!body.why.querySelector(".gone")) body.why.prepend(el("p", { class: "note gone" }, "The server cannot be asked now. It is tried again each second."));
      return false;
    }
    // An unknown path of an older server has no explanation in it; "not ranked there" has.
    if (error.status === 404 && /^(not found)?$/i.test(error.message)) offered.why = false;
    else body.why.replaceChildren(el("p", { class: "note" }, error.message));
    return;
  }
  head(body, ranking, { ...w.row, rank: w.rank, final: w.final }, start);
  const { score, rest } = ranking.shape;
  const label = ranking.shape.label && w.row[ranking.shape.label.name];
  if (label) document.getElementById("panel-title").textContent = label;
  body.why.replaceChildren(
    section("Between its neighbours", ladder(ranking, w)),
    section(`Last ${one(ranking.noun)}`, w.last_change ? changed(ranking, w.last_change) : el("p", { class: "note" }, "No change of it is remembered any more.")),
    section("Measures", el("dl", { class: "facts" }, rest.concat(score || []).map((f) => [el("dt", null, words(f.name)), el("dd", null, text(w.row[f.name]))]).flat())),
    section("Corrected and late",
      el("p", { class: "note" }, w.corrections.count
        ? `Corrected ${times(w.corrections.count)} after the window was final, last in commit ${count(w.corrections.last_commit)}.`
        : w.final ? "Never corrected since the window was final." : `The window is still open: every ${one(ranking.noun)} counts until it closes.`),
      el("p", { class: "note" }, w.late.count
        ? `${count(w.late.count)} late ${w.late.count === 1 ? `${one(ranking.noun)} of its window was` : `${ranking.noun} of its window were`} not counted` + (w.late.last
          ? `; the last had event time ${moment(w.late.last.event_time)} (partition ${w.late.last.partition}, offset ${w.late.last.offset}: ${w.late.last.reason}).` : ".")
        : `No ${one(ranking.noun)} of it came too late.`)));
}

const times = (n) => n === 1 ? "once" : n === 2 ? "twice" : `${count(n)} times`;
const section = (title, ...children) => el("section", null, el("h3", null, title), ...children);

/** The row between the one above and the one below, with the distances. */
function ladder(ranking, w) {
  const name = (n) => (n.label || Object.values(n.key).join(" · "));
  const step = (n, kind) => el("li", { class: kind }, el("span", { class: "rank" }, n ? String(n.rank) : ""),
    el("span", { class: "who" }, n ? name(n) : kind === "above" ? "Nobody above: it leads" : "Nobody below on this list"),
    el("span", { class: "score" }, n ? text(n.value) : ""));
  const gap = (n, words) => n ? el("li", { class: "gap" }, el("b", null, text(n.gap)), ` ${words}`) : null;
  const known = (n) => {
    if (!n) return null;
    // The name, where that row is on the page.
    const row = [...ranking.rows.values()].find((r) => ranking.shape.keys.every((k) => r[k.name] === n.key[k.name]));
    return { ...n, label: n.label || (row && ranking.name_of(row)) };
  };
  const above = known(w.above), below = known(w.below);
  const self = { rank: w.rank, key: w.key, value: w.row[w.order_by], label: ranking.shape.label && w.row[ranking.shape.label.name] };
  return el("ol", { class: "ladder", role: "list" }, step(above, "above"), gap(above, "behind"), step(self, "self"), gap(below, "ahead"), step(below, "below"));
}

function changed(ranking, c) {
  const delta = Object.entries(c.delta || {}).map(([name, value]) =>
    el("li", null, el("b", null, `${String(value).startsWith("-") || String(value).startsWith("+") ? "" : "+"}${text(value)}`), ` ${plain(name)}`));
  const from = c.previous_rank;
  const moved = from === null || from === undefined ? `entered at ${c.rank}` : from === c.rank ? `counted; still at ${c.rank}` : `${from > c.rank ? "rose" : "fell"} from ${from} to ${c.rank}`;
  const movers = (c.moved_by || []).map((m) => el("li", null, el("b", null, Object.values(m.key).map((k) => k === null ? "–" : String(k)).join(" · ")),
    ` ${m.previous_rank === null ? `came at ${m.rank}` : m.rank === null ? `left, it was at ${m.previous_rank}` : m.rank === m.previous_rank ? `stayed at ${m.rank}` : `went from ${m.previous_rank} to ${m.rank}`}`));
  const offsets = Object.entries(c.offsets || {}).map(([p, [a, b]]) => `partition ${p}: ${text(String(a))} to ${text(String(b))}`).join(", ");
  return el("div", null,
    el("p", null, el("b", null, moved), el("span", { class: "soft" }, ` ${span(Date.now() - Date.parse(c.at))} ago, at ${wallTime(c.at)}`), c.correction ? el("span", { class: "mark" }, "a correction") : null),
    delta.length ? el("ul", { class: "delta", role: "list" }, delta) : null,
    movers.length ? el("p", { class: "note" }, "Moved by") : null,
    movers.length ? el("ul", { class: "delta", role: "list" }, movers) : null,
    el("p", { class: "note" }, `Commit ${count(c.commit)}${offsets ? `, which read ${offsets}` : ""}.`));
}

async function past(body, ranking, keys, start) {
  if (!offered.history) return;
  let rows;
  try {
    rows = await get(`rankings/${part(ranking.name)}/keys/${keyPath(keys)}/history?limit=30`);
  } catch (error) {
    if (error instanceof Problem && error.status === 404 && /^(not found)?$/i.test(error.message)) offered.history = false;
    return;
  }
  const { score } = ranking.shape;
  if (!rows.length || !score) return body.history.replaceChildren();
  body.history.replaceChildren(section("History", chart(ranking, rows, start),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "History, window by window" }, el("table", null,
      el("thead", null, el("tr", null, el("th", { scope: "col" }, "Window"), el("th", { scope: "col", class: "n" }, "Rank"), el("th", { scope: "col", class: "n" }, words(score.name)), el("th", { scope: "col" }, "State"))),
      el("tbody", null, rows.map((row) => el("tr", ranking.name_window(row) === start ? { class: "now" } : null,
        el("th", { scope: "row" }, windowTitle(row.window_start, row.window_end)), el("td", { class: "n" }, String(row.rank)),
        el("td", { class: "n" }, text(row[score.name])), el("td", null, row.final ? "final" : "provisional"))))))));
}

/** The rank of each window, oldest left, the first rank at the top; its number at each point. */
function chart(ranking, rows, start) {
  const n = Math.max(8, rows.length), W = 360, H = 92, edge = 18, step = W / n;
  const ranks = rows.map((r) => r.rank), best = Math.min(...ranks), worst = Math.max(best + 1, ...ranks);
  const points = [...rows].reverse().map((row, i) => [i * step + step / 2, edge + (row.rank - best) / (worst - best) * (H - 2 * edge), row]);
  const dots = points.map(([x, y, row]) => svg("g", { class: ranking.name_window(row) === start ? "now" : row.final ? "" : "open" },
    svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3 }),
    svg("text", { x: x.toFixed(1), y: (y - 7).toFixed(1), "text-anchor": "middle" }, String(row.rank))));
  const way = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Rank in each of the last windows, the best at the top; the list below has the figures" },
    svg("path", { d: way }), ...dots);
}
