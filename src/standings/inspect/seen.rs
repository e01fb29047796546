//! What is seen of a field over all records: how often it is there, of which types, which values.

use std::collections::{BTreeMap, HashSet};

use super::json::Json;
use super::numbers::Forms;
use super::times::Times;

/// So many different values are kept.
const DISTINCT: usize = 2000;
/// So many characters of a value are shown.
const SHOWN: usize = 40;

/// Words that stand for no value.
const NO_VALUE: [&str; 12] = [
    "NULL", "null", "\\N", "N/A", "n/a", "NA", "None", "NaN", "nan", "-", "#N/A", "",
];

/// A field.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// In so many it is there, null or not.
    pub(super) there: u64,
    pub(super) nulls: u64,
    pub(super) booleans: u64,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    pub(super) objects: u64,
    pub(super) arrays: u64,
    /// Of objects, in the order in which they came.
    pub(super) fields: Vec<(String, Seen)>,
    /// Of arrays.
    pub(super) elements: Option<Box<Seen>>,
    /// Different values of what is no object and no array.
    pub(super) distinct: HashSet<String>,
    /// The first of them.
    pub(super) examples: Vec<String>,
}

/// Numbers of JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) all: u64,
    /// With a fraction or an exponent.
    pub(super) fractions: u64,
    pub(super) exponents: u64,
    /// Digits behind the point, at most.
    pub(super) scale: u8,
    /// Digits before it, at most.
    pub(super) digits: usize,
    /// Least and greatest, as they were written.
    pub(super) range: Option<(String, String)>,
}

/// Texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) all: u64,
    pub(super) longest: usize,
    pub(super) forms: Forms,
    pub(super) times: Times,
    /// Words that stand for no value, and how often.
    pub(super) no_value: BTreeMap<&'static str, u64>,
    pub(super) range: Option<(String, String)>,
    /// Base64 of bytes that are no text.
    pub(super) base64: u64,
}

impl Texts {
    /// Texts that say something.
    pub(super) fn real(&self) -> u64 {
        self.all - self.no_value.values().sum::<u64>()
    }
}

impl Seen {
    /// One more value.
    pub(super) fn add(&mut self, value: &Json) {
        self.there += 1;
        match value {
            Json::Null => self.nulls += 1,
            Json::Bool(b) => {
                self.booleans += 1;
                self.keep(if *b { "true" } else { "false" });
            }
            Json::Number(text) => {
                self.numbers.add(text);
                self.keep(text);
            }
            Json::Text(text) => {
                self.texts.add(text);
                self.keep(text);
            }
            Json::Array(all) => {
                self.arrays += 1;
                let elements = self.elements.get_or_insert_default();
                all.iter().take(100).for_each(|value| elements.add(value));
            }
            Json::Object(fields) => {
                self.objects += 1;
                for (name, value) in fields {
                    self.field(name).add(value);
                }
            }
        }
    }

    /// More fields of an object that was added.
    pub(super) fn add_fields(&mut self, fields: &[(String, Json)]) {
        for (name, value) in fields {
            self.field(name).add(value);
        }
    }

    /// The field of this name, new where there was none.
    fn field(&mut self, name: &str) -> &mut Seen {
        let at = self.fields.iter().position(|(n, _)| n == name);
        let at = at.unwrap_or_else(|| {
            self.fields.push((name.to_owned(), Seen::default()));
            self.fields.len() - 1
        });
        &mut self.fields[at].1
    }

    fn keep(&mut self, text: &str) {
        if self.distinct.len() < DISTINCT && !self.distinct.contains(text) {
            if self.examples.len() < 3 && !text.is_empty() {
                self.examples.push(shortened(text));
            }
            self.distinct.insert(text.to_owned());
        }
    }

    /// In how many it has a value.
    pub(super) fn values(&self) -> u64 {
        self.there - self.nulls
    }
}

impl Numbers {
    fn add(&mut self, text: &str) {
        self.all += 1;
        let bare = text.trim_start_matches('-');
        let has_exponent = bare.contains(['e', 'E']);
        self.exponents += u64::from(has_exponent);
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        self.fractions += u64::from(has_exponent || !fraction.is_empty());
        if !has_exponent {
            let scale = u8::try_from(fraction.len()).unwrap_or(u8::MAX);
            self.scale = self.scale.max(scale);
            self.digits = self.digits.max(whole.len());
        }
        let by = |a: &String, b: &String| {
            let n = |t: &String| t.parse::<f64>().unwrap_or(0.0);
            n(a).total_cmp(&n(b))
        };
        widen(&mut self.range, text, by);
    }
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.all += 1;
        self.longest = self.longest.max(text.chars().count());
        if let Some(word) = NO_VALUE.iter().find(|word| **word == text) {
            *self.no_value.entry(word).or_default() += 1;
            return;
        }
        self.forms.add(text);
        self.times.add(text);
        self.base64 += u64::from(is_base64(text));
        widen(&mut self.range, text, Ord::cmp);
    }
}

/// Base64 as Connect writes a decimal: of a few bytes, with its padding, or not to be told from a name.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && (4..=24).contains(&text.len())
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

fn widen(
    range: &mut Option<(String, String)>,
    text: &str,
    by: impl Fn(&String, &String) -> std::cmp::Ordering,
) {
    let text = text.to_owned();
    match range {
        None => *range = Some((text.clone(), text)),
        Some((low, high)) => {
            if by(&text, low).is_lt() {
                *low = text;
            } else if by(&text, high).is_gt() {
                *high = text;
            }
        }
    }
}

/// The beginning of a value.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_of_fields() {
        let mut all = Seen::default();
        for record in [
            r#"{"id":1,"city":"Porto","lines":[{"sku":"a"},{"sku":"b","n":2}],"at":null}"#,
            r#"{"id":-2.50,"city":"N/A","ok":true}"#,
            r#"{"id":1e3,"city":"Porto"}"#,
        ] {
            all.add(&Json::parse(record.as_bytes()).unwrap());
        }
        let of = |name: &str| &all.fields.iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!((of("id").numbers.scale, of("id").numbers.exponents), (2, 1));
        assert_eq!(
            of("id").numbers.range,
            Some(("-2.50".to_owned(), "1e3".to_owned()))
        );
        assert_eq!((of("city").distinct.len(), of("city").texts.real()), (2, 2));
        let lines = of("lines").elements.as_ref().unwrap();
        assert_eq!((lines.objects, lines.fields.len()), (2, 2));
        assert_eq!(
            (of("at").there, of("at").values(), of("ok").booleans),
            (1, 0, 1)
        );
        assert!(is_base64("A+g=") && !is_base64("12.50"));
        assert_eq!(shortened(&"x".repeat(50)).chars().count(), 41);
    }
}
