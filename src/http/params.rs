//! Query strings and path segments, read strictly: a name that is not known, or twice, is refused rather than passed
//! over, so that a slip of the pen does not become another question.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::as_of::{AsOf, parse_token};
use super::problem::Problem;
use super::watch::Shown;
use standings_model::block::PartitionId;
use standings_model::duration::parse_duration;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::time::{parse_date, parse_rfc3339, parse_written};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Rows that one answer may have.
pub const MOST_ROWS: usize = 10_000;
/// How long an answer is waited for that reflects a token, if the request does not say.
const WAIT: Duration = Duration::from_secs(5);
/// The longest that a request may say.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// `%41` → `A`; `None` if that is no text, or the percent sign stands alone.
pub fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                // Two hexadecimal digits are at most 255.
                out.push((high * 16 + low) as u8);
            }
            b'+' if plus_is_space => out.push(b' '),
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

/// The parameters of one request.
#[derive(Debug, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a query string, which may have these names.
    pub fn read(query: Option<&str>, allowed: &[&str]) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
                return Err(Problem::bad(
                    "the query string is not UTF-8, percent-encoded",
                ));
            };
            if !allowed.contains(&name.as_str()) {
                let known = match allowed {
                    [] => "there is none here".to_owned(),
                    names => format!("there are: {}", names.join(", ")),
                };
                return Err(Problem::bad(format!("no parameter `{name}`; {known}")));
            }
            if found.insert(name.clone(), value).is_some() {
                return Err(Problem::bad(format!(
                    "the parameter `{name}` is there twice"
                )));
            }
        }
        Ok(Params(found))
    }

    /// A parameter's value, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// Midnight UTC of `date`, ms.
    pub fn date(&self) -> Result<Option<i64>, Problem> {
        let Some(date) = self.get("date") else {
            return Ok(None);
        };
        match parse_date(date) {
            Some(midnight) => Ok(Some(midnight)),
            None => Err(Problem::bad(format!("date={date}: write it as 2026-01-23"))),
        }
    }

    /// `limit`, from 1 to `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Problem> {
        let Some(limit) = self.get("limit") else {
            return Ok(default.min(most));
        };
        let digits = limit.bytes().all(|b| b.is_ascii_digit());
        match limit.parse() {
            Ok(n) if digits && (1..=most).contains(&n) => Ok(n),
            _ => Err(Problem::bad(format!(
                "limit={limit}: write a number from 1 to {most}"
            ))),
        }
    }

    /// A number from 0 to `most`.
    pub fn count(&self, name: &str, default: u64, most: u64) -> Result<u64, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(n) if digits && n <= most => Ok(n),
            _ => Err(Problem::bad(format!(
                "{name}={text}: write a number from 0 to {most}"
            ))),
        }
    }

    /// `offset`, if it is there.
    pub fn offset(&self) -> Result<Option<u64>, Problem> {
        match self.get("offset") {
            None => Ok(None),
            Some(_) => self.count("offset", 0, u64::MAX).map(Some),
        }
    }

    /// A commit number.
    pub fn commit(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(n) if digits => Ok(Some(n)),
            _ => Err(Problem::bad(format!(
                "{name}={text}: write a commit's number"
            ))),
        }
    }
}

/// The parts of a parameter that are separated by commas, as they came: percent signs stand for what they stand for within one
/// part alone.
pub fn list<'a>(query: Option<&'a str>, name: &str) -> Vec<&'a str> {
    let pairs = query.unwrap_or_default().split('&');
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    let own = pairs.find(|(own, _)| decode(own, true).as_deref() == Some(name));
    let own = own
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty());
    own.into_iter().flat_map(|value| value.split(',')).collect()
}

/// Waits until answers stand for at least what a request asks for.
pub struct AtLeast {
    wanted: BTreeMap<PartitionId, u64>,
    deadline: Instant,
    wait: Duration,
    ticks: watch::Receiver<u64>,
}

/// A replica may show a commit later than the server whose commits are followed; it is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(50);

impl AtLeast {
    /// The parameters that this takes.
    pub const NAMES: [&'static str; 2] = ["at_least", "wait"];

    /// Of a request; made before the first answer is read, so that no commit falls in between.
    pub fn of(params: &Params, shown: &Shown) -> Result<Self, Problem> {
        let wanted = match params.get("at_least") {
            None => BTreeMap::new(),
            Some(token) => parse_token(token).ok_or_else(|| {
                Problem::bad(format!(
                    "at_least={token}: give the `offsets` of an answer, such as 0:1234,1:99"
                ))
            })?,
        };
        let wait = match params.get("wait") {
            None => WAIT,
            Some(text) => parse_duration(text)
                .ok()
                .filter(|d| *d <= MOST_WAIT)
                .ok_or_else(|| {
                    Problem::bad(format!("wait={text}: write it as 500ms or 2s; at most 30s"))
                })?,
        };
        Ok(AtLeast {
            wanted,
            deadline: Instant::now() + wait,
            wait,
            ticks: shown.board.ticks(),
        })
    }

    /// Whether an answer is new enough; waits for the next commit if not, and refuses when the time is over.
    pub async fn reached(&mut self, as_of: &AsOf) -> Result<bool, Problem> {
        if as_of.reaches(&self.wanted) {
            return Ok(true);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Problem::unavailable(format!(
                "waited {} ms; the newest answer is of {}",
                self.wait.as_millis(),
                super::as_of::token(&as_of.offsets)
            )));
        }
        let changed = tokio::time::timeout(left.min(ASK_AGAIN), self.ticks.changed());
        if let Ok(Err(_)) = changed.await {
            return Err(Problem::unavailable("the server ends"));
        }
        Ok(false)
    }
}

/// A ranking by its name, and its number.
pub fn ranking<'a>(plan: &'a Plan, name: &str) -> Result<(usize, &'a Ranking), Problem> {
    let mut all = plan.rankings.iter().enumerate();
    all.find(|(_, r)| r.name == name).ok_or_else(|| {
        let names: Vec<_> = plan.rankings.iter().map(|r| r.name.as_str()).collect();
        Problem::not_found(format!(
            "no ranking `{name}` is loaded; there are: {}",
            names.join(", ")
        ))
    })
}

/// A window's start.
pub fn start(text: &str) -> Result<i64, Problem> {
    parse_written(text).ok_or_else(|| {
        Problem::bad(format!(
            "window {text}: write its start as 2026-01-23T00:00:00Z"
        ))
    })
}

/// The path of a window: `{name}/windows/{start}`, or `…/{start}/{end}`; of all time `…/all`.
#[derive(serde::Deserialize)]
pub struct WindowPath {
    /// Ranking.
    pub name: String,
    start: String,
    end: Option<String>,
}

impl WindowPath {
    /// The window.
    pub fn window(&self, ranking: &Ranking) -> Result<Bounds, Problem> {
        window(ranking, &self.start, self.end.as_deref())
    }

    /// How many segments name the window.
    pub fn segments(&self) -> usize {
        1 + usize::from(self.end.is_some())
    }
}

/// The window that a path names: by its start, or by start and end where a start does not say which it is.
fn window(ranking: &Ranking, from: &str, to: Option<&str>) -> Result<Bounds, Problem> {
    let name = &ranking.name;
    if ranking.window.is_always() {
        return match (from, to) {
            ("all", None) => Ok(Bounds::ALWAYS),
            _ => Err(Problem::not_found(format!(
                "`{name}` is of all time, and has no other window: windows/all"
            ))),
        };
    }
    if let (Some((from, end)), None) = (from.split_once(".."), to) {
        let (from, end) = (start(from)?, start(end)?);
        return match ranking.window.named(from) {
            Some(own) if own != end => Err(no_window(ranking)),
            _ => Ok(Bounds { start: from, end }),
        };
    }
    let from = start(from)?;
    match (ranking.window.named(from), to) {
        (Some(end), None) => Ok(Bounds { start: from, end }),
        (None, Some(to)) => Ok(Bounds {
            start: from,
            end: start(to)?,
        }),
        (Some(_), Some(_)) => Err(Problem::not_found(format!(
            "a window of `{name}` is named by its start alone: windows/{{start}}"
        ))),
        (None, None) => Err(Problem::not_found(format!(
            "a window of `{name}` is named by its start and its end: windows/{{start}}/{{end}}"
        ))),
    }
}

/// The refusal where there is no such window.
pub fn no_window(ranking: &Ranking) -> Problem {
    let name = &ranking.name;
    Problem::not_found(match ranking.window.named_by() {
        [] => format!("`{name}` has no rows yet"),
        [_] => format!("`{name}` has no window that starts at this time"),
        _ => format!("`{name}` has no window that starts and ends at these times"),
    })
}

/// Group keys as paths of positions name them: NULL is `~`, an empty text `~e`, and a `~` at the beginning of a text is doubled.
pub fn position_keys(ranking: &Ranking, segments: &[&str]) -> Result<Vec<Value>, Problem> {
    let plain = |(n, segment): (usize, &&str)| {
        let nullable = n < ranking.keys.len() && ranking.field_type(Field::Key(n)).1;
        let rest = segment.strip_prefix('~').or(segment.strip_prefix("%7E"));
        let rest = rest.or(segment.strip_prefix("%7e"));
        Ok(match rest {
            None if segment.is_empty() => {
                return Err(Problem::bad(
                    "a key is empty: write ~e for an empty text, ~ for NULL",
                ));
            }
            None => (*segment).to_owned(),
            Some("") if !nullable => {
                return Err(Problem::bad("~ is NULL, which this key never is"));
            }
            Some("") => "%00".to_owned(),
            Some("e") => String::new(),
            Some(rest) if rest.starts_with('~') || rest.starts_with("%7") => rest.to_owned(),
            Some(_) => {
                return Err(Problem::bad(format!(
                    "`{segment}`: a key that begins with ~ is written with two of them; ~ alone is NULL, ~e an empty text"
                )));
            }
        })
    };
    let segments = segments.iter().enumerate().map(plain);
    let segments: Vec<String> = segments.collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    keys(ranking, &segments)
}

/// Group keys, one path segment each, percent-encoded; NULL is `%00`, which no text holds.
pub fn keys(ranking: &Ranking, segments: &[&str]) -> Result<Vec<Value>, Problem> {
    if segments.len() != ranking.keys.len() {
        let names: Vec<_> = ranking
            .keys
            .iter()
            .map(|k| format!("{{{}}}", k.name))
            .collect();
        return Err(Problem::not_found(format!(
            "a row of `{}` is named by keys/{}; here are {} keys",
            ranking.name,
            names.join("/"),
            segments.len()
        )));
    }
    let mut keys = Vec::new();
    for (i, (segment, key)) in segments.iter().zip(&ranking.keys).enumerate() {
        let (kind, nullable) = ranking.field_type(Field::Key(i));
        let value = decode(segment, false).and_then(|text| match kind {
            _ if nullable && text == "\0" => Some(Value::Null),
            // Any offset, as in a record.
            Type::Instant(_) => {
                let ms = parse_rfc3339(text.as_bytes())?;
                Value::parse(&text, &kind).or(Some(Value::Instant(ms * 1000)))
            }
            kind => Value::parse(&text, &kind),
        });
        keys.push(value.ok_or_else(|| {
            Problem::bad(format!("`{segment}` is no value of the key `{}`", key.name))
        })?);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strict() {
        let read = |q| Params::read(Some(q), &["limit", "date"]);
        assert_eq!(read("limit=3&date=").unwrap().limit(9, 10).unwrap(), 3);
        assert_eq!(read("").unwrap().limit(9, 5).unwrap(), 5);
        assert_eq!(read("li%6Dit=3").unwrap().get("limit"), Some("3"));
        for wrong in ["limt=3", "limit=3&limit=3", "limit=%ff", "limit=%4"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("limit").unwrap().get("limit"), None);
        for wrong in ["0", "11", "x", "-1", "+1", "1.0", " 1"] {
            let params = Params(BTreeMap::from([("limit".to_owned(), wrong.to_owned())]));
            assert!(params.limit(1, 10).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_of_positions() {
        let query = Some("a=1&keys=x,a%2Cb%2Fc/1,~&b=2");
        assert_eq!(list(query, "keys"), ["x", "a%2Cb%2Fc/1", "~"]);
        assert_eq!(list(query, "none"), Vec::<&str>::new());
        assert_eq!(list(Some("keys="), "keys"), Vec::<&str>::new());
        let plan = standings_query::load_shipped().unwrap();
        let (_, ranking) = ranking(&plan, "top_sales_per_city").unwrap();
        let read = |key: &str| position_keys(ranking, &[key]).map(|k| k[0].clone()).ok();
        for (key, want) in [
            ("Lisbon", Some("Lisbon")),
            ("a%2Fb", Some("a/b")),
            ("~e", Some("")),
            ("~~", Some("~")),
            ("~~e", Some("~e")),
            ("%7E~x", Some("~x")),
            ("a~", Some("a~")),
            // The column is NOT NULL.
            ("~", None),
            ("~x", None),
            ("", None),
            ("%", None),
        ] {
            assert_eq!(read(key), want.map(Value::text), "{key}");
        }
    }

    #[test]
    fn percent_signs() {
        assert_eq!(decode("a%2Fb%20c+d", false).as_deref(), Some("a/b c+d"));
        assert_eq!(decode("a+b", true).as_deref(), Some("a b"));
        assert_eq!(decode("%", false), None);
        assert_eq!(decode("%zz", false), None);
    }
}
