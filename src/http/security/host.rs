//! By which names this server may be asked.
//!
//! A page elsewhere cannot read what is answered here. But its owner may let its name point to this machine (DNS
//! rebinding): then the browser takes page and server for one origin, and the name in `Host` is all that tells them apart.
//!
//! 1. An address is always taken: nobody can let it point to another place.
//! 2. Of names, those of `--http-host`, the one that `--http` itself has, and `localhost`.
//! 3. Where callers must say who they are, and no name is given, every name is taken: such a page has no key.
//! 4. HTTP/1.1 has exactly one `Host`. Who speaks HTTP/1.0 may leave it out; browsers do not.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, StatusCode, Uri, Version, header};

use crate::error::HttpError;
use crate::problem::Problem;

/// The names that are taken, in lower case.
#[derive(Debug)]
pub(super) struct Hosts {
    names: Vec<String>,
    /// Every other name too.
    any: bool,
}

impl Hosts {
    /// `address` is `--http`, `named` each `--http-host`; `open`: nobody has to say who asks.
    pub(super) fn new(address: &str, named: &[String], open: bool) -> Result<Self, HttpError> {
        let mut names = vec!["localhost".to_owned()];
        for text in named {
            match name_of(text) {
                // With a port it would be read as if only that port were meant.
                Some(name) if !text.contains(':') || text.starts_with('[') => names.push(name),
                _ => {
                    return Err(HttpError::HostName(text.clone()));
                }
            }
        }
        names.extend(name_of(address).filter(|name| !is_address(name)));
        Ok(Hosts {
            names,
            any: !open && named.is_empty(),
        })
    }

    /// Refuses a request that is meant for another server.
    pub(super) fn check(
        &self,
        version: Version,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let mut given = headers.get_all(header::HOST).iter();
        let (host, second) = (given.next(), given.next());
        if second.is_some() {
            return Err(Problem::bad("the request has more than one Host"));
        }
        if host.is_none() && version >= Version::HTTP_11 {
            return Err(Problem::bad("the request has no Host; HTTP/1.1 needs one"));
        }
        if let Some(host) = host {
            let text = host
                .to_str()
                .map_err(|_| Problem::bad("the Host is no ASCII text"))?;
            self.admit(text)?;
        }
        // `GET http://name/path`: as a proxy is asked. That name is the one that is meant.
        uri.authority().map_or(Ok(()), |a| self.admit(a.as_str()))
    }

    fn admit(&self, text: &str) -> Result<(), Problem> {
        let name =
            name_of(text).ok_or_else(|| Problem::bad("the Host is no name and no address"))?;
        if self.any || is_address(&name) || self.names.contains(&name) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!(
                "this server is not `{name}`: it may be asked by its address and as {}; --http-host takes more names",
                self.names.join(", ")
            ),
        ))
    }
}

/// Whether a name is an address: of IPv6 it has brackets.
fn is_address(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<Ipv4Addr>().is_ok(),
    }
}

/// The name of `name[:port]` in lower case, without the dot at its end; `None` if it is no such thing.
fn name_of(text: &str) -> Option<String> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            (
                &text[..end],
                text[end..]
                    .strip_prefix(':')
                    .or(text[end..].is_empty().then_some(""))?,
            )
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let name = match name.starts_with('[') {
        true => name,
        false => name.strip_suffix('.').unwrap_or(name),
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = !name.is_empty() && (name.starts_with('[') || name.chars().all(is_part));
    let is_port = port.len() <= 5 && port.chars().all(|c| c.is_ascii_digit());
    (is_name && is_port).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn ask(hosts: &Hosts, given: &[&str]) -> u16 {
        asked(hosts, Version::HTTP_11, "/api/v1/rankings", given)
    }

    fn asked(hosts: &Hosts, version: Version, uri: &str, given: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for host in given {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        match hosts.check(version, &uri.parse().unwrap(), &headers) {
            Ok(()) => 200,
            Err(problem) => problem.status.as_u16(),
        }
    }

    #[test]
    fn a_name_that_somebody_else_owns_is_refused() {
        let named = ["Wall.Example".to_owned()];
        let hosts = Hosts::new("127.0.0.1:8080", &named, true).unwrap();
        for (host, status) in [
            ("localhost", 200),
            ("LOCALHOST:8080", 200),
            ("localhost.", 200),
            ("localhost.:80", 200),
            ("127.0.0.1:8080", 200),
            ("10.1.2.3", 200),
            ("[::1]:8080", 200),
            ("[2001:DB8::1]", 200),
            ("wall.example", 200),
            ("WALL.example.:443", 200),
            ("attacker.example:8080", 421),
            ("127.0.0.1.attacker.example", 421),
            ("localhost.attacker.example", 421),
            ("127.0.0.1.nip.io", 421),
            ("2130706433", 421),
            ("0x7f.1", 421),
            ("wall.example.attacker.example", 421),
            ("localhost@attacker.example", 400),
            ("localhost:80@attacker.example", 400),
            ("[::1].attacker.example", 400),
            ("[::1", 400),
            ("[attacker.example]", 421),
            ("localhost:port", 400),
            ("local host", 400),
            ("", 400),
            (":8080", 400),
        ] {
            assert_eq!(ask(&hosts, &[host]), status, "{host}");
        }
        assert_eq!(ask(&hosts, &[]), 400);
        assert_eq!(ask(&hosts, &["localhost", "localhost"]), 400);
        let old = asked(&hosts, Version::HTTP_10, "/", &[]);
        assert_eq!(old, 200, "HTTP/1.0 has no Host");
        let as_proxy = "http://attacker.example/api/v1/rankings";
        assert_eq!(
            asked(&hosts, Version::HTTP_11, as_proxy, &["localhost"]),
            421
        );
    }

    #[test]
    fn names_are_those_that_are_given() {
        let open = Hosts::new("wall.example:8080", &[], true).unwrap();
        assert_eq!(ask(&open, &["wall.example:8080"]), 200);
        assert_eq!(ask(&open, &["other.example"]), 421);
        let with_keys = Hosts::new("0.0.0.0:8080", &[], false).unwrap();
        assert_eq!(ask(&with_keys, &["any.example"]), 200);
        let named = Hosts::new("0.0.0.0:8080", &["a.example".to_owned()], false).unwrap();
        assert_eq!(ask(&named, &["any.example"]), 421);
        for wrong in ["https://a.example", "a.example:80", "a.example/x", "*", ""] {
            let wrong = [wrong.to_owned()];
            assert!(
                Hosts::new("127.0.0.1:0", &wrong, true).is_err(),
                "{wrong:?}"
            );
        }
    }
}
