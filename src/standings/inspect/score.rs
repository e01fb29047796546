//! How likely a field is the time, the key or the sum of a first ranking: by its name, its type and its values.

use super::decide::{What, is_id_name, is_time_name};
use super::draft::Leaf;
use super::finding::Finding;
use super::names::words;

pub(super) fn has(words: &[String], any: &[&str]) -> bool {
    words.iter().any(|w| any.contains(&w.as_str()))
}

/// As [`has`]; also where a word ends so, as in `extendedprice`.
fn ends(words: &[String], any: &[&str]) -> bool {
    let long = |w: &String| any.iter().any(|end| end.len() > 3 && w.ends_with(end));
    has(words, any) || words.iter().any(long)
}

pub(super) fn time_score(finding: &Finding, leaf: &Leaf<'_>) -> Option<i64> {
    let clock = match &leaf.what {
        What::Time { clock } | What::Written { clock, .. } => *clock,
        What::Epoch(_) | What::EpochFraction => true,
        What::DayNumber | What::EpochDay => false,
        _ => return None,
    };
    let name = leaf.path.last()?;
    let words = words(name);
    let mut score = 0;
    score += if name == "event_time" { 100 } else { 0 };
    score += if clock { 10 } else { 0 };
    score += if leaf.seen.values() == finding.rows {
        30
    } else {
        -20
    };
    let first = [
        "event",
        "order",
        "ordered",
        "created",
        "placed",
        "invoice",
        "transaction",
        "purchase",
        "occurred",
        "sale",
        "sold",
    ];
    score += if has(&words, &first) || words.len() == 1 {
        15
    } else {
        0
    };
    let later = [
        "updated",
        "modified",
        "ship",
        "shipped",
        "shipping",
        "delivery",
        "delivered",
        "due",
        "birth",
        "birthday",
        "expires",
        "expiry",
        "processed",
        "closed",
        "cancelled",
        "canceled",
        "until",
        "end",
        "estimated",
        "limit",
    ];
    score -= if has(&words, &later) { 40 } else { 0 };
    score += i64::from(leaf.seen.distinct.len() > 1) * 5;
    score -= 2 * leaf.path.len() as i64;
    Some(score)
}

const PLACES: [&str; 16] = [
    "city",
    "country",
    "region",
    "store",
    "shop",
    "branch",
    "category",
    "segment",
    "market",
    "channel",
    "department",
    "brand",
    "team",
    "currency",
    "genre",
    "town",
];
const PEOPLE: [&str; 20] = [
    "customer", "salesman", "seller", "agent", "player", "user", "product", "item", "artist",
    "name", "symbol", "ticker", "title", "auction", "bidder", "sku", "state", "employee", "rep",
    "account",
];

pub(super) fn key_score(leaf: &Leaf<'_>) -> Option<i64> {
    let (values, distinct) = (leaf.seen.values() as i64, leaf.seen.distinct.len() as i64);
    let name = leaf.path.last()?;
    let is_id = is_id_name(name);
    let is_whole = leaf.what == What::Exact && leaf.kind == "BIGINT";
    if distinct == 0 || !(leaf.what == What::Text || is_whole && is_id) {
        return None;
    }
    let words = words(name);
    let mut score = match () {
        () if has(&words, &PLACES) => 40,
        () if has(&words, &PEOPLE) => 25,
        () => 0,
    };
    score += match (distinct, values) {
        (1, 2..) => -20,
        (d, v) if d == v && v > 3 => -40,
        (d, v) if d > 1 && d * 2 <= v => 30,
        (d, v) if d > 1 && d < v => 10,
        _ => 0,
    };
    score -= if leaf.seen.texts.longest > 60 { 30 } else { 0 };
    score -= if is_id { 10 } else { 0 };
    // What is there once for each record is nobody's rank.
    let once = [
        "order",
        "invoice",
        "transaction",
        "receipt",
        "event",
        "row",
        "line",
        "sale",
        "record",
    ];
    score -= if is_id && has(&words, &once) { 30 } else { 0 };
    score -= if has(
        &words,
        &[
            "email",
            "phone",
            "url",
            "description",
            "note",
            "address",
            "uuid",
            "token",
        ],
    ) {
        30
    } else {
        0
    };
    score -= 3 * (leaf.path.len() as i64 - 1);
    Some(score)
}

pub(super) const SUMS: [&str; 12] = [
    "amount", "total", "revenue", "sales", "sum", "turnover", "net", "gross", "subtotal", "volume",
    "spent", "paid",
];
const PRICES: [&str; 9] = [
    "price",
    "cost",
    "payment",
    "value",
    "fee",
    "bid",
    "unitprice",
    "charge",
    "cents",
];
const COUNTS: [&str; 11] = [
    "quantity", "qty", "count", "units", "score", "points", "profit", "duration", "num", "likes",
    "views",
];

pub(super) fn measure_score(leaf: &Leaf<'_>) -> Option<i64> {
    if !matches!(leaf.what, What::Exact | What::Inexact) || leaf.seen.values() == 0 {
        return None;
    }
    let name = leaf.path.last()?;
    let words = words(name);
    let mut score = match () {
        () if ends(&words, &SUMS) => 50,
        () if ends(&words, &PRICES) => 35,
        () if ends(&words, &COUNTS) => 25,
        () => 0,
    };
    score += if leaf.kind == "BIGINT" { 0 } else { 10 };
    score -= if leaf.what == What::Inexact { 5 } else { 0 };
    score -= if is_id_name(name) || is_time_name(name) {
        60
    } else {
        0
    };
    let no = [
        "lat",
        "latitude",
        "lon",
        "lng",
        "longitude",
        "zip",
        "postal",
        "year",
        "month",
        "discount",
        "tax",
        "rate",
        "percent",
        "percentage",
        "age",
        "version",
        "index",
        "rowid",
        "row",
        "line",
        "margin",
        "shipping",
        "offset",
    ];
    score -= if has(&words, &no) { 45 } else { 0 };
    score -= 3 * (leaf.path.len() as i64 - 1);
    (score > -20).then_some(score)
}
