//! Bids as Nexmark's generator makes them: half of them in auctions that are hot, three of four by bidders that are, prices over six
//! orders of magnitude; a bid each 100 microseconds of event time, but for those of persons and auctions (4 of 50 events).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use standings_load::Dice;
use standings_model::time::format_rfc3339;

use crate::harness::place;
use crate::problem::Problem;

/// 2026-01-01T00:00:00Z, ms.
pub const BEGIN: i64 = 1_767_225_600_000;

const CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];

/// What of a bid is ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// Auction.
    pub auction: u64,
    /// Bidder.
    pub bidder: u64,
    /// Price, cents.
    pub price: u64,
    /// Event time, ms.
    pub at: i64,
}

/// The bids of a seed: the same for the same seed.
pub struct Bids {
    dice: Dice,
    event: u64,
}

impl Bids {
    /// From the first on.
    pub fn new(seed: u64) -> Self {
        Bids {
            dice: Dice::new(seed),
            event: 0,
        }
    }

    /// The next one, and its line.
    pub fn next(&mut self, line: &mut Vec<u8>) -> Bid {
        // Of 50 events the first is a person, three are auctions.
        if self.event % 50 < 4 {
            self.event += 4 - self.event % 50;
        }
        let event = self.event;
        self.event += 1;
        let (persons, auctions) = (event / 50 + 1, (event / 50 + 1) * 3);
        let auction = match self.dice.below(2) {
            0 => (auctions - 1) / 100 * 100,
            _ => auctions.saturating_sub(1 + self.dice.below(100.min(auctions))),
        };
        let bidder = match self.dice.below(4) {
            0 => persons.saturating_sub(1 + self.dice.below(1_000.min(persons))),
            _ => (persons - 1) / 100 * 100 + 1,
        };
        let exponent = self.dice.below(6_000_000) as f64 / 1e6;
        let bid = Bid {
            auction: 1_000 + auction,
            bidder: 1_000 + bidder,
            price: (10f64.powf(exponent) * 100.0).round() as u64,
            at: BEGIN + (event / 10) as i64,
        };
        self.write(&bid, line);
        bid
    }

    fn write(&mut self, bid: &Bid, line: &mut Vec<u8>) {
        let channel = self.dice.below(10_000);
        let (name, url) = match channel % 2 {
            0 => (
                CHANNELS[(channel / 2 % 4) as usize].to_owned(),
                format!(
                    "https://www.nexmark.com/item.htm?query=1&channel={}",
                    channel / 2 % 4
                ),
            ),
            _ => (
                format!("channel-{channel}"),
                format!(
                    "https://www.nexmark.com/{:x}/item.htm?query=1&channel_id={channel}",
                    channel * 7919
                ),
            ),
        };
        let extra = self.dice.below(u64::from(u32::MAX));
        let at = format_rfc3339(bid.at);
        let Bid {
            auction,
            bidder,
            price,
            ..
        } = bid;
        // Writing to a Vec cannot fail.
        let _ = writeln!(
            line,
            r#"{{"auction":{auction},"bidder":{bidder},"price":{price},"channel":"{name}","url":"{url}","dateTime":"{at}","extra":"{extra:08x}{extra:08x}"}}"#
        );
    }
}

/// A file of so many bids, made once; and what is in it.
pub fn file(count: u64, seed: u64) -> Result<(PathBuf, Vec<Bid>), Problem> {
    let folder = place::work();
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let path = folder.join(format!("bids-{count}-{seed}.ndjson"));
    let mut bids = Bids::new(seed);
    let mut line = Vec::new();
    if path.exists() {
        let one = |_| {
            line.clear();
            bids.next(&mut line)
        };
        return Ok((path, (0..count).map(one).collect()));
    }
    let part = path.with_extension("part");
    let all = make(&part, count, &mut bids)?;
    fs::rename(&part, &path).map_err(Problem::file(&path))?;
    Ok((path, all))
}

fn make(part: &Path, count: u64, bids: &mut Bids) -> Result<Vec<Bid>, Problem> {
    let file = File::create(part).map_err(Problem::file(part))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let (mut all, mut line) = (Vec::new(), Vec::new());
    for _ in 0..count {
        line.clear();
        all.push(bids.next(&mut line));
        out.write_all(&line).map_err(Problem::file(part))?;
    }
    out.flush().map_err(Problem::file(part))?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_are_the_same_for_a_seed_and_in_the_order_of_time() {
        let make = |seed| {
            let mut bids = Bids::new(seed);
            let mut lines = Vec::new();
            let all: Vec<Bid> = (0..5_000).map(|_| bids.next(&mut lines)).collect();
            (all, String::from_utf8(lines).unwrap())
        };
        let (all, lines) = make(1);
        assert_eq!(make(1), (all.clone(), lines.clone()));
        assert_ne!(make(2).0, all);
        assert!(all.windows(2).all(|w| w[0].at <= w[1].at));
        // Of what is not an auction or a person a second has 9,200.
        assert_eq!(all.iter().filter(|b| b.at < BEGIN + 100).count(), 920);
        for (bid, line) in all.iter().zip(lines.lines()) {
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(read["price"], bid.price);
            assert_eq!(read["auction"], bid.auction);
        }
    }
}
