//! The statements of a folder, put together: names across files, what reads what.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::Query;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::declare;
use super::dialect::Flink;
use super::error::{QueryError, Text};
use super::grouped;
use super::lifts::Lifts;
use super::scope::Relation;
use super::session::Session;
use super::source::{SALES, Source, nowhere};
use super::statement::{self, Declaration, Statement, Target};
use super::unread;
use super::window::clocks;
use standings_model::plan::{Plan, Ranking};
use standings_model::table::Table;
use standings_model::window::LocalTime;

/// What a folder means, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What was read in a way that somebody might not expect, a line each.
    pub notes: Vec<String>,
}

/// A folder, while it is compiled.
pub(super) struct Folder<'a> {
    pub(super) files: &'a [(&'a Source, Vec<Statement>)],
    pub(super) errors: &'a mut Vec<QueryError>,
    /// Names of what is declared and wrong.
    pub(super) broken: Vec<String>,
    session: Session,
    /// The clocks of the session's zone.
    pub(super) zone: Option<&'static LocalTime>,
    pub(super) tables: Vec<Table>,
    pub(super) relations: Vec<Arc<Relation>>,
    pub(super) rankings: Vec<Ranking>,
    /// Rankings that stand inside of others.
    pub(super) hidden: Vec<Ranking>,
    pub(super) lifts: RefCell<Lifts>,
    /// Declarations that are written to alone.
    pub(super) targets: Vec<(Text<'a>, &'a Declaration)>,
    pub(super) notes: RefCell<Vec<String>>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(
        files: &'a [(&'a Source, Vec<Statement>)],
        broken: Vec<String>,
        zone: Option<&str>,
        errors: &'a mut Vec<QueryError>,
    ) -> Self {
        let mut session = Session::of(zone);
        for (source, statements) in files {
            for statement in statements {
                if let Statement::Set(option) = statement
                    && let Err(error) = session.set(source.text(), option)
                {
                    errors.push(error);
                }
            }
        }
        Folder {
            files,
            errors,
            broken,
            zone: session.zone().as_deref().and_then(clocks),
            session,
            tables: Vec::new(),
            relations: Vec::new(),
            rankings: Vec::new(),
            hidden: Vec::new(),
            lifts: RefCell::default(),
            targets: Vec::new(),
            notes: RefCell::default(),
        }
    }

    pub(super) fn all<T>(
        &self,
        pick: impl Fn(&'a Statement) -> Option<&'a T>,
    ) -> Vec<(Text<'a>, &'a Source, &'a T)> {
        let files = self.files.iter();
        let all = files.flat_map(|(source, statements)| {
            let picked = statements.iter().filter_map(&pick);
            picked.map(move |s| (source.text(), *source, s))
        });
        all.collect()
    }

    /// The tables: those that are read, and those that are only written to.
    pub(super) fn declare(&mut self) {
        let declarations = self.all(|s| match s {
            Statement::Table(table) => Some(&**table),
            _ => None,
        });
        let targets = self.all(|s| match s {
            Statement::Ranking(target) => Some(&**target),
            _ => None,
        });
        let written: BTreeSet<&str> = targets
            .iter()
            .filter_map(|(_, _, t)| t.name.as_ref().map(|n| n.value.as_str()))
            .collect();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        if declarations.is_empty() && self.broken.is_empty() {
            self.add(Table::sales());
        }
        for (text, _, declared) in declarations {
            let name = declared.name.value.as_str();
            if !names.insert(name) {
                let found = format!("`{name}` is declared already: two tables of one name");
                self.errors.push(text.error(
                    declared.span,
                    found,
                    "another name, or one of the two",
                ));
                continue;
            }
            if written.contains(name) {
                self.targets.push((text, declared));
                continue;
            }
            let table = declare::table(text, declared, &self.notes, self.errors);
            let refused = table
                .as_ref()
                .and_then(|t| unread::refusal(text, declared, t));
            match (table, refused) {
                (Some(table), None) => self.add(table),
                (_, refused) => {
                    self.broken.push(name.to_owned());
                    self.errors.extend(refused);
                }
            }
        }
    }

    fn add(&mut self, table: Table) {
        let relation = Relation::of_table(self.tables.len(), &table);
        self.relations.push(Arc::new(relation));
        self.tables.push(table);
    }

    /// The plan: of tables those that are read.
    pub(super) fn finish(mut self) -> Loaded {
        let read: BTreeSet<usize> = self
            .rankings
            .iter()
            .chain(&self.hidden)
            .flat_map(|r| {
                let joins = r.joined.iter().flat_map(|joined| &joined.joins);
                let joined = joins.map(|join| join.table);
                let paired = r.paired.iter().map(|paired| paired.table);
                let beside = joined.chain(paired);
                r.inputs.iter().map(|i| i.table).chain(beside)
            })
            .collect();
        let mut numbers = vec![0; self.tables.len()];
        let mut tables = Vec::new();
        for (n, table) in self.tables.into_iter().enumerate() {
            if read.contains(&n) {
                numbers[n] = tables.len();
                tables.push(table);
            } else if table.is_declared && !self.rankings.is_empty() {
                let name = &table.name;
                self.notes
                    .borrow_mut()
                    .push(format!("table {name}: no ranking reads it"));
            }
        }
        for ranking in self.rankings.iter_mut().chain(&mut self.hidden) {
            for input in &mut ranking.inputs {
                input.table = numbers[input.table];
            }
            let joins = ranking.joined.iter_mut().flat_map(|j| &mut j.joins);
            joins.for_each(|join| join.table = numbers[join.table]);
            if let Some(paired) = &mut ranking.paired {
                paired.table = numbers[paired.table];
            }
        }
        for number in 0..tables.len() {
            if tables[number].name == "sales" {
                sales(number, &mut tables, &mut self.rankings);
                for lives in self.hidden.iter_mut().filter(|r| r.lets_go) {
                    sales(number, &mut tables, std::slice::from_mut(lives));
                }
            }
        }
        // Checks lie beside the queries and are no queries: `quality::load` adds them.
        let plan = Plan {
            tables,
            rankings: self.rankings,
            hidden: self.hidden,
            checks: Vec::new(),
            max_key_bytes: usize::MAX,
            zone: self.session.zone(),
        };
        Loaded {
            plan,
            notes: self.notes.into_inner(),
        }
    }
}

/// What was there before tables had names: of the table that nobody declared the columns that are grouped by may not be NULL;
/// dead letters of it, and of the one that is shipped, do not say that they are of `sales`.
fn sales(number: usize, tables: &mut [Table], rankings: &mut [Ranking]) {
    let table = &mut tables[number];
    if table.is_declared {
        table.is_named = !is_shipped(table);
        return;
    }
    grouped::are_there(number, table, rankings);
}

/// Whether a table has the columns that the shipped one has.
fn is_shipped(table: &Table) -> bool {
    let source = Source::new("sales".to_owned(), "queries/sales.sql".to_owned(), SALES);
    let mut errors = Vec::new();
    let statements = statement::parse(source.text(), &mut errors, &mut Vec::new());
    let shipped = statements.iter().find_map(|s| match s {
        Statement::Table(declared) => {
            declare::table(source.text(), declared, &RefCell::default(), &mut errors)
        }
        _ => None,
    });
    shipped.is_some_and(|s| s.declared() == table.declared())
}

/// The flag that says the same as the options of a target.
pub(super) fn sink(declared: &Declaration) -> String {
    let value = |key: &str| {
        let mut options = declared.options.iter();
        options.find(|o| o.key == key).map(|o| o.value.as_str())
    };
    match value("connector") {
        Some("kafka" | "upsert-kafka") => {
            let servers = value("properties.bootstrap.servers").unwrap_or("HOST:9092");
            let topic = value("topic").unwrap_or("TOPIC");
            format!(" kafka://{servers}/{topic}")
        }
        Some("jdbc") => " postgres://…".to_owned(),
        Some("filesystem") => format!(" file:{}", value("path").unwrap_or("PATH")),
        Some("print" | "blackhole") => " stdout".to_owned(),
        _ => String::new(),
    }
}

/// Refuses a name that is none for a ranking and its table.
pub(super) fn named(
    text: Text<'_>,
    source: &Source,
    target: &Target,
    name: &str,
) -> Result<(), QueryError> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let ours = name.starts_with("standings_");
    if starts && name.chars().all(letters) && name.len() <= 55 && !ours {
        return Ok(());
    }
    let found = format!("a ranking named `{name}`");
    let rule = "a to z, 0 to 9 and _, at most 55, not standings_…";
    match &target.name {
        Some(ident) => Err(text.error(
            ident.span,
            found,
            format!("INSERT INTO names the ranking and its table: {rule}"),
        )),
        None => {
            let allowed = format!("the file's name names the ranking and its table: {rule}");
            Err(nowhere(&source.file, found, &allowed))
        }
    }
}

/// Whether a query names one of these, anywhere.
pub(super) fn reads(query: &Query, names: &[String]) -> bool {
    let text = query.to_string();
    let tokens = Tokenizer::new(&Flink, &text).tokenize().unwrap_or_default();
    let is_named = |token: &Token| matches!(token, Token::Word(w) if names.contains(&w.value));
    tokens.iter().any(is_named)
}
