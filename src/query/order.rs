//! Views and rankings of a folder, each after those that it reads.
//!
//! ```text
//! open: views, rankings ──► those that read nothing that is open ──► relations, rankings ──► …until none is left, or they go in a circle
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::Query;

use super::error::{QueryError, Text};
use super::folder::{Folder, named, reads, sink};
use super::lifts::MOST;
use super::lives;
use super::nested;
use super::ranking::{self, Compiled};
use super::source::Source;
use super::statement::{Statement, Target, View};
use super::view;
use super::walk;
use super::window::Sources;

/// A view or a ranking that is not compiled yet.
struct Open<'a> {
    text: Text<'a>,
    name: String,
    what: What<'a>,
    /// What it reads of views and rankings.
    reads: BTreeSet<String>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    View(&'a View),
    Ranking(&'a Target),
}

impl<'a> What<'a> {
    fn query(self) -> &'a Query {
        match self {
            What::View(view) => &view.query,
            What::Ranking(target) => &target.query,
        }
    }
}

impl<'a> Folder<'a> {
    /// Compiles the views and the rankings.
    pub(super) fn queries(&mut self) {
        let mut open = self.open_views();
        open.extend(self.open_rankings());
        let names: BTreeSet<String> = open.iter().map(|one| one.name.clone()).collect();
        for one in &mut open {
            let mut reads = BTreeSet::new();
            walk::each_from(one.what.query(), &mut |name| {
                if names.contains(name) {
                    reads.insert(name.to_owned());
                }
            });
            // One that says the name of a table or view as its own is refused by that.
            if !matches!(one.what, What::Ranking(_)) || !self.is_relation(&one.name) {
                one.reads = reads;
            }
        }
        let read: BTreeSet<String> = open.iter().flat_map(|o| o.reads.clone()).collect();
        let mut waiting = names;
        while !open.is_empty() {
            let before = open.len();
            for views in [true, false] {
                let mut later = Vec::new();
                for one in open {
                    let is_now = matches!(one.what, What::View(_)) == views;
                    if !is_now || one.reads.iter().any(|name| waiting.contains(name)) {
                        later.push(one);
                        continue;
                    }
                    self.compile(&one, read.contains(&one.name));
                    waiting.remove(&one.name);
                }
                open = later;
            }
            if open.len() == before {
                self.circle(&open);
                break;
            }
        }
        self.rankings.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn is_relation(&self, name: &str) -> bool {
        self.relations.iter().any(|r| r.name == name)
    }

    fn open_views(&mut self) -> Vec<Open<'a>> {
        let all: Vec<(Text<'a>, &Source, &View)> = self.all(|s| match s {
            Statement::View(view) => Some(&**view),
            _ => None,
        });
        let mut names: BTreeSet<String> = self.relations.iter().map(|r| r.name.clone()).collect();
        let mut open = Vec::new();
        for (text, _, view) in all {
            let name = view.name.value.clone();
            if !names.insert(name.clone()) {
                let found =
                    format!("`{name}` is declared already: two tables or views of one name");
                let allowed = "another name, or one of the two";
                self.errors.push(text.error(view.span, found, allowed));
                continue;
            }
            open.push(Open {
                text,
                name,
                what: What::View(view),
                reads: BTreeSet::new(),
            });
        }
        open
    }

    fn open_rankings(&mut self) -> Vec<Open<'a>> {
        let all = self.all(|s| match s {
            Statement::Ranking(target) => Some(&**target),
            _ => None,
        });
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut open = Vec::new();
        for (text, source, target) in all {
            let name = match &target.name {
                Some(name) => name.value.clone(),
                None => source.name.clone(),
            };
            if let Err(error) = named(text, source, target, &name) {
                self.errors.push(error);
                continue;
            }
            if !names.insert(name.clone()) {
                let found = format!("`{name}` is there already: two rankings of one name");
                let allowed = "INSERT INTO another_name SELECT …";
                self.errors.push(text.error(target.span, found, allowed));
                continue;
            }
            open.push(Open {
                text,
                name,
                what: What::Ranking(target),
                reads: BTreeSet::new(),
            });
        }
        open
    }

    fn compile(&mut self, one: &Open<'a>, is_read: bool) {
        let result = match one.what {
            What::View(view) => self.view(one, view),
            What::Ranking(target) => self.ranking(one, target, is_read),
        };
        if let Err(error) = result {
            let is_its_own = !reads(one.what.query(), &self.broken);
            self.errors.extend(is_its_own.then_some(error));
            self.broken.push(one.name.clone());
        }
    }

    fn view(&mut self, one: &Open<'a>, of: &View) -> Result<(), QueryError> {
        let relation = self.inside(one, |sources| view::relation(one.text, sources, of))?;
        self.relations.push(Arc::new(relation));
        Ok(())
    }

    fn ranking(
        &mut self,
        one: &Open<'a>,
        target: &Target,
        is_read: bool,
    ) -> Result<(), QueryError> {
        let (text, name) = (one.text, one.name.as_str());
        if self.is_relation(name) {
            let found = format!("`{name}`, which is a table or view that is read");
            return Err(text.error(target.span, found, "INSERT INTO another_name SELECT …"));
        }
        let compiled = self.inside(one, |sources| {
            ranking::compile(text, sources, name, &target.query)
        })?;
        let declared = self.targets.iter().find(|(_, d)| d.name.value == name);
        ranking::check_target(
            text,
            target.span,
            &target.columns,
            declared.copied(),
            &compiled,
        )?;
        if let Some((_, declared)) = declared
            && !declared.options.is_empty()
        {
            self.notes.borrow_mut().push(format!(
                "table {name}: it is only written to, so nothing is done of its WITH; say where with --sink{}",
                sink(declared)
            ));
        }
        let notes = compiled.notes.clone();
        self.notes.borrow_mut().extend(notes);
        let outputs = compiled.outputs.clone();
        let mut ranking = compiled.install(&mut self.tables);
        if nested::depth(&ranking, &self.tables) >= nested::DEEPEST {
            let most = nested::DEEPEST;
            let found = format!(
                "`{name}` is over more than {} rankings that read each other",
                most - 1
            );
            let allowed = format!("at most {most} of which each reads the one before it");
            return Err(text.error(target.span, found, allowed));
        }
        let (told, ttl) = target.said.apply(&mut ranking);
        self.notes.borrow_mut().extend(told);
        if let Some(ttl) = ttl {
            lives::allowed(text, &ranking, &self.tables, ttl)?;
            let hidden = format!("{name}.{}", self.hidden.len() + 1);
            let lives = lives::split(&mut ranking, hidden, ttl.ms, &mut self.tables);
            self.hidden.push(lives);
        }
        if is_read {
            let (table, relation) =
                nested::rows(self.tables.len(), &ranking, &outputs, &self.tables);
            self.tables.push(table);
            self.relations.push(Arc::new(relation));
        }
        self.rankings.push(ranking);
        Ok(())
    }

    /// Reads a query until all that stands inside of it and is a ranking itself is among the hidden ones.
    fn inside<T>(
        &mut self,
        one: &Open<'a>,
        read: impl Fn(Sources<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        loop {
            let sources = Sources {
                tables: &self.tables,
                relations: &self.relations,
                notes: &self.notes,
                lifts: &self.lifts,
                zone: self.zone,
            };
            let result = read(sources);
            let wanted = self.lifts.borrow_mut().take();
            let Some(wanted) = wanted.filter(|_| result.is_err() && self.hidden.len() < MOST)
            else {
                return result;
            };
            let name = format!("{}.{}", one.name, self.hidden.len() + 1);
            let query = one.what.query();
            let compiled = ranking::compile_inside(one.text, sources, &name, wanted.flow, query)?;
            self.hide(wanted.what, compiled);
        }
    }

    fn hide(&mut self, what: String, compiled: Compiled) {
        let outputs = compiled.outputs.clone();
        let mut ranking = compiled.install(&mut self.tables);
        ranking.is_hidden = true;
        let (table, relation) = nested::rows(self.tables.len(), &ranking, &outputs, &self.tables);
        self.tables.push(table);
        self.lifts.borrow_mut().know(what, relation);
        self.hidden.push(ranking);
    }

    /// Of a circle one is enough.
    fn circle(&mut self, open: &[Open<'a>]) {
        if let Some(one) = open.first() {
            let name = &one.name;
            let (what, span, allowed) = match one.what {
                What::View(view) => ("view", view.span, "views that read tables, and those views"),
                What::Ranking(target) => (
                    "ranking",
                    target.span,
                    "rankings that read tables, and those rankings",
                ),
            };
            let found = format!("the {what} `{name}` reads itself, or one that does");
            self.errors.push(one.text.error(span, found, allowed));
        }
        self.broken.extend(open.iter().map(|one| one.name.clone()));
    }
}
