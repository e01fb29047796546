//! How the end of a run is told to people: counts, reasons with their first letter and a hint, how long ago.

use std::collections::BTreeMap;

use super::Account;
use super::places::Places;
use standings_model::change::Counts;
use standings_model::reject::{Reject, RejectKind};
use standings_model::time::{HOUR, format_date, format_rfc3339};

/// Why a run that read something and ranked nothing has failed.
pub(super) fn in_vain_message(
    state: &Account,
    total: &Counts,
    reasons: Option<&str>,
    times: Option<&str>,
) -> String {
    let mut text = format!(
        "{} records were read and none was ranked: late {}, dropped by --retain {}, dead letters {}",
        grouped(total.read),
        grouped(total.late),
        grouped(total.retired),
        grouped(total.dead)
    );
    if let Some(late) = &state.late {
        text += &format!(
            "; the first late one: {late} (--out-of-orderness says how much disorder a partition may have, and \
             --allowed-lateness how long a closed window takes sales)"
        );
    }
    for more in [reasons, times].into_iter().flatten() {
        text += "; ";
        text += more;
    }
    text
}

/// `read 9,994: ranked 33, late 9,961 (first: …), dead 0; 14 changes in 3 commits, 0.2 s`.
pub(super) fn line(state: &Account, total: &Counts, seconds: f64) -> String {
    let mut text = format!(
        "read {}: ranked {}, late {}",
        grouped(total.read),
        grouped(total.ranked),
        grouped(total.late)
    );
    if let Some(late) = &state.late {
        text += &format!(" (first: {late})");
    }
    for (name, n) in [
        ("dropped by --retain", total.retired),
        ("duplicate", total.duplicate),
        ("filtered", total.filtered),
        ("updated", total.updated),
        ("unchanged", total.unchanged),
        ("deleted", total.deleted),
        ("skipped", total.skipped),
        ("contradicted", total.contradicted),
        ("keys in two partitions", total.keys_moved),
    ] {
        if n > 0 {
            text += &format!(", {name} {}", grouped(n));
        }
    }
    text += &format!(
        ", dead {}; {} changes in {} commits, {seconds:.1} s",
        grouped(total.dead),
        grouped(state.changes),
        grouped(state.commits)
    );
    text
}

/// One more of this reason.
pub(super) fn count(
    dead: &mut BTreeMap<String, (u64, String)>,
    place: impl FnOnce() -> String,
    reason: &str,
    check: Option<&str>,
    detail: &str,
) {
    let name = match check {
        Some(check) => format!("{reason} {check}"),
        None => reason.to_owned(),
    };
    let first = || (0, format!("{}: {detail}", place()));
    dead.entry(name).or_insert_with(first).0 += 1;
}

/// The dead letters among these, as the end of a run tells them.
pub(in crate::run) fn reasons_of(rejects: &[Reject], places: &Places) -> Option<String> {
    let mut dead = BTreeMap::new();
    for reject in rejects {
        if let RejectKind::Dead {
            reason,
            check,
            detail,
        } = &reject.kind
        {
            let place = || places.record(reject.partition, reject.offset);
            count(&mut dead, place, reason, check.as_deref(), detail);
        }
    }
    reasons(&dead)
}

/// Reasons that are told one by one.
const REASONS: usize = 8;

/// The dead letters of this run by reason, most first, each with its first one and what can be done.
pub(super) fn reasons(dead: &BTreeMap<String, (u64, String)>) -> Option<String> {
    let mut all: Vec<_> = dead.iter().collect();
    all.sort_by_key(|(_, (n, _))| std::cmp::Reverse(*n));
    let told = all.iter().take(REASONS).map(|(reason, (n, first))| {
        let hint = hint(reason).map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{reason} {}, first: {first}{hint}", grouped(*n))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// What can be done about a reason.
fn hint(reason: &str) -> Option<&'static str> {
    Some(match reason.split(' ').next().unwrap_or_default() {
        "malformed" => {
            "a record is one JSON object, a row of CSV or of Parquet, or a message of Protobuf"
        }
        "not_utf8" => "text is UTF-8",
        "missing_field" => {
            "a column that may not be NULL, or is the event time, must be there by its name; standings inspect shows what the records have"
        }
        "wrong_type" | "bad_amount" | "amount_out_of_range" => {
            "CREATE TABLE declares what the column takes; standings inspect proposes it"
        }
        "bad_time" => {
            "times are RFC 3339 with an offset, or integers of milliseconds; the table's '….timestamp-format' words say another form"
        }
        "time_out_of_range" => {
            "integers are milliseconds since 1970; are these micro- or nanoseconds?"
        }
        "ahead" => "--max-ahead says how far a sale may be after its record's time",
        "too_large" => "--max-record-bytes",
        "key_too_large" => "--max-key-bytes",
        "sink_refused" => "the sink's message says what it does not take",
        "check" => "standings dead-letter shows them",
        _ => return None,
    })
}

/// About how long.
pub(super) fn span(ms: i64) -> String {
    const WORDS: [&str; 11] = [
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ];
    let (count, unit) = match ms.max(0) {
        ms if ms < 2 * HOUR => (ms / 60_000, "minutes"),
        ms if ms < 48 * HOUR => (ms / HOUR, "hours"),
        ms if ms < 730 * 24 * HOUR => (ms / (24 * HOUR), "days"),
        ms => (ms / (365 * 24 * HOUR), "years"),
    };
    let word = usize::try_from(count - 2).ok().and_then(|n| WORDS.get(n));
    match (count, word) {
        (1, _) => format!("one {}", unit.trim_end_matches('s')),
        (_, Some(word)) => format!("{word} {unit}"),
        _ => format!("{count} {unit}"),
    }
}

/// A time; of one that is days behind the day is enough.
pub(super) fn when(time: i64, behind: i64) -> String {
    match behind > 48 * HOUR {
        true => format_date(time),
        false => format_rfc3339(time),
    }
}

/// `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago() {
        let all = [
            0,
            60_000,
            5 * HOUR,
            49 * HOUR,
            40 * 24 * HOUR,
            3 * 366 * 24 * HOUR,
        ]
        .map(span);
        assert_eq!(
            all,
            [
                "0 minutes",
                "one minute",
                "five hours",
                "two days",
                "40 days",
                "three years"
            ]
        );
        assert_eq!(when(1_769_126_400_000, 49 * HOUR), "2026-01-23");
        assert_eq!(when(1_769_126_400_000, HOUR), "2026-01-23T00:00:00Z");
    }

    #[test]
    fn numbers_are_grouped() {
        let all = [0, 12, 123, 1234, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "12", "123", "1,234", "1,234,567"]);
    }
}
