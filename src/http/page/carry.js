// What is seen, to take along: the rows as CSV, and a link to this ranking and window.

import { el, setText } from "./dom.js";

/** A field as RFC 4180 has it. A text that a spreadsheet would compute gets an apostrophe in front. */
function cell(value, kind) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (kind === "text" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The rows of the shown window, all that the page has, figures exact. */
export function csv(ranking) {
  const fields = [...ranking.shape.keys, ...[ranking.shape.label, ranking.shape.score].filter(Boolean), ...ranking.shape.rest];
  const unique = [...new Map(fields.map((f) => [f.name, f])).values()];
  const head = ["window_start", "window_end", "rank", ...unique.map((f) => f.name), "final"];
  const lines = ranking.ordered().map(([, row]) => [row.window_start, row.window_end, row.rank, ...unique.map((f) => [row[f.name], f.kind]), row.final]
    .map((v) => Array.isArray(v) ? cell(...v) : cell(v)));
  return [head, ...lines].map((line) => line.join(",")).join("\r\n") + "\r\n";
}

/** The two buttons below a board. */
export function carry(ranking) {
  const said = el("span", { role: "status" });
  let timer = 0;
  const say = (words) => { setText(said, words); clearTimeout(timer); timer = setTimeout(() => setText(said, ""), 4000); };
  const save = () => {
    const url = URL.createObjectURL(new Blob([csv(ranking)], { type: "text/csv;charset=utf-8" }));
    const day = (ranking.window?.window_start || "all").slice(0, 10);
    el("a", { href: url, download: `${ranking.name}-${day}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  const link = async () => {
    const to = new URL(location.href);
    to.hash = [ranking.name, ranking.start && ranking.start !== "all" ? ranking.start : "newest"].map(encodeURIComponent).join("/");
    try { await navigator.clipboard.writeText(to.href); say("Link copied"); } catch { location.hash = to.hash; say("The link is in the address line"); }
  };
  return el("p", { class: "carry" }, el("button", { type: "button", click: save }, "CSV"), el("button", { type: "button", click: link }, "Copy link"), said);
}
