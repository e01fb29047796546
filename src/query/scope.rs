//! What a select reads from: a table, or a view that filters and projects one; and what names mean there.

use std::cell::RefCell;

use sqlparser::ast::Ident;

use super::expression::{Scope, Unknown};
use super::flow::{Branch, BranchJoin, Flow, Stage, as_joined};
use super::toml::nearest;
use standings_model::expr::{Expr, Node};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;

/// A named relation over one table.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// Number of the table.
    pub table: usize,
    /// Its columns, by name, as expressions over the table's columns.
    pub columns: Vec<(String, Expr)>,
    /// Which rows are in it.
    pub filter: Option<Expr>,
    /// The array column whose elements are its rows.
    pub unnest: Option<usize>,
    /// What its rows are joined with.
    pub joins: Vec<BranchJoin>,
    /// What `UNION ALL` adds: columns of the same names and types.
    pub more: Vec<Branch>,
    /// What a view is that is more than rows: windows, groups or ranks are in it. The columns above are none then.
    pub flow: Option<Flow>,
}

impl Relation {
    /// A table as it is.
    pub fn of_table(number: usize, table: &Table) -> Self {
        Relation {
            name: table.name.clone(),
            table: number,
            columns: columns(table),
            filter: None,
            unnest: None,
            joins: Vec::new(),
            more: Vec::new(),
            flow: None,
        }
    }

    /// What a flow is by a name.
    pub fn of_flow(name: &str, flow: Flow) -> Self {
        let name = name.to_owned();
        match flow.stage {
            Stage::Rows(mut rows) if rows.window.is_none() => {
                let more = rows.branches.split_off(1);
                let mut first = rows.branches;
                // There is at least one.
                let first = first.remove(0);
                Relation {
                    name,
                    table: first.table,
                    columns: first.columns,
                    filter: first.filter,
                    unnest: first.unnest,
                    joins: first.joins,
                    more,
                    flow: None,
                }
            }
            _ => Relation {
                name,
                table: flow.table(),
                columns: Vec::new(),
                filter: None,
                unnest: None,
                joins: Vec::new(),
                more: Vec::new(),
                flow: Some(flow),
            },
        }
    }

    /// Its rows.
    pub fn flow(&self, called: &str) -> Flow {
        let mut flow = match &self.flow {
            Some(flow) => flow.clone(),
            None => {
                let first = Branch {
                    table: self.table,
                    filter: self.filter.clone(),
                    columns: self.columns.clone(),
                    unnest: self.unnest,
                    joins: self.joins.clone(),
                    parts: Vec::new(),
                };
                Flow::of_rows(
                    std::iter::once(first)
                        .chain(self.more.iter().cloned())
                        .collect(),
                )
            }
        };
        flow.qualifiers = vec![called.to_owned()];
        flow
    }
}

/// The declared columns of a table.
fn columns(table: &Table) -> Vec<(String, Expr)> {
    let declared = table.declared().iter().enumerate();
    declared
        .map(|(n, c)| {
            let expr = Expr::column(n, c.kind.clone(), c.nullable);
            (c.name.clone(), expr)
        })
        .collect()
}

/// What names mean among the columns of a relation.
pub struct Names<'a> {
    /// The table below.
    pub table: &'a Table,
    /// Names that the relation has here, for `orders.city`.
    pub qualifiers: Vec<&'a str>,
    /// Its columns.
    pub columns: &'a [(String, Expr)],
    /// The tables that it is joined with.
    pub joined: Vec<&'a Table>,
    /// What stands before the names of which columns, where they are of several tables: up to which each goes.
    pub parts: &'a [(String, usize)],
    /// What was taken for what it nearly says.
    pub notes: &'a RefCell<Vec<String>>,
}

/// Notes that a name was taken for another.
pub fn note(notes: &RefCell<Vec<String>>, found: &str, taken: &str) {
    let note = format!("`{found}` is taken for `{taken}`: names are the same but for case");
    let mut notes = notes.borrow_mut();
    if found != taken && !notes.contains(&note) {
        notes.push(note);
    }
}

/// The one that is meant: exactly, or as the only one but for case.
fn find<'n>(name: &str, all: impl Iterator<Item = &'n str> + Clone) -> Option<usize> {
    if let Some(exact) = all.clone().position(|n| n == name) {
        return Some(exact);
    }
    let mut alike = all
        .enumerate()
        .filter(|(_, n)| n.to_lowercase() == name.to_lowercase());
    match (alike.next(), alike.next()) {
        (Some((one, _)), None) => Some(one),
        _ => None,
    }
}

impl Names<'_> {
    /// The number of the column of this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        find(name, self.columns.iter().map(|(n, _)| n.as_str()))
    }

    /// The number of the column of this name, behind what stands before it; none of what several tables have.
    pub fn place(&self, of: Option<&str>, name: &str) -> Option<usize> {
        let Some(of) = of.filter(|_| !self.parts.is_empty()) else {
            return self.position(name).filter(|_| !self.is_ambiguous(name));
        };
        let part = self.parts.iter().position(|(part, _)| part == of)?;
        let from = part.checked_sub(1).map_or(0, |before| self.parts[before].1);
        let columns = self.columns[from..self.parts[part].1].iter();
        find(name, columns.map(|(n, _)| n.as_str())).map(|at| from + at)
    }

    /// Whether several tables have a column of this name.
    fn is_ambiguous(&self, name: &str) -> bool {
        let mut from = 0;
        let has = |(_, to): &(String, usize)| {
            let columns = &self.columns[std::mem::replace(&mut from, *to)..*to];
            columns.iter().any(|(n, _)| n == name)
        };
        self.parts.iter().map(has).filter(|has| *has).count() > 1
    }

    /// The table that a column is of, and its number there.
    fn column_of(&self, number: usize) -> Option<(&Table, usize)> {
        match as_joined(number) {
            Some((join, column)) => self.joined.get(join).map(|table| (*table, column)),
            None => Some((self.table, number)),
        }
    }

    /// That there is no such column, with the nearest that there is.
    pub fn missing(&self, name: &str) -> Unknown {
        let names = || self.columns.iter().map(|(n, _)| n.as_str());
        let list = names().collect::<Vec<_>>().join(", ");
        let of = self.qualifiers.first().copied().unwrap_or("the table");
        let allowed = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`? The columns of {of} are {list}"),
            None => format!("the columns of {of} are {list}"),
        };
        Unknown {
            found: format!("there is no column `{name}`"),
            allowed,
        }
    }

    /// What is inside of a row, by its path from the column.
    fn inside(&self, expr: &Expr, path: &[Ident]) -> Result<Expr, Unknown> {
        let mut at = expr.clone();
        let (mut leaf, mut of) = (None, (self.table, 0));
        if let Node::Column(c) = &expr.node
            && let Some((table, number)) = self.column_of(*c)
        {
            let column = table.columns.get(number);
            let parts = column.filter(|c| c.origin == Origin::Parts);
            leaf = parts.map(|column| vec![column.name.clone()]);
            of = (table, c - number);
        }
        for part in path {
            let Type::Row(fields) = at.kind.clone() else {
                return Err(Unknown {
                    found: format!("`.{}` of a {}", part.value, at.kind),
                    allowed: "fields are of ROW columns: address.city".to_owned(),
                });
            };
            let names = fields.iter().map(|f| f.name.as_str());
            let Some(field) = find(&part.value, names.clone()) else {
                let list = names.clone().collect::<Vec<_>>().join(", ");
                let near = nearest(&part.value, names);
                let near = near.map_or_else(String::new, |n| format!("did you mean `{n}`? "));
                return Err(Unknown {
                    found: format!("there is no field `{}`", part.value),
                    allowed: format!("{near}The fields are {list}"),
                });
            };
            note(self.notes, &part.value, &fields[field].name);
            if let Some(leaf) = &mut leaf {
                leaf.push(fields[field].name.clone());
            }
            let nullable = at.nullable || fields[field].nullable;
            at = Expr {
                node: Node::Field {
                    of: Box::new(at),
                    field,
                },
                kind: fields[field].kind.clone(),
                nullable,
            };
        }
        match leaf {
            None => Ok(at),
            Some(path) => leaf_of(of, &path, &at),
        }
    }
}

/// The column of a table that a path leads to; the table's columns are numbers from `base` on. `at` is what lies there.
fn leaf_of((table, base): (&Table, usize), path: &[String], at: &Expr) -> Result<Expr, Unknown> {
    match table.leaf_named(&path.join(".")) {
        Some(number) => {
            let column = &table.columns[number];
            // A row of a join that has no partner is NULL as a whole.
            let nullable = column.nullable || (base > 0 && at.nullable);
            Ok(Expr::column(base + number, column.kind.clone(), nullable))
        }
        None => {
            let name = path.join(".");
            let field = match &at.kind {
                Type::Row(fields) => fields.first().map_or("", |f| f.name.as_str()),
                _ => "",
            };
            Err(Unknown {
                found: format!("`{name}` is a ROW, which cannot be used whole yet"),
                allowed: format!("one of its fields: `{name}.{field}`"),
            })
        }
    }
}

impl Scope for Names<'_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        let (first, rest) = match name {
            [] => return Err(self.missing("")),
            [first, rest @ ..] => (first, rest),
        };
        let exact = |n: &str| self.columns.iter().any(|(have, _)| have == n);
        let is_qualifier = self.qualifiers.contains(&first.value.as_str());
        let (of, first, rest) = match rest {
            [next, others @ ..] if is_qualifier && !exact(&first.value) => {
                (Some(first.value.as_str()), next, others)
            }
            _ => (None, first, rest),
        };
        if of.is_none() && self.is_ambiguous(&first.value) {
            let name = &first.value;
            return Err(Unknown {
                found: format!("`{name}` is ambiguous: several tables of the FROM have it"),
                allowed: format!("say which: {}.{name}", self.parts[0].0),
            });
        }
        match self.place(of, &first.value) {
            Some(column) => {
                note(self.notes, &first.value, &self.columns[column].0);
                self.inside(&self.columns[column].1, rest)
            }
            None => Err(self.missing(&first.value)),
        }
    }
}
