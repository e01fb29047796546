//! A row of a ranking, as the fold of another needs to see it.

use standings_model::plan::{Bound, Field, Ranking};
use standings_model::table::of_ranking::{FIELDS, RANK};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::{Datum, Program, Row, Zone};

use crate::combine::combiner::SaleView;
use crate::rank::fed::Fed;

/// A row of a ranking by the columns of the table that its rows are.
pub struct RankedRow {
    fields: Vec<Field>,
    /// The types of the bounds.
    bounds: Vec<Type>,
    is_always: bool,
    /// What others compute of it, and in which column.
    programs: Vec<(usize, Type, Program)>,
    values: Values,
    /// Columns that are computed, and whose value has an error.
    failed: Vec<usize>,
    /// ms.
    time: i64,
}

struct Values(Vec<Value>);

impl Row for Values {
    fn datum(&self, column: usize) -> Datum<'_> {
        self.0.get(column).map_or(Datum::Null, Datum::of)
    }
}

impl RankedRow {
    /// Of a ranking, whose rows are a table.
    pub fn new(ranking: &Ranking, table: &Table, zone: &Zone) -> Self {
        let name = |column: usize| table.columns[column].name.clone();
        let computed = table.columns.iter().enumerate();
        let computed = computed.filter_map(|(number, column)| match &column.origin {
            Origin::Derived(expr) => {
                let program = Program::new(expr, zone, &name);
                Some((number, column.kind.clone(), program))
            }
            _ => None,
        });
        RankedRow {
            fields: ranking.fields.clone(),
            bounds: Bound::ALL
                .iter()
                .map(|bound| table.columns[*bound as usize].kind.clone())
                .collect(),
            is_always: ranking.window.is_always(),
            programs: computed.collect(),
            values: Values(vec![Value::Null; table.columns.len()]),
            failed: Vec::new(),
            time: 0,
        }
    }

    /// Becomes this row.
    pub fn open(&mut self, fed: &Fed) {
        self.failed.clear();
        let values = &mut self.values.0;
        if !self.is_always {
            self.time = Bound::Time.of(fed.window);
            for (bound, kind) in Bound::ALL.iter().zip(&self.bounds) {
                let us = i128::from(bound.of(fed.window)) * 1_000;
                values[*bound as usize] = Value::of_number(us, kind);
            }
        }
        values[RANK] = Value::Integer(i128::from(fed.rank));
        for (n, field) in self.fields.iter().enumerate() {
            values[FIELDS + n] = match field {
                Field::Key(key) => fed.key[*key].clone(),
                Field::Measure(measure) => fed.measures[*measure].clone(),
            };
        }
        for (column, kind, program) in &self.programs {
            let value = program.eval(&self.values);
            let value = value.map(|datum| datum.into_value(kind));
            self.values.0[*column] = match value {
                Ok(value) => value,
                Err(_) => {
                    self.failed.push(*column);
                    Value::Null
                }
            };
        }
    }
}

impl SaleView for RankedRow {
    fn event_time(&self) -> i64 {
        self.time
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.values.0[column].bytes()
    }

    fn number(&self, column: usize) -> Option<i128> {
        self.values.0[column].number()
    }

    fn is_true(&self, column: usize) -> bool {
        self.values.0[column] == Value::Boolean(true)
    }

    fn is_null(&self, column: usize) -> bool {
        self.values.0[column].is_null()
    }

    fn has_error(&self, column: usize) -> bool {
        self.failed.contains(&column)
    }
}
