// A badge for the demo: its days are short, and its sales are made up. Who watches must be told, not find out.

import { $ } from "./dom.js";
import { get } from "./api.js";

export function demo() {
  get("process").then(({ configuration: c }) => {
    if (c?.command !== "demo") return;
    $("demo").textContent = `Demo: made-up sales, a day takes ${c.day}`;
    $("demo").hidden = false;
  }, () => { /* who may not ask, or an older server: no badge */ });
}
