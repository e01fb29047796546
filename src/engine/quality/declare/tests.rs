//! What a file says, and what it may not say.

use super::*;
use standings_model::check::{Action, Volume};

fn read(text: &str) -> Result<Vec<Check>, ChecksError> {
    parse("c.toml", text, (0, &Table::sales()))
}

#[test]
fn checks_are_what_the_file_says() {
    let found = read(
        "[a]\ncolumn = \"amount\"\nmin = -1_000.5\nmax = 20\naction = \"dead-letter\"\nfail-on = 7\n\
         [b]\ncolumn = \"city\"\nallowed = [\"b\", \"a\", \"b\"]\n",
    )
    .unwrap();
    let (min, max) = (Some(-100_050), Some(2_000));
    assert_eq!(found[0].condition, Condition::Range { min, max });
    assert_eq!(
        (found[0].action, found[0].fail_on),
        (Action::DeadLetter, Some(FailOn::Failures(7)))
    );
    let both = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(found[1].condition, Condition::Allowed(both));
    assert_eq!((found[1].action, found[1].fail_on), (Action::Count, None));
}

#[test]
fn uniqueness_shares_and_volume_are_what_the_file_says() {
    let found = read(
        "[once]\ncolumn = \"sale_id\"\nunique-within = \"1h\"\nfail-share = \"0.5%\"\nfail-on = \"window\"\n\
         [volume]\nvolume-of = \"1h\"\nagainst = \"1d\"\nmin-share = \"50%\"\n",
    )
    .unwrap();
    let hour = 3_600_000;
    assert_eq!(found[0].condition, Condition::Unique { within: hour });
    assert_eq!(
        (found[0].fail_share, found[0].fail_on, found[0].window()),
        (Some(Share(5_000)), Some(FailOn::Window), Some(hour))
    );
    let volume = Volume {
        size: hour,
        against: 24 * hour,
        min: Some(Share(500_000)),
        max: None,
        min_sales: 100,
    };
    assert_eq!(found[1].condition, Condition::Volume(volume));
    let mut found = found;
    let said = limit(&mut found, "volume", FailOn::Failures(1))
        .unwrap_err()
        .to_string();
    assert!(said.contains("no sale fails a volume"), "{said}");
    limit(&mut found, "volume", FailOn::Window).unwrap();
    assert_eq!(found[1].fail_on, Some(FailOn::Window));
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "[a]\ncolumn = \"town\"\nnot-null = true",
            "c.toml:2: a: there is no column `town`; allowed are sale_id, ",
        ),
        ("[a]\nnot-null = true", "c.toml:1: a: `column` is missing"),
        (
            "[a]\ncolumn = \"city\"",
            "a: it asks nothing; allowed are not-null, ",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = true\nmax-length = 3",
            "asks not-null and max-length",
        ),
        (
            "[a]\ncolumn = \"city\"\nmin = 3",
            "c.toml:3: a: min is for columns of numbers; `city` is none",
        ),
        (
            "[a]\ncolumn = \"amount\"\nmin = 0.001",
            "a: min: `0.001` is no value of `amount`",
        ),
        (
            "[a]\ncolumn = \"amount\"\nmin = 2\nmax = 1",
            "a: min is more than max",
        ),
        (
            "[a]\ncolumn = \"city\"\npattern = \"(\"",
            "c.toml:3: a: pattern: regex parse error",
        ),
        (
            "[a]\ncolumn = \"city\"\npatern = \"x\"",
            "c.toml:3: a: unknown key `patern`; did you mean `pattern`?",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = false",
            "a: not-null: allowed is true",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = true\naction = \"drop\"",
            "c.toml:4: a: action: allowed are",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = true\nfail-on = -1",
            "a: fail-on: a whole number",
        ),
        (
            "[A]\ncolumn = \"city\"\nnot-null = true",
            "a check's name is of a to z",
        ),
        (
            "a = 1",
            "c.toml:1: a: an integer is not allowed; write a table: [a]",
        ),
        ("[a", "c.toml:1: "),
        (
            "[a]\ncolumn = \"city\"\nunique-within = 5",
            "c.toml:3: a: unique-within: a duration is allowed",
        ),
        (
            "[a]\ncolumn = \"city\"\nunique-within = \"31d\"",
            "c.toml:3: a: unique-within: 1ms to 30d are allowed",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = true\nfail-share = 1",
            "c.toml:4: a: fail-share: a percentage is allowed",
        ),
        (
            "[a]\ncolumn = \"city\"\nnot-null = true\nfail-on = \"window\"",
            "c.toml:4: a: fail-on: it has no windows; give it a fail-share",
        ),
        (
            "[a]\nvolume-of = \"7h\"\nagainst = \"1d\"\nmin-share = \"1%\"",
            "c.toml:2: a: volume-of: 7h is no divisor of a day",
        ),
        (
            "[a]\nvolume-of = \"2h\"\nagainst = \"25h\"\nmin-share = \"1%\"",
            "c.toml:3: a: against: 25h is no multiple of volume-of, 2h",
        ),
        (
            "[a]\nvolume-of = \"1h\"\nagainst = \"1d\"",
            "c.toml:1: a: min-share or max-share is missing",
        ),
        (
            "[a]\nvolume-of = \"1h\"\nmin-share = \"1%\"",
            "a: against: a duration is allowed",
        ),
        (
            "[a]\nvolume-of = \"1h\"\nagainst = \"1d\"\nmin-share = \"2%\"\nmax-share = \"1%\"",
            "c.toml:4: a: min-share is more than max-share",
        ),
        (
            "[a]\nvolume-of = \"1h\"\ncolumn = \"city\"",
            "c.toml:3: a: unknown key `column` of a volume; allowed are volume-of, ",
        ),
    ] {
        let said = read(text).expect_err(text).to_string();
        assert!(
            said.contains(expected),
            "{text}:\n{said}\nexpected {expected}"
        );
    }
}
