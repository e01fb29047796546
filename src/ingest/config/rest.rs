//! `type = "rest"`, in its simple form: one URL, a path to the rows, a path to the next cursor.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::redact;

use super::SecretAt;
use super::error::ConfigError;
use super::section::Section;
use crate::bucket::Rate;
use crate::rest::path::Path;

/// An API that is asked.
#[derive(Clone, Debug)]
pub struct Rest {
    /// The URL, with `{cursor}` where the cursor goes; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// Where the rows are in an answer.
    pub rows: Path,
    /// Where the next cursor is; without it there is one page.
    pub cursor: Option<Path>,
    /// How often it is asked, once all is read.
    pub every: Duration,
    /// How often at most.
    pub rate: Option<Rate>,
    /// A bearer's token.
    pub token: Option<SecretAt>,
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
        format!(
            "GET {}, every {}{rate}\n  rows at {}, the next cursor at {}; no redirect is followed, and no other host asked",
            shown("url"),
            format_duration(self.every),
            shown("rows"),
            self.cursor.as_ref().map_or("nowhere", |_| shown("cursor"))
        )
    }
}

pub(super) fn read(section: &Section<'_>) -> Result<Rest, ConfigError> {
    let mut shown = BTreeMap::new();
    let literal = section.str("url")?.filter(|url| !url.starts_with("${"));
    let url = match literal {
        Some(url) => {
            section.item("url-file");
            let scheme = ["https://", "http://"]
                .into_iter()
                .find(|s| url.starts_with(s));
            let rest = scheme.map(|s| &url[s.len()..]);
            let Some(rest) = rest.filter(|r| !r.is_empty()) else {
                return Err(section.wrong("url", "must be https://HOST/PATH"));
            };
            if rest
                .split(['/', '?'])
                .next()
                .is_some_and(|host| host.contains('@'))
            {
                return Err(section.wrong(
                    "url",
                    "has a user or a password in it: say token-file, or url-file",
                ));
            }
            shown.insert("url".to_owned(), redact::text(&url));
            Ok(url)
        }
        None => {
            let at = section.secret("url", "url-file")?;
            shown.insert("url".to_owned(), "(secret)".to_owned());
            Err(at.ok_or_else(|| {
                section.wrong(
                    "url",
                    "is missing: url = \"https://HOST/PATH?since={cursor}\"",
                )
            })?)
        }
    };
    let mut path = |key: &'static str| -> Result<Option<Path>, ConfigError> {
        let Some(text) = section.str(key)? else {
            return Ok(None);
        };
        let parsed = Path::parse(&text).map_err(|said| section.wrong(key, &said))?;
        shown.insert(key.to_owned(), text);
        Ok(Some(parsed))
    };
    let rows = path("rows")?.unwrap_or_else(Path::whole);
    let cursor = path("cursor")?;
    let rate = match section.str("rate")? {
        None => None,
        Some(text) => Some(
            Rate::parse(&text)
                .ok_or_else(|| section.wrong("rate", "must be such as 5/s, 100/m or 1000/h"))?,
        ),
    };
    let private = section.one_of("private-addresses", &[("refuse", false), ("allow", true)])?;
    Ok(Rest {
        url,
        rows,
        cursor,
        every: section
            .duration("every", Duration::from_secs(30))?
            .max(Duration::from_millis(50)),
        rate,
        token: section.secret("token", "token-file")?,
        private: private.unwrap_or(false),
        shown,
    })
}
