//! Text as rows: which charset, what is between two cells, whether the first row names the columns.

use standings_edge::source::as_text;

/// How a text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// As `csv.charset` names it; none where it need not be said.
    pub(super) charset: Option<&'static str>,
    pub(super) delimiter: char,
    pub(super) quote: Option<char>,
    pub(super) escape: Option<char>,
    pub(super) comments: bool,
    pub(super) trim: bool,
    pub(super) header: bool,
    /// Nothing tells whether the first row is one of names.
    pub(super) is_header_unclear: bool,
}

/// A cell, and whether it was quoted.
pub(super) type Cell = (String, bool);

/// A text, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) dialect: Dialect,
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Rows of another number of cells.
    pub(super) ragged: u64,
    /// What is odd about it, a sentence each.
    pub(super) odd: Vec<String>,
}

/// What may be between two cells, the likeliest first.
const DELIMITERS: [char; 6] = [',', ';', '\t', '|', '^', '\u{1}'];

/// Takes a text apart; at most so many rows.
pub(super) fn sheet(bytes: &[u8], is_whole: bool, most: usize) -> Option<Sheet> {
    let (charset, text) = charset(bytes);
    let mut odd = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if first.to_ascii_lowercase().starts_with("sep=") {
        odd.push(format!(
            "the first line, {first:?}, is a word for Excel: take it out, or it is the header"
        ));
    }
    let comments = first.starts_with('#') && text.lines().any(|l| !l.starts_with('#'));
    let mut dialect = Dialect {
        charset,
        delimiter: ',',
        quote: Some('"'),
        escape: None,
        comments,
        trim: false,
        header: true,
        is_header_unclear: false,
    };
    dialect.escape = text.contains("\\\"").then_some('\\');
    let begin = &text[..cut(&text, 256 << 10)];
    let split = |delimiter| {
        let dialect = Dialect {
            delimiter,
            ..dialect.clone()
        };
        rows(begin, &dialect, is_whole && begin.len() == text.len(), 200)
    };
    let scored = DELIMITERS.map(|d| (score(&split(d)), d));
    let best = scored.iter().rev().max_by_key(|(score, _)| *score)?;
    dialect.delimiter = best.1;
    dialect.quote = quote(&text, dialect.delimiter);
    let mut all = rows(&text, &dialect, is_whole, most + 1);
    let width = width(&all)?;
    // One delimiter more at the end of every row is no column.
    let is_open = width > 1
        && all
            .iter()
            .all(|r| r.len() < width || r[width - 1].0.is_empty());
    let columns = if is_open { width - 1 } else { width };
    let spaced = |r: &Vec<Cell>| r.iter().skip(1).any(|(c, q)| !q && c.starts_with(' '));
    dialect.trim = all.iter().filter(|r| spaced(r)).count() * 2 > all.len();
    if dialect.trim {
        all = rows(&text, &dialect, is_whole, most + 1);
    }
    (dialect.header, dialect.is_header_unclear) = header(&all, columns);
    let names = match dialect.header {
        true => all
            .remove(0)
            .into_iter()
            .map(|(name, _)| name)
            .take(columns)
            .collect(),
        false => (1..=columns).map(|n| format!("c{n}")).collect(),
    };
    let before = all.len();
    all.retain(|r| r.len() == columns || (r.len() == columns + 1 && r[columns].0.is_empty()));
    let ragged = (before - all.len()) as u64;
    all.truncate(most);
    Some(Sheet {
        dialect,
        names,
        rows: all,
        ragged,
        odd,
    })
}

/// Where a text may be cut at most so far.
fn cut(text: &str, most: usize) -> usize {
    (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The charset, if it must be said, and the text.
fn charset(bytes: &[u8]) -> (Option<&'static str>, String) {
    let by = |charset: &'static str| as_text(bytes, charset).unwrap_or_default();
    if matches!(
        bytes,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0xef, 0xbb, 0xbf, ..]
    ) {
        return (None, by("utf-8"));
    }
    let zeros = |odd: usize| {
        bytes
            .iter()
            .skip(odd)
            .step_by(2)
            .take(500)
            .filter(|b| **b == 0)
            .count()
    };
    let half = bytes.len().min(1000) / 2;
    if half > 4 && zeros(1) * 10 > half * 7 {
        return (Some("utf-16le"), by("utf-16le"));
    }
    if half > 4 && zeros(0) * 10 > half * 7 {
        return (Some("utf-16be"), by("utf-16be"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (None, text.to_owned()),
        // It was cut inside of a character.
        Err(e) if e.error_len().is_none() => (
            None,
            String::from_utf8_lossy(&bytes[..e.valid_up_to()]).into_owned(),
        ),
        Err(_) => (Some("windows-1252"), by("windows-1252")),
    }
}

/// What is around cells: a single quote where both ends of many cells have one.
fn quote(text: &str, delimiter: char) -> Option<char> {
    let cells = text
        .lines()
        .take(200)
        .flat_map(|line| line.split(delimiter));
    let around =
        |cell: &str, sign: char| cell.len() > 1 && cell.starts_with(sign) && cell.ends_with(sign);
    let (mut single, mut double) = (0, 0);
    for cell in cells.map(str::trim) {
        single += u32::from(around(cell, '\''));
        double += u32::from(around(cell, '"'));
    }
    Some(if single > double && single > 3 {
        '\''
    } else {
        '"'
    })
}

/// The rows of a text; the last one only where it is whole.
fn rows(text: &str, dialect: &Dialect, is_whole: bool, most: usize) -> Vec<Vec<Cell>> {
    let (mut all, mut row) = (Vec::new(), Vec::new());
    let (mut cell, mut quoted, mut inside) = (String::new(), false, false);
    let mut line_begins = true;
    let mut signs = text.chars().peekable();
    let finish = |cell: &mut String, quoted: &mut bool| {
        let text = std::mem::take(cell);
        let text = match dialect.trim && !*quoted {
            true => text.trim().to_owned(),
            false => text,
        };
        (text, std::mem::take(quoted))
    };
    while let Some(c) = signs.next() {
        if line_begins && dialect.comments && c == '#' {
            for c in signs.by_ref() {
                if c == '\n' {
                    break;
                }
            }
            continue;
        }
        line_begins = false;
        if Some(c) == dialect.escape && signs.peek().is_some() {
            cell.extend(signs.next());
        } else if inside {
            match Some(c) == dialect.quote {
                true if signs.next_if(|n| Some(*n) == dialect.quote).is_some() => cell.push(c),
                true => inside = false,
                false => cell.push(c),
            }
        } else if Some(c) == dialect.quote && cell.trim().is_empty() && !quoted {
            cell.clear();
            (inside, quoted) = (true, true);
        } else if c == dialect.delimiter {
            row.push(finish(&mut cell, &mut quoted));
        } else if c == '\n' || c == '\r' {
            let is_blank = row.is_empty() && cell.is_empty() && !quoted;
            if !is_blank {
                row.push(finish(&mut cell, &mut quoted));
                all.push(std::mem::take(&mut row));
            }
            line_begins = c == '\n' || signs.peek() != Some(&'\n');
            if all.len() >= most {
                return all;
            }
        } else {
            cell.push(c);
        }
    }
    if is_whole && (!row.is_empty() || !cell.is_empty()) {
        row.push(finish(&mut cell, &mut quoted));
        all.push(row);
    }
    all
}

/// The number of cells that most rows have.
fn width(rows: &[Vec<Cell>]) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::new();
    rows.iter()
        .for_each(|r| *counts.entry(r.len()).or_insert(0u64) += 1);
    counts
        .into_iter()
        .max_by_key(|(_, n)| *n)
        .map(|(width, _)| width)
}

/// How well a delimiter takes rows apart: whether it does, in how many (of a hundred) alike, the first one too; into how many.
fn score(rows: &[Vec<Cell>]) -> (bool, usize, bool, usize) {
    let Some(width) = width(rows).filter(|w| *w > 1) else {
        return (false, 0, false, 0);
    };
    let alike = rows.iter().filter(|r| r.len() == width).count() * 20 / rows.len();
    let first = rows[0].len() == width;
    (true, if first { alike } else { alike / 2 }, first, width)
}

/// Whether the first row has names, and whether nothing tells it.
fn header(rows: &[Vec<Cell>], columns: usize) -> (bool, bool) {
    let Some((first, others)) = rows.split_first() else {
        return (true, true);
    };
    let is_value =
        |text: &str| super::numbers::form(text).is_some() || super::shape::shape(text).is_some();
    let names: Vec<&str> = first.iter().take(columns).map(|(c, _)| c.trim()).collect();
    if names.iter().any(|name| is_value(name)) || names.iter().all(|n| n.is_empty()) {
        return (false, false);
    }
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let column = |n: usize| {
        others
            .iter()
            .filter_map(move |r| r.get(n))
            .map(|(c, _)| c.as_str())
    };
    let tells = (0..columns).any(|n| column(n).any(is_value));
    let again = (0..names.len()).any(|n| column(n).any(|c| !c.is_empty() && c == names[n]));
    match (tells, again) {
        (_, true) => (false, false),
        (true, _) => (true, false),
        _ => (true, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sheet {
        sheet(text.as_bytes(), true, 1000).unwrap()
    }

    #[test]
    fn what_is_between_cells() {
        for (text, delimiter, names) in [
            ("city,amount\nPorto,1.5\nFaro,2\n", ',', "city amount"),
            ("city;amount\nPorto;1,5\nFaro;2,5\n", ';', "city amount"),
            ("city\tamount\nPorto\t1,5\n", '\t', "city amount"),
            ("city|amount|\nPorto|1.5|\nFaro|2|\n", '|', "city amount"),
            (
                "city,note\nPorto,\"a;b;c\"\nFaro,\"d;e;f\"\n",
                ',',
                "city note",
            ),
            ("\u{feff}city,amount\r\nPorto,1\r\n", ',', "city amount"),
            (
                "'city','amount'\n'Porto','1'\n'a,b','2'\n",
                ',',
                "city amount",
            ),
        ] {
            let found = of(text);
            assert_eq!(found.dialect.delimiter, delimiter, "{text}");
            assert_eq!(found.names.join(" "), names, "{text}");
            assert_eq!((found.ragged, found.dialect.header), (0, true), "{text}");
        }
    }

    #[test]
    fn whether_there_is_a_header() {
        let found = of("1|Porto|2026-01-23|\n2|Faro|2026-01-24|\n");
        assert_eq!(
            (found.dialect.header, found.names.len(), found.rows.len()),
            (false, 3, 2)
        );
        assert!(!of("Porto,a\nFaro,b\nPorto,c\n").dialect.header);
        assert!(of("city,shop\nFaro,b\nPorto,c\n").dialect.is_header_unclear);
    }

    #[test]
    fn charsets_and_cells() {
        let found = sheet(b"city,amount\nS\xe3o Paulo,1\n", true, 10).unwrap();
        assert_eq!(found.dialect.charset, Some("windows-1252"));
        assert_eq!(found.rows[0][0].0, "São Paulo");
        let wide: Vec<u8> = "city;amount\nPorto;1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let found = sheet(&wide, true, 10).unwrap();
        assert_eq!(
            (found.dialect.charset, found.dialect.delimiter),
            (Some("utf-16le"), ';')
        );
        // What was cut off is no row.
        let found = sheet(b"city,amount\nPorto,1\nFar", false, 10).unwrap();
        assert_eq!(found.rows.len(), 1);
        let found = of("a, b\n1, \"x\"\"y\"\n2, \"l\nm\"\n#no,1\n");
        assert_eq!(found.rows[0][1], ("x\"y".to_owned(), true));
        assert_eq!(found.rows[1][1].0, "l\nm");
        assert!(of("# made by hand\na,b\n1,2\n").dialect.comments);
        assert_eq!(of("a,b\n1,2\n3\n").ragged, 1);
        assert!(sheet(b"", true, 10).is_none());
    }
}
