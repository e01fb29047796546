//! What of a ranking is joined with what: the key of each join, what is taken, what is computed behind it.

use std::sync::Arc;

use super::cells;
use super::dimension::Side;
use super::parcel::Parcels;
use super::row::JoinedRow;
use super::versions::side;
use crate::combine::combiner::SaleView;
use crate::pack::key::KeyCodec;
use crate::pack::layout::Layout;
use crate::pack::level::Level;
use standings_model::expr::Expr;
use standings_model::plan::{Plan, Ranking};
use standings_model::sabotage::{self, Mistake};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::{Program, Zone};

/// The rules of a plan's rankings.
pub struct Rules {
    rankings: Vec<Option<Rule>>,
}

/// The rules of a ranking.
pub struct Rule {
    /// How rows of its first level lie.
    pub layout: Layout,
    codec: KeyCodec,
    /// For each key of its first level the column that it is.
    keys: Vec<usize>,
    /// The key that is the event time, and whether it is a day.
    time: Option<(usize, bool)>,
    /// The key that names the row.
    row_id: Option<usize>,
    steps: Vec<Step>,
    /// What is computed behind joins, after which of them.
    programs: Vec<(usize, Behind)>,
    /// Columns of the table.
    columns: usize,
}

/// One join.
struct Step {
    side: Vec<u8>,
    /// The columns of the key, and their types.
    key: Vec<(usize, Type)>,
    left: bool,
    /// For each column of what is taken: where it goes, and its type.
    taken: Vec<(Option<usize>, Type)>,
}

/// What is computed of a row and of what is beside it.
pub(super) struct Behind {
    column: usize,
    program: Program,
    kind: Type,
}

impl Rules {
    /// Of a plan.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let sides = Side::all(plan);
        let zone = plan.zone.as_deref().and_then(Zone::named);
        let zone = zone.unwrap_or(Zone::UTC);
        let rule = |ranking| Rule::new(ranking, plan, &sides, &zone);
        Rules {
            rankings: plan.rankings.iter().map(rule).collect(),
        }
    }

    /// The rule of a ranking that is joined.
    pub fn of(&self, ranking: u32) -> Option<&Rule> {
        self.rankings.get(ranking as usize)?.as_ref()
    }

    /// The most joins of a ranking.
    pub fn most(&self) -> usize {
        let all = self.rankings.iter().flatten();
        all.map(|rule| rule.steps.len()).max().unwrap_or(0)
    }

    /// Which rows of which tables some join of this number asks for, as the keys of versions begin.
    pub fn sides(&self, join: usize) -> Vec<Vec<u8>> {
        let steps = self.rankings.iter().flatten();
        let mut sides: Vec<_> = steps
            .filter_map(|rule| Some(rule.steps.get(join)?.side.clone()))
            .collect();
        sides.sort_unstable();
        sides.dedup();
        sides
    }

    /// A row for any of the tables.
    pub fn row(&self) -> JoinedRow {
        let all = self.rankings.iter().flatten();
        JoinedRow::new(all.map(|rule| rule.columns).max().unwrap_or(0))
    }
}

impl Rule {
    fn new(ranking: &Ranking, plan: &Plan, sides: &[Option<Side>], zone: &Zone) -> Option<Self> {
        let joined = ranking.joined.as_ref()?;
        let level = Level::new(ranking, &plan.tables)?;
        let table = &plan.tables[ranking.inputs.first()?.table];
        let key = |wanted: usize| level.columns.iter().position(|c| *c == wanted);
        let time = table.event_time.and_then(key);
        let row_id = level.ranking.row.iter().take(level.columns.len());
        let steps = joined.joins.iter().map(|join| {
            let there = &plan.tables[join.table];
            let of = sides[join.table].iter().flat_map(|side| &side.columns);
            let place = |column: &usize| {
                let here = join.columns.iter().find(|(c, _)| c == column);
                (
                    here.map(|(_, here)| *here),
                    there.columns[*column].kind.clone(),
                )
            };
            Step {
                side: side(join.table as u32, join.as_of),
                key: join
                    .key
                    .iter()
                    .map(|c| (*c, table.columns[*c].kind.clone()))
                    .collect(),
                left: join.left,
                taken: of.map(place).collect(),
            }
        });
        Some(Rule {
            layout: Layout::new(&level.ranking),
            codec: KeyCodec::new(&level.ranking),
            time: time.map(|key| (key, table.columns[level.columns[key]].kind == Type::Date)),
            row_id: row_id.into_iter().position(|column| column.is_row_id),
            steps: steps.collect(),
            programs: programs(ranking, table, zone),
            columns: table.columns.len(),
            keys: level.columns,
        })
    }

    /// How many joins.
    pub fn joins(&self) -> usize {
        self.steps.len()
    }

    /// Whether rows without a partner in a join stay.
    pub fn stays(&self, join: usize) -> bool {
        self.steps[join].left && !sabotage::is(Mistake::LeftIsInner)
    }

    /// Puts a row together: of a key of the first level, and of what it is joined with so far. All that is computed of that is.
    pub fn open(&self, key: &[u8], rows: &[Option<&[u8]>], into: &mut JoinedRow) {
        into.clear();
        for (n, (column, value)) in self
            .keys
            .iter()
            .zip(self.codec.decode(key).iter())
            .enumerate()
        {
            if self.row_id == Some(n) {
                into.is_named(value);
            }
            if let Some((place, is_day)) = self.time
                && place == n
            {
                let number = value.number().unwrap_or_default();
                let ms = match is_day {
                    true => number.saturating_mul(86_400_000),
                    false => number.div_euclid(1_000),
                };
                into.time = ms as i64;
            }
            into.put(*column, value.clone());
        }
        for (step, row) in self.steps.iter().zip(rows) {
            let Some(mut cells) = *row else {
                continue;
            };
            for (here, kind) in &step.taken {
                let value = cells::next(&mut cells, kind).unwrap_or(Value::Null);
                if let Some(here) = here {
                    into.put(*here, value);
                }
            }
        }
        let ready = self.programs.iter();
        let ready = ready.filter(|(after, _)| *after <= rows.len());
        compute(ready.map(|(_, behind)| behind), into);
    }

    /// What a row that was put together is joined by in a join; none where that is NULL or has an error.
    pub fn key(&self, join: usize, row: &JoinedRow) -> Option<Vec<u8>> {
        let step = &self.steps[join];
        let mut key = step.side.clone();
        for (column, kind) in &step.key {
            let value = row.value(*column);
            if row.has_error(*column)
                || !cells::push_key(&mut key, kind, value.bytes(), value.number())
            {
                return None;
            }
        }
        Some(key)
    }

    /// The worker that owns what a row that was put together is joined by; none where that is NULL or has an error.
    pub fn owner(&self, join: usize, row: &JoinedRow, parcels: &Parcels) -> Option<u64> {
        let key = self.key(join, row)?;
        Some(parcels.owner(&key[self.steps[join].side.len()..]))
    }
}

/// Computes what is computed of a row that was put together.
pub(super) fn compute<'a>(all: impl Iterator<Item = &'a Behind>, row: &mut JoinedRow) {
    for behind in all {
        let value = behind.program.eval(&*row);
        match value.map(|datum| datum.into_value(&behind.kind)) {
            Ok(value) => row.put(behind.column, value),
            Err(_) => row.fail(behind.column),
        }
    }
}

/// What is computed behind the joins of a ranking, each after the last join that it reads.
fn programs(ranking: &Ranking, table: &Table, zone: &Zone) -> Vec<(usize, Behind)> {
    let (Some(joined), Some(input)) = (&ranking.joined, ranking.inputs.first()) else {
        return Vec::new();
    };
    let mut wanted: Vec<usize> = joined.joins.iter().flat_map(|j| j.key.clone()).collect();
    wanted.extend(&input.columns);
    wanted.extend(joined.filter);
    programs_of(&wanted, table, zone)
}

/// Those of these columns that are computed behind joins, each after the last join that it reads.
pub(super) fn programs_of(wanted: &[usize], table: &Table, zone: &Zone) -> Vec<(usize, Behind)> {
    let name = |column: usize| table.columns[column].name.clone();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let after = |expr: &Expr| {
        let joins = expr
            .columns()
            .into_iter()
            .map(|c| match table.columns[c].origin {
                Origin::Joined { join, .. } => join + 1,
                _ => 0,
            });
        joins.max().unwrap_or(0)
    };
    let behind = wanted.into_iter().filter_map(|column| {
        let of = &table.columns[column];
        let Origin::Behind(expr) = &of.origin else {
            return None;
        };
        let program = Program::new(expr, zone, &name);
        let behind = Behind {
            column,
            program,
            kind: of.kind.clone(),
        };
        Some((after(expr), behind))
    });
    behind.collect()
}
