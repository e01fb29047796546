//! `GET /api/v1/rankings/{name}/search`: keys and labels that hold a text, where they were ranked last.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::answer;
use crate::board::Row;
use crate::json;
use crate::openapi;
use crate::params::{self, AtLeast, Params};
use crate::problem::Problem;
use crate::watch::Shown;
use standings_model::json::{push_bound, push_string};
use standings_model::plan::{Field, Ranking};
use standings_model::value::Value;

/// Matches unless the request says, and the most that it may say.
const LIMITS: (usize, usize) = (20, 1_000);
/// The longest text searched for, bytes.
const LONGEST: usize = 200;

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/search",
    tag = "rankings",
    summary = "Keys and names that hold a text",
    description = "Of the windows in memory, each key once, where it was ranked last.",
    params(("name" = String, Path, description = "Ranking"), ("q" = Option<String>, Query, max_length = 50, description = "What to look for; case does not matter"), openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "Keys and labels that hold the text", body = openapi::Matches), openapi::Refusals)
)]
pub(crate) async fn search(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &name)?;
    let params = Params::read(query.as_deref(), &["q", "limit", "at_least", "wait"])?;
    let limit = params.limit(LIMITS.0, LIMITS.1)?;
    let wanted = params.get("q").unwrap_or_default().to_lowercase();
    if wanted.len() > LONGEST {
        return Err(Problem::bad(format!("q: at most {LONGEST} bytes")));
    }
    let mut at_least = AtLeast::of(&params, &shown)?;
    let labels = labels(ranking);
    let holds = |row: &Row| {
        let labels = labels.iter().filter_map(|i| row.measures.get(*i));
        let mut texts = row.key.iter().chain(labels);
        texts.any(|value| has(value, &wanted))
    };
    let (as_of, matches) = loop {
        let found = shown
            .board
            .view(|view| (view.as_of().clone(), view.search(number, limit, holds)));
        if at_least.reached(&found.0).await? {
            break found;
        }
    };
    let mut out = format!("{{\"as_of\":{},\"matches\":", as_of.json()).into_bytes();
    json::list(&mut out, &matches, |out, (bounds, row)| {
        out.extend_from_slice(b"{\"key\":");
        json::push_key(out, ranking, &row.key);
        out.extend_from_slice(b",\"label\":");
        let label = labels
            .iter()
            .find_map(|i| json::plain(row.measures.get(*i)?));
        match label {
            Some(label) => push_string(out, &label),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"window_start\":");
        push_bound(out, *bounds, bounds.start);
        if ranking.window.named_by().contains(&"window_end") {
            out.extend_from_slice(b",\"window_end\":");
            push_bound(out, *bounds, bounds.end);
        }
        // Writing to a Vec cannot fail.
        let _ = write!(out, ",\"rank\":{}}}", row.rank);
    });
    out.push(b'}');
    Ok(answer(&as_of, json::text(out)))
}

/// Measures that name their key.
fn labels(ranking: &Ranking) -> Vec<usize> {
    (0..ranking.measures.len())
        .filter(|i| json::is_label(ranking, Field::Measure(*i)))
        .collect()
}

/// Whether a value's text holds a text in lower case.
fn has(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Text(text) if text.is_ascii() => {
            let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
            wanted.is_empty()
                || text
                    .windows(wanted.len())
                    .any(|w| w.eq_ignore_ascii_case(wanted))
        }
        Value::Text(text) => text.to_lowercase().contains(wanted),
        other => json::plain(other).is_some_and(|t| t.contains(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        for (text, wanted, there) in [
            ("Ana Sousa", "ana", true),
            ("Ana Sousa", "a s", true),
            ("Ana", "anab", false),
            ("São Paulo", "são", true),
            ("ÅRHUS", "århus", true),
            ("", "", true),
            ("x", "", true),
        ] {
            assert_eq!(has(&Value::text(text), wanted), there, "{text} {wanted}");
        }
        assert!(has(&Value::Integer(1234), "23"));
        assert!(!has(&Value::Null, ""));
    }
}
