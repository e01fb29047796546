//! The lists as tables of the page `docs/tables.md`.

use std::fmt::Write;

use super::properties::{SETTINGS, Setting};
use super::words::{OF_FORMAT, OF_TABLE};
use super::{Does, Takes, Word};

/// The part of the page that the lists make.
pub fn page() -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line("### Of a table\n".to_owned());
    taken(&mut line, OF_TABLE);
    line("\n### Of a format\n\nBehind the format's name: `'csv.header'`; of the key's format `'key.csv.header'`.\n".to_owned());
    taken(&mut line, OF_FORMAT);
    line("\n### Settings of the Kafka client\n\nBehind `properties.`, by Java's names. What is not here is refused.\n".to_owned());
    let names = SETTINGS.iter().filter_map(|(name, setting)| match setting {
        Setting::Same => Some(format!("`{name}`")),
        Setting::As(other) => Some(format!("`{name}` (librdkafka: `{other}`)")),
        Setting::Not(_) => None,
    });
    line(names.collect::<Vec<_>>().join(", "));
    line("\n### What is refused, and what stands in its place\n".to_owned());
    line("| option | of | instead |\n| --- | --- | --- |".to_owned());
    for word in OF_TABLE.iter().chain(OF_FORMAT) {
        match word.does {
            Does::Is => {}
            Does::Not(instead) => line(format!(
                "| `{}` | {} | {} |",
                word.name,
                of(word),
                cell(instead)
            )),
            Does::Only(value, instead) => {
                let cell = cell(instead);
                line(format!(
                    "| `{}`, but for `{value}` | {} | {cell} |",
                    word.name,
                    of(word)
                ));
            }
        }
    }
    for (name, setting) in SETTINGS {
        if let Setting::Not(instead) = setting {
            let all = if name.ends_with('.') { "*" } else { "" };
            line(format!(
                "| `properties.{name}{all}` | kafka | {} |",
                cell(instead)
            ));
        }
    }
    out
}

/// The options that do something.
fn taken(line: &mut dyn FnMut(String), words: &[Word]) {
    line("| option | of | value | what it does |\n| --- | --- | --- | --- |".to_owned());
    for word in words.iter().filter(|w| matches!(w.does, Does::Is)) {
        let doc = cell(word.doc);
        line(format!(
            "| `{}` | {} | {} | {doc} |",
            word.name,
            of(word),
            takes(word.takes)
        ));
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn of(word: &Word) -> String {
    match word.of {
        [] => "any".to_owned(),
        all => all.join(", "),
    }
}

fn takes(takes: Takes) -> String {
    match takes {
        Takes::Text => "text".to_owned(),
        Takes::Boolean => "`true`, `false`".to_owned(),
        Takes::Count => "a number".to_owned(),
        Takes::Character => "a character".to_owned(),
        Takes::Names => "names with `;`".to_owned(),
        Takes::OneOf(all) => {
            let all: Vec<String> = all.iter().map(|one| format!("`{one}`")).collect();
            all.join(", ")
        }
        Takes::Zone => "a zone".to_owned(),
        Takes::Url => "a URL".to_owned(),
        Takes::Secret => "a secret: `${ENV:STANDINGS_SECRET_NAME}`, `${file:PATH}`".to_owned(),
    }
}
