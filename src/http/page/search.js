// Search for one salesman (or city): a combobox over the server's `search`, of every ranking that is shown.

import { $, el, setAttr } from "./dom.js";
import { get, part, Problem } from "./api.js";
import { pathed } from "./state.js";
import { words } from "./text.js";

const PAUSE = 150; // ms without a key before the server is asked

export function search(rankings, open) {
  const box = $("search"), input = $("q"), list = $("found");
  let timer = 0, asked = 0, options = [], at = -1;

  const close = () => { list.hidden = true; setAttr(input, "aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); at = -1; };
  const choose = (option) => {
    close();
    input.value = "";
    open(option.ranking, option.ranking.shape.keys.map((k) => pathed(option.match.key[k.name])), option.ranking.name_window(option.match));
  };
  const point = (to) => {
    at = to;
    options.forEach((option, i) => setAttr(option.node, "aria-selected", String(i === at)));
    if (options[at]) { setAttr(input, "aria-activedescendant", options[at].node.id); options[at].node.scrollIntoView({ block: "nearest" }); }
  };

  async function ask() {
    const q = input.value.trim(), turn = ++asked;
    if (!q) return close();
    const all = await Promise.all(rankings().map(async (ranking) => {
      try {
        const answer = await get(`rankings/${part(ranking.name)}/search?q=${part(q)}&limit=12`);
        return answer.matches.map((match) => ({ ranking, match }));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) box.hidden = true; // an older server
        return [];
      }
    }));
    if (turn !== asked) return;
    options = all.flat().map((option, i) => {
      const { ranking, match } = option;
      const id = ranking.shape.keys.map((k) => match.key[k.name] ?? "–").join(" · ");
      const name = match.label || id;
      const node = el("li", { role: "option", id: `found-${i}`, "aria-selected": "false", mousedown: (event) => { event.preventDefault(); choose(option); } },
        el("b", null, name), el("small", null, [name === id ? null : id, words(ranking.name), `rank ${match.rank}`].filter(Boolean).join("  ·  ")));
      return { ...option, node };
    });
    list.replaceChildren(...(options.length ? options.map((o) => o.node)
      : [el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "none" }, `Nothing ranked is called “${q}”`)]));
    list.hidden = false;
    setAttr(input, "aria-expanded", "true");
    if (options.length) point(0);
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, PAUSE); });
  input.addEventListener("blur", close);
  input.addEventListener("focus", () => { if (input.value) ask(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { input.value = ""; close(); }
    if (list.hidden || !options.length) return;
    if (event.key === "ArrowDown") point((at + 1) % options.length);
    else if (event.key === "ArrowUp") point((at + options.length - 1) % options.length);
    else if (event.key === "Enter" && options[at]) choose(options[at]);
    else return;
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) return;
    event.preventDefault();
    input.focus();
  });
}
