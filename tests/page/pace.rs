//! Fifty changes a second must not stutter: frames are timed in the browser while they come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::browser::PATIENCE;
use super::shop::{CITIES, Shop};
use super::support::{http, until};

/// Changes committed since the start, of all rankings.
fn changes(address: &str) -> f64 {
    let (_, text) = http::get(address, "/metrics");
    let of = |line: &str| {
        line.starts_with("standings_changes_total")
            .then(|| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    text.lines().filter_map(of).flatten().sum()
}

/// Sales a second; each changes at least a city and a salesman of the country, and one of the city.
const SALES: u64 = 16;

#[test]
fn fifty_changes_a_second_do_not_stutter() {
    let shop = Shop::open();
    let browser = shop.browser();
    browser.run("document.getElementById('count').value = '25'");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sell = shop.seller();
            for n in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                // The last overtakes the first, again and again.
                let city = (n * 5 % 6) as usize;
                sell(
                    CITIES[city],
                    &format!("S{:03}", 2 * city),
                    3_000 + n * 37 % 9_000,
                );
                std::thread::sleep(Duration::from_micros(1_000_000 / SALES));
            }
        });
        let moves = || {
            browser
                .run("return Number(document.body.dataset.moves)")
                .as_u64()
                .unwrap_or(0)
        };
        until("rows move", PATIENCE, || moves() > 5);
        let before = changes(&shop.address);
        let figures = browser.run_async(
            "const done = arguments[0], frames = [], begun = performance.now();
             let last = begun;
             requestAnimationFrame(function frame(now) {
               frames.push(now - last); last = now;
               if (now - begun < 6000) return requestAnimationFrame(frame);
               frames.sort((a, b) => a - b);
               const at = (q) => frames[Math.floor(frames.length * q)];
               done([frames.length, at(.5), at(.95), frames.at(-1)]);
             })",
        );
        let pace = (changes(&shop.address) - before) / 6.0;
        over.store(true, Ordering::Relaxed);
        let f = |i: usize| figures[i].as_f64().unwrap();
        eprintln!(
            "page: {} frames in 6 s at {pace:.0} changes a second: {:.1} ms in the median, {:.1} ms at p95, {:.1} ms at most",
            f(0),
            f(1),
            f(2),
            f(3)
        );
        assert!(pace >= 50.0, "only {pace} changes a second");
        assert!(f(2) <= 100.0, "p95 of a frame is {} ms", f(2));
        assert!(moves() > 20);
    });
}
