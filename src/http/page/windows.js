// The window picker: the newest, which follows the time, or one of those before it.

import { $ } from "./dom.js";
import { windowTitle } from "./text.js";
import { allWindows, pick, state, watch } from "./state.js";
import { write } from "./place.js";

export function windows(rankings) {
  const select = $("window"), older = $("older"), newer = $("newer");
  const choose = (start) => { pick(start); write({ window: start }); };
  select.addEventListener("change", () => choose(select.value));
  const step = (by) => {
    const at = select.selectedIndex + by + (select.selectedIndex === 0 && by > 0 && select.options.length > 2 ? 1 : 0);
    if (at >= 0 && at < select.options.length) choose(select.options[at <= 1 && by < 0 ? 0 : at].value);
  };
  older.addEventListener("click", () => step(1));
  newer.addEventListener("click", () => step(-1));
  watch((what) => {
    if (what !== "windows" && what !== "shape") return;
    const want = [["", "Newest"], ...allWindows(rankings()).map((w) =>
      [w.name, windowTitle(w.window_start, w.window_end) + (w.corrected ? " · corrected" : w.final ? " · final" : "")])];
    const text = JSON.stringify(want);
    if (text !== select.dataset.options) {
      select.dataset.options = text;
      select.replaceChildren(...want.map(([value, label]) => new Option(label, value, false, value === state.picked)));
    }
    if (select.value !== state.picked) select.value = state.picked;
    older.disabled = select.selectedIndex + 1 >= select.options.length || select.options.length < 3;
    newer.disabled = select.selectedIndex <= 0;
  });
}
