//! The URL that is asked next: the configured one with its places filled, or a link of the endpoint's own.
//!
//! 1. Whatever an answer says, the origin stays the configured one: what a place is filled with is encoded, and a link that leads
//!    elsewhere is refused.

use crate::feed::Trouble;
use crate::pages::Filling;

/// The places that a URL may have.
pub const PLACES: [&str; 5] = ["{cursor}", "{page}", "{offset}", "{limit}", "{since}"];

/// The URL with its places filled.
pub fn filled(url: &str, with: Filling<'_>) -> String {
    let number = with.number.to_string();
    let texts = [
        encoded(with.cursor),
        number.clone(),
        number,
        with.size.to_string(),
        encoded(with.since),
    ];
    // From left to right, once: what is filled in is not looked into.
    let mut out = String::new();
    let mut rest = url;
    loop {
        let places = PLACES.iter().zip(&texts);
        let found = places.filter_map(|(place, text)| Some((rest.find(place)?, place, text)));
        let Some((at, place, text)) = found.min_by_key(|(at, ..)| *at) else {
            return out + rest;
        };
        out.push_str(&rest[..at]);
        out.push_str(text);
        rest = &rest[at + place.len()..];
    }
}

/// `https://host:port` of a URL.
pub fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url[from..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| from + at);
    &url[..end]
}

/// A link as it is asked, seen from the URL that brought it.
///
/// # Errors
/// It leads to another place.
pub fn joined(base: &str, link: &str) -> Result<String, Trouble> {
    let origin = origin(base);
    let elsewhere = || {
        Trouble::Broken(format!(
            "the next link leads to another place than {origin}: nothing of this source is asked there"
        ))
    };
    if let Some(rest) = link.strip_prefix(origin) {
        return match rest.is_empty() || rest.starts_with(['/', '?']) {
            true => Ok(link.to_owned()),
            false => Err(elsewhere()),
        };
    }
    // With a scheme or a host of its own, or with signs that some take for either.
    let first = link.split(['/', '?', '#']).next().unwrap_or("");
    if link.starts_with("//") || first.contains(':') || link.contains(['\\', '\t', '\r', '\n']) {
        return Err(elsewhere());
    }
    let path = &base[origin.len()..];
    let path = path.split(['?', '#']).next().unwrap_or("");
    let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
    Ok(match link.chars().next() {
        Some('/') => format!("{origin}{link}"),
        Some('?') => format!("{origin}{path}{link}"),
        _ => format!("{origin}{folder}{link}"),
    })
}

/// As a part of a query.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The target of `rel="next"` in `Link` headers (RFC 8288).
pub fn next_of(links: &[String]) -> Option<String> {
    let all = links.iter().flat_map(|header| header.split('<').skip(1));
    let mut targets = all.filter_map(|link| link.split_once('>'));
    let found = targets.find(|(_, parameters)| {
        let mut each = parameters.split([';', ',']).map(str::trim);
        each.any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            let mut relations = value.split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|r| r.eq_ignore_ascii_case("next"))
        })
    });
    found.map(|(target, _)| target.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let with = Filling {
            cursor: "a b&{page}",
            number: 7,
            size: 50,
            since: "2026-01-01T00:00:00+01:00",
        };
        assert_eq!(
            filled(
                "https://h/x?c={cursor}&p={page}&o={offset}&n={limit}&t={since}&z={other}",
                with
            ),
            "https://h/x?c=a%20b%26%7Bpage%7D&p=7&o=7&n=50&t=2026-01-01T00%3A00%3A00%2B01%3A00&z={other}"
        );
    }

    #[test]
    fn links_stay_at_their_origin() {
        let base = "https://h:8443/v2/orders?page=1";
        for (link, want) in [
            (
                "https://h:8443/v2/orders?page=2",
                "https://h:8443/v2/orders?page=2",
            ),
            ("/v3/x", "https://h:8443/v3/x"),
            ("?page=2", "https://h:8443/v2/orders?page=2"),
            ("more?page=2", "https://h:8443/v2/more?page=2"),
        ] {
            assert_eq!(joined(base, link).unwrap(), want);
        }
        assert_eq!(joined("https://h", "x").unwrap(), "https://h/x");
        for other in [
            "https://h/x",
            "http://h:8443/x",
            "https://h:8443.evil/x",
            "https://h:8443@evil/x",
            "//evil/x",
            "\\\\evil/x",
            "/\\evil",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert!(joined(base, other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_next_of_several_links() {
        let link = |header: &str| next_of(&[header.to_owned()]);
        let two =
            r#"<https://h/?page=1>; rel="prev", <https://h/?page=3>; title="a, b"; rel="next""#;
        assert_eq!(link(two).unwrap(), "https://h/?page=3");
        assert_eq!(link("<a>;rel=next").unwrap(), "a");
        assert_eq!(link(r#"<a>; REL="last Next""#).unwrap(), "a");
        for none in ["", "<a>", "<a>; rel=last", "rel=next", "<a"] {
            assert_eq!(link(none), None, "{none}");
        }
    }
}
