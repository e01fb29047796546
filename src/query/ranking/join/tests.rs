//! What joins come to, and what is refused of them, where.

use crate::{explain, load_texts, meaning};
use standings_model::plan::{Joined, Plan};
use standings_model::table::{Origin, Table};

const TABLES: &str =
    "CREATE TABLE rides (id STRING, at TIMESTAMP_LTZ(3), kind STRING, eur DECIMAL(8, 2), n INT, tags ARRAY<STRING>,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE);
CREATE TABLE kinds (kind STRING, title STRING, wheels SMALLINT, home ROW<city STRING>, more MAP<STRING, INT>, PRIMARY KEY (kind) NOT ENFORCED);
CREATE TABLE makers (wheels BIGINT, place STRING, name STRING, PRIMARY KEY (wheels, place) NOT ENFORCED);
CREATE TABLE loose (kind STRING, x STRING);\n";

fn loaded(from: &str, select: &str) -> Result<Plan, String> {
    let text = format!("{TABLES}INSERT INTO best\nSELECT {select} FROM\n{from}");
    let loaded = load_texts(&[("q", &text)]).map_err(|e| e.render())?;
    Ok(loaded.plan)
}

fn plan(from: &str, select: &str) -> Plan {
    loaded(from, select).unwrap_or_else(|shown| panic!("{from}\n{shown}"))
}

fn joined(plan: &Plan) -> &Joined {
    plan.rankings[0].joined.as_ref().unwrap()
}

/// The columns of a table by name.
fn names(table: &Table, columns: impl IntoIterator<Item = usize>) -> Vec<&str> {
    let columns = columns.into_iter();
    columns.map(|c| &*table.columns[c].name).collect()
}

#[test]
fn what_is_joined_becomes_columns_of_the_rows_own_table() {
    let plan = plan(
        "rides AS r JOIN kinds k ON r.kind = k.kind WHERE r.n > 1 AND wheels > r.n GROUP BY title",
        "k.title, SUM(eur) AS s, MAX(wheels * n) AS w, COUNT(*) AS c",
    );
    let (rides, ranking) = (&plan.tables[0], &plan.rankings[0]);
    assert_eq!((rides.name.as_str(), ranking.inputs.len()), ("rides", 1));
    assert!(ranking.retracts && !ranking.is_rows);
    let join = &joined(&plan).joins[0];
    assert_eq!(plan.tables[join.table].name, "kinds");
    assert_eq!((join.left, join.as_of), (false, false));
    assert_eq!(names(rides, join.key.iter().copied()), ["kind"]);
    let there = join.columns.iter().map(|(there, _)| *there);
    let here = join.columns.iter().map(|(_, here)| *here);
    assert_eq!(names(&plan.tables[join.table], there), ["title", "wheels"]);
    assert_eq!(names(rides, here), ["k.title", "k.wheels"]);
    // Of WHERE that of the row alone is in front of the join.
    let front = &rides.columns[ranking.inputs[0].filter.unwrap()];
    let behind = &rides.columns[joined(&plan).filter.unwrap()];
    assert!(matches!(front.origin, Origin::Derived(_)), "{front:?}");
    assert!(matches!(behind.origin, Origin::Behind(_)), "{behind:?}");
    // And so is what is computed of both, while what is of one is where it always is.
    let columns = names(rides, ranking.inputs[0].columns.iter().copied());
    assert_eq!(columns, ["k.title", "eur", "wheels * n"]);
    let shown = explain(&plan);
    let words = "joined     kinds by kind = kind, as it is";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn several_and_chained_and_as_it_was() {
    let plan = plan(
        "TABLE(TUMBLE(TABLE rides, DESCRIPTOR(at), INTERVAL '1' HOUR)) AS r
         LEFT JOIN kinds FOR SYSTEM_TIME AS OF r.at AS k ON k.kind = r.kind
         LEFT JOIN makers AS m ON (k.wheels = m.wheels) AND m.place = k.home.city
         GROUP BY window_start, window_end, m.name",
        "window_start, window_end, m.name AS name, COUNT(*) AS c",
    );
    let joins = &joined(&plan).joins;
    assert_eq!((joins[0].as_of, joins[0].left), (true, true));
    assert_eq!((joins[1].as_of, joins[1].left), (false, true));
    let rides = &plan.tables[0];
    assert_eq!(
        names(rides, joins[1].key.iter().copied()),
        ["k.wheels", "k.home.city"]
    );
    let ranking = &plan.rankings[0];
    assert!(ranking.row[ranking.keys[0].column].nullable);
}

#[test]
fn views_and_subselects_join_too() {
    let text = format!(
        "{TABLES}CREATE VIEW titled AS SELECT r.id, r.at, k.title FROM rides r JOIN kinds k ON r.kind = k.kind WHERE k.wheels = 2;
        INSERT INTO a SELECT title, COUNT(*) AS c FROM titled GROUP BY title;
        INSERT INTO b SELECT title, COUNT(*) AS c FROM (SELECT t.* FROM titled AS t) GROUP BY title;
        INSERT INTO c SELECT window_start, window_end, title, COUNT(*) AS c
          FROM TABLE(TUMBLE(TABLE titled, DESCRIPTOR(at), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, title;
        INSERT INTO d WITH k AS (SELECT kind AS code, title AS t FROM kinds)
          SELECT t, COUNT(*) AS c FROM rides JOIN k ON code = kind GROUP BY t"
    );
    let loaded = load_texts(&[("q", &text)]).map_err(|e| e.render());
    let plan = loaded.unwrap_or_else(|shown| panic!("{shown}")).plan;
    assert!(plan.rankings.iter().all(|r| r.joined.is_some()));
    let filter = |n: usize| plan.rankings[n].joined.as_ref().unwrap().filter;
    assert_eq!((filter(0).is_some(), filter(0)), (true, filter(1)));
    assert_eq!(filter(3), None);
}

#[test]
fn whatever_changes_a_join_changes_the_meaning() {
    let of = |from: &str| {
        let plan = plan(
            &format!("{from} GROUP BY k.title"),
            "k.title, COUNT(*) AS c",
        );
        meaning(&plan, &plan.rankings[0])
    };
    let all = [
        of("rides r JOIN kinds k ON r.kind = k.kind"),
        of("rides r LEFT JOIN kinds k ON r.kind = k.kind"),
        of("rides r JOIN kinds FOR SYSTEM_TIME AS OF r.at AS k ON r.kind = k.kind"),
        of("rides r JOIN kinds k ON r.id = k.kind"),
        of("rides r JOIN kinds k ON r.kind = k.kind WHERE k.wheels > 1"),
        of("rides r JOIN kinds k ON r.kind = k.kind WHERE r.n > 1"),
    ];
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:#?}");
    assert_eq!(
        all[0],
        of("rides AS q INNER JOIN kinds AS k ON k.kind = q.kind")
    );
}

#[test]
fn what_is_not_joined_is_refused_where_it_stands() {
    let kinds = "rides r JOIN kinds k ON r.kind = k.kind";
    for (from, select, place, words) in [
        (
            "rides r RIGHT JOIN kinds k ON r.kind = k.kind",
            "title",
            "q.sql:8:20",
            "RIGHT JOIN",
        ),
        (
            "rides r FULL JOIN kinds k ON r.kind = k.kind",
            "title",
            "q.sql:8:19",
            "FULL JOIN",
        ),
        (
            "rides r CROSS JOIN kinds k",
            "title",
            "q.sql:8:20",
            "CROSS JOIN",
        ),
        (
            "rides r, kinds k",
            "title",
            "q.sql:8:",
            "every row beside every other",
        ),
        (
            "rides r JOIN kinds k USING (kind)",
            "title",
            "q.sql:8:14",
            "USING",
        ),
        (
            "rides r JOIN kinds k ON r.kind > k.kind",
            "title",
            "q.sql:8:25",
            "in ON",
        ),
        (
            "rides r JOIN kinds k ON r.kind = k.title",
            "title",
            "q.sql:8:25",
            "no column of the primary key",
        ),
        (
            "rides r JOIN kinds k ON r.n = k.kind",
            "title",
            "q.sql:8:25",
            "CAST one of them",
        ),
        (
            "rides r JOIN makers m ON r.n = m.wheels",
            "name",
            "q.sql:8:",
            "ON without `m.place`",
        ),
        (
            "rides r JOIN loose l ON r.kind = l.kind",
            "x",
            "q.sql:8:14",
            "no primary key",
        ),
        (
            "rides r JOIN rides s ON r.id = s.id",
            "id",
            "q.sql:8:14",
            "no primary key",
        ),
        (
            "rides r JOIN (SELECT * FROM kinds WHERE wheels = 2) k ON r.kind = k.kind",
            "title",
            "q.sql:8:",
            "more than a table",
        ),
        (
            "rides r JOIN kinds FOR SYSTEM_TIME AS OF r.id AS k ON r.kind = k.kind",
            "title",
            "q.sql:8:",
            "the event time of `rides`, `at`",
        ),
        (
            "rides r JOIN kinds k ON r.kind = k.kind JOIN kinds k ON r.id = k.kind",
            "title",
            "q.sql:8:",
            "`k` twice",
        ),
        (kinds, "kind", "q.sql:8:50", "`kind` is ambiguous"),
        (kinds, "k.titel", "q.sql:", "did you mean `title`?"),
        (
            kinds,
            "more['x'] AS title",
            "q.sql:",
            "MAP<STRING, INT>, in what is computed over a join",
        ),
    ] {
        let shown = loaded(
            &format!("{from} GROUP BY {}", select.trim_end_matches(" AS title")),
            &format!("{select}, COUNT(*) AS c"),
        );
        let shown = shown
            .err()
            .unwrap_or_else(|| panic!("accepted: {from} {select}"));
        let plain = shown
            .split_whitespace()
            .filter(|w| *w != "│")
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            shown.contains(place) && plain.contains(words),
            "{select} from {from}\nwanted {place} {words}\n{shown}"
        );
    }
}

#[test]
fn a_table_may_be_called_by_a_word_that_begins_a_version_elsewhere() {
    for name in ["at", "before", "changes", "BEFORE"] {
        for word in ["", "AS "] {
            // Columns without the name: rides has a column `at`, of which `at.n` would be a field.
            let from = format!(
                "rides {word}{name} JOIN makers m ON n = m.wheels AND id = m.place GROUP BY m.name"
            );
            let plan = plan(&from, "m.name, SUM(eur) AS s");
            let join = &joined(&plan).joins[0];
            assert_eq!(plan.tables[join.table].name, "makers", "{from}");
        }
    }
}
