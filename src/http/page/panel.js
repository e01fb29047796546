// The side panel: one <dialog>, filled by whoever opens it. Escape, the button and the area beside it close it.

import { $ } from "./dom.js";

let closed = null, timer = 0;

export const isOpen = () => $("panel").open;

/** Opens the panel. `refresh` runs each second while it is open; `onClose` once. */
export function show({ title, kind, nodes, refresh, onClose }) {
  const panel = $("panel");
  closed = null; // what was open gives way without a step back
  clearInterval(timer);
  $("panel-title").textContent = title;
  $("panel-kind").textContent = kind;
  $("panel-body").replaceChildren(...nodes);
  $("panel-body").scrollTop = 0;
  if (!panel.open) panel.showModal();
  closed = onClose;
  timer = setInterval(() => { if (!document.hidden) refresh?.(); }, 1000);
}

export function close() { if ($("panel").open) $("panel").close(); }

export function panel() {
  const panel = $("panel");
  $("panel-close").addEventListener("click", () => panel.close());
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  panel.addEventListener("close", () => {
    clearInterval(timer);
    const then = closed;
    closed = null;
    then?.();
  });
}
