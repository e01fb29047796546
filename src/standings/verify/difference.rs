//! What has to be written so that a sink shows what it should, of closed windows: changes, and the commits they go in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{At, Row};
use standings_commit::sink::ShownRow;
use standings_model::change::Change;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;
use standings_model::window::Bounds;

/// The changes that turn what is shown into what is wanted: all final, a window's rows together, oldest window first.
/// A row that is right but not final is written too.
pub fn changes(
    plan: &Plan,
    want: &BTreeMap<At, Row>,
    found: impl Iterator<Item = ShownRow>,
) -> Vec<Change> {
    let mut found: BTreeMap<At, ShownRow> = found
        .map(|row| {
            let window = &plan.rankings[row.ranking].window;
            let bounds = window.of_row(row.bounds());
            ((row.ranking, bounds, Arc::clone(&row.key)), row)
        })
        .collect();
    let change = |at: &At| Change {
        ranking: at.0,
        window_start: at.1.start,
        window_end: at.1.end,
        key: Arc::clone(&at.2),
        rank: None,
        previous_rank: None,
        measures: Arc::from([]),
        is_final: true,
    };
    let mut changes = Vec::new();
    for (at, (rank, measures)) in want {
        let is = found.remove(at);
        let is_right = |row: &ShownRow| {
            let same = row.rank == *rank && row.measures == *measures;
            same && row.is_final && row.window_end == at.1.end
        };
        if is.as_ref().is_some_and(is_right) {
            continue;
        }
        changes.push(Change {
            rank: Some(*rank),
            previous_rank: is.map(|row| row.rank),
            measures: Arc::clone(measures),
            ..change(at)
        });
    }
    for (at, row) in found {
        changes.push(Change {
            previous_rank: Some(row.rank),
            ..change(&at)
        });
    }
    // What goes away first, as everywhere: a reader never sees one rank twice in the order of a commit.
    changes.sort_by(|a, b| {
        let place = |c: &Change| (c.bounds(), c.ranking, c.rank);
        place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
    });
    changes
}

/// Cuts changes into commits of about so many, each of whole windows.
pub fn commits(changes: Vec<Change>, about: usize) -> Vec<Vec<Change>> {
    let mut commits: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        let window = |c: &Change| (c.bounds(), c.ranking);
        match commits.last_mut() {
            Some(last)
                if last.len() < about
                    || last.last().is_some_and(|l| window(l) == window(&change)) =>
            {
                last.push(change);
            }
            _ => commits.push(vec![change]),
        }
    }
    commits
}

/// How many windows of each ranking, from when to when, and what is wrong with their rows: one line a ranking.
pub fn summary(plan: &Plan, changes: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, ranking) in plan.rankings.iter().enumerate() {
        let own = || changes.iter().filter(|c| c.ranking == number);
        let windows: BTreeSet<Bounds> = own().map(Change::bounds).collect();
        let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
            continue;
        };
        let missing = own().filter(|c| c.previous_rank.is_none()).count();
        let many = own().filter(|c| c.rank.is_none()).count();
        let wrong = own().count() - missing - many;
        lines.push(format!(
            "{}: {} windows that begin from {} to {}; {missing} rows are missing, {wrong} wrong, {many} too many",
            ranking.name,
            windows.len(),
            format_rfc3339(first.start),
            format_rfc3339(last.start)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::value::Value;
    use standings_query::load_shipped;

    fn at(plan: &Plan, key: &str) -> At {
        let (start, end) = (0, plan.rankings[0].window.size().about());
        (0, Bounds { start, end }, Arc::from([Value::text(key)]))
    }

    fn row(at: &At, end: i64, rank: u64, total: i128) -> ShownRow {
        ShownRow {
            ranking: at.0,
            window_start: at.1.start,
            window_end: end,
            key: Arc::clone(&at.2),
            rank,
            measures: Arc::from([Value::cents(total)]),
            is_final: true,
        }
    }

    #[test]
    fn only_what_differs_is_written_and_all_of_it_is_final() {
        let plan = load_shipped().unwrap_or_else(|e| panic!("{}", e.render()));
        let size = plan.rankings[0].window.size().about();
        let keys: Vec<At> = ["right", "wrong", "missing", "open", "moved"]
            .iter()
            .map(|key| at(&plan, key))
            .collect();
        let want: BTreeMap<At, Row> = keys
            .iter()
            .zip(1..)
            .map(|(at, rank)| (at.clone(), (rank, Arc::from([Value::cents(7)]) as Arc<[_]>)))
            .collect();
        let mut shown = vec![
            row(&keys[0], size, 1, 7),
            row(&keys[1], size, 2, 8),
            row(&keys[3], size, 4, 7),
            row(&keys[4], size + 1, 5, 7),
            row(&at(&plan, "too many"), size, 9, 7),
        ];
        shown[2].is_final = false;
        let changes = changes(&plan, &want, shown.into_iter());
        let told: Vec<_> = changes.iter().map(|c| (c.rank, c.previous_rank)).collect();
        let want = [
            (None, Some(9)),
            (Some(2), Some(2)),
            (Some(3), None),
            (Some(4), Some(4)),
            (Some(5), Some(5)),
        ];
        assert_eq!(told, want);
        assert!(changes.iter().all(|c| c.is_final && c.window_end == size));
        let lines = summary(&plan, &changes);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("1 rows are missing, 3 wrong, 1 too many"));
    }

    #[test]
    fn a_window_is_never_cut() {
        let change = |start: i64, ranking: usize| Change {
            ranking,
            window_start: start,
            window_end: start + 1,
            key: Arc::from([]),
            rank: None,
            previous_rank: Some(1),
            measures: Arc::from([]),
            is_final: true,
        };
        let all = [(0, 0), (0, 0), (0, 0), (0, 1), (1, 0), (1, 0), (2, 0)];
        let cut = commits(all.iter().map(|(s, r)| change(*s, *r)).collect(), 2);
        let sizes: Vec<usize> = cut.iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 3, 1]);
        assert!(commits(Vec::new(), 2).is_empty());
    }
}
