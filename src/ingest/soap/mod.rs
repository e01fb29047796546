//! A service of SOAP 1.1 or 1.2 that is asked page by page.
//!
//! ```text
//! template ─┐                                                   ┌─► fault: Receiver later, anything else broken
//! cursor   ─┼─► envelope: nonce, moment, id, all new ──POST──► text ──► envelope ─┤
//! password ─┘                                                   └─► rows and the next cursor, by paths ──► `pages`
//! ```
//!
//! How it is gone through, and what of it is written, is `pages`'.
//!
//! 1. No envelope is sent twice: an attempt has its own nonce, moment and id, else a service takes it for a replay.
//! 2. Rows are read by their paths, whatever the prefixes are; one that cannot be read is a letter, and those beside it are rows.
//! 3. What this version does not do is refused by name: X.509 signatures, encryption, ReliableMessaging, MTOM.

pub mod envelope;
pub mod fault;
pub mod security;
pub mod wsdl;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use self::envelope::Template;
use self::fault::Fault;
use self::security::{Stamp, Token};
use super::answer::{Answer, after, judged, retry, wrong};
use super::feed::Trouble;
use super::pages::{self, Brought, Endpoint, Filling, PagesFeed, Piece, Row};
use super::row::Shape;
use super::xml::path::{Found, Path};
use super::xml::{Bounds, Element, encoding, json, read};

/// The namespace of WS-Addressing 1.0.
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
/// The namespace of `wsse:Security`.
const WSSE: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

/// Which SOAP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 1.1
    #[default]
    V11,
    /// 1.2
    V12,
}

impl Version {
    /// The namespace of its envelopes.
    pub fn space(self) -> &'static str {
        match self {
            Version::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Version::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// By the namespace of an envelope.
    pub fn of(space: &str) -> Option<Self> {
        [Version::V11, Version::V12]
            .into_iter()
            .find(|version| version.space() == space)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V11 => "1.1",
            Version::V12 => "1.2",
        })
    }
}

/// What is asked of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL.
    pub url: String,
    /// The action; empty: none.
    pub action: String,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// The envelope.
    pub body: String,
}

/// What a service is asked by.
pub trait Post: Send {
    /// Whom, and by which action; asked for once, and again after it failed.
    ///
    /// # Errors
    /// It is in a WSDL that does not come, or that has no such operation.
    fn target(&mut self) -> Result<Target, Trouble>;

    /// POST, of the configured origin alone.
    ///
    /// # Errors
    /// No answer, or an address that may not be asked.
    fn post(&mut self, request: &Request) -> Result<Answer, Trouble>;

    /// The password of the user.
    ///
    /// # Errors
    /// It is not where it should be.
    fn password(&mut self) -> Result<String, Trouble>;

    /// What nobody can guess.
    ///
    /// # Errors
    /// The machine gives none.
    fn random(&mut self) -> Result<[u8; 16], Trouble>;
}

/// How a service is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The request.
    pub template: Template,
    /// Where rows are.
    pub rows: Path,
    /// Where the next cursor is.
    pub cursor: Option<Path>,
    /// Names of elements that are lists, also where there is one.
    pub lists: BTreeSet<String>,
    /// Who asks, and how the password is shown.
    pub user: Option<(String, Token)>,
    /// So long an envelope counts; none: it does not say.
    pub lives: Option<Duration>,
    /// WS-Addressing is put in.
    pub addressing: bool,
}

/// A service.
pub struct Service<P> {
    post: P,
    settings: Settings,
    clock: Clock,
    target: Option<Target>,
    /// What was sent last: only a mistake of the simulator's looks at it.
    last: Option<(Stamp, String)>,
}

/// A service as a source.
pub type SoapFeed<P> = PagesFeed<Service<P>>;

/// A service as a source. Nothing is asked yet.
pub fn feed<P: Post>(
    post: P,
    (settings, pages): (Settings, pages::Settings),
    shape: Shape,
    clock: Clock,
) -> SoapFeed<P> {
    let service = Service {
        post,
        settings,
        clock: clock.clone(),
        target: None,
        last: None,
    };
    PagesFeed::new(service, pages, shape, clock)
}

/// So long an envelope counts where nothing says it.
const LIVES: Duration = Duration::from_secs(300);

impl<P: Post> Service<P> {
    fn target(&mut self) -> Result<Target, Trouble> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let target = self.post.target()?;
        Ok(self.target.insert(target).clone())
    }

    /// What the next envelope has of its own.
    fn stamp(&mut self) -> Result<Stamp, Trouble> {
        let random = (self.post.random()?, self.post.random()?);
        let lives = self.settings.lives.unwrap_or(LIVES);
        let stamp = Stamp::new(self.clock.wall(), lives, random);
        Ok(match &self.last {
            Some((last, _)) if sabotage::is(Mistake::IngestNonceAgain) => Stamp {
                nonce: last.nonce,
                ..stamp
            },
            _ => stamp,
        })
    }

    /// The envelope for a page.
    fn envelope(
        &mut self,
        page: Filling<'_>,
        target: &Target,
        password: &str,
    ) -> Result<String, Trouble> {
        let stamp = self.stamp()?;
        let Settings {
            template,
            user,
            lives,
            addressing,
            ..
        } = &self.settings;
        let mut headers = String::new();
        if *addressing && !template.has_addressing {
            headers += &security::addressing(&stamp, &target.action, &target.url);
        }
        if let Some((user, token)) = user
            && *token != Token::Basic
            && !template.has_security
        {
            let user = (user.as_str(), password, *token);
            headers += &security::security(template.version, &stamp, user, lives.is_some());
        }
        let (number, size) = (page.number.to_string(), page.size.to_string());
        let (nonce, digest) = (stamp.nonce(), stamp.digest(password));
        let places = [
            ("cursor", page.cursor),
            ("page", &number),
            ("offset", &number),
            ("limit", &size),
            ("since", page.since),
            ("username", user.as_ref().map_or("", |(user, _)| user)),
            ("password", password),
            ("nonce", &nonce),
            ("created", &stamp.created),
            ("expires", &stamp.expires),
            ("digest", &digest),
            ("message-id", &stamp.message_id),
            ("action", &target.action),
            ("to", &target.url),
        ];
        let envelope = template.filled(&places, &headers);
        if let Some((_, last)) = &self.last
            && sabotage::is(Mistake::IngestOldEnvelope)
        {
            return Ok(last.clone());
        }
        self.last = Some((stamp, envelope.clone()));
        Ok(envelope)
    }

    /// The root of an answer, and its text; none where it is no envelope of SOAP.
    fn read(answer: &Answer) -> Result<(Element, String), Trouble> {
        let kind = answer.content_type.as_deref().unwrap_or("");
        if kind
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/")
        {
            return Err(Trouble::Broken(
                "the answer is in parts (MTOM, or SOAP with attachments), which is not read: ask the service to send it in one".to_owned(),
            ));
        }
        let no = |e: &dyn fmt::Display| wrong(e.to_string());
        let text =
            encoding::text(&answer.body, answer.content_type.as_deref()).map_err(|e| no(&e))?;
        let root = read(&text, &Bounds::default()).map_err(|e| no(&e))?;
        Ok((root, text))
    }

    /// What an answer brings.
    fn brought(&self, answer: &Answer, hidden: &str) -> Result<Brought, Trouble> {
        let now = self.clock.wall();
        let read = Self::read(answer);
        let envelope = read.and_then(|(root, text)| {
            let version = Version::of(&root.name.space).filter(|_| root.name.local == "Envelope");
            let version = version.ok_or_else(|| wrong("no envelope of SOAP".to_owned()))?;
            Ok((root, text, version))
        });
        let (root, text, version) = match envelope {
            Ok(found) => found,
            // Of an answer that is none of a service its status says more.
            Err(e) => return Err(judged(answer, now).err().unwrap_or(e)),
        };
        let body = root.child(version.space(), "Body");
        let body = body.ok_or_else(|| wrong("its envelope has no body".to_owned()))?;
        if let Some(fault) = Fault::of(version, body) {
            let asked = fault.after.or_else(|| after(answer, now));
            let fault = Fault {
                after: asked,
                ..fault
            };
            return Err(fault.trouble(hidden, skew(answer, now)));
        }
        judged(answer, now)?;
        if body
            .children()
            .any(|child| child.name.local == "EncryptedData")
        {
            return Err(Trouble::Broken(
                "the answer is encrypted, which is not read".to_owned(),
            ));
        }
        let rows = self.settings.rows.find(&root);
        if rows.is_empty()
            && let Some(name) = fault::without_fault(body)
        {
            return Err(Trouble::later(format!(
                "the answer has no rows, and `{name}`"
            )));
        }
        let rows = rows.into_iter().enumerate().map(|(n, found)| Piece {
            path: Some(self.settings.rows.at(n)),
            row: self.row(found, &text),
        });
        Ok(Brought {
            rows: rows.collect(),
            next: self.next(&root)?,
            text: text[body.span.clone()].to_owned(),
        })
    }

    /// An element as a row.
    fn row(&self, found: Found<'_>, text: &str) -> Row {
        let element = match found {
            Found::Element(element) => element,
            Found::Attribute(value) => {
                return Row::Wrong(value.to_owned(), "an attribute is no row".to_owned());
            }
        };
        let raw = || text[element.span.clone()].to_owned();
        if let Some(why) = &element.wrong {
            return Row::Wrong(raw(), why.clone());
        }
        match json::is_object(element) {
            true => Row::Text(json::text(element, &self.settings.lists)),
            false => Row::Wrong(raw(), "it has no columns".to_owned()),
        }
    }

    fn next(&self, root: &Element) -> Result<Option<String>, Trouble> {
        let Some(path) = &self.settings.cursor else {
            return Ok(None);
        };
        let found = path.find(root);
        match found.first() {
            Some(Found::Element(element)) => match &element.wrong {
                Some(why) => Err(wrong(format!("`cursor`: {why}"))),
                None if element.is_nil() => Ok(None),
                None => Ok(Some(element.text().trim().to_owned())),
            },
            Some(Found::Attribute(value)) => Ok(Some(value.trim().to_owned())),
            None => Ok(None),
        }
    }
}

/// How far this clock is ahead of the service's, seconds.
fn skew(answer: &Answer, now: SystemTime) -> Option<i64> {
    let theirs = retry::date_of(answer.date.as_deref()?)?;
    let ours = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(i64::try_from(ours).ok()? - i64::try_from(theirs).ok()?)
}

impl<P: Post> Endpoint for Service<P> {
    fn ask(&mut self, page: Filling<'_>) -> Result<Brought, Trouble> {
        let target = self.target()?;
        let is_shown = self.settings.user.is_some() || self.settings.template.has("password");
        let password = match is_shown {
            true => self.post.password()?,
            false => String::new(),
        };
        let body = self.envelope(page, &target, &password)?;
        let action = &target.action;
        let headers = match self.settings.template.version {
            Version::V11 => vec![
                ("content-type", "text/xml; charset=utf-8".to_owned()),
                ("soapaction", format!("\"{action}\"")),
            ],
            Version::V12 if action.is_empty() => {
                vec![(
                    "content-type",
                    "application/soap+xml; charset=utf-8".to_owned(),
                )]
            }
            Version::V12 => vec![(
                "content-type",
                format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
            )],
        };
        let answer = self.post.post(&Request {
            url: target.url,
            headers,
            body,
        })?;
        self.brought(&answer, &password)
    }
}

#[cfg(test)]
mod tests;
