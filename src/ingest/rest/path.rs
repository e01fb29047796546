//! `$.orders[*]`: where something is in an answer. Names, `[*]` for each element, `[3]`, `['name']`; and nothing is changed on
//! the way, so that numbers stay as they were written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Each,
    At(usize),
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// All of it: an array's elements, or one object.
    pub fn whole() -> Self {
        Path(Vec::new())
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("is `{text}`; a path is such as $.orders[*], $.next or $['a b'][0]");
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return Err(wrong());
                }
                steps.push(Step::Name(after[..end].to_owned()));
                rest = &after[end..];
                continue;
            }
            let inner = rest.strip_prefix('[').ok_or_else(wrong)?;
            let (inner, after) = inner.split_once(']').ok_or_else(wrong)?;
            let name = inner.strip_prefix('\'').and_then(|n| n.strip_suffix('\''));
            steps.push(match (inner, name) {
                ("*", _) => Step::Each,
                (_, Some(name)) => Step::Name(name.to_owned()),
                (number, None) => Step::At(number.parse().map_err(|_| wrong())?),
            });
            rest = after;
        }
        Ok(Path(steps))
    }

    /// What is there, each as it is written; nothing where a name is not, or is null.
    ///
    /// # Errors
    /// Something else is there than the path goes through.
    pub fn find<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, String> {
        let found = self.found(text)?.into_iter();
        Ok(found.map(|(_, text)| text).collect())
    }

    /// The same, each with its own path.
    fn found<'a>(&self, text: &'a str) -> Result<Vec<(String, &'a str)>, String> {
        let mut found = Vec::new();
        walk(&self.0, "$", text, &mut found)?;
        Ok(found)
    }

    /// The rows, each with its own path: what is there, and of an array that is not gone into its elements.
    ///
    /// # Errors
    /// As [`Path::find`].
    pub fn rows<'a>(&self, text: &'a str) -> Result<Vec<(String, &'a str)>, String> {
        let found = self.found(text)?;
        match &found[..] {
            [(path, one)] if one.starts_with('[') => {
                let all = elements(one)?.into_iter().enumerate();
                Ok(all.map(|(n, row)| (format!("{path}[{n}]"), row)).collect())
            }
            _ => Ok(found),
        }
    }
}

fn elements(text: &str) -> Result<Vec<&str>, String> {
    let all: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| format!("no array: {e}"))?;
    Ok(all.into_iter().map(RawValue::get).collect())
}

fn walk<'a>(
    steps: &[Step],
    at: &str,
    text: &'a str,
    found: &mut Vec<(String, &'a str)>,
) -> Result<(), String> {
    let text = text.trim();
    let Some((step, rest)) = steps.split_first() else {
        if text != "null" {
            found.push((at.to_owned(), text));
        }
        return Ok(());
    };
    if text == "null" {
        return Ok(());
    }
    match step {
        Step::Name(name) => {
            let all: BTreeMap<String, &RawValue> = serde_json::from_str(text)
                .map_err(|e| format!("`{name}` is looked for in what is no object: {e}"))?;
            match all.get(name) {
                Some(value) => walk(rest, &format!("{at}.{name}"), value.get(), found),
                None => Ok(()),
            }
        }
        Step::At(n) => match elements(text)?.get(*n) {
            Some(value) => walk(rest, &format!("{at}[{n}]"), value, found),
            None => Ok(()),
        },
        Step::Each => elements(text)?
            .into_iter()
            .enumerate()
            .try_for_each(|(n, value)| walk(rest, &format!("{at}[{n}]"), value, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_as_it_was_written() {
        let text = r#"{"orders":[{"id":9007199254740993},{"id":1.10}],"next":null,"page":{"after":"a\"b"}}"#;
        let find = |path: &str| Path::parse(path).unwrap().find(text).unwrap();
        assert_eq!(
            find("$.orders[*]"),
            [r#"{"id":9007199254740993}"#, r#"{"id":1.10}"#]
        );
        assert_eq!(find("$.orders[*].id"), ["9007199254740993", "1.10"]);
        assert_eq!(find("$['page'].after"), [r#""a\"b""#]);
        assert!(
            find("$.next").is_empty()
                && find("$.nothing.at.all").is_empty()
                && find("$.orders[9]").is_empty()
        );
        assert_eq!(
            Path::parse("$.orders").unwrap().rows(text).unwrap().len(),
            2
        );
        let rows = |path: &Path, text| -> Vec<String> {
            let rows = path.rows(text).unwrap().into_iter();
            rows.map(|(path, row)| format!("{path} {row}")).collect()
        };
        assert_eq!(rows(&Path::whole(), "[1, 2]"), ["$[0] 1", "$[1] 2"]);
        let nested = r#"{"a":[{"b":[1]},{"b":[2,3]}]}"#;
        assert_eq!(
            rows(&Path::parse("$.a[*].b[*]").unwrap(), nested),
            ["$.a[0].b[0] 1", "$.a[1].b[0] 2", "$.a[1].b[1] 3"]
        );
        assert!(Path::parse("$.orders.id").unwrap().find(text).is_err());
        for wrong in [
            "", "orders", "$orders", "$.", "$..a", "$[", "$[x]", "$.a[-1]",
        ] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
