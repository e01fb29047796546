//! `type = "soap"`: an operation of a service, the template that it is asked with, where its rows are, who asks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use standings_model::duration::{format_duration, parse_duration};

use super::SecretAt;
use super::error::ConfigError;
use super::rest::{checked, headers, old_name, rate, times};
use super::section::Section;
use crate::bucket::Rate;
use crate::pages::paging::Paging;
use crate::pages::times::Times;
use crate::row::Shape;
use crate::soap::Version;
use crate::soap::security::Token;
use crate::xml::path::Path;

/// Where a WSDL is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsdlAt {
    /// In a file; what it imports lies in its folder, or below.
    File(PathBuf),
    /// At a URL; what it imports is of the same origin.
    Url(String),
}

/// A service that is asked.
#[derive(Clone, Debug)]
pub struct Soap {
    /// What describes it.
    pub wsdl: Option<WsdlAt>,
    /// Which operation of that.
    pub operation: Option<String>,
    /// Whom to ask, where it is another one than the WSDL says.
    pub url: Option<String>,
    /// Its action, where it is another one than the WSDL says.
    pub action: Option<String>,
    /// The file of the template.
    pub envelope: PathBuf,
    /// Which SOAP, where it is said.
    pub version: Option<Version>,
    /// Where rows are.
    pub rows: Path,
    /// Where the next cursor is.
    pub cursor: Option<Path>,
    /// The cursor of the first page; empty: none.
    pub first: String,
    /// Names of elements that are lists.
    pub lists: Vec<String>,
    /// How pages follow each other.
    pub paging: Paging,
    /// By which time it is asked.
    pub times: Option<Times>,
    /// The columns that name a row, as the service calls them.
    pub id: Vec<String>,
    /// How often it is asked, once all is read.
    pub every: Duration,
    /// How often at most.
    pub rate: Option<Rate>,
    /// Who asks: the user, where the password is, and how it is shown.
    pub user: Option<(String, SecretAt, Token)>,
    /// So long an envelope counts; none: it does not say.
    pub lives: Option<Duration>,
    /// Headers of WS-Addressing are put in.
    pub addressing: bool,
    /// Headers of HTTP that are no secret.
    pub headers: BTreeMap<String, String>,
    /// The client's certificate and its key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The authorities of the service's certificate, in place of the usual ones.
    pub authorities: Option<PathBuf>,
    /// Addresses of private networks and of this machine may be asked, and without TLS.
    pub private: bool,
    shown: BTreeMap<String, String>,
}

impl Soap {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let shown = |key: &str| self.shown.get(key).map_or("", String::as_str);
        let whom = match (&self.url, &self.operation) {
            (Some(url), Some(operation)) => format!("{operation} of {url}"),
            (Some(url), None) => url.clone(),
            (None, operation) => format!(
                "{} as {} says",
                operation.as_deref().unwrap_or_default(),
                shown("wsdl")
            ),
        };
        let who = match &self.user {
            None => "nobody in particular".to_owned(),
            Some((user, _, token)) => {
                let how = match token {
                    Token::Digest => "a digest of the password",
                    Token::Text => "the password as text",
                    Token::Basic => "the password as HTTP has it",
                };
                format!("the user {user}, by {how}")
            }
        };
        let rate = self.rate.map_or_else(String::new, |r| {
            format!(", {} in {} at most", r.count, format_duration(r.per))
        });
        let pages = match (&self.paging, &self.cursor) {
            (Paging::Follow, Some(path)) => format!("the next cursor at {}", path.text()),
            (Paging::Page { .. }, _) => "pages by {page}".to_owned(),
            (Paging::Offset { .. }, _) => "pages by {offset}".to_owned(),
            _ => "one page".to_owned(),
        };
        format!(
            "SOAP: {whom}, every {}{rate}, as {who}\n  with {} as template; rows at {}, {pages}; no redirect is followed, and no other \
             host asked",
            format_duration(self.every),
            shown("envelope"),
            self.rows.text(),
        )
    }
}

/// What is not done, by the key that somebody may try it with.
const REFUSED: [(&str, &str); 7] = [
    ("signature", "X.509 signatures are"),
    ("sign", "X.509 signatures are"),
    ("x509", "X.509 signatures are"),
    ("encrypt", "XML encryption is"),
    ("saml", "SAML tokens are"),
    ("reliable-messaging", "WS-ReliableMessaging is"),
    ("mtom", "MTOM is"),
];

pub(super) fn read(section: &Section<'_>, shape: &Shape) -> Result<Soap, ConfigError> {
    if let Some((key, what)) = REFUSED.iter().find(|(key, _)| section.has(key)) {
        return Err(section.wrong(
            key,
            &format!("is not known: {what} not done by this version"),
        ));
    }
    let mut shown = BTreeMap::new();
    let (wsdl, operation) = described(section, &mut shown)?;
    let url = section.str("url")?;
    if let Some(url) = &url {
        checked(section, "url", url)?;
        shown.insert("url".to_owned(), standings_model::redact::text(url));
    }
    if wsdl.is_none() && url.is_none() {
        return Err(section.wrong(
            "wsdl",
            "is missing: wsdl = \"FILE\" or a URL; or say `url` and `action`",
        ));
    }
    let action = section.str("action")?;
    let fits = |c: char| !c.is_control() && !"\"\\".contains(c) && c.is_ascii();
    if action
        .as_deref()
        .is_some_and(|action| !action.chars().all(fits))
    {
        return Err(section.wrong("action", "must be a URI, in ASCII and without quotes"));
    }
    let envelope = section.wanted("envelope", "\"request.xml\"")?;
    shown.insert("envelope".to_owned(), envelope.clone());
    let rows = section.parsed("rows", &mut shown, Path::parse)?;
    let rows = rows.ok_or_else(|| {
        section.wrong(
            "rows",
            "is missing: where rows are, such as rows = \"$.page.sale[*]\"",
        )
    })?;
    if rows.is_attribute() {
        return Err(section.wrong("rows", "leads to an attribute: rows are elements"));
    }
    let cursor = section.parsed("cursor", &mut shown, Path::parse)?;
    let paging = paging(section, cursor.is_some(), &mut shown)?;
    let times = times(section, None, &mut shown)?;
    let is_in_passes = times.is_some() || paging.is_counted();
    let id = id(section, shape, is_in_passes, &mut shown)?;
    let versions = [("1.1", Version::V11), ("1.2", Version::V12)];
    let user = user(section)?;
    let switch = [("on", true), ("off", false)];
    let private = section.one_of("private-addresses", &[("refuse", false), ("allow", true)])?;
    Ok(Soap {
        wsdl,
        operation,
        url,
        action,
        envelope: section.path(&envelope),
        version: section.one_of("version", &versions)?,
        rows,
        cursor,
        first: section.str("first-cursor")?.unwrap_or_default(),
        lists: section.list("lists")?,
        paging,
        times,
        id,
        every: section.every(Duration::from_secs(30))?,
        rate: rate(section)?,
        user,
        lives: lives(section)?,
        addressing: section.one_of("addressing", &switch)?.unwrap_or(true),
        headers: headers(section)?,
        identity: identity(section)?,
        authorities: section.str("tls-ca")?.map(|path| section.path(&path)),
        private: private.unwrap_or(false),
        shown,
    })
}

type Shown = BTreeMap<String, String>;

/// What names a row where it comes again.
fn id(
    section: &Section<'_>,
    shape: &Shape,
    is_in_passes: bool,
    shown: &mut Shown,
) -> Result<Vec<String>, ConfigError> {
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
    Ok(id)
}

/// The WSDL, and the operation of it.
fn described(
    section: &Section<'_>,
    shown: &mut Shown,
) -> Result<(Option<WsdlAt>, Option<String>), ConfigError> {
    let operation = section.str("operation")?;
    if let Some(operation) = &operation {
        shown.insert("operation".to_owned(), operation.clone());
    }
    let Some(text) = section.str("wsdl")? else {
        return Ok((None, operation));
    };
    if operation.is_none() {
        section.wanted("operation", "\"ListSales\"")?;
    }
    shown.insert("wsdl".to_owned(), standings_model::redact::text(&text));
    if text.starts_with("https://") || text.starts_with("http://") {
        checked(section, "wsdl", &text)?;
        return Ok((Some(WsdlAt::Url(text)), operation));
    }
    let path = text.strip_prefix("file:").unwrap_or(&text);
    Ok((Some(WsdlAt::File(section.path(path))), operation))
}

fn paging(
    section: &Section<'_>,
    has_cursor: bool,
    shown: &mut Shown,
) -> Result<Paging, ConfigError> {
    let words = ["cursor", "page", "offset"].map(|word| (word, word));
    let said = section.one_of("paging", &words)?;
    let size = section.count("page-size", 1, 1_000_000)?;
    let first = section.count("first-page", 0, 1_000_000)?;
    if let Some(word) = said.filter(|word| *word != "cursor") {
        shown.insert("paging".to_owned(), word.to_owned());
    }
    let is_counted = matches!(said, Some("page" | "offset"));
    if has_cursor && is_counted {
        return Err(section.wrong("cursor", "belongs to paging = \"cursor\""));
    }
    if !has_cursor && section.has("first-cursor") {
        return Err(section.wrong("first-cursor", "belongs to `cursor`"));
    }
    if size.is_some() && !is_counted {
        return Err(section.wrong("page-size", "belongs to paging = \"page\" or \"offset\""));
    }
    if first.is_some() && said != Some("page") {
        return Err(section.wrong("first-page", "belongs to paging = \"page\""));
    }
    let size = u64::try_from(size.unwrap_or(0)).unwrap_or(0);
    match (said, has_cursor) {
        (Some("cursor"), false) => Err(section.wrong(
            "cursor",
            "is missing: where the next cursor is, such as cursor = \"$.page.next\"",
        )),
        (_, true) => Ok(Paging::Follow),
        (Some("page"), _) => Ok(Paging::Page {
            first: u64::try_from(first.unwrap_or(1)).unwrap_or(1),
            size,
        }),
        (Some(_), _) => Ok(Paging::Offset { size }),
        (None, _) => Ok(Paging::One),
    }
}

/// Who asks.
fn user(section: &Section<'_>) -> Result<Option<(String, SecretAt, Token)>, ConfigError> {
    let user = section.str("username")?;
    let password = section.secret("password", "password-file")?;
    let kinds = [
        ("digest", Token::Digest),
        ("text", Token::Text),
        ("basic", Token::Basic),
    ];
    let token = section.one_of("password-type", &kinds)?;
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some((user, password, token.unwrap_or_default()))),
        (None, None) if token.is_some() => {
            Err(section.wrong("password-type", "belongs to `username`"))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(section.wrong("username", "needs `password-file`")),
        (None, Some(_)) => Err(section.wrong("password-file", "needs `username`")),
    }
}

/// How long an envelope counts.
fn lives(section: &Section<'_>) -> Result<Option<Duration>, ConfigError> {
    match section.str("timestamp")?.as_deref() {
        None => Ok(Some(Duration::from_secs(300))),
        Some("off") => Ok(None),
        Some(text) => {
            let found = parse_duration(text)
                .ok()
                .filter(|d| *d >= Duration::from_secs(1) && *d <= Duration::from_secs(86_400));
            let wrong = || {
                section.wrong(
                    "timestamp",
                    "must be \"off\", or how long an envelope counts, from 1s to 1d",
                )
            };
            found.map(Some).ok_or_else(wrong)
        }
    }
}

fn identity(section: &Section<'_>) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    match (section.str("tls-cert")?, section.str("tls-key")?) {
        (Some(cert), Some(key)) => Ok(Some((section.path(&cert), section.path(&key)))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(section.wrong("tls-cert", "needs `tls-key`, the file of its key")),
        (None, Some(_)) => {
            Err(section.wrong("tls-key", "needs `tls-cert`, the file of the certificate"))
        }
    }
}
