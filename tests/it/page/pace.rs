//! Fifty changes a second must not stutter: frames are timed in the browser while they come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::browser::{Browser, PATIENCE};
use super::shop::{CITIES, Shop};
use crate::support::{http, until};

/// Changes committed since the start, of all rankings.
fn changes(address: &str) -> f64 {
    let (_, text) = http::get(address, "/metrics");
    let of = |line: &str| {
        line.starts_with("standings_changes_total")
            .then(|| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    text.lines().filter_map(of).flatten().sum()
}

/// Processes that want a processor, on average over the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Sales a second; each changes at least a city and a salesman of the country, and one of the city.
const SALES: u64 = 22;
/// Length of one take.
const SECONDS: u32 = 5;
const TAKES: u32 = 3;

#[test]
fn fifty_changes_a_second_do_not_stutter() {
    let shop = Shop::open();
    let browser = shop.browser();
    browser.run("document.getElementById('count').value = '25'");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&over);
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
        until("rows move", PATIENCE, || moves() > 20);
        // Whatever else the machine does stalls the frames of any page. So the page's own processor time is asserted
        // always, and the frames, the best of a few takes, where the machine has time for them.
        let (mut best, mut quiet) = (f64::INFINITY, false);
        for _ in 0..TAKES {
            let (frames, pace, used) = take(&browser, &shop.address);
            eprintln!(
                "page: {} frames in {SECONDS} s at {pace:.0} changes a second: {:.1} ms in the median, {:.1} ms at p95, \
                 {:.1} ms at most; its thread used {:.0} ms a second; load {:.1}",
                frames[0],
                frames[1],
                frames[2],
                frames[3],
                used * 1000.0,
                load()
            );
            assert!(
                used <= 0.01 * pace,
                "{used} of each second for {pace} changes: over 10 ms for one"
            );
            best = best.min(frames[2]);
            quiet |= pace >= 50.0 && load() <= 4.0;
            if quiet && best <= 34.0 {
                break;
            }
        }
        assert!(!quiet || best <= 100.0, "p95 of a frame is {best} ms");
    });
}

/// Ends the sales when the measuring ends, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Frames, their median, 95th percentile and maximum in ms; the changes a second meanwhile; and the part of the time for
/// which the page's thread was busy.
fn take(browser: &Browser, address: &str) -> ([f64; 4], f64, f64) {
    let (before, used, begun) = (changes(address), browser.thread_time(), Instant::now());
    let figures = browser.run_async(&format!(
        "const done = arguments[0], frames = [], begun = performance.now();
         let last = begun;
         requestAnimationFrame(function frame(now) {{
           frames.push(now - last); last = now;
           if (now - begun < {SECONDS} * 1000) return requestAnimationFrame(frame);
           frames.sort((a, b) => a - b);
           const at = (q) => frames[Math.floor(frames.length * q)];
           done([frames.length, at(.5), at(.95), frames.at(-1)]);
         }})"
    ));
    let seconds = begun.elapsed().as_secs_f64();
    let pace = (changes(address) - before) / seconds;
    let used = (browser.thread_time() - used) / seconds;
    (
        [0, 1, 2, 3].map(|i| figures[i].as_f64().unwrap()),
        pace,
        used,
    )
}
