//! How rows of two tables of events are pairs: by what, how far apart, what is taken of each, what is computed of both.
//!
//! A pair lies by the columns of the first of the two tables, as what is joined does: what is taken of the other are columns there.

use std::sync::Arc;

use super::cells;
use super::row::JoinedRow;
use super::rules::{Behind, compute, programs_of};
use crate::combine::combiner::{Origin as Place, SaleView};
use standings_model::plan::{Paired, Plan, Ranking};
use standings_model::sabotage::{self, Mistake};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::Zone;

const DAY: i64 = 86_400_000_000;

/// The pairs of a plan's rankings.
pub struct Pairings {
    /// By ranking.
    all: Vec<Option<Pairing>>,
    /// By table: rankings of whose pairs its rows are, and whether as the other of the two.
    of: Vec<Vec<(u32, bool)>>,
}

/// The pairs of a ranking.
pub struct Pairing {
    /// Number of the ranking in the plan.
    pub number: u32,
    /// The ranking.
    pub ranking: Ranking,
    paired: Paired,
    /// The own side, and the other.
    sides: [Side; 2],
    programs: Vec<Behind>,
}

/// One of the two tables.
pub struct Side {
    /// Its number in the plan.
    pub table: usize,
    /// `WHERE` of it alone.
    pub filter: Option<usize>,
    key: Vec<(usize, Type)>,
    /// The event time, and whether it is a day.
    time: (usize, bool),
    /// Columns, where each goes, and its type.
    taken: Vec<(usize, usize, Type)>,
}

impl Pairings {
    /// Of a plan.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let zone = plan.zone.as_deref().and_then(Zone::named);
        let zone = zone.unwrap_or(Zone::UTC);
        let mut all: Vec<Option<Pairing>> = Vec::new();
        let mut of = vec![Vec::new(); plan.tables.len()];
        for (number, ranking) in (0..).zip(&plan.rankings) {
            let pairing = Pairing::new(number, ranking, &plan.tables, &zone);
            for (other, side) in pairing
                .iter()
                .flat_map(|p| [false, true].into_iter().zip(&p.sides))
            {
                of[side.table].push((number, other));
            }
            all.push(pairing);
        }
        Pairings { all, of }
    }

    /// Of which rankings' pairs the rows of a table are, and whether as the other of the two.
    #[inline]
    pub fn of(&self, table: usize) -> &[(u32, bool)] {
        &self.of[table]
    }

    /// That of a ranking.
    pub fn get(&self, ranking: u32) -> Option<&Pairing> {
        self.all.get(ranking as usize)?.as_ref()
    }

    /// A row for a pair of any of them.
    pub fn row(&self, plan: &Plan) -> JoinedRow {
        let of = self.all.iter().flatten().map(|p| p.sides[0].table);
        let columns = of.map(|table| plan.tables[table].columns.len());
        JoinedRow::new(columns.max().unwrap_or(0))
    }
}

impl Pairing {
    fn new(number: u32, ranking: &Ranking, tables: &[Table], zone: &Zone) -> Option<Self> {
        let paired = ranking.paired.clone()?;
        let input = ranking.inputs.first()?;
        let (own, other) = (&tables[input.table], &tables[paired.table]);
        let kind = |table: &Table, column: usize| table.columns[column].kind.clone();
        let mut wanted = input.columns.clone();
        wanted.extend(paired.filter);
        let mut taken: Vec<usize> = Vec::new();
        for column in &wanted {
            match &own.columns[*column].origin {
                Origin::Joined { .. } => {}
                Origin::Behind(expr) => taken.extend(expr.columns()),
                _ => taken.push(*column),
            }
        }
        taken.retain(|c| !own.columns[*c].origin.is_behind());
        taken.sort_unstable();
        taken.dedup();
        let time = |table: &Table| {
            let column = table.event_time?;
            Some((column, kind(table, column) == Type::Date))
        };
        let sides = [
            Side {
                table: input.table,
                filter: input.filter,
                key: paired
                    .key
                    .iter()
                    .map(|(c, _)| (*c, kind(own, *c)))
                    .collect(),
                time: time(own)?,
                taken: taken.into_iter().map(|c| (c, c, kind(own, c))).collect(),
            },
            Side {
                table: paired.table,
                filter: None,
                key: paired
                    .key
                    .iter()
                    .map(|(_, c)| (*c, kind(other, *c)))
                    .collect(),
                time: time(other)?,
                taken: paired
                    .columns
                    .iter()
                    .map(|(there, here)| (*there, *here, kind(other, *there)))
                    .collect(),
            },
        ];
        let programs = programs_of(&wanted, own, zone);
        Some(Pairing {
            number,
            ranking: ranking.clone(),
            programs: programs.into_iter().map(|(_, behind)| behind).collect(),
            paired,
            sides,
        })
    }

    /// One of the two sides.
    pub fn side(&self, other: bool) -> &Side {
        &self.sides[usize::from(other)]
    }

    /// From when to when pairs of a row may be, ms.
    pub fn times(&self, other: bool, time: i64) -> (i64, i64) {
        self.paired.times(other, time)
    }

    /// Between which moments those are that a row is a pair with, microseconds.
    pub fn partners(&self, other: bool, at: i64) -> (i64, i64) {
        let (from, to) = self.paired.within;
        match other {
            false => (at.saturating_add(from), at.saturating_add(to)),
            true => (at.saturating_sub(to), at.saturating_sub(from)),
        }
    }

    /// The end of the last window that a pair of a row may be in, ms.
    pub fn until(&self, other: bool, time: i64) -> i64 {
        let last = match sabotage::is(Mistake::PairRowGoesEarly) {
            true => time,
            false => self.times(other, time).1,
        };
        self.ranking.window.cover(last).last
    }

    /// Puts a pair together: of what was taken of both sides, at a time, ms. All that is computed of it is.
    pub fn open(&self, (own, other): (&[u8], &[u8]), time: i64, into: &mut JoinedRow) {
        into.clear();
        into.time = time;
        for (side, mut cells) in self.sides.iter().zip([own, other]) {
            for (_, here, kind) in &side.taken {
                into.put(*here, cells::next(&mut cells, kind).unwrap_or(Value::Null));
            }
        }
        compute(self.programs.iter(), into);
    }
}

impl Side {
    /// When a row of it is, microseconds.
    pub fn at(&self, row: &impl SaleView) -> Option<i64> {
        let (column, is_day) = self.time;
        let number = i64::try_from(row.number(column)?).ok()?;
        Some(if is_day {
            number.saturating_mul(DAY)
        } else {
            number
        })
    }

    /// A column that is taken of a row and has an error.
    pub fn failed(&self, row: &impl SaleView) -> Option<usize> {
        let mut all = self.taken.iter().map(|(c, ..)| *c);
        let key = self.key.iter().map(|(c, _)| *c).find(|c| row.has_error(*c));
        all.find(|c| row.has_error(*c)).or(key)
    }

    /// What a row is a pair by, behind the number of the ranking; none where that is NULL.
    pub fn key(&self, ranking: u32, row: &impl SaleView) -> Option<Vec<u8>> {
        let mut key = ranking.to_be_bytes().to_vec();
        for (column, kind) in &self.key {
            if !cells::push_key(&mut key, kind, row.bytes(*column), row.number(*column)) {
                return None;
            }
        }
        Some(key)
    }

    /// What is taken of a row.
    pub fn take(&self, row: &impl SaleView) -> Vec<u8> {
        let mut out = Vec::new();
        for (column, ..) in &self.taken {
            cells::push(&mut out, row.bytes(*column), row.number(*column));
        }
        out
    }
}

/// Where a row stands, as bytes: one for each row.
pub fn place(out: &mut Vec<u8>, other: bool, of: Place) {
    out.push(u8::from(other));
    out.extend_from_slice(&of.partition.to_be_bytes());
    out.extend_from_slice(&of.offset.to_be_bytes());
    out.extend_from_slice(&of.row.to_be_bytes());
}
