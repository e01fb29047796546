//! The source of a ranking: a window over a table or view, by one of the families of `standings_model::window`.

use std::cell::RefCell;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, TableFactor,
};

use super::error::{QueryError, Text};
use super::interval;
use super::scope::{Names, Relation, note};
use super::toml::nearest;
use standings_model::expr::Node;
use standings_model::table::Table;
use standings_model::window::{FAMILIES, Family, Window};

/// What the source may be.
fn allowed() -> String {
    let examples = FAMILIES.iter().map(|f| f.example());
    let examples: Vec<&str> = examples.collect();
    format!(
        "the source of a ranking is {}, also without the outer TABLE(…)",
        examples.join(" or ")
    )
}

/// What a query can read.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The tables.
    pub tables: &'a [Table],
    /// Tables and views by name.
    pub relations: &'a [Arc<Relation>],
    /// What was taken for what it nearly says.
    pub notes: &'a RefCell<Vec<String>>,
}

impl<'a> Sources<'a> {
    /// The relation of this name; one that fits but for case, where it is the only one.
    pub fn find(&self, text: Text<'_>, name: &Ident) -> Result<&'a Relation, QueryError> {
        let all = || self.relations.iter();
        let exact = all().find(|r| r.name == name.value);
        let plain = name.value.to_lowercase();
        let mut alike = all().filter(|r| r.name.to_lowercase() == plain);
        let alike = (alike.next(), alike.next());
        match (exact, alike) {
            (Some(one), _) => Ok(&**one),
            (None, (Some(one), None)) => {
                note(self.notes, &name.value, &one.name);
                Ok(&**one)
            }
            _ => {
                let names: Vec<&str> = all().map(|r| r.name.as_str()).collect();
                let near = nearest(&name.value, names.iter().copied());
                let near = near.map_or_else(String::new, |n| format!("did you mean `{n}`? "));
                let list = names.join(", ");
                let allowed =
                    format!("{near}There is {list}; another table is declared by CREATE TABLE");
                Err(text.error(name.span, format!("the table `{}`", name.value), allowed))
            }
        }
    }

    /// Names in a relation.
    pub fn names<'r>(&self, relation: &'r Relation) -> Names<'r>
    where
        'a: 'r,
    {
        Names {
            table: &self.tables[relation.table],
            qualifiers: vec![&relation.name],
            columns: &relation.columns,
            notes: self.notes,
        }
    }
}

/// The window that a `FROM` names, and what it is over.
pub fn parse<'a>(
    text: Text<'_>,
    sources: Sources<'a>,
    from: &TableFactor,
) -> Result<(Window, &'a Relation), QueryError> {
    let wrong = |found: String| text.error(from.span(), found, allowed());
    let (name, args) = match from {
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => (f.name.to_string(), list.args.as_slice()),
            _ => return Err(wrong(format!("`{from}` as the source"))),
        },
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => (name.to_string(), args.args.as_slice()),
        TableFactor::UNNEST { .. } => {
            let found = "UNNEST of nothing that stands before it";
            return Err(text.error(from.span(), found, allowed()));
        }
        other => {
            return Err(text.error(other.span(), format!("`{other}` as the source"), allowed()));
        }
    };
    let Some(family) = Window::family(&name) else {
        return Err(wrong(format!("the table function {name}")));
    };
    let args = ordered(text, family, args)?;
    let wanted = 2 + family.intervals().len();
    if args.len() != wanted {
        return Err(wrong(format!(
            "{} arguments of {name}, which takes {wanted}",
            args.len()
        )));
    }
    let relation = match args[0] {
        Expr::Identifier(table) => sources.find(text, table)?,
        other => {
            let found = format!("`{other}` where a table is wanted");
            return Err(text.error(other.span(), found, allowed()));
        }
    };
    descriptor(text, sources, relation, args[1])?;
    let intervals: Vec<i64> = args[2..]
        .iter()
        .map(|expr| interval::positive(text, expr))
        .collect::<Result<_, _>>()?;
    let window = Window::new(family, &intervals).map_err(|misfit| {
        let at = args[2 + misfit.interval].span();
        text.error(at, misfit.found, misfit.allowed)
    })?;
    Ok((window, relation))
}

/// Arguments in their order; named ones (`SIZE => …`) are put where they belong.
fn ordered<'a>(
    text: Text<'_>,
    family: &dyn Family,
    args: &'a [FunctionArg],
) -> Result<Vec<&'a Expr>, QueryError> {
    let names: Vec<String> = ["DATA", "TIMECOL"]
        .into_iter()
        .chain(family.intervals().iter().copied())
        .map(str::to_uppercase)
        .collect();
    let mut places: Vec<Option<&Expr>> = Vec::new();
    for (n, arg) in args.iter().enumerate() {
        let (place, expr) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => (n, e),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(e),
                ..
            } => match names
                .iter()
                .position(|known| name.value.eq_ignore_ascii_case(known))
            {
                Some(place) => (place, e),
                None => {
                    let found = format!("the argument `{}` of {}", name.value, family.name());
                    return Err(text.error(name.span, found, names.join(", ")));
                }
            },
            other => {
                let found = format!("the argument `{other}`");
                return Err(text.error(other.span(), found, allowed()));
            }
        };
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        if places[place].replace(expr).is_some() {
            let found = format!("`{expr}`, an argument that is there twice");
            return Err(text.error(expr.span(), found, names.join(", ")));
        }
    }
    Ok(places.into_iter().flatten().collect())
}

/// `DESCRIPTOR(column)`: of the event time.
fn descriptor(
    text: Text<'_>,
    sources: Sources<'_>,
    relation: &Relation,
    expr: &Expr,
) -> Result<(), QueryError> {
    let table = &sources.tables[relation.table];
    let names = sources.names(relation);
    let time = relation
        .columns
        .iter()
        .find(|(_, e)| matches!(e.node, Node::Column(c) if Some(c) == table.event_time));
    let allowed = match (time, table.event_time) {
        (Some((name, _)), _) => format!("windows are over event time: DESCRIPTOR({name})"),
        (None, Some(c)) => format!(
            "select `{}` in the view `{}`: windows are over event time",
            table.columns[c].name, relation.name
        ),
        (None, None) => String::new(),
    };
    let column = match expr {
        // RisingWave names the column alone.
        Expr::Identifier(column) => Some(column),
        Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") => match &f.args
        {
            FunctionArguments::List(list) => match &list.args[..] {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(column)))] => {
                    Some(column)
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let Some(column) = column else {
        let allowed = match allowed.is_empty() {
            true => "DESCRIPTOR(column), of the table's event time".to_owned(),
            false => allowed,
        };
        return Err(text.error(expr.span(), format!("`{expr}`"), allowed));
    };
    let Some(position) = names.position(&column.value) else {
        let unknown = names.missing(&column.value);
        return Err(text.error(column.span, unknown.found, unknown.allowed));
    };
    if table.event_time.is_none() {
        let name = &column.value;
        let found = format!(
            "DESCRIPTOR(`{name}`) of `{}`, which has no event time",
            table.name
        );
        let allowed = format!(
            "WATERMARK FOR `{name}` AS `{name}` - INTERVAL '1' MINUTE in its CREATE TABLE, or a time named event_time"
        );
        return Err(text.error(expr.span(), found, allowed));
    }
    match time.is_some_and(|(name, _)| *name == relation.columns[position].0) {
        true => Ok(()),
        false => Err(text.error(expr.span(), format!("`{expr}`"), allowed)),
    }
}
