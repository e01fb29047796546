//! Amounts that lie in an array, as the lines of an order do: its elements are the rows of a first ranking.

use super::choose::Chosen;
use super::decide::{What, decide};
use super::draft::Leaf;
use super::finding::Finding;
use super::names::{plain, quoted, words};
use super::score::{SUMS, has, measure_score};

/// A field of an element, and the name that it gets beside the columns of the table.
struct Part<'a> {
    leaf: Leaf<'a>,
    name: String,
}

/// Adds up what lies in the first array of rows that has a number.
pub(super) fn unnested(finding: &Finding, leaves: &[Leaf<'_>], chosen: &mut Chosen) {
    let arrays = leaves
        .iter()
        .filter(|l| l.path.len() == 1 && l.kind.starts_with("ARRAY<ROW<"));
    for array in arrays {
        let parts = parts(finding, array);
        let Some((sql, total)) = sum(&parts) else {
            continue;
        };
        let Some(column) = quoted(&array.path[0]) else {
            continue;
        };
        let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
        chosen.unnest = Some(format!(
            "CROSS JOIN UNNEST({column}) AS line ({})",
            names.join(", ")
        ));
        chosen.measure = Some((sql, total));
        chosen.doubts = vec![format!(
            "the amounts lie in the array {}: each of its elements is a row, and is counted as one",
            array.path[0]
        )];
        return;
    }
}

/// The fields of an array's elements, those that its type has.
fn parts<'a>(finding: &Finding, array: &Leaf<'a>) -> Vec<Part<'a>> {
    let elements = array.seen.elements.iter().flat_map(|e| &e.fields);
    let mut all: Vec<Part<'a>> = Vec::new();
    for (name, seen) in elements {
        let decided = decide(name, seen, None, &finding.rules);
        let Some(kind) = decided.kind else { continue };
        let wanted = plain(&format!("line_{name}"), "line");
        let taken = all.iter().filter(|p| p.name.starts_with(&wanted)).count();
        let name_of = if taken == 0 {
            wanted
        } else {
            format!("{wanted}_{taken}")
        };
        all.push(Part {
            leaf: Leaf {
                path: vec![name.clone()],
                what: decided.what,
                seen,
                kind,
            },
            name: name_of,
        });
    }
    all
}

/// What is added up of the elements, and its name.
fn sum(parts: &[Part<'_>]) -> Option<(String, String)> {
    let exact = parts.iter().filter(|p| p.leaf.what == What::Exact);
    let scored = exact.filter_map(|p| Some((measure_score(&p.leaf)?, p)));
    let (_, best) = scored.rev().max_by_key(|(score, _)| *score)?;
    let of = |p: &Part<'_>| words(&p.leaf.path[0]);
    let is_price = has(&of(best), &["price", "unitprice"]) && !has(&of(best), &SUMS);
    let is_count =
        |p: &&Part<'_>| p.leaf.what == What::Exact && has(&of(p), &["quantity", "qty", "units"]);
    match parts.iter().find(is_count).filter(|_| is_price) {
        Some(count) => Some((
            format!("{} * {}", count.name, best.name),
            "total_amount".to_owned(),
        )),
        None => Some((
            best.name.clone(),
            format!("total_{}", plain(&best.leaf.path[0], "value")),
        )),
    }
}
