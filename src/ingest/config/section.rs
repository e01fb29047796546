//! A table of the file, key by key: each is taken once, by its kind, and what nobody took is refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use standings_model::duration::parse_duration;
use standings_model::redact;
use standings_model::table::secret::Reference;
use standings_query::toml::{kind, nearest, place};
use toml_edit::{Item, TableLike, Value};

use super::SecretAt;
use super::error::ConfigError;

/// The file, for places.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// Relative paths are from here.
    pub(super) folder: &'a Path,
}

impl Text<'_> {
    pub(super) fn error(
        &self,
        span: Option<std::ops::Range<usize>>,
        said: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            place: place(self.name, self.text, span),
            said: said.into(),
        }
    }
}

/// A table.
pub(super) struct Section<'a> {
    pub(super) text: Text<'a>,
    /// `sources.shop`; empty at the top.
    name: String,
    span: Option<std::ops::Range<usize>>,
    table: &'a dyn TableLike,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        text: Text<'a>,
        name: String,
        item: &'a Item,
        table: &'a dyn TableLike,
    ) -> Self {
        Section {
            text,
            name,
            span: item.span(),
            table,
            asked: RefCell::default(),
        }
    }

    /// The whole file.
    pub(super) fn top(text: Text<'a>, table: &'a dyn TableLike) -> Self {
        Section {
            text,
            name: String::new(),
            span: None,
            table,
            asked: RefCell::default(),
        }
    }

    /// Something is wrong with a key.
    pub(super) fn wrong(&self, key: &str, said: &str) -> ConfigError {
        let span = self
            .table
            .get(key)
            .and_then(Item::span)
            .or(self.span.clone());
        self.text
            .error(span, format!("{}`{key}` {said}", self.of()))
    }

    fn of(&self) -> String {
        match self.name.is_empty() {
            true => String::new(),
            false => format!("[{}] ", self.name),
        }
    }

    pub(super) fn item(&self, key: &'static str) -> Option<&'a Item> {
        self.asked.borrow_mut().push(key);
        self.table.get(key).filter(|item| !item.is_none())
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|item| !item.is_none())
    }

    /// A text.
    pub(super) fn str(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(self.wrong(key, &format!("is {}; a text is wanted", kind(item)))),
        }
    }

    /// A text that has a form of its own, which is shown as it is written.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        shown: &mut BTreeMap<String, String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.str(key)? else {
            return Ok(None);
        };
        let parsed = parse(&text).map_err(|said| self.wrong(key, &said))?;
        shown.insert(key.to_owned(), text);
        Ok(Some(parsed))
    }

    /// A text that there must be.
    pub(super) fn wanted(&self, key: &'static str, example: &str) -> Result<String, ConfigError> {
        let text = self.str(key)?;
        text.filter(|t| !t.is_empty()).ok_or_else(|| {
            let said = format!("{}needs `{key}`, such as {key} = {example}", self.of());
            self.text.error(self.span.clone(), said)
        })
    }

    /// Texts; one alone may stand without brackets.
    pub(super) fn list(&self, key: &'static str) -> Result<Vec<String>, ConfigError> {
        let Some(item) = self.item(key) else {
            return Ok(Vec::new());
        };
        if let Some(text) = item.as_str() {
            return Ok(vec![text.to_owned()]);
        }
        let texts = item.as_array().map(|all| all.iter().map(Value::as_str));
        let texts = texts.and_then(|all| all.map(|t| Some(t?.to_owned())).collect());
        texts.ok_or_else(|| {
            self.wrong(
                key,
                &format!("is {}; a list of texts is wanted", kind(item)),
            )
        })
    }

    /// A table of texts, numbers and booleans, as texts; tables in it become names with dots.
    pub(super) fn map(&self, key: &'static str) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut all = BTreeMap::new();
        if let Some(item) = self.item(key) {
            let Some(table) = item.as_table_like() else {
                return Err(self.wrong(key, &format!("is {}; a table is wanted", kind(item))));
            };
            self.flatten(key, "", table, &mut all)?;
        }
        Ok(all)
    }

    fn flatten(
        &self,
        key: &str,
        before: &str,
        table: &dyn TableLike,
        all: &mut BTreeMap<String, String>,
    ) -> Result<(), ConfigError> {
        for (name, item) in table.iter() {
            let name = format!("{before}{name}");
            if let Some(inner) = item.as_table_like() {
                self.flatten(key, &format!("{name}."), inner, all)?;
                continue;
            }
            let text = match item.as_value() {
                Some(Value::String(text)) => text.value().clone(),
                Some(Value::Integer(n)) => n.value().to_string(),
                Some(Value::Boolean(is)) => is.value().to_string(),
                _ => {
                    let said = format!(
                        "{}`{key}.{name}` is {}; a text is wanted",
                        self.of(),
                        kind(item)
                    );
                    return Err(self.text.error(item.span(), said));
                }
            };
            all.insert(name, text);
        }
        Ok(())
    }

    /// A whole number between two.
    pub(super) fn count(
        &self,
        key: &'static str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, ConfigError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let number = item.as_integer().filter(|n| (least..=most).contains(n));
        let said = format!("must be a whole number from {least} to {most}");
        number.map(Some).ok_or_else(|| self.wrong(key, &said))
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.as_bool() {
            Some(is) => Ok(Some(is)),
            None => Err(self.wrong(key, &format!("is {}; true or false is wanted", kind(item)))),
        }
    }

    /// A duration.
    pub(super) fn duration(
        &self,
        key: &'static str,
        usual: Duration,
    ) -> Result<Duration, ConfigError> {
        match self.str(key)? {
            None => Ok(usual),
            Some(text) => {
                parse_duration(&text).map_err(|e| self.wrong(key, &format!("is wrong: {e}")))
            }
        }
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.str(key)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let near = nearest(&text, all.iter().copied());
            let near = near.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
            self.wrong(
                key,
                &format!("is `{text}`; allowed are {}{near}", all.join(", ")),
            )
        })
    }

    /// A path, from the file's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.text.folder.join(text)
    }

    /// Where a secret is: `NAME-file`, or `NAME = "${ENV:STANDINGS_SECRET_…}"`.
    pub(super) fn secret(
        &self,
        key: &'static str,
        file: &'static str,
    ) -> Result<Option<SecretAt>, ConfigError> {
        let (value, path) = (self.str(key)?, self.str(file)?);
        match (value, path) {
            (Some(_), Some(_)) => Err(self.wrong(file, &format!("and `{key}` say the same: give one"))),
            (None, None) => Ok(None),
            (None, Some(path)) => Ok(Some(SecretAt::File(self.path(&path)))),
            (Some(value), None) => match Reference::parse(&value) {
                Ok(Some(Reference::Env(name))) => Ok(Some(SecretAt::Env(name))),
                Ok(Some(Reference::File(path))) => Ok(Some(SecretAt::File(self.path(&path)))),
                _ => Err(self.wrong(
                    key,
                    &format!("is a secret, and stands nowhere in a file like this: say {file} = \"PATH\", or ${{ENV:STANDINGS_SECRET_…}}"),
                )),
            },
        }
    }

    /// `every`: how often it is looked, once all was read; not so often that nothing else is done.
    pub(super) fn every(&self, usual: Duration) -> Result<Duration, ConfigError> {
        let every = self.duration("every", usual)?;
        Ok(every.max(Duration::from_millis(50)))
    }

    /// `url`, which `check` takes; or where it is, if it is a secret. What is shown of it goes into `shown`.
    pub(super) fn url(
        &self,
        shown: &mut BTreeMap<String, String>,
        check: impl FnOnce(&str) -> Result<(), ConfigError>,
        example: &str,
    ) -> Result<Result<String, SecretAt>, ConfigError> {
        let literal = self.str("url")?.filter(|url| !url.starts_with("${"));
        if let Some(url) = literal {
            self.item("url-file");
            check(&url)?;
            shown.insert("url".to_owned(), redact::text(&url));
            return Ok(Ok(url));
        }
        let at = self.secret("url", "url-file")?;
        shown.insert("url".to_owned(), "(secret)".to_owned());
        let missing = || self.wrong("url", &format!("is missing: url = \"{example}\""));
        Ok(Err(at.ok_or_else(missing)?))
    }

    /// Refuses what nobody asked for.
    pub(super) fn nothing_else(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        for (key, item) in self.table.iter() {
            if !asked.contains(&key) {
                let near = nearest(key, asked.iter().copied());
                let near = near.map_or_else(
                    || format!("known are {}", asked.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let span = self
                    .table
                    .key(key)
                    .and_then(toml_edit::Key::span)
                    .or(item.span());
                return Err(self
                    .text
                    .error(span, format!("{}`{key}` is not known; {near}", self.of())));
            }
        }
        Ok(())
    }
}
