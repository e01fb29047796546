//! What the queries come to, bid by bid, and what changes come to: the same, or the figures do not count.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::bids::Bid;

/// Rows by what names them: rank, and what is counted or bid.
pub type Rows = BTreeMap<String, (u64, u64)>;

/// The auctions with most bids in each window of 10 s that begins every 2 s.
pub fn q5(bids: &[Bid]) -> Rows {
    let mut counts: BTreeMap<i64, HashMap<u64, u64>> = BTreeMap::new();
    for bid in bids {
        let last = bid.at.div_euclid(2_000) * 2_000;
        for start in (0..5).map(|n| last - n * 2_000) {
            *counts
                .entry(start)
                .or_default()
                .entry(bid.auction)
                .or_default() += 1;
        }
    }
    let mut rows = Rows::new();
    for (start, auctions) in counts {
        let most = auctions.values().copied().max().unwrap_or_default();
        let best = auctions.iter().filter(|(_, n)| **n == most);
        rows.extend(best.map(|(auction, n)| (format!("{start} {auction}"), (1, *n))));
    }
    rows
}

/// The highest bids of each 10 s.
pub fn q7(bids: &[Bid]) -> Rows {
    let start = |bid: &Bid| bid.at.div_euclid(10_000) * 10_000;
    let mut most: BTreeMap<i64, u64> = BTreeMap::new();
    for bid in bids {
        let known = most.entry(start(bid)).or_default();
        *known = bid.price.max(*known);
    }
    let best = bids.iter().enumerate();
    let best = best.filter(|(_, bid)| most[&start(bid)] == bid.price);
    best.map(|(n, bid)| (format!("{} 0:{n}", start(bid)), (1, bid.price)))
        .collect()
}

/// The last bid of each bidder in each auction; of one moment the first that came.
pub fn q18(bids: &[Bid]) -> Rows {
    let mut last: HashMap<(u64, u64), usize> = HashMap::new();
    for (n, bid) in bids.iter().enumerate() {
        let known = last.entry((bid.bidder, bid.auction)).or_insert(n);
        if bids[*known].at < bid.at {
            *known = n;
        }
    }
    let row = |n: usize| (format!("0:{n}"), (1, bids[n].price));
    last.into_values().map(row).collect()
}

/// The ten highest bids of each auction; of one price those that came first.
pub fn q19(bids: &[Bid]) -> Rows {
    let mut of: HashMap<u64, Vec<usize>> = HashMap::new();
    for (n, bid) in bids.iter().enumerate() {
        of.entry(bid.auction).or_default().push(n);
    }
    let mut rows = Rows::new();
    for mut all in of.into_values() {
        all.sort_by_key(|n| (std::cmp::Reverse(bids[*n].price), *n));
        let best = all.iter().take(10).enumerate();
        rows.extend(best.map(|(rank, n)| (format!("0:{n}"), (rank as u64 + 1, bids[*n].price))));
    }
    rows
}

/// What changes come to; why they cannot be read.
pub fn folded(
    changes: &str,
    name: impl Fn(&Value) -> Option<String>,
    value: &str,
) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for line in changes.lines() {
        let change: Value = serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))?;
        let name = name(&change).ok_or_else(|| format!("{line} does not say which row it is"))?;
        if change["op"] == "delete" {
            rows.remove(&name);
            continue;
        }
        let number = |v: &Value| v.as_u64().ok_or_else(|| format!("{line} has no {value}"));
        rows.insert(
            name,
            (number(&change["rank"])?, number(&change["row"][value])?),
        );
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bid(auction: u64, bidder: u64, price: u64, at: i64) -> Bid {
        Bid {
            auction,
            bidder,
            price,
            at,
        }
    }

    #[test]
    fn few_bids_come_to_what_can_be_seen() {
        let bids = [
            bid(1, 7, 5, 1_000),
            bid(1, 7, 9, 1_000),
            bid(2, 7, 9, 3_000),
            bid(1, 8, 2, 12_000),
        ];
        let row = |name: &str, rank, n| (name.to_owned(), (rank, n));
        assert_eq!(
            q7(&bids),
            [
                row("0 0:1", 1, 9),
                row("0 0:2", 1, 9),
                row("10000 0:3", 1, 2)
            ]
            .into()
        );
        assert_eq!(
            q18(&bids),
            [row("0:0", 1, 5), row("0:2", 1, 9), row("0:3", 1, 2)].into()
        );
        assert_eq!(
            q19(&bids),
            [
                row("0:1", 1, 9),
                row("0:0", 2, 5),
                row("0:3", 3, 2),
                row("0:2", 1, 9)
            ]
            .into()
        );
        let five = q5(&bids);
        assert_eq!(five["0 1"], (1, 2));
        assert_eq!(five["2000 2"], (1, 1));
        assert!(!five.contains_key("0 2") && five.contains_key("4000 1"));
        let changes = r#"{"op":"upsert","rank":1,"row":{"row_id":"0:1","price":5}}
{"op":"upsert","rank":2,"row":{"row_id":"0:2","price":4}}
{"op":"delete","rank":null,"row":{"row_id":"0:1"}}"#;
        let name = |change: &Value| change["row"]["row_id"].as_str().map(str::to_owned);
        assert_eq!(
            folded(changes, name, "price").unwrap(),
            [row("0:2", 2, 4)].into()
        );
    }
}
