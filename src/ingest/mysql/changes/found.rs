//! The snapshot: what was in the table when the source began.
//!
//! Rows come in the order of event time and primary key; those that have changed since a snapshot was broken off come in between, as they
//! were. One row is held back, so that the last one is known for it: readers are told.

use std::cmp::Ordering;
use std::collections::VecDeque;

use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};
use standings_model::time::unix_ms;

use super::at::Phase;
use super::known::Written;
use super::server::{Select, Server};
use super::source::Of;
use super::{ChangesFeed, Stage, reached_of};
use crate::batch::Batch;
use crate::changes::{Change, From};
use crate::feed::{Polled, Trouble};
use crate::mysql::sql::{Order, Ordered};
use crate::postgres::sql::Place;

/// Rows of a batch, in batches of the log.
const PAGES: usize = 4;
const MANY: usize = 8 << 20;

/// A row, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) json: Vec<u8>,
}

/// What has changed between a snapshot that was broken off and the one that goes on with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// By primary key: the row as it was; none where it was not there.
    pub(super) rows: std::collections::BTreeMap<Vec<String>, Option<Placed>>,
    /// The table was emptied: what is in it now was not there then.
    pub(super) is_emptied: bool,
}

/// A snapshot that is read.
pub(super) struct Pass {
    /// The order of places.
    orders: Vec<Order>,
    /// Rows of before that are to come in between, in their order.
    before: VecDeque<Placed>,
    touched: Touched,
    held: Option<Placed>,
    /// The rows of the table have come to their end.
    is_end: bool,
    /// When it was opened, s since 1970.
    at: i64,
}

fn seconds(clock: &Clock) -> i64 {
    unix_ms(clock.wall()) / 1_000
}

/// How columns are ordered by.
fn order(written: Option<Written>) -> Option<Order> {
    Some(match written? {
        Written::Number => Order::Int,
        Written::Decimal => Order::Decimal,
        Written::Date | Written::Datetime(_) | Written::Timestamp(_) => Order::Moment,
        Written::Bytes => Order::Bytes,
        Written::Text(_) => Order::Text,
        Written::Bit | Written::Bits | Written::Time => return None,
    })
}

/// One text before the other, as the database orders them.
fn compared(order: Order, one: &str, other: &str) -> Ordering {
    match order {
        Order::Int | Order::UInt => {
            let number = |text: &str| text.parse::<i128>().unwrap_or_default();
            number(one).cmp(&number(other))
        }
        Order::Decimal => decimal(one, other),
        Order::Moment | Order::Text | Order::Bytes => one.cmp(other),
    }
}

/// Two decimals: by sign, by how many digits are before the point, by digits.
fn decimal(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, text.to_owned()),
        };
        let (whole, behind) = rest.split_once('.').unwrap_or((&rest, ""));
        let whole = whole.trim_start_matches('0').to_owned();
        (is_negative, whole, behind.trim_end_matches('0').to_owned())
    };
    let (one, other) = (parts(one), parts(other));
    let size = |of: &(bool, String, String), to: &(bool, String, String)| {
        let by_length = of.1.len().cmp(&to.1.len());
        by_length
            .then_with(|| of.1.cmp(&to.1))
            .then_with(|| of.2.cmp(&to.2))
    };
    match (one.0, other.0) {
        (false, false) => size(&one, &other),
        (true, true) => size(&other, &one),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// One place before the other; what has no event time is first.
fn placed(orders: &[Order], one: &Place, other: &Place) -> Ordering {
    let has_time = orders.len() > one.key.len();
    let (first, rest) = orders.split_at(usize::from(has_time));
    let by_time = match (
        one.cursor.as_ref().and_then(|c| c.first()),
        other.cursor.as_ref().and_then(|c| c.first()),
    ) {
        _ if !has_time => Ordering::Equal,
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(one), Some(other)) => compared(first[0], one, other),
    };
    let keys = one.key.iter().zip(&other.key).zip(rest);
    keys.fold(by_time, |so_far, ((one, other), order)| {
        so_far.then_with(|| compared(*order, one, other))
    })
}

impl<S: Server> ChangesFeed<S> {
    /// Begins to read the snapshot that is open.
    pub(super) fn selected(&mut self, mut touched: Touched) -> Result<Polled, Trouble> {
        let ordered = |name: &String| {
            let listed = self
                .table
                .columns
                .iter()
                .find(|column| column.name == *name);
            let is_float = listed
                .is_some_and(|column| matches!(column.data_type.as_str(), "float" | "double"));
            let order = order(self.known.written(name))
                .filter(|_| !is_float)
                .ok_or_else(|| {
                    Trouble::Broken(format!(
                        "`{name}` is not there, or of a type that rows cannot be ordered by"
                    ))
                })?;
            Ok(Ordered {
                name: name.clone(),
                order,
            })
        };
        let event_time = self.reading.event_time.as_ref().map(ordered).transpose()?;
        let key = self
            .table
            .key
            .iter()
            .map(ordered)
            .collect::<Result<Vec<_>, Trouble>>()?;
        let orders: Vec<Order> = event_time
            .iter()
            .chain(&key)
            .map(|column| column.order)
            .collect();
        let mut before: Vec<Placed> = touched.rows.values_mut().filter_map(Option::take).collect();
        if let Some(behind) = &self.at.behind {
            before.retain(|row| placed(&orders, &row.place, behind) == Ordering::Greater);
        }
        before.sort_by(|one, other| placed(&orders, &one.place, &other.place));
        if !touched.is_emptied {
            self.server.select(&Select {
                columns: self
                    .table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
                event_time,
                key,
                behind: self.at.behind.clone(),
            })?;
        }
        self.stage = Stage::Found(Box::new(Pass {
            orders,
            before: before.into(),
            is_end: touched.is_emptied,
            touched,
            held: None,
            at: seconds(&self.clock),
        }));
        self.found()
    }

    /// Where a row is in the order of the snapshot, and how it is written.
    pub(super) fn placed(
        &self,
        known: &super::known::Known,
        row: &[crate::mysql::value::Datum],
    ) -> Result<Placed, Trouble> {
        let event_time: Vec<String> = self.reading.event_time.iter().cloned().collect();
        let key = known.texts(row, &self.table.key);
        let key =
            key.ok_or_else(|| Trouble::Broken("a row has no primary key: a defect".to_owned()))?;
        Ok(Placed {
            place: Place {
                cursor: match event_time.is_empty() {
                    true => None,
                    false => known.texts(row, &event_time),
                },
                key,
            },
            json: known
                .json(row, self.reading.times)
                .map_err(Trouble::Broken)?,
        })
    }

    /// The next rows of it.
    pub(super) fn found(&mut self) -> Result<Polled, Trouble> {
        let Stage::Found(mut pass) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return Err(Trouble::later("no snapshot is open"));
        };
        let (mut rows, mut bytes) = (Vec::from_iter(pass.held.take()), 0);
        while rows.len() < self.reading.batch * PAGES && bytes < MANY {
            if pass.is_end {
                rows.extend(pass.before.drain(..));
                break;
            }
            let page = self.server.rows()?;
            pass.is_end = page.is_empty();
            for row in page {
                let row = self.placed(&self.known, &row)?;
                if pass.touched.rows.contains_key(&row.place.key) {
                    continue;
                }
                while let Some(first) = pass.before.front()
                    && placed(&pass.orders, &first.place, &row.place) == Ordering::Less
                {
                    rows.extend(pass.before.pop_front());
                }
                bytes += row.json.len();
                rows.push(row);
            }
        }
        let is_over = pass.is_end && pass.before.is_empty();
        if !is_over {
            pass.held = rows.pop();
        }
        if rows.is_empty() && !is_over {
            self.stage = Stage::Found(pass);
            return Ok(Polled::Idle(std::time::Duration::ZERO));
        }
        let batch = self.records(&rows, pass.at, is_over);
        if let Some(row) = rows.last() {
            self.at.behind = Some(row.place.clone());
        }
        if is_over {
            self.at.phase = Phase::Streaming;
            if sabotage::is(Mistake::IngestSnapshotGap) {
                let (reached, place) = self.server.look()?;
                (self.at.reached, self.at.place) = (reached_of(&reached)?, place);
            }
            self.at.behind = None;
        } else {
            self.stage = Stage::Found(pass);
        }
        Ok(self.batch(batch))
    }

    fn records(&mut self, rows: &[Placed], at: i64, is_over: bool) -> Batch {
        let mut batch = Batch {
            is_snapshot: true,
            ..Batch::default()
        };
        let (read_at, last) = (self.clock.wall(), rows.len());
        let position = format!("{} {}", self.names.quoted(), self.at.reached.text());
        for (n, row) in rows.iter().enumerate() {
            let snapshot = match (self.at.rows, is_over && n + 1 == last) {
                (_, true) => "last",
                (0, _) => "first",
                _ => "true",
            };
            let of = Of {
                snapshot,
                at,
                gtid: None,
                file: "",
                end: 0,
                row: 0,
            };
            let from = From {
                source: &of.source(&self.names),
                read_at,
                position: &position,
            };
            self.maker
                .push(&mut batch, &Change::Found(row.json.clone()), from);
            self.at.rows += 1;
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_as_the_database_does() {
        for (order, texts) in [
            (
                Order::Int,
                ["-9223372036854775808", "2", "10", "18446744073709551615"],
            ),
            (Order::Decimal, ["-10.5", "-2.75", "2.5", "10.25"]),
            (Order::Decimal, ["-0.2", "0.09", "0.1", "0.25"]),
            (
                Order::Moment,
                [
                    "0000-00-00 00:00:00.000000",
                    "2026-01-02 00:00:00.000000",
                    "2026-01-02 00:00:00.000001",
                    "2026-01-10 00:00:00.000000",
                ],
            ),
            (Order::Text, ["A", "B", "a", "é"]),
        ] {
            assert!(
                texts.is_sorted_by(|one, other| compared(order, one, other) == Ordering::Less),
                "{texts:?}"
            );
        }
        let place = |time: Option<&str>, key: &str| Place {
            cursor: time.map(|time| vec![time.to_owned()]),
            key: vec![key.to_owned()],
        };
        let orders = [Order::Int, Order::Int];
        let all = [
            place(None, "9"),
            place(Some("1"), "8"),
            place(Some("2"), "1"),
            place(Some("2"), "10"),
        ];
        assert!(all.is_sorted_by(|one, other| placed(&orders, one, other) == Ordering::Less));
    }
}
