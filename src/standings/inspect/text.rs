//! Which type texts are of: numbers and times as people write them, words for no value, or text.

use super::decide::{Decided, Format, Rules, What, decimal, epoch, is_time_name, unit};
use super::names::{quoted, words};
use super::seen::Seen;

/// How far not all of them must be.
fn nearly(part: u64, all: u64) -> bool {
    part > 0 && (part == all || (all >= 50 && (all - part) * 50 <= all))
}

fn others(decided: Decided, part: u64, all: u64, what: &str) -> Decided {
    match all - part {
        0 => decided,
        n => decided.doubt(format!(
            "{n} of {all} values are no {what}: their records are dead letters"
        )),
    }
}

pub(super) fn text(name: &str, seen: &Seen, rules: &Rules) -> Decided {
    let texts = &seen.texts;
    let real = texts.real();
    let no_value: Vec<String> = texts
        .no_value
        .iter()
        .filter(|(word, _)| {
            Some(**word) != rules.no_value && (rules.format != Format::Csv || !word.is_empty())
        })
        .map(|(word, n)| format!("{n} times {word:?}"))
        .collect();
    if real == 0 {
        let none = Decided::new("STRING", What::Text);
        return match no_value.is_empty() {
            true => none.doubt("never with a value in what was seen"),
            false => none.doubt(format!("only {}", no_value.join(", "))),
        };
    }
    let is_blocked = !no_value.is_empty();
    let forms = &texts.forms;
    // Eight digits are a day where the name says so.
    let digits_alone = forms.whole == forms.all && forms.all == real;
    if nearly(texts.times.all, real) && (!digits_alone || is_time_name(name)) {
        let time = time(seen, rules, is_blocked);
        return blocked(others(time, texts.times.all, real, "time"), &no_value, "");
    }
    if let Some(scale) = rules.decimals.get(name).filter(|_| texts.base64 == real) {
        return Decided::new(format!("DECIMAL(28, {})", scale.min(&28)), What::Exact)
            .note("a decimal's digits in base64, by the schema beside it");
    }
    let has_signs = seen.distinct.iter().any(|t| t.contains(['=', '+', '/']));
    if rules.base64 && texts.base64 == real && has_signs && !digits_alone {
        return Decided::new("DECIMAL(28, 2)", What::Exact).doubt(
            "base64 of a decimal's digits: its scale stands in the schema, 2 is taken here",
        );
    }
    // `1.0` of a version is no number.
    let is_version = words(name).iter().any(|w| w.ends_with("version"));
    if is_version {
        return Decided::new("STRING", What::Text);
    }
    let by_signs = forms.by(rules.signs);
    if nearly(by_signs, real) && forms.padded == 0 && !(is_blocked && by_signs < real) {
        return blocked(written_number(name, seen, rules), &no_value, "number");
    }
    let decided = Decided::new("STRING", What::Text);
    if forms.padded > 0 && nearly(forms.all, real) {
        return decided.note("numbers that begin with 0 are names");
    }
    if nearly(forms.all, real) {
        let plain = quoted(name).unwrap_or_default();
        return decided.doubt(format!(
            "numbers in another form ({}): TRY_CAST(REPLACE(REPLACE({plain}, '€', ''), ' ', '') AS DECIMAL(28, 2)) takes such a sign off",
            seen.examples.first().map_or("", String::as_str)
        ));
    }
    decided
}

/// A typed column whose text has words for no value stays text.
fn blocked(decided: Decided, no_value: &[String], what: &str) -> Decided {
    if no_value.is_empty() || what.is_empty() {
        return decided;
    }
    let kind = decided.kind.unwrap_or_default();
    Decided::new("STRING", What::Text).doubt(format!(
        "{} beside values of {kind}: TRY_CAST({what} AS {kind}) is NULL there",
        no_value.join(", ")
    ))
}

fn written_number(name: &str, seen: &Seen, rules: &Rules) -> Decided {
    let forms = &seen.texts.forms;
    let (by, real) = (forms.by(rules.signs), seen.texts.real());
    let scale = forms.scale(rules.signs);
    let is_whole = scale == 0 && forms.exponent == 0;
    let decided = match rules.format {
        // Only a CSV file has nothing but text.
        Format::Json | Format::Parquet if is_whole => {
            let plain = quoted(name).unwrap_or_default();
            return Decided::new("STRING", What::Text).doubt(format!(
                "numbers as text: CAST({plain} AS BIGINT) computes with them"
            ));
        }
        Format::Json | Format::Parquet => {
            Decided::new(decimal(forms.digits, scale), What::Exact).note("numbers as text")
        }
        Format::Csv if forms.exponent > 0 || scale > 9 => Decided::new("DOUBLE", What::Inexact)
            .doubt("more digits than anybody meant: a sum of DOUBLE is not exact"),
        Format::Csv if is_whole => whole(name, seen),
        Format::Csv => Decided::new(decimal(forms.digits, scale), What::Exact),
    };
    let unclear = forms.point.0 + forms.comma.0;
    let is_unclear = unclear > 0 && unclear == by - forms.whole && scale == 3;
    let decided = match is_unclear {
        true => decided.doubt(format!(
            "{}: three digits behind the sign are a fraction here; they could be thousands",
            seen.examples.first().map_or("", String::as_str)
        )),
        false => decided,
    };
    others(decided, by, real, "number")
}

fn whole(name: &str, seen: &Seen) -> Decided {
    let numbers: Vec<i128> = seen
        .distinct
        .iter()
        .filter_map(|t| t.parse().ok())
        .collect();
    let range = numbers.iter().min().zip(numbers.iter().max());
    let range = range.map(|(low, high)| (low.to_string(), high.to_string()));
    let kind = if seen.texts.forms.digits > 18 {
        "DECIMAL(38, 0)"
    } else {
        "BIGINT"
    };
    match epoch(name, range.as_ref()) {
        Some(What::Epoch(3)) => Decided::new("TIMESTAMP_LTZ(3)", What::Time { clock: true })
            .note("milliseconds since 1970"),
        Some(what) => Decided::new(kind, what.clone()).note(unit(&what)),
        None => Decided::new(kind, What::Exact),
    }
}

/// Texts that are times.
fn time(seen: &Seen, rules: &Rules, is_blocked: bool) -> Decided {
    let times = &seen.texts.times;
    let clock = times.have_clock();
    let all_alike = times.families.values().all(|f| f.has_clock == clock);
    let patterns = times.written();
    let decided = match (&rules.pattern, &patterns[..]) {
        _ if is_blocked => Decided::new(
            "STRING",
            What::Written {
                patterns: patterns.clone(),
                clock,
            },
        ),
        (Some(by), [one]) if one.pattern == *by && clock => Decided {
            lacks_offset: times.lack_offset(),
            ..Decided::new("TIMESTAMP_LTZ(3)", What::Time { clock })
        },
        (Some(by), [one]) if one.pattern == *by => Decided::new("DATE", What::Time { clock }),
        (None, _)
            if times.are_standard() && all_alike && clock && rules.format != Format::Parquet =>
        {
            Decided {
                lacks_offset: times.lack_offset(),
                ..Decided::new("TIMESTAMP_LTZ(3)", What::Time { clock })
            }
        }
        (None, _) if times.are_standard() && all_alike && !clock => {
            Decided::new("DATE", What::Time { clock })
        }
        _ => Decided::new(
            "STRING",
            What::Written {
                patterns: patterns.clone(),
                clock,
            },
        ),
    };
    let count = |n: u64| super::told::grouped(n);
    let mut decided = decided;
    for written in &patterns {
        if let Some((other, n, example)) = &written.or {
            decided.doubts.push(format!(
                "{example}: day or month first? {} of {} cannot tell; {} is taken, it could be {other}",
                count(*n),
                count(seen.texts.real()),
                written.pattern
            ));
        }
    }
    if patterns.len() > 1 && !times.are_standard() {
        let all = patterns
            .iter()
            .map(|w| format!("{} by {}", count(w.count), w.pattern));
        let all: Vec<String> = all.collect();
        decided
            .doubts
            .push(format!("times of several patterns: {}", all.join(", ")));
    }
    decided
}
