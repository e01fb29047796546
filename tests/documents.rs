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
