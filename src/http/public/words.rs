//! Names and figures as the picture writes them: what `page/text.js` does on the page, where there is no script.

use standings_model::plan::{Field, Plan, Ranking};
use standings_model::time::{DAY, format_date, format_rfc3339};
use standings_model::value::Value;
use standings_model::window::Bounds;
use unicode_width::UnicodeWidthChar;

use crate::board::Row;
use crate::json;

/// Characters of a text, at most: marks that take no room of their own could be without end.
const MOST_CHARS: usize = 120;
/// What stands for what cannot be shown.
const UNKNOWN: char = '\u{fffd}';

/// `city` to `cities`; a number's name (`salesman_id`) is of what it numbers.
fn many(key: &str) -> String {
    let plain = key.replace('_', " ");
    let word = plain.strip_suffix(" id").unwrap_or(&plain);
    let before_y = word
        .strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if let Some(stem) = before_y.filter(|stem| !stem.is_empty()) {
        return format!("{stem}ies");
    }
    if let Some(stem) = word.strip_suffix("man") {
        return format!("{stem}men");
    }
    let hisses = ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end));
    format!("{word}{}", if hisses { "es" } else { "s" })
}

/// `total_sales` to `Total sales`.
pub(super) fn words(name: &str) -> String {
    let plain = name.replace('_', " ");
    let mut chars = plain.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => plain,
    }
}

/// What a ranking is called. "per city" would be of each city; where it is of all, they are the cities.
pub(super) fn title(ranking: &Ranking) -> String {
    let per = ranking.name.strip_prefix("top_");
    let per = per.and_then(|rest| rest.rsplit_once("_per_"));
    match (per, ranking.keys.as_slice()) {
        (Some((_, per)), [key]) if key.name == per && ranking.partition.is_empty() => {
            format!("Top {}", many(per))
        }
        _ => words(&ranking.name),
    }
}

/// What a row is called: its label, else its keys; where there are groups, their names first.
pub(super) fn name(ranking: &Ranking, row: &Row) -> String {
    let shown = |value: Option<&Value>| {
        value
            .and_then(json::plain)
            .unwrap_or_else(|| "–".to_owned())
    };
    let label = ranking.fields.iter().find_map(|field| match *field {
        Field::Measure(i) if json::is_label(ranking, *field) => {
            row.measures.get(i).and_then(json::plain)
        }
        _ => None,
    });
    let label = label.filter(|l| !l.is_empty());
    let of = |i: usize| shown(row.key.get(i));
    let parts: Vec<String> = match label {
        Some(label) => ranking.partition_keys().map(of).chain([label]).collect(),
        None => (0..ranking.keys.len()).map(of).collect(),
    };
    match parts.is_empty() {
        true => "All".to_owned(),
        false => parts.join(" · "),
    }
}

/// The field that is shown as a row's figure: what the ranking is ordered by, else the first that is no name.
pub(super) fn score(ranking: &Ranking) -> Option<Field> {
    let ordered = ranking.order.first().map(|term| term.field);
    let shown = ordered.filter(|f| matches!(f, Field::Measure(_)) && ranking.fields.contains(f));
    shown.or_else(|| {
        let mut fields = ranking.fields.iter().copied();
        fields.find(|f| matches!(f, Field::Measure(_)) && !json::is_label(ranking, *f))
    })
}

/// A field's value of a row.
pub(super) fn value(row: &Row, field: Field) -> Option<&Value> {
    match field {
        Field::Key(i) => row.key.get(i),
        Field::Measure(i) => row.measures.get(i),
    }
}

/// A value as a figure: digits in threes.
pub(super) fn figure(value: Option<&Value>) -> String {
    let Some(text) = value.and_then(json::plain) else {
        return "–".to_owned();
    };
    let is_number = matches!(value, Some(Value::Integer(_) | Value::Decimal(_)));
    if !is_number {
        return text;
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A window as people say it, UTC: a day by its date.
pub(super) fn window(bounds: Bounds) -> String {
    let Some(bounds) = bounds.shown() else {
        return "All time".to_owned();
    };
    let (from, to) = (bounds.start, bounds.end);
    if from.rem_euclid(DAY) == 0 && to - from == DAY {
        return format_date(from);
    }
    let minute = |ms: i64| {
        format_rfc3339(ms)
            .chars()
            .take(16)
            .collect::<String>()
            .replace('T', " ")
    };
    let end = match from.div_euclid(DAY) == to.div_euclid(DAY) {
        true => minute(to).chars().skip(11).collect(),
        false => minute(to),
    };
    format!("{} to {end} UTC", minute(from))
}

/// What a table's records are called, in the plural, and what its amounts are in.
pub(super) fn table<'a>(plan: &'a Plan, ranking: &Ranking) -> (&'a str, Option<&'a str>) {
    let table = ranking
        .inputs
        .first()
        .and_then(|i| plan.tables.get(i.table));
    let usual = match table {
        Some(table) if table.name != "sales" => "records",
        _ => "sales",
    };
    let noun = table.and_then(|t| t.noun.as_deref()).unwrap_or(usual);
    (noun, table.and_then(|t| t.unit.as_deref()))
}

/// What would turn the writing around it, and not only its own: a name that holds such a mark could change how a figure reads.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether XML may hold a character, and a line of text should.
fn is_text(c: char) -> bool {
    !c.is_control() && !turns(c) && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// A text that takes so many columns at most, as a terminal counts them; what cannot be shown is [`UNKNOWN`].
pub(super) fn shortened(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut width = 0;
    for (i, c) in text.chars().enumerate() {
        let c = if is_text(c) { c } else { UNKNOWN };
        let own = c.width().unwrap_or(1);
        if width + own > columns || i >= MOST_CHARS {
            // Room for the dots: the last one goes.
            while width + 1 > columns {
                let Some(last) = out.pop() else { break };
                width -= last.width().unwrap_or(1);
            }
            out.push('…');
            return out;
        }
        width += own;
        out.push(c);
    }
    out
}

/// Appends a text as XML has it, in an element and in quotes alike.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_text(c) => out.push(c),
            _ => out.push(UNKNOWN),
        }
    }
}
