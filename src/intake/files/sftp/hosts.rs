//! Whether a server is the one that it should be, by the key that it shows: fingerprints, and files as OpenSSH has them.
//!
//! 1. Known is a key that a fingerprint or a line of the file names. A line with `@revoked` is stronger than both.
//! 2. A server of which another key is known is not a new one: it is refused as one that somebody may stand in for.
//! 3. What a line of the file says that is not understood (authorities of certificates, keys of other kinds) makes nothing known.

use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// What is known of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    /// As it is written in a file of known hosts.
    name: String,
    fingerprints: Vec<String>,
    /// Lines of the file that are of this server, with their numbers.
    lines: Vec<(usize, Entry)>,
    /// The file.
    file: Option<String>,
}

/// Kinds of keys that are understood, best first. RSA is not: docs/decisions/0039.
const KINDS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
];

impl Hosts {
    /// `file`: its name, and what it holds.
    pub(super) fn new(
        host: &str,
        port: u16,
        fingerprints: &[String],
        file: Option<(&str, &str)>,
    ) -> Self {
        let host = host.to_lowercase();
        let name = match port {
            22 => host,
            port => format!("[{host}]:{port}"),
        };
        let text = file.map_or("", |(_, text)| text);
        let lines = text.lines().enumerate().filter_map(|(n, line)| {
            let line = line.trim();
            let entry: Entry = match line.starts_with('#') {
                true => return None,
                false => line.parse().ok()?,
            };
            fits(entry.host_patterns(), &name).then_some((n + 1, entry))
        });
        Hosts {
            lines: lines.collect(),
            fingerprints: fingerprints.to_vec(),
            file: file.map(|(path, _)| path.to_owned()),
            name,
        }
    }

    /// Kinds of keys to ask for: those that are known come first, so that a server with several shows one of them.
    pub(super) fn kinds(&self) -> Vec<Algorithm> {
        let is_known = |kind: &Algorithm| {
            let mut keys = self.lines.iter();
            keys.any(|(_, entry)| entry.marker().is_none() && is_of(entry, kind))
        };
        let (mut known, others): (Vec<_>, Vec<_>) = KINDS.into_iter().partition(is_known);
        known.extend(others);
        known
    }

    /// Whether a key is the server's.
    ///
    /// # Errors
    /// It is not, or nobody knows: in words, with what can be done.
    pub(super) fn judge(&self, key: &PublicKey) -> Result<(), String> {
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        let is_this = |entry: &Entry| entry.public_key().key_data() == key.key_data();
        let of_file = self.file.as_deref().unwrap_or_default();
        let revoked = self
            .lines
            .iter()
            .find(|(_, e)| e.marker() == Some(&Marker::Revoked) && is_this(e));
        if let Some((n, _)) = revoked {
            return Err(format!(
                "the server {} shows a key that is revoked ({shown}, line {n} of {of_file}): nothing was sent to it; ask its administrator",
                self.name
            ));
        }
        let plain = || self.lines.iter().filter(|(_, e)| e.marker().is_none());
        if self.fingerprints.contains(&shown) || plain().any(|(_, e)| is_this(e)) {
            return Ok(());
        }
        let kind = key.algorithm();
        let line = key.to_openssh().unwrap_or_default();
        let add = format!(
            "host-key = \"{shown}\", or this line in the file of `known-hosts`: {} {}",
            self.name,
            line.trim()
        );
        let known = match (plain().next(), self.fingerprints.first()) {
            (Some((n, entry)), _) => Some(format!(
                "line {n} of {of_file} has {}",
                entry.public_key().fingerprint(HashAlg::Sha256)
            )),
            (None, Some(fingerprint)) => Some(format!("`host-key` is {fingerprint}")),
            (None, None) => None,
        };
        Err(match known {
            Some(known) => format!(
                "the host key of {} is not the one that is known: it shows {kind} {shown}, and {known}. Somebody may stand in between; nothing was \
                 sent to it. Where its administrator says that the key was changed, the new one is {add}",
                self.name
            ),
            None => format!(
                "the host key of {} is not known: it shows {kind} {shown}; nothing was sent to it. Where its administrator says that this \
                 is its key, add {add}",
                self.name
            ),
        })
    }
}

fn is_of(entry: &Entry, kind: &Algorithm) -> bool {
    entry.public_key().algorithm() == *kind
}

/// Whether a line is of a server.
fn fits(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            // What OpenSSH's `HashKnownHosts` writes: it hides names, and is no signature.
            let algorithm = ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
            let key = ring::hmac::Key::new(algorithm, salt);
            ring::hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(all) => {
            let all = || all.iter().map(|p| p.to_lowercase());
            let is_not = all().any(|p| p.strip_prefix('!').is_some_and(|p| is_like(p, name)));
            !is_not && all().any(|p| is_like(&p, name))
        }
    }
}

/// `*` stands for any letters, `?` for one.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and what of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    (p, n) = (at + 1, taken + 1);
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of `ssh-keygen -t ed25519`, made for this test.
    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn judged(port: u16, file: &str, fingerprints: &[String]) -> Result<(), String> {
        let hosts = Hosts::new("Host.example", port, fingerprints, Some(("known", file)));
        hosts.judge(&ONE.parse().unwrap())
    }

    #[test]
    fn a_line_or_a_fingerprint_makes_a_key_known() {
        let print = |key: &str| {
            let key: PublicKey = key.parse().unwrap();
            key.fingerprint(HashAlg::Sha256).to_string()
        };
        for file in [
            format!("host.example {ONE}"),
            format!("# a word\n\n10.0.0.1,HOST.example {ONE} with a comment\n"),
            format!("*.example {ONE}"),
            format!("h?st.* {ONE}"),
            format!("host.example {TWO}\nhost.example {ONE}"),
            format!("no line of ours\nhost.example {ONE}"),
        ] {
            assert_eq!(judged(22, &file, &[]), Ok(()), "{file}");
        }
        assert_eq!(judged(22, "", &[print(TWO), print(ONE)]), Ok(()));
        assert_eq!(
            judged(2022, &format!("[host.example]:2022 {ONE}"), &[]),
            Ok(())
        );
    }

    #[test]
    fn what_is_not_known_is_told_apart_from_what_was_changed() {
        let unknown = [
            String::new(),
            format!("other.example {ONE}"),
            // Another port is another server.
            format!("[host.example]:2022 {ONE}"),
            format!("# host.example {ONE}"),
            format!("*.example,!host.example {ONE}"),
            format!("xhost.example {ONE}"),
            format!("@cert-authority host.example {ONE}"),
        ];
        for file in unknown {
            let said = judged(22, &file, &[]).unwrap_err();
            assert!(
                said.contains("is not known: it shows ssh-ed25519 SHA256:"),
                "{file}: {said}"
            );
            assert!(said.contains(&format!("host.example {ONE}")), "{said}");
        }
        let said = judged(22, &format!("\nhost.example {TWO}"), &[]).unwrap_err();
        assert!(
            said.contains("is not the one that is known") && said.contains("line 2 of known"),
            "{said}"
        );
        let other = [format!("SHA256:{}", "a".repeat(43))];
        let said = judged(22, "", &other).unwrap_err();
        assert!(said.contains("is not the one that is known"), "{said}");
        // Taken back is stronger than known.
        let own: PublicKey = ONE.parse().unwrap();
        let own = [own.fingerprint(HashAlg::Sha256).to_string()];
        let file = format!("host.example {ONE}\n@revoked * {ONE}");
        let said = judged(22, &file, &own).unwrap_err();
        assert!(
            said.contains("is revoked") && said.contains("line 2"),
            "{said}"
        );
    }

    #[test]
    fn a_hashed_name_is_the_name() {
        let salt = [7_u8; 20];
        let of = |name: &str| {
            use base64::Engine;
            use base64::engine::general_purpose::STANDARD;
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
            let hash = ring::hmac::sign(&key, name.as_bytes());
            format!(
                "|1|{}|{} {ONE}",
                STANDARD.encode(salt),
                STANDARD.encode(hash)
            )
        };
        assert_eq!(judged(22, &of("host.example"), &[]), Ok(()));
        assert!(judged(22, &of("other.example"), &[]).is_err());
        assert_eq!(judged(2022, &of("[host.example]:2022"), &[]), Ok(()));
    }

    #[test]
    fn kinds_that_are_known_are_asked_for_first() {
        let kinds = |file: &str| Hosts::new("h", 22, &[], Some(("known", file))).kinds();
        assert_eq!(kinds(""), KINDS);
        let ecdsa = "h ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
        assert_eq!(kinds(ecdsa)[0], KINDS[1]);
        assert_eq!(kinds(ecdsa).len(), KINDS.len());
    }
}
