//! Which type a field's values are of, and what it could be in a ranking.

use std::collections::BTreeMap;

use super::names::{quoted, words};
use super::numbers::Signs;
use super::seen::Seen;
use super::text::text;
use super::times::Written;
use standings_model::types::Type;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Parquet,
}

/// What counts for all fields.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) format: Format,
    pub(super) signs: Signs,
    /// `csv.timestamp-format`.
    pub(super) pattern: Option<String>,
    /// `csv.null-literal`.
    pub(super) no_value: Option<&'static str>,
    /// Decimals are base64 of their digits.
    pub(super) base64: bool,
    /// Those of whose digits the schema beside the records says how many are behind the point.
    pub(super) decimals: BTreeMap<String, u8>,
}

/// What a field could be in a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A time that windows can be over, as it is; whether it has a time of the day.
    Time {
        clock: bool,
    },
    /// Whole seconds (0), milliseconds (3), microseconds (6) or nanoseconds (9) since 1970.
    Epoch(u8),
    /// The same with a fraction of a second behind the point.
    EpochFraction,
    /// A number like 20260123.
    DayNumber,
    /// Whole days since 1970.
    EpochDay,
    /// Text that is a time by patterns.
    Written {
        patterns: Vec<Written>,
        clock: bool,
    },
    /// A whole number or a decimal.
    Exact,
    /// A number with more digits than anybody meant.
    Inexact,
    Text,
    /// Anything else.
    Other,
    /// Nothing can be declared.
    Nothing,
}

/// A field, decided.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    /// Its type in SQL; none where it is left out.
    pub(super) kind: Option<String>,
    pub(super) what: What,
    /// What is known for sure.
    pub(super) notes: Vec<String>,
    /// What is not.
    pub(super) doubts: Vec<String>,
    /// Needs times without an offset to be taken.
    pub(super) lacks_offset: bool,
    /// Needs numbers to be taken for texts.
    pub(super) coerced: bool,
}

impl Decided {
    pub(super) fn new(kind: impl Into<String>, what: What) -> Self {
        Decided {
            kind: Some(kind.into()),
            what,
            notes: Vec::new(),
            doubts: Vec::new(),
            lacks_offset: false,
            coerced: false,
        }
    }

    fn out(why: &str) -> Self {
        Decided {
            kind: None,
            doubts: vec![why.to_owned()],
            ..Decided::new("", What::Nothing)
        }
    }

    pub(super) fn doubt(mut self, doubt: impl Into<String>) -> Self {
        self.doubts.push(doubt.into());
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// A decimal that holds so many digits, and whose sum has room where that can be.
pub(super) fn decimal(digits: usize, scale: u8) -> String {
    let scale = if scale == 1 { 2 } else { scale };
    let precision = if digits + usize::from(scale) > 28 {
        38
    } else {
        28
    };
    format!("DECIMAL({precision}, {scale})")
}

/// Decides one field by what was seen of it; `kind` is the type that the file itself says.
pub(super) fn decide(name: &str, seen: &Seen, kind: Option<&Type>, rules: &Rules) -> Decided {
    let mut decided = match kind {
        Some(kind) => declared(name, seen, kind, rules),
        None => by_values(name, seen, rules),
    };
    if decided.kind.is_some() && quoted(name).is_none() {
        decided = Decided::out("no column can have this name");
    }
    decided
}

fn by_values(name: &str, seen: &Seen, rules: &Rules) -> Decided {
    let kinds = [
        seen.booleans,
        seen.numbers.all,
        seen.texts.all,
        seen.objects,
        seen.arrays,
    ];
    let several = kinds.iter().filter(|n| **n > 0).count() > 1;
    if seen.values() == 0 && rules.format != Format::Csv {
        return Decided::out("always NULL in what was seen");
    }
    if several && seen.objects + seen.arrays > 0 {
        return Decided::out("values of several types, objects among them");
    }
    if several {
        let text = Decided::new("STRING", What::Text)
            .doubt("values of several types: all are taken as text");
        return Decided {
            coerced: true,
            ..text
        };
    }
    if seen.booleans > 0 {
        return Decided::new("BOOLEAN", What::Other);
    }
    if seen.numbers.all > 0 {
        return number(name, seen);
    }
    if seen.objects > 0 {
        return row(seen, rules);
    }
    match (&seen.elements, seen.arrays > 0) {
        (Some(elements), true) if elements.values() > 0 => array(elements, rules),
        (_, true) => Decided::out("the arrays were all empty"),
        _ => text(name, seen, rules),
    }
}

fn row(seen: &Seen, rules: &Rules) -> Decided {
    let mut fields = Vec::new();
    let (mut lacks_offset, mut coerced) = (false, false);
    for (name, field) in &seen.fields {
        let decided = decide(name, field, None, rules);
        if let (Some(kind), Some(name)) = (decided.kind, quoted(name)) {
            fields.push(format!("{name} {kind}"));
            lacks_offset |= decided.lacks_offset;
            coerced |= decided.coerced;
        }
    }
    if fields.is_empty() {
        return Decided::out("objects without a value in them");
    }
    let row = Decided::new(format!("ROW<{}>", fields.join(", ")), What::Other);
    Decided {
        lacks_offset,
        coerced,
        ..row
    }
}

fn array(elements: &Seen, rules: &Rules) -> Decided {
    let of = by_values("", elements, rules);
    match of.kind {
        Some(kind) => Decided {
            kind: Some(format!("ARRAY<{kind}>")),
            what: What::Other,
            ..of
        },
        None => Decided::out("arrays of what has no one type"),
    }
}

/// Numbers of JSON.
fn number(name: &str, seen: &Seen) -> Decided {
    let numbers = &seen.numbers;
    if numbers.fractions == 0 {
        let epoch = epoch(name, numbers.range.as_ref());
        let kind = if numbers.digits > 18 {
            "DECIMAL(38, 0)"
        } else {
            "BIGINT"
        };
        return match epoch {
            Some(What::Epoch(3)) => Decided::new("TIMESTAMP_LTZ(3)", What::Time { clock: true })
                .note("milliseconds since 1970"),
            Some(what) => Decided::new(kind, what.clone()).note(unit(&what)),
            None => Decided::new(kind, What::Exact),
        };
    }
    if numbers.exponents > 0 || numbers.scale > 9 {
        return Decided::new("DOUBLE", What::Inexact)
            .doubt("more digits than anybody meant: a sum of DOUBLE is not exact");
    }
    let is_seconds = is_time_name(name)
        && numbers.range.as_ref().is_some_and(|(low, high)| {
            let whole = |t: &String| t.split('.').next().map(str::to_owned).unwrap_or_default();
            epoch(name, Some(&(whole(low), whole(high)))) == Some(What::Epoch(0))
        });
    let kind = decimal(numbers.digits, numbers.scale);
    match is_seconds {
        true => Decided::new(kind, What::EpochFraction).note("seconds since 1970, with a fraction"),
        false => Decided::new(kind, What::Exact),
    }
}

pub(super) fn unit(what: &What) -> &'static str {
    match what {
        What::Epoch(0) => "seconds since 1970",
        What::Epoch(6) => "microseconds since 1970",
        What::Epoch(9) => "nanoseconds since 1970",
        What::DayNumber => "a day as a number, yyyyMMdd",
        What::EpochDay => "days since 1970",
        _ => "milliseconds since 1970",
    }
}

const TIME_WORDS: [&str; 29] = [
    "time",
    "date",
    "at",
    "ts",
    "timestamp",
    "created",
    "updated",
    "modified",
    "epoch",
    "when",
    "ms",
    "millis",
    "day",
    "datetime",
    "occurred",
    "placed",
    "ordered",
    "start",
    "started",
    "end",
    "ended",
    "on",
    "stamp",
    "seconds",
    "us",
    "es",
    "datekey",
    "eventtime",
    "createdat",
];

/// Whether a name is one of a time.
pub(super) fn is_time_name(name: &str) -> bool {
    let words = words(name);
    let ends = |w: &String| w.ends_with("date") || w.ends_with("time") || w.ends_with("timestamp");
    words
        .iter()
        .any(|w| TIME_WORDS.contains(&w.as_str()) || ends(w))
}

/// Whether a name is one of an identifier.
pub(super) fn is_id_name(name: &str) -> bool {
    const IDS: [&str; 12] = [
        "id", "ids", "key", "uuid", "guid", "code", "no", "number", "zip", "phone", "hash", "sku",
    ];
    words(name)
        .last()
        .is_some_and(|w| IDS.contains(&w.as_str()) || w.ends_with("id") && w.len() > 3)
}

/// Which numbers of times these are.
pub(super) fn epoch(name: &str, range: Option<&(String, String)>) -> Option<What> {
    let (low, high) = range?;
    let (low, high): (i128, i128) = (low.parse().ok()?, high.parse().ok()?);
    // 1990 and 2100, in seconds.
    let (from, to) = (631_152_000, 4_102_444_800);
    let is_time = is_time_name(name);
    for digits in [0, 3, 6, 9] {
        let unit = 10i128.pow(digits);
        if low >= from * unit && high < to * unit {
            let is_likely = is_time || (digits > 0 && !is_id_name(name));
            // What a phone number is, or a sum of money.
            return is_likely.then_some(What::Epoch(digits as u8));
        }
    }
    let is_day = |n: i128| {
        (1950..=2100).contains(&(n / 10_000))
            && (1..=12).contains(&(n / 100 % 100))
            && (1..=31).contains(&(n % 100))
    };
    if is_time && is_day(low) && is_day(high) {
        return Some(What::DayNumber);
    }
    // 1990 and 2100, in days; a number that small is a time where its name says so.
    let is_date = words(name)
        .iter()
        .any(|w| w.ends_with("date") || w == "day");
    (is_date && low >= 7_305 && high < 47_482).then_some(What::EpochDay)
}

/// A field of a type that the file says.
fn declared(name: &str, seen: &Seen, kind: &Type, rules: &Rules) -> Decided {
    let sql = sql(kind);
    match kind {
        Type::Text(_) | Type::Char(_) if seen.texts.all > 0 => text(name, seen, rules),
        Type::Float | Type::Double if seen.numbers.exponents == 0 && seen.numbers.scale <= 4 => {
            let scale = seen.numbers.scale.max(2);
            Decided::new(decimal(seen.numbers.digits, scale), What::Exact).note(format!(
                "{sql} in the file, taken by its digits: a sum of it is exact"
            ))
        }
        Type::Float | Type::Double => Decided::new(sql, What::Inexact)
            .doubt("more digits than anybody meant: a sum of it is not exact"),
        Type::Integer(_) if seen.numbers.all > 0 => {
            match epoch(name, seen.numbers.range.as_ref()) {
                Some(What::Epoch(3)) => {
                    Decided::new("TIMESTAMP_LTZ(3)", What::Time { clock: true })
                        .note("milliseconds since 1970")
                }
                Some(what) => Decided::new(sql, what.clone()).note(unit(&what)),
                None => Decided::new(sql, What::Exact),
            }
        }
        kind if kind.is_exact_number() => Decided::new(sql, What::Exact),
        Type::Date => Decided::new(sql, What::Time { clock: false }),
        Type::Timestamp(_) => Decided {
            lacks_offset: true,
            ..Decided::new(sql, What::Time { clock: true })
        },
        Type::Instant(_) => Decided::new(sql, What::Time { clock: true }),
        _ => Decided::new(sql, What::Other),
    }
}

/// A type as SQL has it, names in quotes where they need it.
pub(super) fn sql(kind: &Type) -> String {
    match kind {
        Type::Row(fields) => {
            let fields = fields
                .iter()
                .filter_map(|f| Some(format!("{} {}", quoted(&f.name)?, sql(&f.kind))));
            format!("ROW<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Array(of) => format!("ARRAY<{}>", sql(of)),
        Type::Map(of) => format!("MAP<{}, {}>", sql(&of.0), sql(&of.1)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Json;
    use super::*;

    fn of(name: &str, values: &[&str], format: Format) -> Decided {
        let mut seen = Seen::default();
        for value in values {
            match format {
                Format::Csv if value.is_empty() => seen.add(&Json::Null),
                Format::Csv => seen.add(&Json::Text((*value).to_owned())),
                _ => seen.add(&Json::parse(value.as_bytes()).unwrap()),
            }
        }
        let rules = Rules {
            format,
            signs: Signs::default(),
            pattern: None,
            no_value: None,
            base64: false,
            decimals: BTreeMap::new(),
        };
        decide(name, &seen, None, &rules)
    }

    fn kind(name: &str, values: &[&str], format: Format) -> String {
        of(name, values, format).kind.unwrap_or_default()
    }

    #[test]
    fn types_of_json() {
        for (name, values, want) in [
            ("n", &["1", "-2"][..], "BIGINT"),
            ("n", &["12345678901234567890"], "DECIMAL(38, 0)"),
            ("n", &["1.5", "2"], "DECIMAL(28, 2)"),
            ("n", &["1.2345"], "DECIMAL(28, 4)"),
            ("n", &["0.30000000000000004"], "DOUBLE"),
            ("n", &["1e3"], "DOUBLE"),
            ("n", &["\"1.50\""], "DECIMAL(28, 2)"),
            ("n", &["\"15\""], "STRING"),
            ("n", &["\"007\""], "STRING"),
            ("created", &["1769155200"], "BIGINT"),
            ("created_ms", &["1769155200000"], "TIMESTAMP_LTZ(3)"),
            ("phone_number", &["1769155200000"], "BIGINT"),
            ("t", &["\"2026-01-23T10:15:00Z\""], "TIMESTAMP_LTZ(3)"),
            ("t", &["\"2026-01-23\""], "DATE"),
            ("t", &["\"23/01/2026\""], "STRING"),
            ("b", &["true", "null"], "BOOLEAN"),
            ("m", &["1", "\"x\""], "STRING"),
            (
                "o",
                &["{\"a\":1,\"post code\":\"x\",\"n\":null}"],
                "ROW<a BIGINT, `post code` STRING>",
            ),
            (
                "l",
                &["[{\"sku\":\"x\",\"n\":1}]"],
                "ARRAY<ROW<sku STRING, n BIGINT>>",
            ),
            ("l", &["[]"], ""),
            ("x", &["null"], ""),
            ("x", &["1", "{}"], ""),
        ] {
            assert_eq!(kind(name, values, Format::Json), want, "{name} {values:?}");
        }
        assert_eq!(
            of("created", &["1769155200"], Format::Json).what,
            What::Epoch(0)
        );
        assert_eq!(
            of("created", &["1769155200000000"], Format::Json).what,
            What::Epoch(6)
        );
        assert_eq!(
            of("order_date", &["20260123"], Format::Json).what,
            What::DayNumber
        );
        assert_eq!(
            of("ts", &["1769155200.123"], Format::Json).what,
            What::EpochFraction
        );
        assert!(of("t", &["\"2026-01-23 10:15:00\""], Format::Json).lacks_offset);
        assert!(of("m", &["1", "\"x\""], Format::Json).coerced);
    }

    #[test]
    fn types_of_cells() {
        for (values, want) in [
            (&["1", "2", ""][..], "BIGINT"),
            (&["1.5", ""], "DECIMAL(28, 2)"),
            (&["007", "012"], "STRING"),
            (&["1.5", "NULL"], "STRING"),
            (&["€ 5", "€ 6"], "STRING"),
            (&["", ""], "STRING"),
            (&["Porto", "1"], "STRING"),
        ] {
            assert_eq!(kind("n", values, Format::Csv), want, "{values:?}");
        }
        // One that is wrong among many costs its own record.
        let mut many = vec!["1.5"; 99];
        many.push("x");
        let found = of("n", &many, Format::Csv);
        assert_eq!(found.kind.as_deref(), Some("DECIMAL(28, 2)"));
        assert!(found.doubts[0].contains("1 of 100"));
        let days = of("Date", &["01-05-2019", "02-06-2019"], Format::Csv);
        assert!(
            days.doubts[0].starts_with("01-05-2019: day or month first? 2 of 2 cannot tell"),
            "{days:?}"
        );
    }
}
