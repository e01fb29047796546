//! Motion that a person can read: at the demo's full rate rows are measured in every frame.
//!
//! `STANDINGS_TEST_SECONDS=60` measures for so long; a sample without it.

use super::browser::Browser;
use super::demo::Demo;

/// Looks at all rows in each frame: how far two of a list cover each other (more than 2 px counts), and whether one is on its way.
/// Gives to its callback: frames, frames with rows that cover each other while nothing moves, the longest time that they did so in a
/// row (ms), the part of the time in transitions, and the order seen most often a second.
const MEASURE: &str = "
const done = arguments[0], begun = performance.now(), steps = [];
let frames = 0, moving = 0, wrong = 0, row = 0, longest = 0, last = begun, order = '';
requestAnimationFrame(function frame(now) {
  let over = 0, moves = false, seen = '';
  for (const list of document.querySelectorAll('.rows')) {
    const rows = [...list.children];
    seen += rows.map((r) => r.dataset.key).join();
    moves ||= rows.some((r) => r.getAnimations({ subtree: true }).some((a) => !(a instanceof CSSAnimation) && !(a instanceof CSSTransition)));
    const places = rows.map((r) => r.getBoundingClientRect()).sort((a, b) => a.top - b.top);
    for (let i = 1; i < places.length; i++) over = Math.max(over, places[i - 1].bottom - places[i].top);
  }
  if (order && seen !== order) steps.push(now);
  order = seen;
  frames++;
  if (moves) moving += now - last;
  if (over > 2) { row += now - last; longest = Math.max(longest, row); if (!moves) wrong++; } else row = 0;
  last = now;
  if (now - begun < SECONDS * 1000) return requestAnimationFrame(frame);
  const least = steps.slice(1).reduce((least, at, i) => Math.min(least, at - steps[i]), 1e9);
  done([frames, wrong, longest, moving / (now - begun), steps.length, least]);
})";

#[test]
fn rows_do_not_cover_each_other_at_the_demos_rate() {
    let seconds = std::env::var("STANDINGS_TEST_SECONDS").unwrap_or_else(|_| "8".to_owned());
    let demo = Demo::of("5000", "3m");
    let browser = Browser::open(&demo.address);
    browser.until(
        "both rankings",
        "document.querySelectorAll('.row').length === 20",
    );
    browser.until("rows move", "Number(document.body.dataset.moves) > 5");
    let seen = browser.run_async(&MEASURE.replace("SECONDS", &seconds));
    let [frames, wrong, longest, share, steps, least] =
        [0, 1, 2, 3, 4, 5].map(|i| seen[i].as_f64().unwrap());
    eprintln!(
        "page: {frames} frames in {seconds} s, {steps} reorders at least {least:.0} ms apart; rows covered each other for {longest:.0} ms at \
         most, {wrong} frames outside a transition; in transitions {:.0} % of the time",
        share * 100.0
    );
    assert!(steps >= 2.0, "nothing was measured: {steps} reorders");
    assert_eq!(wrong, 0.0, "rows cover each other, and nothing moves");
    assert!(longest <= 400.0, "rows cover each other for {longest} ms");
    assert!(share <= 0.4, "in transitions {share} of the time");
    assert!(least >= 950.0, "two reorders within {least} ms");
}

#[test]
fn nothing_travels_where_motion_is_not_wanted() {
    let demo = Demo::of("5000", "3m");
    let browser = Browser::start();
    browser.look(super::browser::Look {
        name: "",
        size: (1400, 1120),
        dark: false,
        query: "",
    });
    browser.go(&format!("http://{}/", demo.address));
    browser.until("rows move", "Number(document.body.dataset.moves) > 5");
    let seen = browser.run_async(&MEASURE.replace("SECONDS", "4"));
    assert!(
        seen[4].as_f64().unwrap() >= 1.0,
        "the order changes: {seen}"
    );
    assert_eq!(
        seen[3].as_f64(),
        Some(0.0),
        "and nothing is animated: {seen}"
    );
}
