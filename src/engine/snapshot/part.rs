//! A part: rows of one worker as Parquet.
//!
//! Columns: `ranking`, `window_start`, `window_end` (both null of all time), `bin`, `key` and `measures` (JSON, for people),
//! `state` (what is loaded).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;

use super::batches::{self, GROUP};
use super::error::{MakingError, PartError};
use super::state;
use crate::pack::deltas::{Deltas, Group, bin};
use crate::pack::hash::hash;
use crate::pack::layout::{Layout, NO_TEXT, Source};
use crate::pack::top::{is_top, of_key};
use standings_model::json::push_field;
use standings_model::plan::{Field, Plan};
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Bytes of rows that are put into columns at once: a column of texts counts its bytes with 31 bits.
const BATCH: usize = 64 << 20;
/// Bytes of one row: with those of a batch that is nearly full they still fit.
const ROW: usize = 1 << 30;

/// The bytes of a part, and its rows.
pub fn write(plan: &Plan, deltas: &Deltas) -> Result<(Vec<u8>, u64), MakingError> {
    write_in(plan, deltas, BATCH)
}

/// [`write`] with columns of so many bytes.
fn write_in(plan: &Plan, deltas: &Deltas, batch: usize) -> Result<(Vec<u8>, u64), MakingError> {
    let properties = batches::properties()?;
    // A column takes NULL from its first row on or never.
    let of = |group: &Group| plan.rankings[group.ranking as usize].window.is_always();
    let always = deltas.groups.iter().any(of);
    let mut rows = Rows::default();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(
        &mut out,
        Rows::default().batch(always)?.schema(),
        Some(properties),
    )?;
    let mut count = 0;
    let mut words = &deltas.words[..];
    let mut distinct = deltas.distinct.iter();
    for group in &deltas.groups {
        let ranking = &plan.rankings[group.ranking as usize];
        let layout = Layout::new(ranking);
        let stride = layout.width + 1;
        let (of_group, rest) = words.split_at(stride * group.rows as usize);
        words = rest;
        for row in of_group.chunks_exact(stride) {
            let bytes = rows.push(
                plan,
                group.ranking as usize,
                &layout,
                (group.session_start, group.window_end),
                deltas,
                row,
                &mut distinct,
            );
            if bytes > ROW {
                return Err(MakingError::TooLarge {
                    ranking: ranking.name.clone(),
                    bytes,
                    most: ROW,
                });
            }
            count += 1;
            if rows.state.len() == GROUP || rows.bytes >= batch {
                writer.write(&std::mem::take(&mut rows).batch(always)?)?;
            }
        }
    }
    writer.write(&rows.batch(always)?)?;
    writer.close()?;
    Ok((out, count))
}

#[derive(Default)]
struct Rows {
    ranking: Vec<String>,
    start: Vec<Option<i64>>,
    end: Vec<Option<i64>>,
    bin: Vec<i32>,
    key: Vec<String>,
    measures: Vec<String>,
    state: Vec<Vec<u8>>,
    /// Bytes of all that.
    bytes: usize,
}

impl Rows {
    #[allow(clippy::too_many_arguments)]
    fn push<'a>(
        &mut self,
        plan: &Plan,
        number: usize,
        layout: &Layout,
        (session_start, end): (i64, i64),
        deltas: &Deltas,
        row: &[u64],
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) -> usize {
        let ranking = &plan.rankings[number];
        let key = deltas.texts.get(row[0] as u32);
        let codec = crate::pack::key::KeyCodec::new(ranking);
        let values = codec.decode(key);
        let (start, owner) = match ranking.window.is_session() {
            true => (session_start, codec.owner(key, &ranking.session_by)),
            false => {
                let partition = of_key(key).filter(|_| is_top(plan, number));
                let owned_by = partition.map_or(key, |(_, partition)| partition);
                (ranking.window.start(end), hash(owned_by))
            }
        };
        let keys = ranking.keys.iter().zip(values.iter());
        // What is computed of others is not said: it is of them.
        let kept = (0..ranking.measures.len()).filter(|i| ranking.computed(*i).is_none());
        let measures = kept.map(|i| {
            (
                &ranking.measures[i],
                measure(plan, number, layout, deltas, row, i),
            )
        });
        let before = self.bytes;
        self.bytes += ranking.name.len();
        self.ranking.push(ranking.name.clone());
        let shown = Bounds { start, end }.shown();
        self.start.push(shown.map(|b| b.start));
        self.end.push(shown.map(|b| b.end));
        self.bin.push(bin(owner) as i32);
        let key = object(keys.map(|(k, v)| (k.name.as_str(), v.clone())));
        let measures = object(measures.map(|(m, v)| (m.name.as_str(), v)));
        self.bytes += key.len() + measures.len();
        self.key.push(key);
        self.measures.push(measures);
        let mut bytes = Vec::with_capacity(64);
        state::encode(&mut bytes, layout, deltas, row, distinct);
        self.bytes += bytes.len();
        self.state.push(bytes);
        self.bytes - before
    }

    /// As columns; `always`: some rows are of all time, whose windows have no bounds.
    fn batch(self, always: bool) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let time = |all: Vec<Option<i64>>| {
            Arc::new(TimestampMillisecondArray::from(all).with_timezone("UTC")) as ArrayRef
        };
        let text = |all: Vec<String>| Arc::new(StringArray::from(all)) as ArrayRef;
        let state = BinaryArray::from_iter_values(self.state);
        RecordBatch::try_from_iter_with_nullable([
            ("ranking", text(self.ranking), false),
            ("window_start", time(self.start), always),
            ("window_end", time(self.end), always),
            (
                "bin",
                Arc::new(Int32Array::from(self.bin)) as ArrayRef,
                false,
            ),
            ("key", text(self.key), false),
            ("measures", text(self.measures), false),
            ("state", Arc::new(state) as ArrayRef, false),
        ])
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, Value)>) -> String {
    let mut out = vec![b'{'];
    for (i, (name, value)) in fields.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_field(&mut out, name, &value);
    }
    out.push(b'}');
    // Built from strings and numbers only.
    String::from_utf8(out).unwrap_or_default()
}

/// One measure of a row of deltas from nothing.
fn measure(
    plan: &Plan,
    number: usize,
    layout: &Layout,
    deltas: &Deltas,
    row: &[u64],
    i: usize,
) -> Value {
    let words = &row[1..];
    let ranking = &plan.rankings[number];
    let (kind, _) = ranking.field_type(Field::Measure(i));
    let source = layout.sources[i];
    if let Some(at) = source.text() {
        return match words[at] {
            NO_TEXT => Value::Null,
            id => Value::of_bytes(deltas.texts.get(id as u32), &kind),
        };
    }
    let n = match source {
        Source::Distinct(at) | Source::Different(at) | Source::Entries(at) => {
            Some(i128::from(words[at]))
        }
        // What is kept aside is not told here: it is for people, and long.
        Source::Percentile(..) | Source::Sketch(_) => None,
        source => source.number(words),
    };
    n.map_or(Value::Null, |n| Value::of_number(n, &kind))
}

/// Gives every row of a part: ranking, window, bin, state.
pub fn read(
    bytes: Vec<u8>,
    mut take: impl FnMut(&str, Bounds, i32, &[u8]) -> Result<(), PartError>,
) -> Result<(), PartError> {
    batches::each(bytes, |batch| {
        let column = |name| batch.column_by_name(name).ok_or(PartError::Lacks(name));
        let wrong = PartError::Type;
        let ranking = column("ranking")?;
        let ranking = ranking
            .as_string_opt::<i32>()
            .ok_or_else(|| wrong("ranking"))?;
        let time = |name: &'static str| {
            let times = column(name)?.as_primitive_opt::<TimestampMillisecondType>();
            times.cloned().ok_or_else(|| wrong(name))
        };
        let (start, end) = (time("window_start")?, time("window_end")?);
        let bins = column("bin")?;
        let bins = bins
            .as_primitive_opt::<arrow_array::types::Int32Type>()
            .ok_or_else(|| wrong("bin"))?;
        let state = column("state")?;
        let state = state.as_binary_opt::<i32>().ok_or_else(|| wrong("state"))?;
        for i in 0..batch.num_rows() {
            if ranking.is_null(i) || bins.is_null(i) || state.is_null(i) {
                return Err(PartError::Null);
            }
            let of =
                |times: &TimestampMillisecondArray| (!times.is_null(i)).then(|| times.value(i));
            let window = Bounds::of_shown(of(&start), of(&end));
            take(ranking.value(i), window, bins.value(i), state.value(i))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::rank::totals::Totals;
    use crate::snapshot::{Manifest, load};

    type Row = (String, i64, i32, Vec<u8>);

    pub(super) fn rows(part: Vec<u8>) -> Vec<Row> {
        let mut all = Vec::new();
        let mut take = |ranking: &str, bounds: Bounds, bin: i32, state: &[u8]| {
            all.push((ranking.to_owned(), bounds.end, bin, state.to_vec()));
            Ok(())
        };
        read(part, &mut take).unwrap();
        all
    }

    #[test]
    fn many_small_pieces_and_columns_hold_what_one_holds() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/snapshot-1");
        let plan = Arc::new(standings_query::load_shipped().unwrap());
        let store = crate::snapshot::folder::store(&fixture.join("state"));
        let found = Manifest::usable(&store, &plan).unwrap().next();
        let found = found.unwrap().unwrap();
        let mut totals = Totals::new(Arc::clone(&plan));
        let from = i64::MIN;
        let mut apply = |_, deltas: &Deltas| totals.apply(deltas);
        load(&store, &plan, &found.parts, from, (0, 1), &mut apply).unwrap();
        let whole = totals.copy(true).unwrap();
        assert_eq!(whole.len(), 1);
        let (bytes, count) = write(&plan, &whole[0]).unwrap();
        let mut want = rows(bytes);
        assert!(count > 50 && want.len() as u64 == count);
        want.sort();
        for (piece, batch) in [(1, 1), (700, 300), (5_000, 100_000)] {
            let pieces = totals.copy_in(true, piece).unwrap();
            assert!(pieces.len() > 1, "pieces of {piece} bytes");
            let parts = pieces.iter().map(|p| write_in(&plan, p, batch).unwrap());
            let mut all: Vec<Row> = parts.flat_map(|(bytes, _)| rows(bytes)).collect();
            all.sort();
            assert_eq!(all, want, "pieces of {piece}, columns of {batch} bytes");
        }
    }

    #[test]
    fn rows_of_all_time_lie_beside_those_of_windows() {
        let of = |window: &str, by: &str, from: &str| {
            format!(
                "SELECT * FROM (SELECT *, ROW_NUMBER() OVER ({window}ORDER BY n DESC) AS r FROM (
                   SELECT {by}city, COUNT(*) AS n FROM {from} GROUP BY {by}city)) WHERE r <= 2"
            )
        };
        let bounds = "window_start, window_end";
        let hours = "TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))";
        let by = (format!("PARTITION BY {bounds} "), format!("{bounds}, "));
        let (ever, hourly) = (of("", "", "sales"), of(&by.0, &by.1, hours));
        let plan = standings_query::load_texts(&[("ever", &ever), ("hourly", &hourly)]);
        let plan = plan.unwrap_or_else(|e| panic!("{}", e.render())).plan;
        let mut deltas = Deltas::default();
        for (number, of) in plan.rankings.iter().enumerate() {
            let text = format!("city {number}");
            let id = deltas.texts.push(text.as_bytes(), hash(text.as_bytes()));
            deltas.words.push(u64::from(id));
            let width = deltas.words.len() + Layout::new(of).width;
            deltas.words.resize(width, 0);
            deltas.groups.push(Group {
                ranking: number as u32,
                rows: 1,
                window_end: if of.window.is_always() {
                    i64::MAX
                } else {
                    3_600_000
                },
                windows: 1,
                session_start: 0,
            });
        }
        // Whichever comes first.
        for _ in 0..2 {
            let (bytes, count) = write(&plan, &deltas).unwrap();
            let ends: Vec<(String, i64)> = rows(bytes).into_iter().map(|r| (r.0, r.1)).collect();
            assert_eq!(count, 2);
            assert!(ends.contains(&("ever".to_owned(), i64::MAX)), "{ends:?}");
            assert!(ends.contains(&("hourly".to_owned(), 3_600_000)), "{ends:?}");
            deltas.groups.reverse();
            let half = deltas.words.len() / 2;
            deltas.words.rotate_left(half);
        }
    }
}

#[cfg(all(test, feature = "full"))]
mod large {
    use super::tests::rows;
    use super::*;
    use crate::pack::key::KeyCodec;
    use standings_model::plan::Ranking;

    /// Rows of one ranking, each with a key of so many bytes.
    fn wide(plan: &Plan, rows: u32, bytes: usize) -> Deltas {
        let plain = |r: &Ranking| KeyCodec::new(r).plain_text().is_some();
        let ranking = plan.rankings.iter().position(plain).unwrap();
        let of = &plan.rankings[ranking];
        let layout = Layout::new(of);
        let mut deltas = Deltas::default();
        let mut text = "x".repeat(bytes);
        for row in 0..rows {
            text.replace_range(0..10, &format!("{row:010}"));
            let id = deltas.texts.push(text.as_bytes(), hash(text.as_bytes()));
            deltas.words.push(u64::from(id));
            deltas.words.resize(deltas.words.len() + layout.width, 0);
        }
        deltas.groups.push(Group {
            ranking: ranking as u32,
            rows,
            window_end: 3_600_000,
            windows: 1,
            session_start: 0,
        });
        deltas
    }

    /// Needs 6 GiB of memory: the rows of one group are together beyond 2 GiB.
    #[test]
    fn a_part_of_more_than_two_gibibytes() {
        let plan = standings_query::load_shipped().unwrap();
        let deltas = wide(&plan, 65_000, 40_000);
        let (bytes, count) = write(&plan, &deltas).unwrap();
        assert_eq!(count, 65_000);
        assert_eq!(rows(bytes).len(), 65_000);
    }
}
