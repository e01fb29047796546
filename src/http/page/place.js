// The address says what is shown, so that it can be sent to somebody: #ranking/window/key, #about/lag.

import { state } from "./state.js";

const code = encodeURIComponent;

/** {ranking, window, keys} or {about}; window "" is the newest. */
export function read() {
  let parts;
  try { parts = location.hash.slice(1).split("/").map(decodeURIComponent); } catch { parts = [""]; }
  if (parts[0] === "about") return { about: parts[1] || "" };
  const [ranking, window, ...keys] = parts;
  return { ranking: ranking || "", window: !window || window === "newest" ? "" : window, keys };
}

/** Writes the address. A panel that opens is a step that "back" undoes; another window is not. */
export function write({ about, ranking, window = state.picked, keys = [] }, step) {
  const hash = about ? `#about/${code(about)}`
    : ranking || window ? "#" + [ranking || "", window || "newest", ...keys].map(code).join("/") : "#";
  if (hash === (location.hash || "#")) return;
  history[step ? "pushState" : "replaceState"](null, "", hash === "#" ? location.pathname + location.search : hash);
}
