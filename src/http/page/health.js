// The health strip, and what each of its numbers means: every number opens its explanation.

import { $, el, setText } from "./dom.js";
import { brief, bytes, count, latency, moment, span, windowTitle, words } from "./text.js";
import { get, Problem } from "./api.js";
import { inWords, state, watch } from "./state.js";
import * as panel from "./panel.js";

// In the strip at the foot stands what anybody asks, and whatever is wrong; the rest is for who runs it: under Operations.
const ITEMS = [
  { id: "watermark", open: true, name: () => `All ${state.noun} are counted up to`, value: (h) => h.watermark ? moment(h.watermark).slice(0, 16) : undefined },
  { id: "rate", open: true, name: () => `${words(state.noun)} a second`, value: (h) => count(h.sales_per_second) },
  { id: "p99", name: "Latency, 99 %", value: (h) => latency(h.latency_p99_ms) },
  { id: "lag", name: "Lag", value: (h) => h.lag_records === undefined ? undefined : count(h.lag_records), warn: (h) => h.lag_records > 100000 },
  { id: "late", name: "Late", value: (h) => brief(h.late) },
  { id: "dead", name: "Dead letters", value: (h) => brief(h.dead_letters), warn: (h) => h.dead_letters > 0 },
  { id: "drift", name: "Fields changed", value: (h) => h.drift ? count(h.drift.reduce((n, d) => n + d.fields, 0)) : undefined, warn: () => true },
];

const ABOUT = {
  rate: ["Sales a second", "How many sales were read from the source, on average over the last five seconds."],
  p99: ["Latency", "From reading a sale to the commit that shows it. 99 of 100 sales of the last seconds were faster than this."],
  lag: ["Lag", "Records that are in the source and not yet read. It grows when sales come faster than they are ranked, or while a sink is down."],
  late: ["Late sales", "A sale is late when its own partition's watermark had passed the end of its window and the allowed lateness. It is not counted in the ranking, but written to the late output with the windows it missed."],
  dead: ["Dead letters", "Records that are no valid sale: unreadable, a value missing, or a time too far ahead. Each is kept with its reason, partition and offset; none stops the process."],
  drift: ["Fields changed", "Records are not what they were: a field came that no column takes (added), the field of a column is gone (dropped), or it has another type (retyped). A column whose field is gone is empty from then on; a value that its column does not take makes a dead letter. The log names each field once, with the event schema_drift."],
  watermark: ["Watermark", "Event time up to which everything is expected to have been seen: the least over the partitions that are not idle. A window closes when the watermark reaches its end."],
  window: ["What holds this window open?", "A window closes when the watermark reaches its end. Until then its rows are provisional. The watermark is held by the partition that is furthest behind."],
};

const named = ({ name }) => typeof name === "function" ? name() : name;

export function health() {
  const foot = strip($("health"), ITEMS, (item, h) => item.open || item.warn?.(h));
  const inside = strip($("operations-health"), ITEMS.filter((item) => !item.open), () => true);
  const box = $("operations");
  try { box.open = localStorage.getItem("operations") === "open"; } catch { /* it begins closed */ }
  box.addEventListener("toggle", () => { try { localStorage.setItem("operations", box.open ? "open" : "closed"); } catch { /* it lasts until a reload */ } });
  watch((what) => {
    if (what !== "health") return;
    foot(state.health);
    inside(state.health);
    setText($("operations-line"), glance(state.health));
  });
}

/** What the closed box says: how fast, and whether all that is written to is there. */
function glance(h) {
  const down = (h.sinks || []).filter((s) => !s.up), sinks = h.sinks?.length;
  return [h.latency_p99_ms === undefined ? "" : `99 % within ${latency(h.latency_p99_ms)}`,
    down.length ? `${down.map((s) => s.name).join(", ")} down` : sinks ? `${sinks} ${sinks === 1 ? "sink" : "sinks"} up` : ""].filter(Boolean).join(", ");
}

/** Cells of the numbers in `list`; what is returned writes them. A number that `shows` says no to, or that the server does not tell, is not there. */
function strip(list, items, shows) {
  const cells = items.map((item) => {
    const value = el("b", null, "–"), name = el("span", { class: "name" }, named(item));
    const cell = el("li", null, el("button", { type: "button", "data-about": item.id }, name, " ", value));
    cell.hidden = !item.open;
    list.append(cell);
    return { item, cell, name, value };
  });
  return (h) => {
    for (const { item, cell, name, value } of cells) {
      const shown = item.value(h);
      setText(name, named(item));
      cell.hidden = shown === undefined || !shows(item, h);
      setText(value, shown ?? "–");
      cell.classList.toggle("warn", Boolean(item.warn?.(h)));
    }
  };
}

/** Opens the explanation of one number. */
export function about(id, onClose) {
  const [title, words_] = (ABOUT[id] || ABOUT.watermark).map(inWords);
  const facts = el("dl", { class: "facts" }), marks = el("div");
  let first = true;
  const refresh = () => { numbers(id, facts); if (id !== "rate" || first) detail(marks, id); first = false; };
  panel.show({ title, kind: "Explained", nodes: [el("p", { class: "lead" }, words_), facts, marks], refresh, onClose });
  refresh();
}

function numbers(id, list) {
  const h = state.health || {};
  const all = {
    rate: [["Now", `${count(h.sales_per_second)} a second`], ["Read since the start", count(h.read)], ["In flight", h.in_flight_bytes === undefined ? undefined : bytes(h.in_flight_bytes)]],
    p99: [["Median", latency(h.latency_p50_ms)], ["99 of 100", latency(h.latency_p99_ms)], ["Commits", h.commits === undefined ? undefined : count(h.commits)]],
    lag: [["Not yet read", h.lag_records === undefined ? undefined : count(h.lag_records)], ["In flight", h.in_flight_bytes === undefined ? undefined : bytes(h.in_flight_bytes)]],
    late: [["Late since the start", count(h.late)], ["Of", `${count(h.read)} read`]],
    dead: [["Dead letters since the start", count(h.dead_letters)], ["Of", `${count(h.read)} read`]],
    drift: (h.drift || []).map((d) => [`${words(d.table)}, ${d.kind}`, `${count(d.fields)} ${d.fields === 1 ? "field" : "fields"}`]),
    watermark: [["Watermark", `${moment(h.watermark)} UTC`]],
    window: [["Watermark", `${moment(h.watermark)} UTC`]],
  }[id] || [];
  list.replaceChildren(...all.filter(([, v]) => v !== undefined).flatMap(([k, v]) => [el("dt", null, k), el("dd", null, v)]));
}

let offered = true;

async function detail(box, id) {
  if (id === "dead") return letters(box);
  if (!offered || ["drift", "p99"].includes(id)) return;
  let w;
  try { w = await get("watermarks"); } catch (error) {
    if (error instanceof Problem && error.status === 404) offered = false;
    return;
  }
  const place = (p) => p.topic === undefined ? String(p.partition) : `${p.topic}/${p.topic_partition}`;
  const holders = w.partitions.filter((p) => p.holds).map(place);
  const table = el("table", null,
    el("thead", null, el("tr", null, ["Partition", "Last event", "Behind", "Lag", "State"].map((t, i) => el("th", { scope: "col", class: i === 2 || i === 3 ? "n" : null }, t)))),
    el("tbody", null, w.partitions.map((p) => el("tr", { class: p.holds ? "now" : null },
      el("th", { scope: "row" }, place(p)), el("td", null, moment(p.last_event_time)), el("td", { class: "n" }, span(p.behind_ms)),
      el("td", { class: "n" }, p.lag_records === null || p.lag_records === undefined ? "–" : count(p.lag_records)),
      el("td", null, p.finished ? "finished" : p.idle ? `idle for ${span(Date.now() - Date.parse(p.idle_since))}` : p.holds ? "holds the watermark" : "ahead")))));
  const open = w.windows.map((x) => el("li", null,
    el("b", null, `${words(x.ranking)}, ${windowTitle(x.window_start, x.window_end)}`),
    el("span", null, waits(x, (id) => place(w.partitions.find((p) => p.partition === id) || { partition: id })))));
  const keep = document.activeElement?.closest?.(".scroll") && box.contains(document.activeElement);
  box.replaceChildren(
    el("section", null, el("h3", null, "Partitions"),
      el("p", { class: "note" }, holders.length ? `Partition ${holders.join(", ")} ${holders.length === 1 ? "is" : "are"} furthest behind.` : "No partition holds the watermark back."),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Partitions" }, table),
      w.out_of_orderness_ms === null ? null : el("p", { class: "note" }, `A ${inWords("sale")} may be ${span(w.out_of_orderness_ms)} out of order and ${span(w.allowed_lateness_ms)} late; a partition is idle after ${span(w.idle_timeout_ms)} of silence.`)),
    ...(open.length ? [el("section", null, el("h3", null, "Open windows"), el("ul", { class: "waits", role: "list" }, open))] : []));
  if (keep) box.querySelector(".scroll")?.focus();
}

let told = true;

/** Why records were refused: how many by reason, and the last of them. */
async function letters(box) {
  if (!told) return;
  let found;
  try { found = await get("dead-letters"); } catch (error) {
    if (error instanceof Problem && error.status === 404) told = false; // an older server
    return;
  }
  const why = (l) => words(l.reason) + (l.check ? `: ${l.check}` : "");
  const place = (l) => `${l.topic ? `${l.topic}, ` : ""}partition ${l.partition}, offset ${l.offset}`;
  const counts = found.reasons.map((r) => [why(r), r.count]);
  if (found.others) counts.push(["Others", found.others]);
  box.replaceChildren(...(counts.length ? [
    el("section", null, el("h3", null, "By reason"), el("dl", { class: "facts" }, counts.flatMap(([name, n]) => [el("dt", null, name), el("dd", null, count(n))]))),
    el("section", null, el("h3", null, "The last of them"), el("ul", { class: "waits", role: "list" }, found.last.map((l) => el("li", null, el("b", null, `${why(l)}, ${place(l)}`), el("span", null, l.detail))))),
    el("p", { class: "note" }, "The records themselves are where --dead-letter puts them: standings dead-letter list.")] : []));
}

/** What one open window waits for, in words. */
function waits({ remaining_ms, waits_for, would_close_if_idle }, place) {
  const missing = remaining_ms === null ? "" : `${span(remaining_ms)} of event time missing`;
  if (!waits_for.length) return `${missing || "Nothing read yet"}.`;
  const [noun, it] = waits_for.length === 1 ? ["partition", "it"] : ["partitions", "they"];
  const then = would_close_if_idle ? "the window would close" : "the window would still stay open";
  return `${missing ? missing + "; " : ""}waits for ${noun} ${waits_for.map(place).join(", ")}. Were ${it} idle, ${then}.`;
}
