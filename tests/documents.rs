//! The documentation, held to itself: every page is found from the index, and a figure that stands twice is the same.

use std::collections::BTreeSet;
use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What is linked by `](…)`, without the place on the page.
fn links(text: &str) -> BTreeSet<&str> {
    let after = text.split("](").skip(1);
    let targets = after.filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(to, _)| to.split_once('#').map_or(to, |(page, _)| page))
        .collect()
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/README.md");
    let linked = links(&index);
    for entry in fs::read_dir("docs").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(
                linked.contains(name.as_str()),
                "docs/{name} is not in docs/README.md"
            );
        }
    }
    for to in linked {
        assert!(
            fs::metadata(format!("docs/{to}")).is_ok(),
            "docs/README.md links to {to}, which is not there"
        );
    }
    assert!(read("README.md").contains("](docs/README.md)"));
}

/// Numbers up to 99 in words, as the pages write them.
fn in_words(n: usize) -> String {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] = [
        "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    match (n / 10, n % 10) {
        (0 | 1, _) => ONES[n].to_owned(),
        (tens, 0) => TENS[tens].to_owned(),
        (tens, one) => format!("{}-{}", TENS[tens], ONES[one]),
    }
}

/// The pages that say how many faults are tried, and what they say; each counts as the table that was printed does.
#[test]
fn the_number_of_faults_is_the_same_everywhere() {
    let faults = read("docs/faults.md");
    let mut blocks = faults.split("```\n");
    let table = blocks.find(|b| b.starts_with("fault "));
    let rows = table.expect("a table of faults").lines().count() - 1;
    let right = format!("{} faults on real", in_words(rows));
    let mut said = 0;
    for page in ["README.md", "docs/recovery.md"] {
        let text = read(page).replace('\n', " ");
        for (at, _) in text.match_indices(" faults on real") {
            let end = at + " faults on real".len();
            assert!(
                text[..end].ends_with(&right),
                "{page} says “{}”, and docs/faults.md has {rows}",
                &text[at.saturating_sub(20)..end]
            );
            said += 1;
        }
    }
    assert_eq!(said, 2, "where it is said");
}

/// A row of a table of Markdown that begins with this cell, its cells without emphasis.
fn row(text: &str, first: &str) -> Vec<String> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|');
        let plain = |c: &str| c.trim().replace("**", "");
        inner.split('|').map(plain).collect()
    };
    let mut rows = text.lines().filter(|l| l.starts_with('|')).map(cells);
    rows.find(|cells| cells[0] == first)
        .unwrap_or_else(|| panic!("no row `{first}`"))
}

/// What the README says of peers is what docs/performance.md says: that table is what the command printed, this one is a part of it.
#[test]
fn the_comparison_is_that_of_the_measured_table() {
    let (readme, measured) = (read("README.md"), read("docs/performance.md"));
    for (here, there) in [
        ("Standings, ranks as sales arrive", "standings -w 1"),
        (
            "the loop one writes by hand (serde_json, ranks once at the end)",
            "loop, serde_json",
        ),
        (
            "the same loop with our decoder and combining",
            "loop, our decoder and combining",
        ),
        (
            "Flink SQL 2.3, Window Top-N (results when an hour closes)",
            "flink, window",
        ),
        (
            "Flink SQL 2.3, continuous, mini-batches",
            "flink, continuous-minibatch",
        ),
        (
            "DBSP 0.349, exact changes every 10,000 sales",
            "dbsp, serde",
        ),
        (
            "Bytewax 0.21, salesmen only (Standings: 3.54 M)",
            "bytewax, salesmen",
        ),
    ] {
        let (said, is) = (row(&readme, here), row(&measured, there));
        let rate: f64 = is[1].replace(',', "").parse().unwrap();
        let millions = format!("{:.2} M", rate / 1e6);
        assert_eq!(said[1], millions, "{here}: sales a second");
        assert_eq!(said[2], is[3], "{here}: CPU");
        assert_eq!(said[3].replace(" MiB", ""), is[4], "{here}: memory");
        assert_eq!(said[4], is[5], "{here}: rows written");
    }
    let commit = readme.split("One run of 2026-11-22, commit ").nth(1);
    let commit = commit.and_then(|rest| rest.split(',').next());
    assert!(
        commit.is_some_and(|c| measured.contains(&format!("standings {c}, load"))),
        "{commit:?}"
    );
    let only = row(&measured, "standings -w 1, salesmen only");
    assert!(
        only[1].starts_with("3,54") || only[1].starts_with("3,53"),
        "{only:?}"
    );
}

/// Limits that pages name, beside the constants that they are of.
#[test]
fn limits_on_the_pages_are_those_of_the_program() {
    for (page, said, source, constant) in [
        (
            "docs/security.md",
            "4,096 connections",
            "src/http/places.rs",
            "const MOST: usize = 4_096;",
        ),
        (
            "docs/security.md",
            "1,000 followers",
            "src/http/follow.rs",
            "const MOST_FOLLOWERS: i64 = 1_000;",
        ),
        (
            "docs/security.md",
            "500 may follow",
            "src/http/public/embed.rs",
            "Places::of(500)",
        ),
        (
            "docs/page.md",
            "500 may follow at the same time",
            "src/http/public/embed.rs",
            "Places::of(500)",
        ),
        (
            "docs/page.md",
            "25 rows at most",
            "src/http/public/face.rs",
            "const ROWS: usize = 25;",
        ),
        (
            "docs/security.md",
            "heads 32 KiB",
            "src/http/security/head.rs",
            "LARGEST_HEAD: usize = 32 << 10;",
        ),
        (
            "docs/security.md",
            "bodies 64 KiB",
            "src/http/security/gate.rs",
            "LARGEST_BODY: u64 = 64 << 10;",
        ),
        (
            "docs/http.md",
            "(50,000)",
            "src/http/security/flags.rs",
            "DEFAULT_ROWS: u32 = 50_000;",
        ),
        (
            "docs/http.md",
            "more than 32 KiB",
            "src/http/security/head.rs",
            "LARGEST_HEAD: usize = 32 << 10;",
        ),
        (
            "docs/page.md",
            "at most once a second",
            "src/http/page/motion.js",
            "const STEP = 1000;",
        ),
        (
            "docs/page.md",
            "A step lasts 320 ms",
            "src/http/page/motion.js",
            "const LASTS = 320;",
        ),
        (
            "docs/page.md",
            "net of the last 8 s",
            "src/http/page/board.js",
            "const MOVE_SHOWN = 8000;",
        ),
        (
            "docs/page.md",
            "more than 150 KiB",
            "src/http/page.rs",
            "all <= 150 * 1024",
        ),
        (
            "docs/logs.md",
            "32,768 lines or 16 MiB",
            "src/process/stderr.rs",
            "16 << 20",
        ),
    ] {
        assert!(
            read(page).replace('\n', " ").contains(said),
            "{page} does not say “{said}” any more"
        );
        assert!(
            read(source).contains(constant),
            "{page} says “{said}”, and {source} has not `{constant}`"
        );
    }
}

/// What a page says of a flag's value where nobody gives it, beside the value that it has.
#[test]
fn values_that_pages_name_are_those_of_the_flags() {
    let flags = [
        "src/standings/run/args.rs",
        "src/http/security/flags.rs",
        "src/standings/demo/mod.rs",
    ]
    .map(read)
    .concat();
    for (page, said, flag) in [
        (
            "docs/security.md",
            "`--http-rate N` | requests a second of each client, 200;",
            "default_value_t = 200",
        ),
        (
            "docs/security.md",
            "`--max-record-bytes`, 1 MiB",
            "default_value_t = 1 << 20",
        ),
        (
            "docs/security.md",
            "`--in-flight-bytes`, 256 MiB a worker",
            "default_value_t = 256 << 20",
        ),
        (
            "docs/security.md",
            "`--http-jwt-role-claim` | the claim that holds the role (`role`)",
            "default_value = \"role\"",
        ),
    ] {
        assert!(
            read(page).contains(said),
            "{page} does not say “{said}” any more"
        );
        assert!(
            flags.contains(flag),
            "{page} says “{said}”, and no flag has `{flag}`"
        );
    }
}

/// A line of the page of differences names a test that is there.
#[test]
fn every_difference_from_flink_has_its_test() {
    let page = read("docs/differences-from-flink.md");
    let lines = page.lines().filter(|l| l.starts_with("| ")).skip(2);
    let mut all = 0;
    for line in lines {
        // What stands in backticks has no column's border in it.
        let mut parts = line.split('`').enumerate();
        let is_border = |(n, text): (usize, &str)| (n % 2 == 0).then(|| text.matches('|').count());
        let borders: usize = parts.by_ref().filter_map(is_border).sum();
        assert_eq!(borders, 5, "four columns: {line}");
        let last = line
            .trim_end_matches(" |")
            .rsplit("| ")
            .next()
            .unwrap_or_default();
        let path = last.trim_matches('`');
        assert!(
            last.starts_with('`') && path.len() + 2 == last.len(),
            "no test: {line}"
        );
        let is_test =
            path.starts_with("tests/") || path.contains("tests") || path.starts_with("src/");
        assert!(
            is_test && fs::metadata(path).is_ok(),
            "{path} is not there: {line}"
        );
        all += 1;
    }
    assert!(all > 60, "{all} lines");
}
