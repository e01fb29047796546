//! Names: what is in scope, and what was probably meant by one that is not.

use std::cell::RefCell;

use sqlparser::ast::{Expr as Sql, Ident};
use sqlparser::tokenizer::Span;
use standings_model::expr::{Expr, Node};
use standings_model::table::{Origin, Table};
use standings_model::types::Type;

use super::{Binder, Bound, nearest};
use crate::error::{QueryError, Text};

/// A name that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What was found.
    pub found: String,
    /// What is allowed instead, with the nearest name that is known.
    pub allowed: String,
}

/// What names mean.
pub trait Scope {
    /// A name, with all that stands before it: `amount`, `sales.amount`, `address.city`.
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown>;

    /// What a whole expression means here, where it means something of its own: a group key, a measure.
    fn whole(&self, text: Text<'_>, sql: &Sql) -> Option<Result<Expr, QueryError>> {
        let _ = (text, sql);
        None
    }

    /// The column of a SELECT by its number, from 1, where numbers name columns.
    fn nth(&self, number: usize) -> Option<Expr> {
        let _ = number;
        None
    }
}

/// Which of these names one is: exactly, or else the only one that is the same but for case.
enum Match {
    Exactly(usize),
    ButForCase(usize),
    None,
}

fn find(name: &str, known: &[&str]) -> Match {
    if let Some(at) = known.iter().position(|k| *k == name) {
        return Match::Exactly(at);
    }
    let wanted = name.to_lowercase();
    let mut like = (0..known.len()).filter(|i| known[*i].to_lowercase() == wanted);
    match (like.next(), like.next()) {
        (Some(at), None) => Match::ButForCase(at),
        _ => Match::None,
    }
}

/// The columns of one table, bare or behind its name or alias; parts of rows too.
pub struct TableScope<'a> {
    table: &'a Table,
    alias: Option<&'a str>,
    notes: RefCell<Vec<String>>,
}

impl<'a> TableScope<'a> {
    /// Of a table, which a query may call otherwise.
    pub fn new(table: &'a Table, alias: Option<&'a str>) -> Self {
        TableScope {
            table,
            alias,
            notes: RefCell::default(),
        }
    }

    /// What was taken for what it nearly says, for a person; each once.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.borrow().clone();
        notes.dedup();
        notes
    }

    fn note(&self, found: &str, taken: &str) {
        let note = format!("`{found}` is taken for `{taken}`: names are the same but for case");
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    fn column(&self, names: &[&str]) -> Result<Expr, Unknown> {
        let (first, rest) = names.split_first().ok_or_else(|| self.unknown(""))?;
        let known: Vec<&str> = self.table.declared().iter().map(|c| &*c.name).collect();
        let at = match find(first, &known) {
            Match::Exactly(at) => at,
            Match::ButForCase(at) => {
                self.note(first, known[at]);
                at
            }
            Match::None => return Err(self.unknown(first)),
        };
        let column = &self.table.columns[at];
        match column.origin {
            Origin::Parts => self.leaf(at, rest),
            _ => fields(
                Expr::column(at, column.kind.clone(), column.nullable),
                &column.name,
                rest,
            ),
        }
    }

    /// A leaf of a row whose parts are columns.
    fn leaf(&self, of: usize, rest: &[&str]) -> Result<Expr, Unknown> {
        let column = &self.table.columns[of];
        let mut path = vec![column.name.clone()];
        let mut kind = &column.kind;
        let mut rest = rest;
        while let Type::Row(all) = kind {
            let known: Vec<&str> = all.iter().map(|f| &*f.name).collect();
            let whole = path.join(".");
            let Some((name, after)) = rest.split_first() else {
                return Err(Unknown {
                    found: format!("`{whole}` is {kind}, a row"),
                    allowed: format!(
                        "name one of its fields: {}",
                        list(known.iter().map(|k| format!("{whole}.{k}")))
                    ),
                });
            };
            let field = match find(name, &known) {
                Match::Exactly(at) => at,
                Match::ButForCase(at) => {
                    self.note(name, known[at]);
                    at
                }
                Match::None => return Err(no_field(&whole, name, &known)),
            };
            path.push(all[field].name.clone());
            (kind, rest) = (&all[field].kind, after);
            if let Some(at) = self.table.leaf(&path) {
                let leaf = &self.table.columns[at];
                // A row within that has parts of its own is no leaf that can be read.
                if leaf.origin != Origin::Parts {
                    let expr = Expr::column(at, leaf.kind.clone(), leaf.nullable);
                    return fields(expr, &path.join("."), rest);
                }
            }
        }
        Err(self.unknown(&path.join(".")))
    }

    fn unknown(&self, name: &str) -> Unknown {
        let known: Vec<&str> = self.table.declared().iter().map(|c| &*c.name).collect();
        let meant = nearest(name, known.iter().copied());
        let meant = meant.map_or_else(String::new, |m| format!("did you mean `{m}`? "));
        Unknown {
            found: format!("there is no column `{name}`"),
            allowed: format!(
                "{meant}the columns of {} are {}",
                self.table.name,
                list(known.iter().map(|k| (*k).to_owned()))
            ),
        }
    }
}

/// The first of many names.
fn list(all: impl Iterator<Item = String>) -> String {
    const MOST: usize = 40;
    let mut all: Vec<String> = all.take(MOST + 1).collect();
    if all.len() > MOST {
        all[MOST] = "…".to_owned();
    }
    all.join(", ")
}

fn no_field(of: &str, name: &str, known: &[&str]) -> Unknown {
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(String::new, |m| format!("did you mean `{m}`? "));
    Unknown {
        found: format!("`{of}` has no field `{name}`"),
        allowed: format!(
            "{meant}its fields are {}",
            list(known.iter().map(|k| (*k).to_owned()))
        ),
    }
}

/// Fields of a row, one in the other.
pub(super) fn fields(mut expr: Expr, name: &str, rest: &[&str]) -> Result<Expr, Unknown> {
    let mut whole = name.to_owned();
    for name in rest {
        let Type::Row(all) = &expr.kind else {
            return Err(Unknown {
                found: format!("`{whole}.{name}`"),
                allowed: format!("`{whole}` is {}, which has no fields", expr.kind),
            });
        };
        let known: Vec<&str> = all.iter().map(|f| &*f.name).collect();
        let (Match::Exactly(field) | Match::ButForCase(field)) = find(name, &known) else {
            return Err(no_field(&whole, name, &known));
        };
        let (kind, nullable) = (all[field].kind.clone(), all[field].nullable);
        let nullable = nullable || expr.nullable;
        expr = Expr {
            node: Node::Field {
                of: Box::new(expr),
                field,
            },
            kind,
            nullable,
        };
        whole = format!("{whole}.{name}");
    }
    Ok(expr)
}

impl Scope for TableScope<'_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        let names: Vec<&str> = name.iter().map(|i| &*i.value).collect();
        let as_column = self.column(&names);
        let Err(unknown) = as_column else {
            return as_column;
        };
        let called = [self.alias, Some(&*self.table.name)];
        let is_own = |n: &str| called.iter().flatten().any(|c| *c == n);
        match &names[..] {
            [table, rest @ ..] if !rest.is_empty() && is_own(table) => self.column(rest),
            _ => Err(unknown),
        }
    }
}

impl Binder<'_> {
    /// A column, or a part of one.
    pub(super) fn name(&self, names: &[Ident]) -> Bound {
        self.scope.resolve(names).map_err(|unknown| {
            let span = names.iter().map(|n| n.span);
            let span = span.reduce(|a, b| a.union(&b)).unwrap_or(Span::empty());
            self.error(span, unknown.found, unknown.allowed)
        })
    }

    /// Fields of what an expression comes to.
    pub(super) fn fields_of(&self, expr: Expr, of: &str, field: &Ident) -> Bound {
        fields(expr, of, &[&*field.value])
            .map_err(|unknown| self.error(field.span, unknown.found, unknown.allowed))
    }
}
