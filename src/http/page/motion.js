// Motion that can be read: when rows may change places, and how they are seen to.
//
//   rows that came ──► held, while another order is not due ──► one step of all boards ──► slide | cross-fade ──► rest
//
// 1. All boards step in the same frame, at most once in STEP; so transitions are at most LASTS / STEP of the time.
// 2. No step begins while a row is still on its way: nothing starts a move across another one.
// 3. At most MOST rows slide; where more would, every row is in its place at once and what is new in it fades in.
// 4. Between two steps figures are written only where they agree with the order that is seen: a row never shows more than the
//    one above it.

export const STEP = 1000; // ms between two steps
export const LASTS = 320; // ms of a transition
const MOST = 3;
const still = matchMedia("(prefers-reduced-motion: reduce)");

let last = -Infinity, frame = 0;

/** Whether a board may change its order in this frame. */
export const due = (now) => now === frame || now - last >= STEP;
/** A board does. */
export function step(now) {
  if (now !== frame) { frame = now; last = now; }
}
export const moves = () => !still.matches && !document.hidden;

/** Those of `order` that have to move so that it comes out of `seen`: what is left without its longest run that kept its order. */
export function movers(seen, order) {
  const at = new Map(seen.map((key, i) => [key, i]));
  const known = order.filter((key) => at.has(key));
  // The longest increasing run: for each length the row with the least place that ends one.
  const ends = [], before = new Map();
  for (const key of known) {
    let low = 0, high = ends.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (at.get(ends[mid]) < at.get(key)) low = mid + 1; else high = mid;
    }
    before.set(key, low ? ends[low - 1] : null);
    ends[low] = key;
  }
  const kept = new Set();
  for (let key = ends.at(-1) ?? null; key !== null; key = before.get(key)) kept.add(key);
  return known.filter((key) => !kept.has(key));
}

const FADE = [{ opacity: 0.15 }, { opacity: 1 }];

/** Plays one step. `items` are in their new places; `before` has the top of each that was seen, `moved` those that moved by themselves. */
export function play(items, before, moved) {
  const slides = moved.length <= MOST;
  const after = items.map((item) => [item, item.node.getBoundingClientRect().top]); // all reads first, then all writes
  const own = new Set(moved);
  for (const [item, top] of after) {
    const from = before.get(item.node), timing = { duration: LASTS, easing: "cubic-bezier(.3,.7,.3,1)" };
    if (from === undefined) item.button.animate(FADE, timing);
    else if (Math.abs(from - top) <= 0.5) continue;
    else if (slides) {
      item.node.classList.toggle("over", own.has(item.key));
      item.node.animate([{ transform: `translateY(${from - top}px)` }, { transform: "none" }], timing).finished
        .then(() => item.node.classList.remove("over"), () => { /* the row is gone */ });
    } else item.button.animate(FADE, timing);
  }
}
