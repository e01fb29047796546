// On a phone the boards stand side by side and are swiped: their names above them say where one is, and lead there.

import { $, el } from "./dom.js";

let eye = null;

/** Names the boards: `[title, section]` of each, in their order. */
export function tabs(boards) {
  const row = $("tabs");
  eye?.disconnect();
  row.hidden = boards.length < 2;
  const buttons = boards.map(([title, section]) =>
    el("button", { type: "button", click: () => $("boards").scrollTo({ left: section.offsetLeft - boards[0][1].offsetLeft }) }, title));
  row.replaceChildren(...buttons);
  if (row.hidden) return;
  const here = (at) => buttons.forEach((button, i) => i === at ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current"));
  here(0);
  // The one of which more than half is seen is the one that is looked at.
  eye = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) here(boards.findIndex(([, section]) => section === target));
  }, { root: $("boards"), rootMargin: "0px -49% 0px -49%" });
  for (const [, section] of boards) eye.observe(section);
}
