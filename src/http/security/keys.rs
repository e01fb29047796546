//! API keys: 256 random bits each, of which only the hash is kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

use super::{Caller, Role};
use crate::sight::{Patterns, Reach};
use standings_model::error::codes;
use standings_process::exit::{self, Failure};

/// What a key begins with, so that a secret scanner knows it.
const PREFIX: &str = "standings_";
/// How soon a changed file is seen.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// `standings key`.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum KeyCommand {
    /// Make a key: prints it once, and its line for --http-keys.
    New {
        /// What it allows.
        #[arg(long, value_enum, default_value = "read")]
        role: Role,
        /// Whose it is: letters, digits, - _ .
        #[arg(long, value_name = "NAME")]
        name: String,
        /// A ranking that it is for, such as top_salesmen, or top_* for all whose names begin so; repeat for several. Without
        /// it the key is for all, and for what is of no ranking: events of all, dead letters, metrics.
        #[arg(long, value_name = "RANKING")]
        ranking: Vec<String>,
        /// How far it sees: what is ranked within the limit, or every key. Without it --http-reach says so.
        #[arg(long, value_name = "REACH", value_enum)]
        reach: Option<Reach>,
    },
}

/// Runs `standings key`.
pub fn run(command: &KeyCommand) -> Result<(), Failure> {
    let KeyCommand::New {
        role,
        name,
        ranking,
        reach,
    } = command;
    if !is_name(name) {
        return Err(Failure::of(
            &codes::line::FLAGS,
            format!("--name {name}: write it with letters, digits, - _ . (1 to 64)"),
        ));
    }
    let of = match &ranking[..] {
        [] => String::new(),
        all => format!(":{}", all.join(",")),
    };
    if !of.is_empty() && Patterns::read(&of[1..]).is_none() {
        return Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "--ranking {}: a name of a ranking, in which * stands for any letters",
                &of[1..]
            ),
        ));
    }
    let mut secret = [0; 32];
    let random = SystemRandom::new().fill(&mut secret);
    random.map_err(|_| {
        Failure::of(
            &codes::process::SYSTEM,
            "the system gives no random numbers",
        )
    })?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let role = match role {
        Role::Read => "read",
        Role::Admin => "admin",
    };
    let reach = match reach {
        None => "",
        Some(Reach::Limit) => " reach=limit",
        Some(Reach::All) => " reach=all",
    };
    let line = format!("{role}{of} {name} sha256:{}{reach}", hex(&hash(&key)));
    exit::say(&format!(
        "key (shown only now):   {key}\nline for --http-keys:   {line}"
    ));
    Ok(())
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn hash(key: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut out = [0; 32];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}

/// One line.
#[derive(Debug)]
struct Entry {
    caller: Caller,
    hash: [u8; 32],
}

/// `ROLE[:RANKINGS] NAME sha256:HEX [reach=REACH]`.
fn entry(words: &[&str]) -> Option<Entry> {
    let (words, reach) = match words {
        [words @ .., last] if last.starts_with("reach=") => {
            (words, Some(Reach::named(last.strip_prefix("reach=")?)?))
        }
        words => (words, None),
    };
    let [role, name, hash] = words[..] else {
        return None;
    };
    let (role, rankings) = match role.split_once(':') {
        Some((role, rankings)) => (role, Some(Patterns::read(rankings)?)),
        None => (role, None),
    };
    is_name(name).then_some(())?;
    Some(Entry {
        caller: Caller {
            name: format!("key:{name}").into(),
            role: Role::named(role)?,
            rankings,
            reach,
        },
        hash: hash.strip_prefix("sha256:").and_then(unhex)?,
    })
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let entry = entry(&words);
        // The line itself is not shown: somebody may have pasted the key.
        entries.push(entry.ok_or_else(|| {
            format!(
                "line {}: write it as `read NAME sha256:HEX`, or `read:top_*,best NAME sha256:HEX reach=all`, as `standings key new` prints it",
                number + 1
            )
        })?);
    }
    Ok(entries)
}

#[derive(Debug)]
struct Loaded {
    entries: Arc<Vec<Entry>>,
    stamp: Option<SystemTime>,
    looked: Instant,
}

/// A file of keys, read again when it changes.
#[derive(Debug)]
pub(super) struct Keys {
    path: PathBuf,
    loaded: Mutex<Loaded>,
}

fn stamp(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn load(path: &Path) -> Result<Vec<Entry>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    parse(&text)
}

impl Keys {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let stamp = stamp(path);
        let entries = load(path).map_err(|e| {
            Failure::of(
                &codes::http::ACCESS,
                format!("--http-keys {}: {e}", path.display()),
            )
        })?;
        Ok(Keys {
            path: path.to_owned(),
            loaded: Mutex::new(Loaded {
                entries: Arc::new(entries),
                stamp,
                looked: Instant::now(),
            }),
        })
    }

    fn entries(&self) -> Arc<Vec<Entry>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() > LOOK_AGAIN {
            loaded.looked = Instant::now();
            let now = stamp(&self.path);
            if now != loaded.stamp {
                match load(&self.path) {
                    Ok(entries) => {
                        loaded.entries = Arc::new(entries);
                        loaded.stamp = now;
                        tracing::info!(
                            event = "http_keys_loaded",
                            keys = loaded.entries.len(),
                            "the API keys are read"
                        );
                    }
                    Err(problem) => {
                        tracing::error!(
                            event = "http_keys_wrong",
                            problem,
                            "the keys of before hold on"
                        );
                    }
                }
            }
        }
        Arc::clone(&loaded.entries)
    }

    /// Whose a key is. Takes the same time for every key that is not there.
    pub(super) fn caller(&self, key: &str) -> Option<Caller> {
        let hash = hash(key);
        let mut found = None;
        for entry in self.entries().iter() {
            if bool::from(entry.hash[..].ct_eq(&hash[..])) {
                found = Some(entry.caller.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line = format!("read wall sha256:{}", hex(&hash("secret")));
        let entries = parse(&format!("# keys\n\n{line}\n")).unwrap();
        assert_eq!(&*entries[0].caller.name, "key:wall");
        assert_eq!(entries[0].caller.role, Role::Read);
        // Keys of before: all rankings, and as far as --http-reach says.
        assert_eq!(
            (&entries[0].caller.rankings, entries[0].caller.reach),
            (&None, None)
        );
        let of_some = format!("{} reach=all", line.replace("read", "read:top_*,best"));
        let caller = &parse(&of_some).unwrap()[0].caller;
        assert_eq!(
            (&caller.rankings, caller.reach),
            (&Patterns::read("top_*,best"), Some(Reach::All))
        );
        for wrong in [
            "read wall secret",
            "owner wall sha256:00",
            &line.replace("wall", "w/l"),
            &line[..line.len() - 1],
            "read wall",
            &line.replace("read", "read:"),
            &line.replace("read", "read:top.*"),
            &format!("{line} reach=far"),
            &format!("{line} reach=all more"),
        ] {
            let refused = parse(wrong).unwrap_err();
            assert!(
                refused.starts_with("line 1") && !refused.contains("secret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn only_the_key_itself_opens() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = format!("admin boss sha256:{}", hex(&hash("standings_x")));
        std::fs::write(file.path(), line).unwrap();
        let keys = Keys::open(file.path()).unwrap();
        assert_eq!(
            keys.caller("standings_x").map(|c| c.role),
            Some(Role::Admin)
        );
        assert_eq!(keys.caller("standings_y"), None);
        assert_eq!(keys.caller(""), None);
    }
}
