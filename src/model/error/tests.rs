//! The table, held to what it promises.

use std::collections::BTreeSet;

use super::page::find;
use super::*;

/// All codes that there ever were, and what each was given for.
const EVER: &str = include_str!("ever.txt");

fn ever() -> Vec<(&'static str, &'static str)> {
    let all = EVER.lines().filter(|line| !line.starts_with('#'));
    all.map(|line| line.split_once(' ').unwrap()).collect()
}

#[test]
fn a_code_stays_what_it_is() {
    let ever = ever();
    assert!(
        ever.is_sorted_by(|(a, _), (b, _)| a < b),
        "sorted, each once"
    );
    let known: BTreeSet<&str> = ever.iter().map(|(id, _)| *id).collect();
    let there: BTreeSet<&str> = codes::all().map(|code| code.id).collect();
    let new: Vec<_> = there.difference(&known).collect();
    assert!(new.is_empty(), "add to ever.txt: {new:?}");
    for (id, title) in &ever {
        let is_there = there.contains(id);
        let is_gone = title.starts_with("gone: ");
        assert_ne!(
            is_there, is_gone,
            "{id}: one that no error has any more begins with `gone: ` there, and is not used again"
        );
    }
    for (at, (id, _)) in ever.iter().enumerate() {
        // Numbers without gaps: a line that was taken out is seen.
        let (group, number) = id[1..].split_at(2);
        let before = ever[..at]
            .iter()
            .filter(|(other, _)| other[1..].starts_with(group));
        assert_eq!(
            number.parse(),
            Ok(before.count() + 1),
            "before {id} something is missing"
        );
    }
}

#[test]
fn an_entry_says_all_that_a_page_needs() {
    let mut before = "";
    for group in codes::GROUPS {
        for code in group.codes {
            let id = code.id;
            assert!(
                before < id && id[1..].starts_with(group.number),
                "{id} is out of order"
            );
            before = id;
            assert!(matches!(code.exit, FAILED | USAGE), "{id}");
            assert!(!code.causes.is_empty() && !code.remedy.is_empty(), "{id}");
            let texts = code
                .causes
                .iter()
                .chain(code.remedy)
                .chain([&code.means, &code.title]);
            for text in texts {
                let begins = |c: char| c.is_uppercase() || "`-".contains(c);
                let is_whole = text.starts_with(begins) || text.starts_with("docs/");
                assert!(is_whole && !text.contains("  "), "{id}: {text}");
            }
            assert!(
                !code.title.ends_with('.') && code.means.ends_with('.'),
                "{id}"
            );
            let page = format!("../../docs/{}", code.see);
            let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
            assert!(
                page.exists(),
                "{id} names docs/{}, which is not there",
                code.see
            );
        }
    }
}

#[test]
fn a_code_is_found_however_it_is_written() {
    for word in ["S0303", "s0303", "303", "[S0303]", "error[S0303]:"] {
        assert_eq!(find(word).map(|code| code.id), Ok("S0303"), "{word}");
    }
    for (word, nearest) in [("S0399", "S0309"), ("S9303", "S0303"), ("", "S0001")] {
        assert_eq!(find(word).map_err(|code| code.id), Err(nearest), "{word}");
    }
}

#[test]
fn any_error_goes_up_as_what_it_was() {
    #[derive(Debug, thiserror::Error)]
    #[error("{what} at {line}")]
    struct Broken {
        what: &'static str,
        line: u64,
        #[source]
        why: std::fmt::Error,
    }
    impl Coded for Broken {
        fn code(&self) -> &'static Code {
            &codes::source::READING
        }
    }
    let (what, line, why) = ("a quote", 7, std::fmt::Error);
    let failure = Failure::from(Broken { what, line, why });
    assert_eq!(failure.to_string(), "a quote at 7");
    assert_eq!((failure.code().id, failure.exit()), ("S0303", FAILED));
    assert!(std::error::Error::source(&failure).is_some());
    assert_eq!(
        failure.clone().downcast_ref::<Broken>().map(|b| b.line),
        Some(7)
    );
    let about = failure.about(&"file:a");
    assert_eq!(about.to_string(), "file:a: a quote at 7");
    assert_eq!(about.code(), failure.code());
}
