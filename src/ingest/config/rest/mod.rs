//! `type = "rest"`: a URL with places, how its pages follow each other, where the rows are, who asks.

mod auth;
mod place;

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::format_duration;

pub use auth::Auth;
pub(super) use place::{checked, times};

use super::SecretAt;
use super::error::ConfigError;
use super::section::Section;
use crate::bucket::Rate;
use crate::pages::paging::Paging;
use crate::pages::times::Times;
use crate::rest::Next;
use crate::rest::body::Form;
use crate::row::Shape;

/// An API that is asked.
#[derive(Clone, Debug)]
pub struct Rest {
    /// The URL, with its places; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// How answers are written, and where the rows are.
    pub form: Form,
    /// How pages follow each other.
    pub paging: Paging,
    /// Where an answer says which is the next.
    pub next: Next,
    /// By which time it is asked.
    pub times: Option<Times>,
    /// The columns that name a row, as the endpoint calls them.
    pub id: Vec<String>,
    /// How often it is asked, once all is read.
    pub every: Duration,
    /// How often at most.
    pub rate: Option<Rate>,
    /// Who asks.
    pub auth: Auth,
    /// Headers that are no secret.
    pub headers: BTreeMap<String, String>,
    /// Addresses of private networks and of this machine may be asked, and without TLS.
    pub private: bool,
    /// As written, for people: without secrets.
    shown: BTreeMap<String, String>,
}

impl Rest {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let shown = |key: &str| self.shown.get(key).map_or("", String::as_str);
        let rate = self.rate.map_or_else(String::new, |r| {
            format!(", {} in {} at most", r.count, format_duration(r.per))
        });
        let rows = match &self.form {
            Form::Json(_) if shown("rows").is_empty() => "rows of JSON".to_owned(),
            Form::Json(_) => format!("rows at {}", shown("rows")),
            Form::Lines => "a row of JSON a line".to_owned(),
            Form::Csv(_) => "rows of CSV".to_owned(),
        };
        let pages = match (&self.paging, &self.next) {
            (Paging::One, _) => "one page".to_owned(),
            (Paging::Follow, Next::Link) => "the next page by the header Link".to_owned(),
            (Paging::Follow, _) => format!("the next cursor at {}", shown("cursor")),
            (Paging::Page { .. } | Paging::Offset { .. }, _) => {
                format!("pages by {}", place::places(&self.url).join(", "))
            }
        };
        let id = match (&self.times, self.paging.is_counted(), self.id.is_empty()) {
            (None, false, _) => String::new(),
            (_, _, true) => "\n  what comes again is known by all of the row".to_owned(),
            _ => format!("\n  what comes again is known by {}", self.id.join(", ")),
        };
        let times = self.times.as_ref().map_or_else(String::new, |times| {
            let overlap = format_duration(times.overlap);
            format!(
                ", from {overlap} before the greatest {} that was seen",
                times.column
            )
        });
        format!(
            "GET {}, every {}{rate}, as {}\n  {rows}, {pages}{times}; no redirect is followed, and no other host asked{id}",
            shown("url"),
            format_duration(self.every),
            self.auth.words(),
        )
    }
}

pub(super) fn read(section: &Section<'_>, shape: &Shape) -> Result<Rest, ConfigError> {
    let mut shown = BTreeMap::new();
    let check = |url: &str| checked(section, "url", url);
    let url = section.url(&mut shown, check, "https://HOST/PATH?since={cursor}")?;
    let form = place::form(section, &mut shown)?;
    let (paging, next) = place::paging(section, (&url, &form), &mut shown)?;
    let times = times(section, Some(&url), &mut shown)?;
    let rate = rate(section)?;
    let private = section.one_of("private-addresses", &[("refuse", false), ("allow", true)])?;
    let private = private.unwrap_or(false);
    let is_in_passes = times.is_some() || paging.is_counted();
    let said = section.list("id")?;
    if !said.is_empty() && !is_in_passes {
        return Err(section.wrong("id", "belongs to `time`, or to paging = \"page\" or \"offset\": with a cursor a row comes once"));
    }
    let id = match said.is_empty() {
        false => said,
        true => shape.key.iter().map(|key| old_name(shape, key)).collect(),
    };
    if is_in_passes {
        shown.insert("id".to_owned(), id.join(", "));
    }
    Ok(Rest {
        auth: auth::read(section, private)?,
        headers: headers(section)?,
        url,
        form,
        paging,
        next,
        times,
        id,
        every: section.every(Duration::from_secs(30))?,
        rate,
        private,
        shown,
    })
}

/// How often at most.
pub(super) fn rate(section: &Section<'_>) -> Result<Option<Rate>, ConfigError> {
    let Some(text) = section.str("rate")? else {
        return Ok(None);
    };
    let rate = Rate::parse(&text);
    let wrong = || section.wrong("rate", "must be such as 5/s, 100/m or 1000/h");
    rate.map(Some).ok_or_else(wrong)
}

/// What the endpoint calls a column.
pub(super) fn old_name(shape: &Shape, new: &str) -> String {
    let (first, rest) = new.split_once('.').unwrap_or((new, ""));
    let of = |name: &str| {
        let mut names = shape.names.iter();
        names
            .find(|(_, to)| *to == name)
            .map(|(from, _)| from.clone())
    };
    match (of(new), of(first), rest) {
        (Some(old), ..) => old,
        (None, Some(old), "") => old,
        (None, Some(old), rest) => format!("{old}.{rest}"),
        (None, None, _) => new.to_owned(),
    }
}

/// Headers that are no secret.
pub(super) fn headers(section: &Section<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let all = section.map("headers")?;
    for (name, value) in &all {
        let is_fine = auth::is_header(name) && !auth::is_own(name);
        let is_text = value.bytes().all(|b| (b' '..0x7f).contains(&b));
        if !is_fine || !is_text {
            let said = format!(
                "has `{name}`: a header of the endpoint's own, in ASCII, is meant; credentials are token-file, user, api-key-file or oauth-url"
            );
            return Err(section.wrong("headers", &said));
        }
    }
    Ok(all)
}
