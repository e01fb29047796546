//! A proposal as the text of SQL files: what works stands there, what is doubtful beside it in comments.

use super::choose::Watermark;
use super::draft::{Draft, Line};
use super::names;
use super::tried::Tried;
use standings_model::printable::printable;

/// A comment behind a line: on that line, whatever is in it.
fn beside(comment: Option<&String>) -> String {
    comment.map_or_else(String::new, |text| format!(" -- {}", printable(text)))
}

/// Lines between parentheses: a comma behind all but the last that counts.
fn listed(lines: &[Line]) -> String {
    let last = lines.iter().rposition(|l| !l.is_out);
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        // An idea is taken by taking its dashes off.
        let comma = if Some(n) < last { "," } else { "" };
        let before = if line.is_out { "-- " } else { "" };
        let sql = match line.is_out {
            true => printable(&line.sql).into_owned(),
            false => line.sql.clone(),
        };
        text += &format!("  {before}{sql}{comma}{}\n", beside(line.comment.as_ref()));
    }
    text
}

/// `CREATE TABLE`.
pub(super) fn table(draft: &Draft, tried: Option<&Tried>) -> String {
    let mut lines = draft.lines.clone();
    let time = &draft.chosen.time;
    let watermark = match (draft.chosen.watermark, tried) {
        (Watermark::None, _) => None,
        (Watermark::Any, _) => Some((
            "'36500' DAY",
            "in no order: only a WATERMARK names the time here, and nothing is late".to_owned(),
        )),
        (Watermark::AsSeen, None) => Some(("'1' MINUTE", String::new())),
        (Watermark::AsSeen, Some(tried)) => Some((
            tried.out_of_orderness(),
            format!("records came up to {} out of order", span(tried.disorder)),
        )),
    };
    if let Some((interval, comment)) = watermark {
        lines.push(Line {
            sql: format!("WATERMARK FOR {time} AS {time} - INTERVAL {interval}"),
            is_out: false,
            comment: (!comment.is_empty()).then_some(comment),
        });
    }
    let options: Vec<Line> = draft
        .options
        .iter()
        .map(|o| Line {
            sql: format!("{} = {}", names::literal(&o.key), o.value),
            is_out: o.is_out,
            comment: o.comment.clone(),
        })
        .collect();
    let partitioned = match draft.partitioned.is_empty() {
        true => String::new(),
        false => format!(" PARTITIONED BY ({})", draft.partitioned.join(", ")),
    };
    let name = names::quoted(&draft.name).unwrap_or_default();
    format!(
        "CREATE TABLE {name} (\n{}){partitioned} WITH (\n{});\n",
        listed(&lines),
        listed(&options)
    )
}

/// The name of the first ranking.
pub(super) fn ranking_name(draft: &Draft) -> String {
    let by = match &draft.chosen.measure {
        Some((_, name)) => name.clone(),
        None => "records".to_owned(),
    };
    let of = match &draft.chosen.key {
        Some((_, name)) => names::plain(name, "key"),
        None => draft.name.clone(),
    };
    let mut name = format!("{of}_by_{by}");
    name.truncate(50);
    name
}

/// The first ranking.
pub(super) fn ranking(draft: &Draft, tried: Option<&Tried>) -> String {
    let chosen = &draft.chosen;
    let window = match (chosen.is_timeless, tried) {
        (false, Some(tried)) => tried.window(chosen.is_day),
        _ => "'1' DAY",
    };
    let (key, group) = match &chosen.key {
        Some((sql, name)) => {
            let shown = names::quoted(name).unwrap_or_default();
            let selected = if *sql == shown {
                sql.clone()
            } else {
                format!("{sql} AS {shown}")
            };
            (Some((selected, shown)), format!(", {sql}"))
        }
        None => (None, String::new()),
    };
    let (sum, total) = match &chosen.measure {
        Some((sql, name)) => {
            let name = names::quoted(name).unwrap_or_default();
            (format!("SUM({sql}) AS {name}, "), Some(name))
        }
        None => (String::new(), None),
    };
    let order = total.clone().unwrap_or("records".to_owned());
    let selected = key
        .as_ref()
        .map_or(String::new(), |(sql, _)| format!("{sql}, "));
    let outer: Vec<&str> = ["window_start", "window_end"]
        .into_iter()
        .chain(key.as_ref().map(|(_, shown)| shown.as_str()))
        .chain(total.as_deref())
        .chain(["records", "rownum"])
        .collect();
    let table = names::quoted(&draft.name).unwrap_or_default();
    let time = &chosen.time;
    let lines = chosen
        .unnest
        .as_ref()
        .map_or(String::new(), |sql| format!(" {sql}"));
    let mut doubts: Vec<String> = chosen.doubts.clone();
    if chosen.key.is_none() {
        doubts.push("no column is a likely key: each window has one row".to_owned());
    }
    let doubts: String = doubts
        .iter()
        .map(|d| format!("-- {}\n", printable(d)))
        .collect();
    format!(
        "{doubts}INSERT INTO {}\n\
         SELECT {}\n\
         FROM (\n\
        \x20 SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY {order} DESC) AS rownum\n\
        \x20 FROM (\n\
        \x20   SELECT window_start, window_end, {selected}{sum}COUNT(*) AS records\n\
        \x20   FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR({time}), INTERVAL {window})){lines}\n\
        \x20   GROUP BY window_start, window_end{group}))\n\
         WHERE rownum <= 10;\n",
        ranking_name(draft),
        outer.join(", "),
    )
}

/// About how long.
pub(super) fn span(ms: i64) -> String {
    let (second, minute) = (1_000, 60_000);
    let (hour, day) = (60 * minute, 24 * 60 * minute);
    match ms {
        ms if ms < 2 * second => format!("{ms} ms"),
        ms if ms < 2 * minute => format!("{} s", ms / second),
        ms if ms < 2 * hour => format!("{} minutes", ms / minute),
        ms if ms < 2 * day => format!("{} hours", ms / hour),
        ms => format!("{} days", ms / day),
    }
}
