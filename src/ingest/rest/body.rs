//! The rows of an answer: of JSON by a path, of lines of JSON, of CSV. Nothing is changed on the way.

use serde_json::Value;

use super::path::Path;
use crate::answer::wrong;
use crate::feed::Trouble;
use crate::pages::{Piece, Row};

/// How answers are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, with where its rows are.
    Json(Path),
    /// A row of JSON a line.
    Lines,
    /// CSV with a first line of names, and what is between two fields.
    Csv(char),
}

impl Form {
    /// The text of an answer.
    ///
    /// # Errors
    /// It is none.
    pub fn text(body: &[u8]) -> Result<&str, Trouble> {
        let text = std::str::from_utf8(body)
            .map_err(|e| wrong(format!("no UTF-8 at byte {}", e.valid_up_to())))?;
        Ok(text.trim_start_matches('\u{feff}'))
    }

    /// The rows of an answer.
    ///
    /// # Errors
    /// It is not as the configuration says; what stands there is not repeated.
    pub fn rows(&self, text: &str) -> Result<Vec<Piece>, Trouble> {
        let plain = |row| Piece { path: None, row };
        match self {
            Form::Json(path) => {
                let rows = path.rows(text).map_err(|e| wrong(format!("`rows`: {e}")))?;
                if rows.is_empty() {
                    no_error(text)?;
                }
                Ok(rows
                    .into_iter()
                    .map(|(path, row)| Piece {
                        path: Some(path),
                        row: Row::Text(row.to_owned()),
                    })
                    .collect())
            }
            Form::Lines | Form::Csv(_) if text.trim_start().starts_with('<') => {
                Err(wrong("it is HTML or XML".to_owned()))
            }
            Form::Lines => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                Ok(lines
                    .map(|line| plain(Row::Text(line.to_owned())))
                    .collect())
            }
            Form::Csv(delimiter) => {
                let mut records = records(text, *delimiter).into_iter();
                let Some((names, _)) = records.next() else {
                    return Ok(Vec::new());
                };
                let names = names.map_err(|why| wrong(format!("its first line {why}")))?;
                Ok(records
                    .map(|(fields, raw)| plain(row(&names, fields, raw)))
                    .collect())
            }
        }
    }
}

/// What endpoints call that which went wrong, where the status says that all is well.
const ERRORS: [&str; 4] = ["error", "errors", "fault", "exception"];
/// Characters of it that are told.
const TOLD: usize = 200;

/// An answer without rows that has an error is no end of all pages: taken for one, a pass would end there, and what is behind it would
/// be lost.
fn no_error(text: &str) -> Result<(), Trouble> {
    let Ok(Value::Object(all)) = serde_json::from_str::<Value>(text) else {
        return Ok(());
    };
    let is_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Number(n) => n.as_i64() == Some(0),
        Value::Bool(true) => false,
    };
    let found = ERRORS.iter().find_map(|name| {
        let value = all.get(*name).filter(|value| !is_nothing(value))?;
        Some((*name, value.to_string()))
    });
    match found {
        Some((name, value)) => {
            let told: String = value.chars().take(TOLD).collect();
            Err(Trouble::later(format!(
                "the answer has no rows, and `{name}`: {told}"
            )))
        }
        None => Ok(()),
    }
}

fn row(names: &[String], fields: Result<Vec<String>, String>, raw: &str) -> Row {
    let fields = match fields {
        Ok(fields) if fields.len() == names.len() => fields,
        Ok(fields) => {
            let why = format!("{} fields, and {} names", fields.len(), names.len());
            return Row::Wrong(raw.to_owned(), why);
        }
        Err(why) => return Row::Wrong(raw.to_owned(), why),
    };
    let all: Vec<String> = names
        .iter()
        .zip(fields)
        .map(|(name, field)| {
            // As elsewhere: an empty field has no value.
            let value = match field.is_empty() {
                true => Value::Null,
                false => Value::String(field),
            };
            format!("{}:{value}", Value::String(name.clone()))
        })
        .collect();
    Row::Text(format!("{{{}}}", all.join(",")))
}

/// The fields of a record, or why it has none, and how it is written.
type Record<'a> = (Result<Vec<String>, String>, &'a str);

/// Records of CSV (RFC 4180): a field in quotes may hold delimiters, lines and, doubled, quotes.
fn records(text: &str, delimiter: char) -> Vec<Record<'_>> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (fields, length) = record(rest, delimiter);
        let raw = rest[..length].trim_end_matches(['\r', '\n']);
        if !raw.is_empty() {
            all.push((fields, raw));
        }
        rest = &rest[length..];
    }
    all
}

/// The first record of a text, and how long it is with its end.
fn record(text: &str, delimiter: char) -> (Result<Vec<String>, String>, usize) {
    let (mut fields, mut field, mut wrong) = (Vec::new(), String::new(), None);
    let mut quoted = false;
    let mut was_quoted = false;
    let mut chars = text.char_indices().peekable();
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        if quoted {
            match c {
                '"' if chars.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
                '"' => (quoted, was_quoted) = (false, true),
                c => field.push(c),
            }
            continue;
        }
        match c {
            '"' if field.is_empty() && !was_quoted => quoted = true,
            c if c == delimiter => {
                fields.push(std::mem::take(&mut field));
                was_quoted = false;
            }
            '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
            '\n' => {
                end = at + 1;
                break;
            }
            _ if was_quoted => wrong = Some("has something behind a field in quotes".to_owned()),
            c => field.push(c),
        }
    }
    fields.push(field);
    if quoted {
        wrong = Some("has a field in quotes that does not end".to_owned());
    }
    (wrong.map_or(Ok(fields), Err), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(form: &Form, text: &str) -> Vec<String> {
        let rows = form.rows(text).unwrap().into_iter();
        rows.map(|piece| match piece.row {
            Row::Text(text) => text,
            Row::Wrong(raw, why) => format!("wrong: {raw}: {why}"),
        })
        .collect()
    }

    #[test]
    fn lines_and_csv() {
        assert_eq!(
            texts(&Form::Lines, "{\"a\":1.10}\r\n\n [2] \n"),
            ["{\"a\":1.10}", "[2]"]
        );
        let csv = "id;\"a \"\"b\"\"\"\r\n1;\"x;\ny\"\r\n\n2;\n3\n\"4\"x;5\n6;é";
        assert_eq!(
            texts(&Form::Csv(';'), csv),
            [
                r#"{"id":"1","a \"b\"":"x;\ny"}"#,
                r#"{"id":"2","a \"b\"":null}"#,
                "wrong: 3: 1 fields, and 2 names",
                "wrong: \"4\"x;5: has something behind a field in quotes",
                r#"{"id":"6","a \"b\"":"é"}"#,
            ]
        );
        assert_eq!(
            texts(&Form::Csv(','), "a,b\n\"1,2"),
            ["wrong: \"1,2: has a field in quotes that does not end"]
        );
        assert!(texts(&Form::Csv(','), "").is_empty());
        for form in [Form::Csv(','), Form::Lines] {
            let said = form.rows("\n<!DOCTYPE html><p>Sign in").unwrap_err();
            assert!(said.why().contains("HTML"), "{said:?}");
        }
        assert!(Form::Csv(',').rows("\"a").is_err());
        assert!(Form::text(b"\xff").is_err());
        assert_eq!(Form::text("\u{feff}x".as_bytes()).unwrap(), "x");
    }

    #[test]
    fn an_error_under_a_good_status_is_no_end() {
        let form = Form::Json(Path::parse("$.rows[*]").unwrap());
        for text in [
            r#"{"error":"token expired"}"#,
            r#"{"rows":null,"errors":[{"code":7}]}"#,
            r#"{"rows":[],"fault":{"text":"away"},"next":null}"#,
            r#"{"error":true,"message":"away"}"#,
        ] {
            let said = form.rows(text).unwrap_err();
            assert!(
                matches!(&said, Trouble::Later { why, .. } if why.contains("no rows")),
                "{said:?}"
            );
        }
        // Rows beside an error are rows, and nothing is wrong where nothing is said to be.
        assert_eq!(texts(&form, r#"{"rows":[1],"error":"x"}"#), ["1"]);
        for text in [
            "{}",
            r#"{"rows":[]}"#,
            r#"{"rows":null,"error":null}"#,
            r#"{"rows":[],"errors":[],"error":false,"fault":{},"exception":""}"#,
        ] {
            assert!(texts(&form, text).is_empty(), "{text}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(5_000));
        assert!(form.rows(&long).unwrap_err().why().len() < 600);
    }
}
