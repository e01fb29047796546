//! Queries that are accepted in every form, and the diagnostics of those that are not: what was found, and its line.

use standings_model::plan::{Aggregate, RankFunction};
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::window::Window;
use standings_query::{QueryErrors, parse_ranking, parse_table};

const GOOD: &str = "SELECT window_start, window_end, city, total, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum
  FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
    WHERE amount > 0
    GROUP BY window_start, window_end, city
  )
)
WHERE rownum <= 10;";

#[test]
fn forms_that_are_accepted() {
    let mut tables = [Table::sales()];
    for (from, to) in [
        ("", ""),
        (
            "TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))",
            "TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '2' HOURS)",
        ),
        (
            "TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))",
            "TABLE(TUMBLE(TABLE `sales`, DESCRIPTOR(`event_time`), INTERVAL '30' SECONDS))",
        ),
        (
            "TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)",
            "HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '5' MINUTES, INTERVAL '1' HOUR)",
        ),
        ("rownum <= 10", "10 >= rownum"),
        ("rownum <= 10", "rownum < 11"),
        ("ROW_NUMBER()", "dense_rank()"),
        (
            "SELECT window_start, window_end, city, total, rownum",
            "SELECT *",
        ),
        (
            "ORDER BY total DESC",
            "ORDER BY total DESC NULLS LAST, city ASC",
        ),
        (
            "amount > 0",
            "amount BETWEEN -1.5 AND 20 AND city NOT IN ('a', 'b''c') OR NOT (city LIKE 'x!%%' ESCAPE '!')",
        ),
        (
            "amount > 0",
            "event_time >= TIMESTAMP '2026-01-23 10:00:00' AND salesman_name IS NOT NULL",
        ),
        ("amount > 0", "event_time <> '2026-01-23T10:00:00.5+01:00'"),
        (
            "SUM(amount) AS total",
            "SUM(amount) FILTER (WHERE city = 'x') AS total, COUNT(DISTINCT city) AS n",
        ),
        (
            "SELECT *, ROW_NUMBER()",
            "SELECT window_start, window_end, city, total, ROW_NUMBER()",
        ),
        ("city, SUM", "city AS city, SUM"),
        // Expressions, and what is only ordered by.
        ("SUM(amount)", "SUM(amount + 1)"),
        ("amount > 0", "amount + 1 > 12.345"),
        ("city, total, rownum", "city, rownum"),
        // One bound is enough.
        ("GROUP BY window_start, window_end", "GROUP BY window_start"),
        (
            "PARTITION BY window_start, window_end",
            "PARTITION BY window_end",
        ),
        // What is asked and computed of the rank.
        ("rownum <= 10", "rownum <> 10"),
        ("rownum <= 10", "rownum <= 10 OR city = 'x'"),
        ("city, total, rownum", "city, total, rownum + 1 AS later"),
    ] {
        let source = GOOD.replacen(from, to, 1);
        let source = if to.contains("AS n") {
            source.replacen("total, rownum", "total, n, rownum", 1)
        } else {
            source
        };
        if let Err(error) = parse_ranking("r", "r.sql", &source, &mut tables) {
            panic!("{source}\n{}", QueryErrors(vec![error]).render());
        }
    }
}

#[test]
fn the_plan_says_what_the_query_says() {
    let source = GOOD
        .replace(
            "TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)",
            "HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '5' MINUTES, INTERVAL '1' HOUR)",
        )
        .replace(
            "ROW_NUMBER() OVER (PARTITION BY window_start, window_end ",
            "RANK() OVER (PARTITION BY window_start, window_end, city ",
        );
    let ranking = parse_ranking("r", "r.sql", &source, &mut [Table::sales()]).unwrap();
    assert_eq!(ranking.window, Window::hopping(300_000, 3_600_000));
    assert_eq!(
        (ranking.rank, ranking.limit, &ranking.partition[..]),
        (Some(RankFunction::Rank), 10, &[0][..])
    );
    let Aggregate::Sum(column) = ranking.measures[0].aggregate else {
        panic!("{:?}", ranking.measures);
    };
    assert_eq!(ranking.inputs[0].columns[column], 5);
    assert!(ranking.order[0].descending && !ranking.order[0].nulls_first);
}

#[test]
fn what_is_refused_is_shown_at_its_place() {
    let mut tables = [Table::sales()];
    let mut golden = String::new();
    for (from, to, line, found) in [
        ("SUM(amount)", "SUM(city)", 5, "SUM of `city`"),
        ("SUM(amount)", "LISTAGG(city)", 5, "LISTAGG"),
        ("SUM(amount) AS total", "SUM(amount)", 5, "without a name"),
        ("SUM(amount) AS total", "SUM(amount) AS rank", 5, "`rank`"),
        ("SUM(amount)", "SUM(price)", 5, "no column `price`"),
        ("SUM(amount)", "SUM(DISTINCT amount)", 5, "DISTINCT in SUM"),
        (
            "city, SUM(amount)",
            "salesman_id, SUM(amount)",
            5,
            "not in GROUP BY",
        ),
        ("TUMBLE", "SLIDE", 6, "SLIDE"),
        ("TABLE sales", "TABLE orders", 6, "`orders`"),
        (
            "DESCRIPTOR(event_time)",
            "DESCRIPTOR(city)",
            6,
            "DESCRIPTOR(city)",
        ),
        ("INTERVAL '1' DAY", "INTERVAL '1' CENTURY", 6, "CENTURY"),
        ("INTERVAL '1' DAY", "INTERVAL '0' DAY", 6, "interval of 0"),
        ("amount > 0", "amount > 'x'", 7, "'x'"),
        ("amount > 0", "city > 5", 7, "STRING and INT"),
        ("amount > 0", "amount LIKE 'x'", 7, "LIKE"),
        ("amount > 0", "amount + 1", 7, "amount + 1"),
        ("amount > 0", "city = NULL", 7, "NULL"),
        (
            "GROUP BY window_start, window_end, city",
            "GROUP BY city",
            5,
            "GROUP BY without window_start",
        ),
        (
            "PARTITION BY window_start, window_end ",
            "PARTITION BY window_start, total ",
            3,
            "PARTITION BY `total`",
        ),
        ("ORDER BY total DESC", "ORDER BY nothing", 3, "`nothing`"),
        ("ROW_NUMBER()", "NTILE()", 3, "NTILE"),
        ("rownum <= 10", "rownum <= 0", 11, "rownum <= 0"),
        ("rownum <= 10", "rownum <> 'x'", 11, "'x'"),
        (
            "rownum <= 10",
            "rownum > 3 AND rownum < 3",
            11,
            "no rank passes",
        ),
        (
            "ROW_NUMBER() OVER",
            "RANK() OVER (ORDER BY city) AS r, ROW_NUMBER() OVER",
            3,
            "beside a rank over",
        ),
        (
            "WHERE rownum <= 10",
            "WHERE rownum <= 10 LIMIT 5",
            1,
            "LIMIT",
        ),
        (
            "rownum <= 10;",
            "rownum <= 10; SELECT 1",
            11,
            "2 statements",
        ),
        ("FROM (\n  SELECT *", "FORM (\n  SELECT *", 2, ""),
    ] {
        let source = GOOD.replacen(from, to, 1);
        assert_ne!(source, GOOD, "{from}");
        let Err(error) = parse_ranking("r", "r.sql", &source, &mut tables) else {
            panic!("accepted: {to}")
        };
        let shown = QueryErrors(vec![error]).render();
        assert!(shown.contains(found), "{to}: {shown}");
        assert!(
            shown.contains(&format!("r.sql:{line}:")),
            "{to}, wanted line {line}: {shown}"
        );
        assert!(shown.contains("help: "), "{to}: {shown}");
        golden += &format!("--- {to}\n{shown}\n");
    }
    // The whole texts; `INSTA_UPDATE=always` writes them anew.
    insta::assert_snapshot!("refusals", golden);
}

#[test]
fn columns_can_be_declared() {
    let source = "CREATE TABLE sales (
        event_time TIMESTAMP(3), amount DECIMAL(12, 2), items BIGINT, region STRING,
        WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE
    ) WITH ('connector' = 'kafka', 'topic' = 'sales');";
    let table = parse_table("sales.sql", source)
        .unwrap_or_else(|e| panic!("{}", QueryErrors(vec![e]).render()));
    let kinds: Vec<_> = table.columns.iter().map(|c| c.kind.clone()).collect();
    let wanted = [
        Type::Timestamp(3),
        Type::decimal(12, 2),
        Type::BIGINT,
        Type::STRING,
    ];
    assert_eq!(kinds, wanted);
    // Neither an amount nor an event time is needed; what reads it is refused.
    let bare = parse_table("sales.sql", "CREATE TABLE sales (city STRING)").unwrap();
    let mut tables = [bare];
    let refused = parse_ranking("r", "r.sql", GOOD, &mut tables).unwrap_err();
    let shown = QueryErrors(vec![refused]).render();
    assert!(shown.contains("no column `event_time`"), "{shown}");
    assert!(parse_table("sales.sql", "SELECT 1").is_err());
}

/// A chain of operators is as deep as it is long: refused with its place before anything walks through it.
#[test]
fn a_chain_without_end_is_refused() {
    let mut tables = [Table::sales()];
    for (chain, taken) in [
        (" AND amount > 0", 400),
        (" OR amount > 0", 400),
        (" AND NOT amount > 0", 200),
    ] {
        let with = |n: usize| {
            let all = format!("WHERE amount > 0{}", chain.repeat(n));
            GOOD.replace("WHERE amount > 0", &all)
        };
        assert!(
            parse_ranking("q", "q.sql", &with(taken), &mut tables).is_ok(),
            "{chain}"
        );
        for n in [1_000, 100_000] {
            let error = parse_ranking("q", "q.sql", &with(n), &mut tables).unwrap_err();
            let text = QueryErrors(vec![error]).render();
            assert!(
                text.contains("one operator more than the 500") && text.contains("q.sql:7"),
                "{text:.300}"
            );
        }
    }
    let sum = format!("SUM(amount{})", " + amount".repeat(50_000));
    let text = GOOD.replace("SUM(amount)", &sum);
    assert!(parse_ranking("q", "q.sql", &text, &mut tables).is_err());
}
