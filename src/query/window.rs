//! The source of a ranking: a window over a table or view, by one of the families of `standings_model::window`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, TableFactor,
};

use super::dialect::PARTITIONED;
use super::error::{QueryError, Text};
use super::flow::{BranchJoin, is_event_time};
use super::interval;
use super::lifts::Lifts;
use super::scope::{Names, Relation, note};
use super::toml::nearest;
use standings_model::expr::Node;
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::window::{Cut, FAMILIES, Family, Length, LocalTime, Window};
use standings_scalar::Zone;

/// What the source may be.
fn allowed() -> String {
    let examples = FAMILIES.iter().map(|f| f.example());
    let examples: Vec<&str> = examples.collect();
    format!(
        "the source of a ranking is {}, also without the outer TABLE(…), or a table: the ranking of all time",
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
    /// What stands inside of rankings and is a ranking itself.
    pub lifts: &'a RefCell<Lifts>,
    /// The zone whose days and months windows over instants are; UTC, where none is set.
    pub zone: Option<&'static LocalTime>,
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

    /// The tables that rows are joined with.
    pub fn joined(&self, joins: &[BranchJoin]) -> Vec<&'a Table> {
        joins.iter().map(|join| &self.tables[join.table]).collect()
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
            joined: self.joined(&relation.joins),
            parts: &[],
            notes: self.notes,
        }
    }
}

/// The name of what a window is over.
pub fn data(from: &TableFactor) -> Option<&Ident> {
    let args = match from {
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => &list.args[..],
            _ => return None,
        },
        TableFactor::Table {
            args: Some(args), ..
        } => &args.args[..],
        _ => return None,
    };
    let is_data = |name: &Ident| name.value.eq_ignore_ascii_case("DATA");
    args.iter().find_map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => Some(name),
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(Expr::Identifier(data)),
            ..
        } if is_data(name) => Some(data),
        _ => None,
    })
}

/// Refuses a table function that there is not.
fn unknown(text: Text<'_>, from: &TableFactor, name: &str) -> QueryError {
    let known = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
    let meant = nearest(name, known.into_iter());
    let meant = meant.map_or_else(String::new, |near| format!("did you mean {near}? "));
    let found = format!("the table function {name}");
    text.error(from.span(), found, format!("{meant}{}", allowed()))
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
        return Err(unknown(text, from, &name));
    };
    let wanted = 2 + family.intervals().len();
    let args = args.iter();
    let (by, args): (Vec<_>, Vec<_>) = args.partition(|arg| partitioned(arg).is_some());
    if let [by, ..] = by[..]
        && family.name() != "SESSION"
    {
        let found = format!("PARTITION BY in {name}");
        return Err(text.error(
            by.span(),
            found,
            "PARTITION BY is of SESSION; other windows are the same for all rows",
        ));
    }
    let args = ordered(text, family, &args)?;
    let given = args.iter().flatten().count();
    let needed: Option<Vec<&Expr>> = args.iter().take(wanted).copied().collect();
    let args = match needed {
        Some(all) if all.len() == wanted && args.len() <= wanted + 1 => args,
        _ => {
            return Err(wrong(format!(
                "{given} arguments of {name}, which takes {wanted}, and an offset"
            )));
        }
    };
    let args: Vec<&Expr> = args.into_iter().flatten().collect();
    let relation = match args[0] {
        Expr::Identifier(table) => sources.find(text, table)?,
        other => {
            let found = format!("`{other}` where a table is wanted");
            return Err(text.error(other.span(), found, allowed()));
        }
    };
    descriptor(text, sources, relation, args[1])?;
    let intervals: Vec<Length> = args[2..wanted]
        .iter()
        .map(|expr| interval::length(text, expr))
        .collect::<Result<_, _>>()?;
    let cut = Cut {
        // A TIMESTAMP or a DATE is in no zone: its windows are in UTC.
        zone: sources.zone.filter(|_| is_instant(sources, relation)),
        offset: match args.get(wanted) {
            Some(offset) => interval::fixed(text, offset)?,
            None => 0,
        },
    };
    let window = Window::new(family, &intervals, cut).map_err(|misfit| {
        let at = args[2 + misfit.interval].span();
        text.error(at, misfit.found, misfit.allowed)
    })?;
    Ok((window, relation))
}

/// Whether a relation's event time is an instant, which clocks show otherwise in each zone.
fn is_instant(sources: Sources<'_>, relation: &Relation) -> bool {
    let table = &sources.tables[relation.table];
    let time = table.event_time.map(|c| &table.columns[c].kind);
    matches!(time, Some(Type::Instant(_)))
}

/// The clocks of a zone, by its name; none of UTC. They are made once, and never let go: there are as many as zones.
pub fn clocks(zone: &str) -> Option<&'static LocalTime> {
    static KNOWN: Mutex<BTreeMap<String, &'static LocalTime>> = Mutex::new(BTreeMap::new());
    let found = Zone::named(zone).filter(|zone| !zone.is_utc())?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of = known.entry(zone.to_owned());
    Some(of.or_insert_with(|| Box::leak(Box::new(LocalTime::new(zone, found.changes())))))
}

/// What a table is partitioned by, where an argument says so.
fn partitioned(arg: &FunctionArg) -> Option<&[FunctionArg]> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(f))) = arg else {
        return None;
    };
    let [name] = &f.name.0[..] else { return None };
    let is_it = name.as_ident().is_some_and(|n| n.value == PARTITIONED);
    match &f.args {
        FunctionArguments::List(list) if is_it => Some(&list.args),
        _ => None,
    }
}

/// What sessions are by.
pub fn session_by(from: &TableFactor) -> Vec<&Expr> {
    let args = match from {
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => &list.args[..],
            _ => &[],
        },
        TableFactor::Table {
            args: Some(args), ..
        } => &args.args[..],
        _ => &[],
    };
    let by = args.iter().filter_map(partitioned).flatten();
    by.filter_map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    })
    .flat_map(|expr| match expr {
        Expr::Tuple(all) => all.iter().collect(),
        Expr::Nested(one) => vec![&**one],
        one => vec![one],
    })
    .collect()
}

/// Arguments in their order, the offset last; named ones (`SIZE => …`) are put where they belong.
fn ordered<'a>(
    text: Text<'_>,
    family: &dyn Family,
    args: &[&'a FunctionArg],
) -> Result<Vec<Option<&'a Expr>>, QueryError> {
    let names: Vec<String> = ["DATA", "TIMECOL"]
        .into_iter()
        .chain(family.intervals().iter().copied())
        .chain(["OFFSET"])
        .map(str::to_uppercase)
        .collect();
    let mut places: Vec<Option<&Expr>> = Vec::new();
    for (n, arg) in args.iter().copied().enumerate() {
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
    Ok(places)
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
    let is_time = |(_, e): &&(String, standings_model::expr::Expr)| match e.node {
        Node::Column(c) => is_event_time(sources.tables, relation.table, &relation.joins, c),
        _ => false,
    };
    let time = relation.columns.iter().find(is_time);
    let allowed = match (time, table.event_time) {
        (None, _) if relation.joins.iter().any(|join| join.pair.is_some()) => format!(
            "select the later of the two event times in `{}`: windows are over that",
            relation.name
        ),
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
    match is_time(&&relation.columns[position]) {
        true => Ok(()),
        false => Err(text.error(expr.span(), format!("`{expr}`"), allowed)),
    }
}
