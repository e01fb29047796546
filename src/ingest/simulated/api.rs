//! An endpoint that is down, slow to show, and lies: a page twice, a cursor that goes back, rows that come while its pages are gone
//! through. In the end it is calm, and every row must be in the log once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::log::{Brokers, Client, Dice, Shared};
use super::play::{Outcome, Tally};
use super::service;
use crate::answer::Answer;
use crate::cursor::About;
use crate::feed::Feed;
use crate::feed::Trouble;
use crate::gather::Gathered;
use crate::log::To;
use crate::pages;
use crate::pages::paging::Paging;
use crate::pages::times::{Times, Written};
use crate::rest::body::Form;
use crate::rest::path::Path;
use crate::rest::{self, Fetch, Next as Following, Settings};
use crate::row::Shape;
use crate::task::{End, How, Next, Task};
use crate::told::Told;
use standings_model::clock::Clock;

/// Rows of a page.
const SIZE: u64 = 3;
/// So late a row may be shown, s.
const LATE: u64 = 60;

/// A row: when it was made, and from when on it is shown; s.
#[derive(Clone, Copy, Debug)]
struct Order {
    at: u64,
    shown: u64,
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    GoesOn,
    ByPage,
    ByTime,
}

/// The endpoint.
#[derive(Debug, Default)]
pub(super) struct Shop {
    orders: Vec<Order>,
    /// The answer before, for a page that comes twice.
    before: Option<Vec<u8>>,
    calm: bool,
    lies: u64,
    /// Cursors that were asked by.
    asked: BTreeSet<u64>,
    /// Nonces and ids of envelopes that came, and how often one came again or was not of its time.
    pub(super) envelopes: BTreeSet<String>,
    pub(super) replays: u64,
}

pub(super) struct Endpoint {
    pub(super) shop: Shared<Shop>,
    pub(super) dice: Shared<Dice>,
    pub(super) clock: Clock,
    pub(super) way: Way,
}

impl Endpoint {
    fn now(&self) -> u64 {
        let passed = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH);
        passed.unwrap_or_default().as_secs()
    }

    /// The numbers of the rows that are shown, and the next cursor.
    fn rows(&self, shop: &Shop, url: &str, lie: bool) -> (Vec<usize>, u64) {
        let now = self.now();
        let of = |name: &str| {
            let rest = url.split(name).nth(1).unwrap_or("");
            let end = rest.find('&').unwrap_or(rest.len());
            rest[..end].parse::<u64>().unwrap_or(0)
        };
        let shown = |n: &usize| shop.orders[*n].shown <= now;
        let page = |all: Vec<usize>| -> Vec<usize> {
            let before = (of("page=").max(1) - 1) * SIZE;
            all.into_iter()
                .skip(before as usize)
                .take(SIZE as usize)
                .collect()
        };
        match self.way {
            Way::GoesOn => {
                let from = of("c=");
                let to = (from + SIZE).min(shop.orders.len() as u64);
                // What it gave before is all that can be told from a cursor.
                let gone = shop.asked.range(..from).next_back();
                // A page that is not full stays, and gets more rows.
                let next = if to - from == SIZE { to } else { from };
                let next = gone.filter(|_| lie).copied().unwrap_or(next);
                ((from as usize..to as usize).collect(), next)
            }
            // The newest first: what comes moves all others.
            Way::ByPage => (page((0..shop.orders.len()).rev().collect()), 0),
            Way::ByTime => {
                let mut all: Vec<usize> = (0..shop.orders.len()).filter(shown).collect();
                all.retain(|n| shop.orders[*n].at >= of("since="));
                all.sort_by_key(|n| (shop.orders[*n].at, *n));
                (page(all), 0)
            }
        }
    }
}

impl Fetch for Endpoint {
    fn get(&mut self, url: &str, _: Option<&str>) -> Result<Answer, Trouble> {
        let roll = |below: u64| self.dice.0.borrow_mut().roll(below);
        let mut shop = self.shop.0.borrow_mut();
        let ok = |body: Vec<u8>| Answer {
            status: 200,
            body,
            ..Answer::default()
        };
        let mut goes_back = false;
        if !shop.calm {
            let fault = roll(14);
            shop.lies += u64::from(fault < 4);
            match fault {
                0 => return Err(Trouble::later("no answer")),
                1 => {
                    return Ok(Answer {
                        status: 503,
                        retry_after: Some(roll(5).to_string()),
                        ..Answer::default()
                    });
                }
                // A page twice. Instead of a first one nobody could tell.
                2 if url.contains("page=") && !url.ends_with("page=1") => {
                    if let Some(before) = shop.before.take() {
                        return Ok(ok(before));
                    }
                }
                3 => goes_back = true,
                _ => {}
            }
            // Rows come at any time, and those of transactions that are slow are shown later.
            for _ in 0..roll(3) {
                let at = self.now();
                let shown = at + if roll(3) == 0 { roll(LATE) } else { 0 };
                shop.orders.push(Order { at, shown });
            }
        }
        let cursor = url.split("c=").nth(1).and_then(|c| c.parse::<u64>().ok());
        shop.asked.extend(cursor);
        let (rows, next) = self.rows(&shop, url, goes_back);
        let rows: Vec<String> = rows
            .into_iter()
            .map(|n| format!("{{\"id\":{n},\"at\":{}}}", shop.orders[n].at))
            .collect();
        // Of the first page, which has no cursor, none is given before it is full.
        let next = if next == 0 {
            "null".to_owned()
        } else {
            next.to_string()
        };
        let body = format!("{{\"rows\":[{}],\"next\":{next}}}", rows.join(",")).into_bytes();
        shop.before = Some(body.clone());
        Ok(ok(body))
    }

    fn token(&mut self, _: &str) -> Result<Answer, Trouble> {
        Err(Trouble::Broken("nobody asks for one".to_owned()))
    }
}

fn settings(way: Way) -> Settings {
    let path = |text: &str| Path::parse(text).unwrap();
    Settings {
        url: match way {
            Way::GoesOn => "https://h/?c={cursor}",
            Way::ByPage => "https://h/?page={page}",
            Way::ByTime => "https://h/?since={since}&page={page}",
        }
        .to_owned(),
        form: Form::Json(path("$.rows[*]")),
        next: match way {
            Way::GoesOn => Following::Cursor(path("$.next")),
            Way::ByPage | Way::ByTime => Following::Nowhere,
        },
        oauth: None,
    }
}

pub(super) fn pages(way: Way) -> pages::Settings {
    pages::Settings {
        paging: match way {
            Way::GoesOn => Paging::Follow,
            Way::ByPage | Way::ByTime => Paging::Page {
                first: 1,
                size: SIZE,
            },
        },
        times: (way == Way::ByTime).then(|| Times {
            column: "at".to_owned(),
            written: Written::Seconds,
            overlap: Duration::from_secs(LATE + 1),
            start: 0,
        }),
        id: vec!["id".to_owned()],
        start: String::new(),
        every: Duration::from_secs(5),
        rate: None,
    }
}

/// What is spoken with the endpoint, which lies in each language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Rest,
    Soap,
}

/// Plays it: kills, lost answers, lies; then calm, and to the end.
fn play(seed: u64, way: Way, spoken: Spoken) -> Outcome {
    let brokers = Shared::new(Brokers {
        trouble: 9,
        ..Brokers::default()
    });
    let dice = Shared::new(Dice(seed ^ 0xa91));
    let shop = Shared::new(Shop::default());
    let clock = Clock::by_hand();
    clock.sleep(Duration::from_secs(1_000));
    let told = Told::new("s", "rest", "t", SystemTime::UNIX_EPOCH);
    let task = |once: bool| {
        let endpoint = Endpoint {
            shop: shop.clone(),
            dice: dice.clone(),
            clock: clock.clone(),
            way,
        };
        let (shape, own) = (Shape::default(), clock.clone());
        let feed: Box<dyn Feed> = match spoken {
            Spoken::Rest => {
                let feed = rest::feed(endpoint, (settings(way), pages(way)), shape, own.clone());
                Box::new(Gathered::new(feed, own))
            }
            Spoken::Soap => {
                let feed = service::feed(endpoint, way, own.clone());
                Box::new(Gathered::new(feed, own))
            }
        };
        let about = About {
            name: "s".to_owned(),
            configuration: BTreeMap::new(),
        };
        let how = How { once, adopt: false };
        let log = Client::new(&brokers, &dice);
        Task::new(about, how, feed, log, told.clone(), clock.clone(), seed)
    };
    let mut tally = Tally::default();
    let mut running = task(false);
    for _ in 0..120 {
        if dice.0.borrow_mut().roll(12) == 0 {
            running = task(false);
            tally.kills += 1;
        }
        match running.turn() {
            Next::Now => {}
            Next::After(wait) => clock.sleep(wait),
            Next::Ended(end) => return Err(format!("it ended: {end:?}")),
        }
    }
    drop(running);
    shop.0.borrow_mut().calm = true;
    brokers.0.borrow_mut().trouble = 0;
    // What is shown late is shown by then.
    clock.sleep(Duration::from_secs(LATE + 1));
    let mut last = task(true);
    let mut steps = 0;
    loop {
        match last.turn() {
            Next::Now => {}
            Next::After(wait) => clock.sleep(wait),
            Next::Ended(End::Read) => break,
            Next::Ended(end) => return Err(format!("{way:?}: it ended with {end:?}")),
        }
        steps += 1;
        if steps > 5_000 {
            return Err(format!("{way:?}: it does not come to its end"));
        }
    }
    judged(tally, way, &brokers.0.borrow(), &shop.0.borrow())
}

/// Whether all that the endpoint has is there once.
fn judged(mut tally: Tally, way: Way, brokers: &Brokers, shop: &Shop) -> Outcome {
    let records = brokers.committed.iter().filter(|w| w.to == To::Records);
    let values: Vec<&String> = records.filter_map(|w| w.value.as_ref()).collect();
    let different: BTreeSet<&&String> = values.iter().collect();
    if different.len() != values.len() {
        return Err(format!(
            "{way:?}: {} rows are there twice",
            values.len() - different.len()
        ));
    }
    if values.len() != shop.orders.len() {
        return Err(format!(
            "{way:?}: {} rows of {}",
            values.len(),
            shop.orders.len()
        ));
    }
    if shop.replays > 0 {
        return Err(format!(
            "{way:?}: {} envelopes came again, or too late",
            shop.replays
        ));
    }
    (tally.rows, tally.lies) = (values.len() as u64, shop.lies);
    (tally.lost_answers, tally.aborts) = (brokers.lost_answers, brokers.aborts);
    Ok(tally)
}

/// By a cursor.
pub(super) fn goes_on(seed: u64) -> Outcome {
    play(seed, Way::GoesOn, Spoken::Rest)
}

/// By pages that move.
pub(super) fn by_page(seed: u64) -> Outcome {
    play(seed, Way::ByPage, Spoken::Rest)
}

/// By time.
pub(super) fn by_time(seed: u64) -> Outcome {
    play(seed, Way::ByTime, Spoken::Rest)
}

/// By a cursor, in SOAP.
pub(super) fn soap_goes_on(seed: u64) -> Outcome {
    play(seed, Way::GoesOn, Spoken::Soap)
}

/// By pages that move, in SOAP.
pub(super) fn soap_by_page(seed: u64) -> Outcome {
    play(seed, Way::ByPage, Spoken::Soap)
}

/// By time, in SOAP.
pub(super) fn soap_by_time(seed: u64) -> Outcome {
    play(seed, Way::ByTime, Spoken::Soap)
}
