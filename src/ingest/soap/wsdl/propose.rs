//! From an operation to a template and paths: what somebody would write who had read the WSDL.

use super::{Field, Holds, Operation, Qualified};

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The template of a request.
    pub envelope: String,
    /// Where rows are; none where the answer has nothing that repeats.
    pub rows: Option<String>,
    /// The columns of a row.
    pub columns: Vec<(String, String)>,
    /// Where the next cursor is, where one looks like one.
    pub cursor: Option<String>,
    /// Elements of a row that repeat.
    pub lists: Vec<String>,
}

/// Words of which a name of a cursor has one.
const CURSORS: [&str; 5] = ["cursor", "token", "next", "continuation", "bookmark"];
const LIMITS: [&str; 5] = ["limit", "pagesize", "page_size", "maxresults", "count"];

fn is_one_of(name: &str, words: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

/// Proposes how an operation is asked, and how its answer is read.
pub fn propose(operation: &Operation) -> Proposal {
    let rows = operation
        .output
        .as_ref()
        .and_then(|(_, fields)| rows(fields));
    // Dots may stand in names.
    let path = |steps: &[&str]| match steps.iter().any(|step| step.contains('.')) {
        true => steps.join("/"),
        false => format!("$.{}", steps.join(".")),
    };
    let cursor = operation.output.as_ref().and_then(|(_, fields)| {
        let mut steps = Vec::new();
        cursor(fields, &mut steps).then(|| path(&steps))
    });
    let (rows, columns, lists) = match rows {
        Some((steps, field)) => {
            let inner = match &field.holds {
                Holds::Fields(inner) => &inner[..],
                _ => &[],
            };
            let name = |f: &Field| {
                if f.is_attribute {
                    format!("@{}", f.name)
                } else {
                    f.name.clone()
                }
            };
            let columns = inner.iter().map(|f| (name(f), word(f))).collect();
            let lists = inner
                .iter()
                .filter(|f| f.is_many)
                .map(|f| f.name.clone())
                .collect();
            (Some(format!("{}[*]", path(&steps))), columns, lists)
        }
        None => (None, Vec::new(), Vec::new()),
    };
    Proposal {
        envelope: envelope(operation),
        rows,
        columns,
        cursor,
        lists,
    }
}

fn word(field: &Field) -> String {
    let kind = match &field.holds {
        Holds::Text(kind) => kind.clone(),
        Holds::Fields(_) => "fields".to_owned(),
        Holds::Anything => "anything".to_owned(),
    };
    format!(
        "{kind}{}{}",
        if field.is_many { ", several" } else { "" },
        if field.is_optional {
            ", may be missing"
        } else {
            ""
        }
    )
}

/// The first field that repeats and holds fields, the outermost first.
fn rows(fields: &[Field]) -> Option<(Vec<&str>, &Field)> {
    let mut level: Vec<(Vec<&str>, &Field)> =
        fields.iter().map(|f| (vec![f.name.as_str()], f)).collect();
    while !level.is_empty() {
        let is_row = |f: &Field| f.is_many && matches!(f.holds, Holds::Fields(_) | Holds::Anything);
        if let Some(found) = level.iter().find(|(_, f)| is_row(f)) {
            return Some(found.clone());
        }
        let inner = level.into_iter().flat_map(|(steps, field)| {
            let fields = match &field.holds {
                Holds::Fields(fields) => &fields[..],
                _ => &[],
            };
            fields.iter().map(move |f| {
                let mut steps = steps.clone();
                steps.push(&f.name);
                (steps, f)
            })
        });
        level = inner.collect();
    }
    None
}

/// The first single text outside of what repeats whose name is one of a cursor.
fn cursor<'a>(fields: &'a [Field], steps: &mut Vec<&'a str>) -> bool {
    for field in fields.iter().filter(|f| !f.is_many && !f.is_attribute) {
        steps.push(&field.name);
        match &field.holds {
            Holds::Text(_) if is_one_of(&field.name, &CURSORS) => return true,
            Holds::Fields(inner) if cursor(inner, steps) => return true,
            _ => {}
        }
        steps.pop();
    }
    false
}

fn envelope(operation: &Operation) -> String {
    let space = operation.version.space();
    let none = (Qualified::default(), Vec::new());
    let ((own, name), fields) = operation.input.as_ref().unwrap_or(&none);
    let mut lines = String::new();
    for field in fields {
        line(field, own, 3, &mut lines);
    }
    let own = crate::xml::write::escaped(own);
    format!(
        "<s:Envelope xmlns:s=\"{space}\" xmlns:q=\"{own}\">\n  <s:Body>\n    <q:{name}>\n{lines}    </q:{name}>\n  </s:Body>\n</s:Envelope>\n"
    )
}

fn line(field: &Field, own: &str, depth: usize, out: &mut String) {
    if field.is_attribute || field.name.is_empty() || depth > 8 {
        return;
    }
    let indent = "  ".repeat(depth);
    let (start, end) = match field.space.as_deref() {
        None | Some("") => (field.name.clone(), field.name.clone()),
        Some(space) if space == own => (format!("q:{}", field.name), format!("q:{}", field.name)),
        Some(space) => {
            let space = crate::xml::write::escaped(space);
            (
                format!("o:{} xmlns:o=\"{space}\"", field.name),
                format!("o:{}", field.name),
            )
        }
    };
    match &field.holds {
        Holds::Fields(inner) if !inner.is_empty() => {
            out.push_str(&format!("{indent}<{start}>\n"));
            inner.iter().for_each(|f| line(f, own, depth + 1, out));
            out.push_str(&format!("{indent}</{end}>\n"));
        }
        _ if is_one_of(&field.name, &CURSORS) => {
            out.push_str(&format!("{indent}<{start}>{{cursor}}</{end}>\n"));
        }
        _ if is_one_of(&field.name, &LIMITS) => {
            out.push_str(&format!("{indent}<{start}>100</{end}>\n"));
        }
        _ if field.is_optional => {
            out.push_str(&format!(
                "{indent}<!-- {}: {} -->\n",
                field.name,
                word(field)
            ));
        }
        _ => out.push_str(&format!(
            "{indent}<{start}><!-- {} --></{end}>\n",
            word(field)
        )),
    }
}
