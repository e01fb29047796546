//! Which paths are of one ranking alone, and which rankings are everybody's: `--http-public`, `--http-frame`.
//!
//! 1. A path is read once, here: who lets in and who answers go by the same [`Subject`].
//! 2. What a flag puts into a header cannot end it, or say more than an origin.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::HttpError;
use crate::params;

/// What is at a path here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `/embed/NAME`.
    Page,
    /// `/embed/NAME/events`.
    Events,
    /// `/rankings/NAME.svg`.
    Picture,
}

/// A path here: which ranking, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The ranking's name, which may be none.
    pub(crate) ranking: String,
    /// What of it.
    pub(crate) part: Part,
}

/// Whether a path is one of these, whatever comes after.
pub(crate) fn is_here(path: &str) -> bool {
    path.starts_with("/embed/") || path.starts_with("/rankings/")
}

impl Subject {
    /// Of a path as it was sent; `None` if it is no such path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (name, part) = match path.strip_prefix("/embed/") {
            Some(rest) => match rest.strip_suffix("/events") {
                Some(name) => (name, Part::Events),
                None => (rest, Part::Page),
            },
            None => {
                let name = path.strip_prefix("/rankings/")?.strip_suffix(".svg")?;
                (name, Part::Picture)
            }
        };
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let ranking = params::decode(name, false)?;
        Some(Subject { ranking, part })
    }
}

/// A subject that the gate let pass.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// Which.
    pub(crate) subject: Subject,
    /// Whether everybody may see it.
    pub(crate) is_public: bool,
    /// Who may show it in a frame, as `frame-ancestors` has it.
    pub(crate) frames: Arc<str>,
    /// Who asks.
    pub(crate) from: IpAddr,
}

/// An answer that pages of other origins may show in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framed;

/// `--http-public` and `--http-frame`.
#[derive(Debug)]
pub(crate) struct Public {
    names: BTreeSet<String>,
    frames: Arc<str>,
}

impl Public {
    /// As the flags say; `rankings` are those that are served.
    pub(crate) fn new(
        names: &[String],
        frames: &[String],
        rankings: &[&str],
    ) -> Result<Self, HttpError> {
        for name in names {
            if !rankings.contains(&name.as_str()) {
                return Err(HttpError::NotServed {
                    name: name.clone(),
                    rankings: rankings.iter().map(|r| (*r).to_owned()).collect(),
                });
            }
        }
        for origin in frames {
            let host = origin
                .strip_prefix("https://")
                .or(origin.strip_prefix("http://"));
            // What stands here becomes a part of a header: nothing that could end a directive, or begin another.
            let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]*".contains(&b);
            let is_host = |h: &str| !h.is_empty() && h.bytes().all(is_part);
            if origin != "*" && !host.is_some_and(is_host) {
                return Err(HttpError::Frame(origin.clone()));
            }
        }
        let frames = match frames {
            [] => "'none'".to_owned(),
            frames => frames.join(" "),
        };
        Ok(Public {
            names: names.iter().cloned().collect(),
            frames: frames.into(),
        })
    }

    /// Whether a ranking is everybody's.
    pub(crate) fn holds(&self, ranking: &str) -> bool {
        self.names.contains(ranking)
    }

    /// A subject that was let pass.
    pub(crate) fn opened(&self, subject: Subject, from: IpAddr) -> Opened {
        Opened {
            is_public: self.holds(&subject.ranking),
            frames: Arc::clone(&self.frames),
            subject,
            from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_ranking_or_nothing() {
        let subject = |ranking: &str, part| {
            Some(Subject {
                ranking: ranking.to_owned(),
                part,
            })
        };
        for (path, want) in [
            ("/embed/top", subject("top", Part::Page)),
            ("/embed/top/events", subject("top", Part::Events)),
            ("/embed/events", subject("events", Part::Page)),
            ("/rankings/top.svg", subject("top", Part::Picture)),
            ("/rankings/a%20b.svg", subject("a b", Part::Picture)),
            ("/rankings/top.svg.svg", subject("top.svg", Part::Picture)),
            ("/embed/%74op", subject("top", Part::Page)),
            // Names that no ranking has, and no spelling of one that has.
            ("/embed/a%2Fevents", subject("a/events", Part::Page)),
            ("/embed/..%2Fsecret", subject("../secret", Part::Page)),
            ("/embed/top%00", subject("top\0", Part::Page)),
            ("/embed/", None),
            ("/embed//events", None),
            ("/embed/top/", None),
            ("/embed/top/events/", None),
            ("/embed/top/other", None),
            ("/embed/secret/../top", None),
            ("/embed/%", None),
            ("/embed/%ff", None),
            ("/rankings/top", None),
            ("/rankings/.svg", None),
            ("/rankings/top.SVG", None),
            ("/rankings/a/top.svg", None),
            ("/api/v1/rankings/top.svg", None),
            ("/Embed/top", None),
        ] {
            assert_eq!(Subject::of(path), want, "{path}");
        }
    }

    #[test]
    fn only_what_is_named_is_public() {
        let own = |names: &[&str], frames: &[&str]| {
            let own = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
            Public::new(&own(names), &own(frames), &["top", "secret"])
        };
        let public = own(&["top"], &[]).unwrap();
        assert!(
            public.holds("top")
                && !public.holds("secret")
                && !public.holds("TOP")
                && !public.holds("")
        );
        let none = own(&[], &["https://a.example", "https://*.b.example:8443"]).unwrap();
        assert!(!none.holds("top"));
        assert_eq!(&*none.frames, "https://a.example https://*.b.example:8443");
        let wrong = own(&["tip"], &[]).unwrap_err().to_string();
        assert!(
            wrong.contains("--http-public tip") && wrong.contains("top, secret"),
            "{wrong}"
        );
        for wrong in [
            "intranet.example",
            "https://",
            "https://a.example/path",
            "https://a.example;script-src *",
            "https://a.example https://b.example",
            "https://a.example,b",
            "'self'",
            "data:",
            "",
            "https://ä.example",
            "https://a.example\r\nX: y",
        ] {
            assert!(own(&[], &[wrong]).is_err(), "{wrong:?}");
        }
    }
}
