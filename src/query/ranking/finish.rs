//! From what a query comes to, to a ranking: which keys and measures there are, and what is shown of them.

use sqlparser::ast::{Query, Spanned};
use sqlparser::tokenizer::Span;

use super::used::{places, used};
use super::{RESERVED, Shape, join};
use crate::error::QueryError;
use crate::fingerprint;
use crate::flow::{
    BOUNDS, Branch, Draft, DraftKey, DraftMeasure, Flow, Groups, MEASURES, RANK, Stage, as_bound,
    as_rank, is_row_id,
};
use standings_model::expr::{Expr, Node};
use standings_model::plan::{
    Aggregate, Bound, Field, Input, Key, Measure, OrderTerm, Provisional, Ranking, RowColumn,
};
use standings_model::table::Table;
use standings_model::window::Window;

/// What a query comes to.
pub(crate) struct Compiled {
    /// The ranking; its inputs have no columns yet.
    pub(crate) ranking: Ranking,
    /// What its inputs compute.
    branches: Vec<Branch>,
    /// What of `WHERE` is decided behind joins.
    behind: Option<Expr>,
    /// The columns of its SELECT.
    pub(crate) outputs: Vec<Output>,
    /// What is to be said of it.
    pub(crate) notes: Vec<String>,
}

/// A column that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) shown: Shown,
}

/// What a column shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// `window_start` or `window_end`.
    Bound,
    /// The rank.
    Rank,
    /// A key or a measure.
    Field(Field),
}

impl Compiled {
    /// The ranking, with what it computes as columns of the tables.
    pub(crate) fn install(self, tables: &mut [Table]) -> Ranking {
        let Compiled {
            mut ranking,
            branches,
            behind,
            ..
        } = self;
        for (number, branch) in branches.into_iter().enumerate() {
            if ranking.joined.is_some() {
                join::install(&mut ranking, branch, behind, tables);
                break;
            }
            let table = &mut tables[branch.table];
            let mut column = |name: &str, expr: Expr| match expr.node {
                Node::Column(_) if is_row_id(&expr) => table.row_id(),
                Node::Column(number) => number,
                _ => table.derive(name, expr),
            };
            let input = &mut ranking.inputs[number];
            let columns = branch.columns.into_iter();
            input.columns = columns.map(|(name, expr)| column(&name, expr)).collect();
            input.filter = branch.filter.map(|expr| column("WHERE", expr));
        }
        ranking
    }
}

/// A ranking while its measures are chosen.
pub(super) struct Making {
    keys: Vec<String>,
    pub(super) measures: Vec<DraftMeasure>,
    pub(super) computed: Vec<Expr>,
    pub(super) fields: Vec<Field>,
}

impl Making {
    /// The measure that an expression is: one that is there, else one that is computed.
    fn measure(&mut self, name: &str, expr: &Expr) -> usize {
        if let Some(number) = as_measure(expr) {
            return number;
        }
        let known = self.computed.iter().position(|e| e == expr);
        let known = known.and_then(|n| {
            let is = |m: &DraftMeasure| m.measure.aggregate == Aggregate::Computed(n);
            self.measures.iter().position(is)
        });
        known.unwrap_or_else(|| self.compute(name, expr))
    }

    fn compute(&mut self, name: &str, expr: &Expr) -> usize {
        self.computed.push(expr.clone());
        self.measures.push(DraftMeasure {
            measure: Measure {
                name: name.to_owned(),
                aggregate: Aggregate::Computed(self.computed.len() - 1),
                filter: None,
            },
            is_implicit: false,
        });
        self.measures.len() - 1
    }

    /// The field that shows an expression under a name.
    fn show(&mut self, name: &str, expr: &Expr) -> Field {
        let shown = |fields: &[Field], field| fields.contains(&field);
        let field = match (as_key(expr), as_measure(expr)) {
            (Some(key), _) if !shown(&self.fields, Field::Key(key)) => {
                name.clone_into(&mut self.keys[key]);
                Field::Key(key)
            }
            (_, Some(measure)) if !shown(&self.fields, Field::Measure(measure)) => {
                name.clone_into(&mut self.measures[measure].measure.name);
                Field::Measure(measure)
            }
            _ => Field::Measure(self.compute(name, expr)),
        };
        self.fields.push(field);
        field
    }
}

fn as_key(expr: &Expr) -> Option<usize> {
    match expr.node {
        Node::Column(n) if n < MEASURES => Some(n),
        _ => None,
    }
}

fn as_measure(expr: &Expr) -> Option<usize> {
    match expr.node {
        Node::Column(n) if (MEASURES..BOUNDS).contains(&n) => Some(n - MEASURES),
        _ => None,
    }
}

impl Shape<'_> {
    /// The ranking that a query comes to.
    pub(super) fn finish(
        &self,
        name: &str,
        flow: Flow,
        query: &Query,
    ) -> Result<Compiled, QueryError> {
        let at = flow.at;
        let Stage::Groups(groups) = flow.stage else {
            let allowed = "a rank, ROW_NUMBER() OVER (…), or measures beside GROUP BY";
            let found = "no rank and no measure: rows passed on as they are";
            return self.wrong(&*query.body, found, allowed);
        };
        let groups = *groups;
        let window = groups.rows.window.unwrap_or(Window::ALWAYS);
        let named: Vec<Option<&String>> = groups.keys.iter().map(|k| k.name.as_ref()).collect();
        let mut making = Making {
            keys: (0..named.len())
                .map(|n| named[n].map_or_else(|| format!("EXPR${n}"), Clone::clone))
                .collect(),
            measures: groups.measures.clone(),
            computed: Vec::new(),
            fields: Vec::new(),
        };
        let (outputs, shows_rank) = self.outputs(&groups, &at, &mut making, query)?;
        let notes = self.hidden_keys(name, &groups, &outputs, &mut making);
        let having = groups.having.as_ref().map(|e| making.measure("HAVING", e));
        let shown_if = groups.shown_if.as_ref().map(|e| making.measure("WHERE", e));
        let mut order = Vec::new();
        for (expr, written, descending, nulls_first) in
            groups.rank.iter().flat_map(|rank| &rank.order)
        {
            let field = match as_key(expr) {
                Some(key) => Field::Key(key),
                None => Field::Measure(making.measure(written, expr)),
            };
            order.push(OrderTerm {
                field,
                descending: *descending,
                nulls_first: *nulls_first,
            });
        }
        let rank = groups.rank.as_ref();
        let is_rows = groups.is_rows;
        let ranking = Ranking {
            name: name.to_owned(),
            window,
            keeps_windows: groups.rows.keeps_windows,
            lets_go: false,
            waits: self.waits(&groups),
            is_hidden: false,
            inputs: Vec::new(),
            row: Vec::new(),
            keys: Vec::new(),
            placed: Vec::new(),
            is_rows: groups.is_rows && !window.is_session(),
            retracts: false,
            joined: None,
            paired: None,
            as_they_are: groups.is_rows && !window.is_session(),
            session_by: self.session_by(&groups),
            partition: rank.map_or_else(Vec::new, |r| r.partition.clone()),
            measures: Vec::new(),
            computed: Vec::new(),
            having,
            order,
            rank: rank.map(|r| r.function),
            from: rank.map_or(1, |r| r.from),
            limit: rank.map_or(u64::MAX, |r| r.limit),
            shows_rank,
            shown_if,
            provisional: Provisional::All,
            fields: making.fields.clone(),
        };
        let compiled = self.put_together(ranking, groups, making, outputs, notes);
        if compiled.ranking.joined.is_some() {
            let of = (&compiled.ranking, &compiled.branches[0]);
            self.can_be_joined(of, is_rows, query)?;
        }
        Ok(compiled)
    }

    /// How much later its windows are dropped: with the sessions that they are made of.
    fn waits(&self, groups: &Groups) -> i64 {
        let tables = groups.rows.branches.iter();
        let tables = tables.filter_map(|b| self.sources.tables[b.table].of_ranking.as_ref());
        let all = tables.map(|of| of.waits.max(-of.window.horizon(0)));
        all.max().unwrap_or(0)
    }

    /// What the last SELECT shows.
    fn outputs(
        &self,
        groups: &Groups,
        at: &[Span],
        making: &mut Making,
        query: &Query,
    ) -> Result<(Vec<Output>, bool), QueryError> {
        let (mut outputs, mut shows_rank) = (Vec::new(), false);
        let own = groups.rank.as_ref().map(|rank| rank.function);
        let tables = groups
            .rows
            .branches
            .iter()
            .map(|b| &self.sources.tables[b.table]);
        let mut of_rankings = tables.filter_map(|table| table.of_ranking.as_ref());
        let is_across =
            groups.rows.window.is_none() && of_rankings.any(|of| !of.window.is_always());
        for (n, (name, expr)) in groups.columns.iter().enumerate() {
            let at = at.get(n).copied().unwrap_or_else(|| query.body.span());
            let bound = as_bound(expr).filter(|bound| bound.name() == name);
            let shown = match bound {
                Some(Bound::Start | Bound::End) => Shown::Bound,
                // A second one is a value like others.
                _ if !shows_rank && own.is_some() && as_rank(expr) == own => {
                    shows_rank = true;
                    Shown::Rank
                }
                _ => {
                    if bound.is_none() && is_across && Bound::ALL.iter().any(|b| b.name() == name) {
                        let found =
                            format!("`{name}` of rows that are ranked across their windows");
                        let allowed = format!(
                            "PARTITION BY window_start, window_end in OVER (…) for the rank within each window; or another name for \
                             what is now a column: {name} AS …"
                        );
                        return self.wrong_at(at, found, allowed);
                    }
                    self.shown(at, name, expr, bound.is_some())?;
                    Shown::Field(making.show(name, expr))
                }
            };
            outputs.push(Output {
                name: name.clone(),
                shown,
            });
        }
        Ok((outputs, shows_rank))
    }

    /// Refuses what cannot be shown.
    fn shown(&self, at: Span, name: &str, expr: &Expr, is_own: bool) -> Result<(), QueryError> {
        if expr.kind.is_nested() {
            let found = format!("`{name}`, which is {}", expr.kind);
            return self.wrong_at(
                at,
                found,
                "a part of it: rows show numbers, texts, times and booleans",
            );
        }
        if matches!(expr.node, Node::Literal(_)) && expr.kind == standings_model::types::Type::Null
        {
            let found = format!("`{name}`, which has no type");
            return self.wrong_at(at, found, "CAST(NULL AS STRING)");
        }
        if RESERVED.contains(&name) && !is_own {
            let found = format!("the name `{name}`");
            let allowed = format!(
                "every row has columns of these names already: {}",
                RESERVED.join(", ")
            );
            return self.wrong_at(at, found, allowed);
        }
        if name.len() > 63 || name.contains(['"', '\0']) {
            let found = format!("the name `{name}`");
            return self.wrong_at(at, found, "names have at most 63 bytes and no quotes");
        }
        Ok(())
    }

    /// Keys that are not selected: rows have them all the same, under names of their own.
    fn hidden_keys(
        &self,
        name: &str,
        groups: &Groups,
        outputs: &[Output],
        making: &mut Making,
    ) -> Vec<String> {
        let names_row = |key: usize| is_row_id(&groups.row[groups.keys[key].column].exprs[0]);
        let mut notes = Vec::new();
        for key in 0..making.keys.len() {
            if making.fields.contains(&Field::Key(key)) {
                continue;
            }
            if names_row(key) {
                making.fields.push(Field::Key(key));
                continue;
            }
            let own = making.keys[key].clone();
            let taken = |name: &str, keys: &[String]| {
                let mut others = keys.iter().enumerate().filter(|(n, _)| *n != key);
                outputs.iter().any(|o| o.name == name)
                    || RESERVED.contains(&name)
                    || others.any(|(_, other)| other == name)
            };
            let mut free = own.clone();
            let mut n = 1;
            while taken(&free, &making.keys) {
                free = format!("{own}_{n}");
                n += 1;
            }
            notes.push(format!(
                "ranking {name}: the key `{own}` is not selected; rows have it all the same, as `{free}`, since it names them"
            ));
            making.keys[key] = free;
            making.fields.push(Field::Key(key));
        }
        notes
    }

    fn put_together(
        &self,
        mut ranking: Ranking,
        groups: Groups,
        mut making: Making,
        outputs: Vec<Output>,
        notes: Vec<String>,
    ) -> Compiled {
        let used = used(&ranking, &mut making);
        // Measures and columns of the row that nothing needs are left out.
        let measures = places(&used);
        let mut columns = vec![false; groups.row.len()];
        groups.keys.iter().for_each(|k| columns[k.column] = true);
        groups.placed.iter().for_each(|c| columns[*c] = true);
        for (_, of) in making.measures.iter().enumerate().filter(|(n, _)| used[*n]) {
            let all = of.measure.aggregate.columns().into_iter();
            all.chain(of.measure.filter).for_each(|c| columns[c] = true);
        }
        let column = places(&columns);
        let (keys, count) = (making.keys.len(), used.iter().filter(|u| **u).count());
        let number = |n: usize| match n {
            n if n >= RANK => keys + count + Bound::ALL.len() + (n - RANK),
            n if n >= BOUNDS => keys + count + (n - BOUNDS),
            n if n >= MEASURES => keys + measures[n - MEASURES],
            n => n,
        };
        ranking.placed = groups.placed.iter().map(|c| column[*c]).collect();
        let names_row = |key: &DraftKey| is_row_id(&groups.row[key.column].exprs[0]);
        // A row that a primary key names can come again, as another; that of a session moves to others.
        ranking.is_rows &= groups.keys.iter().any(names_row);
        for (name, of) in making.keys.into_iter().zip(&groups.keys) {
            ranking.keys.push(Key {
                name,
                column: column[of.column],
            });
        }
        for (_, of) in making
            .measures
            .into_iter()
            .enumerate()
            .filter(|(n, _)| used[*n])
        {
            let Measure {
                name,
                aggregate,
                filter,
            } = of.measure;
            ranking.measures.push(Measure {
                name,
                aggregate: aggregate.renumbered(&|c| column[c]),
                filter: filter.map(|c| column[c]),
            });
        }
        for mut expr in making.computed {
            expr.renumber(&number);
            ranking.computed.push(expr);
        }
        let field = |field: Field| match field {
            Field::Measure(m) => Field::Measure(measures[m]),
            key => key,
        };
        ranking.fields = ranking.fields.into_iter().map(field).collect();
        ranking
            .order
            .iter_mut()
            .for_each(|t| t.field = field(t.field));
        ranking.having = ranking.having.map(|m| measures[m]);
        ranking.shown_if = ranking.shown_if.map(|m| measures[m]);
        let row = groups.row.into_iter().zip(&columns);
        let row: Vec<Draft> = row.filter(|(_, used)| **used).map(|(d, _)| d).collect();
        let (branches, behind) = self.inputs(&mut ranking, &row, groups.rows.branches);
        Compiled {
            ranking,
            branches,
            behind,
            outputs,
            notes,
        }
    }

    /// Where the rows come from, and what they are; and what is decided of them behind joins.
    fn inputs(
        &self,
        ranking: &mut Ranking,
        row: &[Draft],
        branches: Vec<Branch>,
    ) -> (Vec<Branch>, Option<Expr>) {
        let tables = self.sources.tables;
        for draft in row {
            let mut meanings: Vec<String> = Vec::new();
            for (branch, expr) in branches.iter().zip(&draft.exprs) {
                let meaning = match is_row_id(expr) {
                    true => "row id".to_owned(),
                    false => join::meaning(tables, branch, expr),
                };
                if !meanings.contains(&meaning) {
                    meanings.push(meaning);
                }
            }
            ranking.row.push(RowColumn {
                kind: draft.exprs[0].kind.clone(),
                nullable: draft.exprs.iter().any(|e| e.nullable),
                meaning: meanings.join(" | "),
                is_row_id: is_row_id(&draft.exprs[0]),
            });
        }
        ranking.retracts = branches.iter().any(|b| tables[b.table].changes());
        ranking.as_they_are &= ranking.retracts;
        let (mut inputs, mut behind) = (Vec::new(), None);
        for (number, mut branch) in branches.into_iter().enumerate() {
            let table = &tables[branch.table];
            (ranking.joined, behind) = join::plan(tables, &mut branch);
            let filter = branch.filter.as_ref();
            ranking.inputs.push(Input {
                table: branch.table,
                filter: None,
                filter_meaning: filter.map(|f| fingerprint::of_expression(table, f)),
                columns: Vec::new(),
                unnest: branch.unnest,
            });
            let columns = row
                .iter()
                .map(|d| (d.name.clone(), d.exprs[number].clone()));
            branch.columns = columns.collect();
            inputs.push(branch);
        }
        if ranking.joined.is_some() {
            // What a row is joined with changes; a pair stays.
            ranking.retracts = inputs[0].joins[0].pair.is_none();
            ranking.is_rows = false;
            ranking.as_they_are = false;
        }
        (inputs, behind)
    }
}
