//! Expressions beside the real Postgres: made up at random, evaluated here and there over rows made up at random.
//!
//! Where Flink's rule is not Postgres', [`DIFFERENCES`] says so, and the expression that Postgres gets is one that follows
//! Flink's. What Flink itself was seen to answer is in the tests of `standings_query::expression`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use standings_model::table::{Column, Origin, Table};
use standings_model::types::{Type, Width};
use standings_model::value::Value;
use standings_query::expression;
use standings_scalar::{Datum, Fault, Program, Row, Zone};

use crate::support::Dice;
use crate::support::kafka::block;
use crate::support::postgres::{connect, database};

/// Where the same text means something else to Postgres, and what it gets in its stead. `{a}`, `{b}` are the arguments.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "a decimal quotient has the digits of its type",
        "{a} / {b}",
        "({a}::numeric(200, 80) / {b})",
    ),
    (
        "a decimal to a whole number is cut, and not rounded",
        "CAST({a} AS INT)",
        "trunc({a})::int4",
    ),
    (
        "GREATEST of NULL is NULL",
        "GREATEST({a}, {b})",
        "(CASE WHEN {a} IS NULL OR {b} IS NULL THEN NULL ELSE greatest({a}, {b}) END)",
    ),
    (
        "LEAST of NULL is NULL",
        "LEAST({a}, {b})",
        "(CASE WHEN {a} IS NULL OR {b} IS NULL THEN NULL ELSE least({a}, {b}) END)",
    ),
    ("CONCAT of NULL is NULL", "CONCAT({a}, {b})", "({a} || {b})"),
    (
        "TRUE is written in capitals",
        "CAST({a} AS STRING)",
        "upper({a}::text)",
    ),
    (
        "Sunday is 1",
        "EXTRACT(DOW FROM {a})",
        "(extract(dow FROM {a}) + 1)",
    ),
    (
        "a second has no fraction",
        "EXTRACT(SECOND FROM {a})",
        "floor(extract(second FROM {a}))",
    ),
    (
        "a time is cut by FLOOR",
        "FLOOR({a} TO HOUR)",
        "date_trunc('hour', {a})",
    ),
    (
        "patterns are Java's",
        "DATE_FORMAT({a}, 'yyyy/MM/dd HH:mm:ss')",
        "to_char({a}, 'YYYY/MM/DD HH24:MI:SS')",
    ),
    (
        "a match, or a group, by its number",
        "REGEXP_EXTRACT({a}, '[b-z]+')",
        "(regexp_match({a}, '[b-z]+'))[1]",
    ),
];

/// What Postgres gets for a text of [`DIFFERENCES`].
fn theirs(ours: &str, a: &str, b: &str) -> String {
    let found = DIFFERENCES.iter().find(|(_, text, _)| *text == ours);
    let (_, _, theirs) = found.unwrap_or_else(|| panic!("{ours} is in no list"));
    theirs.replace("{a}", a).replace("{b}", b)
}

pub(crate) const COLUMNS: &[(&str, &str)] = &[
    ("tiny", "smallint"),
    ("i", "int"),
    ("n", "bigint"),
    ("d", "numeric(12, 3)"),
    ("e", "numeric(20, 6)"),
    ("x", "text"),
    ("y", "text"),
    ("doc", "text"),
    ("t", "timestamp"),
    ("dt", "date"),
    ("ok", "boolean"),
];

pub(crate) fn table() -> Table {
    let kinds = [
        Type::Integer(Width::Small),
        Type::Integer(Width::Int),
        Type::BIGINT,
        Type::decimal(12, 3),
        Type::decimal(20, 6),
        Type::STRING,
        Type::STRING,
        Type::STRING,
        Type::Timestamp(6),
        Type::Date,
        Type::Boolean,
    ];
    let columns = COLUMNS.iter().zip(kinds).map(|((name, _), kind)| Column {
        name: (*name).to_owned(),
        kind,
        nullable: true,
        origin: Origin::Field(Arc::from([(*name).to_owned()])),
        comment: None,
    });
    Table::new("r", columns.collect())
}

pub(crate) struct Values(pub(crate) Vec<Value>);

impl Row for Values {
    fn datum(&self, column: usize) -> Datum<'_> {
        Datum::of(&self.0[column])
    }
}

/// An expression for both.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

fn pair(ours: impl Into<String>, theirs: impl Into<String>) -> Pair {
    Pair {
        ours: ours.into(),
        theirs: theirs.into(),
    }
}

/// Of a text that both understand alike.
fn alike(template: &str, all: &[&Pair]) -> Pair {
    let fill = |of: fn(&Pair) -> &str| {
        let names = ["{a}", "{b}", "{c}"];
        let filled = names.iter().zip(all);
        filled.fold(template.to_owned(), |text, (name, one)| {
            text.replace(name, of(one))
        })
    };
    pair(fill(|p| &p.ours), fill(|p| &p.theirs))
}

/// Of a text of [`DIFFERENCES`].
fn unlike(template: &str, a: &Pair, b: Option<&Pair>) -> Pair {
    let b = b.unwrap_or(a);
    let ours = template.replace("{a}", &a.ours).replace("{b}", &b.ours);
    pair(ours, theirs(template, &a.theirs, &b.theirs))
}

pub(crate) struct Maker {
    pub(crate) dice: Dice,
    pub(crate) table: Table,
}

impl Maker {
    pub(crate) fn roll(&mut self, n: u64) -> u64 {
        self.dice.roll(n)
    }

    /// One of any type.
    pub(crate) fn any(&mut self) -> Pair {
        let depth = 1 + self.roll(4);
        match self.roll(5) {
            0 => self.whole(depth),
            1 => self.decimal(depth),
            2 => self.text(depth),
            3 => self.time(depth),
            _ => self.condition(depth),
        }
    }

    fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.roll(all.len() as u64) as usize]
    }

    /// A number in the type that it has here, so that what is around it has the same one there.
    fn in_its_type(&self, pair: Pair) -> Pair {
        let expr = expression::parse("oracle.sql", &pair.ours, &self.table);
        let expr = expr.unwrap_or_else(|e| panic!("{}: {e:?}", pair.ours));
        let theirs = match expr.kind {
            Type::Decimal { scale, .. } => format!("round(({})::numeric, {scale})", pair.theirs),
            Type::Integer(Width::Small) => format!("({})::int2", pair.theirs),
            Type::Integer(Width::Int) => format!("({})::int4", pair.theirs),
            Type::Integer(_) => format!("({})::int8", pair.theirs),
            _ => pair.theirs,
        };
        Pair {
            ours: pair.ours,
            theirs,
        }
    }

    fn column(&mut self, names: &[&str]) -> Pair {
        let name = self.one(names);
        pair(name, name)
    }

    fn whole(&mut self, depth: u64) -> Pair {
        let made = match self.roll(if depth == 0 { 2 } else { 11 }) {
            0 => self.column(&["i", "n", "tiny"]),
            1 => {
                let n = self.roll(40) as i64 - 12;
                pair(format!("({n})"), format!("({n})"))
            }
            2 => {
                let op = self.one(&["({a} + {b})", "({a} - {b})", "({a} * {b})"]);
                let (a, b) = (self.whole(depth - 1), self.whole(depth - 1));
                alike(op, &[&a, &b])
            }
            3 => {
                let op = self.one(&["({a} / NULLIF({b}, 0))", "MOD({a}, NULLIF({b}, 0))"]);
                let (a, b) = (self.whole(depth - 1), self.whole(depth - 1));
                alike(op, &[&a, &b])
            }
            4 => {
                let of = self.whole(depth - 1);
                alike(self.one(&["ABS({a})", "SIGN({a})", "(- {a})"]), &[&of])
            }
            5 => {
                let of = self.text(depth - 1);
                alike("CHAR_LENGTH({a})", &[&of])
            }
            6 => {
                let (a, b) = (self.text(depth - 1), self.text(depth - 1));
                alike("POSITION({a} IN {b})", &[&a, &b])
            }
            7 => {
                let of = self.time(depth - 1);
                match self.roll(12) {
                    0 => unlike("EXTRACT(DOW FROM {a})", &of, None),
                    1 => unlike("EXTRACT(SECOND FROM {a})", &of, None),
                    _ => {
                        let unit = self.one(&[
                            "MILLENNIUM",
                            "CENTURY",
                            "DECADE",
                            "YEAR",
                            "QUARTER",
                            "MONTH",
                            "WEEK",
                            "DAY",
                            "DOY",
                            "ISODOW",
                            "ISOYEAR",
                            "HOUR",
                            "MINUTE",
                        ]);
                        alike(&format!("EXTRACT({unit} FROM {{a}})"), &[&of])
                    }
                }
            }
            8 => {
                let of = self.decimal(depth - 1);
                unlike("CAST({a} AS INT)", &of, None)
            }
            _ => self.chosen(depth, Self::whole),
        };
        self.in_its_type(made)
    }

    fn decimal(&mut self, depth: u64) -> Pair {
        let made = match self.roll(if depth == 0 { 2 } else { 10 }) {
            0 => self.column(&["d", "e"]),
            1 => {
                let (whole, cents) = (self.roll(200) as i64 - 100, self.roll(100));
                let text = format!("({whole}.{cents:02})");
                pair(text.clone(), text)
            }
            2 | 3 => {
                let op = self.one(&["({a} + {b})", "({a} - {b})", "({a} * {b})"]);
                let (a, b) = (self.decimal(depth - 1), self.number(depth - 1));
                alike(op, &[&a, &b])
            }
            4 => {
                let (a, b) = (self.decimal(depth - 1), self.number(depth - 1));
                let b = alike("NULLIF({a}, 0)", &[&b]);
                let b = self.in_its_type(b);
                unlike("{a} / {b}", &a, Some(&b)).in_parentheses()
            }
            5 => {
                let (a, b) = (self.decimal(depth - 1), self.number(depth - 1));
                alike("MOD({a}, NULLIF({b}, 0))", &[&a, &b])
            }
            6 => {
                let of = self.decimal(depth - 1);
                let how = self.one(&[
                    "ABS({a})",
                    "FLOOR({a})",
                    "CEIL({a})",
                    "ROUND({a}, 1)",
                    "ROUND({a})",
                    "(- {a})",
                ]);
                alike(how, &[&of])
            }
            7 => {
                let of = self.number(depth - 1);
                let to = self.one(&["DECIMAL(30, 4)", "DECIMAL(24, 0)", "DECIMAL(38, 9)"]);
                alike(&format!("CAST({{a}} AS {to})"), &[&of])
            }
            _ => self.chosen(depth, Self::decimal),
        };
        self.in_its_type(made)
    }

    fn number(&mut self, depth: u64) -> Pair {
        match self.roll(2) {
            0 => self.whole(depth),
            _ => self.decimal(depth),
        }
    }

    /// What chooses among values of one type.
    fn chosen(&mut self, depth: u64, make: fn(&mut Self, u64) -> Pair) -> Pair {
        let (a, b) = (make(self, depth - 1), make(self, depth - 1));
        match self.roll(6) {
            0 => alike("COALESCE({a}, {b})", &[&a, &b]),
            1 => alike("NULLIF({a}, {b})", &[&a, &b]),
            2 => unlike("GREATEST({a}, {b})", &a, Some(&b)),
            3 => unlike("LEAST({a}, {b})", &a, Some(&b)),
            _ => {
                let c = self.condition(depth - 1);
                alike("(CASE WHEN {c} THEN {a} ELSE {b} END)", &[&a, &b, &c])
            }
        }
    }

    fn literal(&mut self) -> Pair {
        let text = word(&mut self.dice);
        let text = format!("'{}'", text.replace('\'', "''"));
        pair(text.clone(), text)
    }

    fn text(&mut self, depth: u64) -> Pair {
        match self.roll(if depth == 0 { 2 } else { 13 }) {
            0 => self.column(&["x", "y"]),
            1 => self.literal(),
            2 => {
                let of = self.text(depth - 1);
                let how = self.one(&[
                    "UPPER({a})",
                    "LOWER({a})",
                    // What is a letter, a database's collation decides there.
                    "INITCAP(REPLACE({a}, '中', ''))",
                    "TRIM({a})",
                    "LTRIM({a})",
                    "RTRIM({a}, 'a ')",
                    "BTRIM({a}, '中b')",
                    "TRIM(BOTH 'a' FROM {a})",
                    "REVERSE({a})",
                    "REPEAT({a}, 2)",
                ]);
                alike(how, &[&of])
            }
            3 => {
                let (from, length) = (1 + self.roll(4), self.roll(4));
                let of = self.text(depth - 1);
                let how = format!("SUBSTRING({{a}} FROM {from} FOR {length})");
                alike(&how, &[&of])
            }
            4 => {
                let (of, with) = (self.text(depth - 1), self.text(depth - 1));
                let what = self.one(&["'a'", "'ab'", "'中'", "' '"]);
                alike(&format!("REPLACE({{a}}, {what}, {{b}})"), &[&of, &with])
            }
            5 => {
                let (a, b) = (self.text(depth - 1), self.text(depth - 1));
                alike("({a} || {b})", &[&a, &b])
            }
            6 => {
                let (a, b) = (self.text(depth - 1), self.text(depth - 1));
                unlike("CONCAT({a}, {b})", &a, Some(&b))
            }
            7 => {
                let (of, n) = (self.text(depth - 1), self.roll(6));
                let how = self.one(&["LEFT", "RIGHT"]);
                alike(&format!("{how}({{a}}, {n})"), &[&of])
            }
            8 => {
                let (of, n) = (self.text(depth - 1), self.roll(9));
                let how = self.one(&["LPAD", "RPAD"]);
                alike(&format!("{how}({{a}}, {n}, 'xy')"), &[&of])
            }
            9 => match self.roll(3) {
                0 => {
                    let of = self.number(depth - 1);
                    let cast = pair("CAST({a} AS STRING)", "({a})::text");
                    pair(
                        cast.ours.replace("{a}", &of.ours),
                        cast.theirs.replace("{a}", &of.theirs),
                    )
                }
                1 => {
                    let of = self.condition(depth - 1);
                    unlike("CAST({a} AS STRING)", &of, None)
                }
                _ => {
                    let of = self.time(depth - 1);
                    unlike("DATE_FORMAT({a}, 'yyyy/MM/dd HH:mm:ss')", &of, None)
                }
            },
            10 => {
                let of = self.text(depth - 1);
                unlike("REGEXP_EXTRACT({a}, '[b-z]+')", &of, None)
            }
            11 => {
                let path = self.one(&[
                    "-> 'a' -> 0",
                    "->> 'a'",
                    "-> 'b' ->> 'c'",
                    "->> 'b'",
                    "-> 'a' ->> -1",
                ]);
                pair(format!("(doc {path})"), format!("(doc::json {path})::text"))
            }
            _ => self.chosen(depth, Self::text),
        }
    }

    fn time(&mut self, depth: u64) -> Pair {
        match self.roll(if depth == 0 { 1 } else { 5 }) {
            0 => self.column(&["t"]),
            1 => {
                let of = self.time(depth - 1);
                let (op, n) = (self.one(&["+", "-"]), self.roll(90));
                let unit = self.one(&["MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "YEAR"]);
                alike(&format!("({{a}} {op} INTERVAL '{n}' {unit})"), &[&of])
            }
            2 => {
                let of = self.time(depth - 1);
                match self.roll(4) {
                    0 => unlike("FLOOR({a} TO HOUR)", &of, None),
                    _ => {
                        let unit = self.one(&[
                            "century", "decade", "year", "quarter", "month", "week", "day", "hour",
                            "minute", "second",
                        ]);
                        alike(&format!("DATE_TRUNC('{unit}', {{a}})"), &[&of])
                    }
                }
            }
            3 => pair("CAST(dt AS TIMESTAMP(6))", "dt::timestamp"),
            _ => self.chosen(depth, Self::time),
        }
    }

    fn condition(&mut self, depth: u64) -> Pair {
        if depth == 0 {
            return self.column(&["ok"]);
        }
        let depth = depth - 1;
        let op = self.one(&["=", "<>", "<", "<=", ">", ">="]);
        match self.roll(10) {
            0 => {
                let (a, b) = (self.number(depth), self.number(depth));
                alike(&format!("({{a}} {op} {{b}})"), &[&a, &b])
            }
            1 => {
                let (a, b) = (self.text(depth), self.text(depth));
                alike(&format!("({{a}} {op} {{b}})"), &[&a, &b])
            }
            2 => {
                let (a, b) = (self.time(depth), self.time(depth));
                alike(&format!("({{a}} {op} {{b}})"), &[&a, &b])
            }
            3 => {
                let join = self.one(&["AND", "OR"]);
                let (a, b) = (self.condition(depth), self.condition(depth));
                alike(&format!("({{a}} {join} {{b}})"), &[&a, &b])
            }
            4 => {
                let of = self.condition(depth);
                let how = self.one(&[
                    "(NOT {a})",
                    "({a} IS TRUE)",
                    "({a} IS NOT FALSE)",
                    "({a} IS UNKNOWN)",
                ]);
                alike(how, &[&of])
            }
            5 => {
                let of = self.text(depth);
                let pattern = self.one(&["'a%'", "'%b_'", "'%'", "'_'", "'%中%'"]);
                let not = self.one(&["", "NOT "]);
                alike(&format!("({{a}} {not}LIKE {pattern})"), &[&of])
            }
            6 => {
                let (a, b, c) = (self.number(depth), self.number(depth), self.number(depth));
                let not = self.one(&["", "NOT "]);
                match self.roll(2) {
                    0 => alike(
                        &format!("({{a}} {not}BETWEEN {{b}} AND {{c}})"),
                        &[&a, &b, &c],
                    ),
                    _ => alike(&format!("({{a}} {not}IN ({{b}}, {{c}}, 3))"), &[&a, &b, &c]),
                }
            }
            7 => {
                let (a, b) = (self.text(depth), self.text(depth));
                let not = self.one(&["", "NOT "]);
                alike(&format!("({{a}} IS {not}DISTINCT FROM {{b}})"), &[&a, &b])
            }
            8 => {
                let of = match self.roll(2) {
                    0 => self.number(depth),
                    _ => self.text(depth),
                };
                let not = self.one(&["", "NOT "]);
                alike(&format!("({{a}} IS {not}NULL)"), &[&of])
            }
            _ => self.chosen(depth.max(1), Self::condition),
        }
    }
}

impl Pair {
    fn in_parentheses(self) -> Pair {
        pair(format!("({})", self.ours), format!("({})", self.theirs))
    }
}

pub(crate) fn word(dice: &mut Dice) -> String {
    let letters = ["a", "b", "B", "z", " ", "1", "中", "-", "%", "_"];
    let count = dice.roll(6);
    (0..count)
        .map(|_| letters[dice.roll(letters.len() as u64) as usize])
        .collect()
}

/// A row: here, and as SQL.
pub(crate) fn row(dice: &mut Dice) -> (Values, Vec<String>) {
    let mut values = Vec::new();
    for (name, _) in COLUMNS {
        let is_null = dice.roll(10) == 0;
        let wide = dice.roll(2_000_000) as i128 - 1_000_000;
        let value = match *name {
            _ if is_null => Value::Null,
            "tiny" => Value::Integer(wide % 200),
            "i" => Value::Integer(if dice.roll(8) == 0 {
                2_147_483_647
            } else {
                wide % 5000
            }),
            "n" => Value::Integer(wide * if dice.roll(4) == 0 { 9_000_000_000 } else { 1 }),
            "d" => Value::decimal(wide, 3),
            "e" => Value::decimal(wide * 997, 6),
            "x" | "y" => Value::text(word(dice)),
            "doc" => Value::text(format!(
                r#"{{"a": [{}, "x\u0041"], "b": {{"c": {}}}}}"#,
                dice.roll(9),
                ["null", "1.50", "true", "\"é\\n\""][dice.roll(4) as usize]
            )),
            "t" => {
                Value::Timestamp(dice.roll(8_000_000_000_000_000) as i64 - 3_000_000_000_000_000)
            }
            "dt" => Value::Date(dice.roll(80_000) as i32 - 20_000),
            _ => Value::Boolean(dice.roll(2) == 0),
        };
        values.push(value);
    }
    let sql = values.iter().map(|value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Timestamp(_) | Value::Date(_) => format!("'{value}'"),
        other => other.to_string(),
    });
    let sql = sql.collect();
    (Values(values), sql)
}

/// A value as both are written for comparison: times as microseconds, dates as days.
fn written(value: Value) -> String {
    match value {
        Value::Timestamp(us) => us.to_string(),
        Value::Date(days) => days.to_string(),
        other => other.to_string(),
    }
}

fn asked(kind: &Type, theirs: &str) -> String {
    match kind {
        Type::Timestamp(_) => format!("(extract(epoch FROM {theirs}) * 1000000)::bigint::text"),
        _ => format!("({theirs})::text"),
    }
}

/// Whether one may evaluate what the other leaves out.
fn is_lazy(text: &str) -> bool {
    ["CASE", "COALESCE", "AND", "OR", "NULLIF", " IN ", "BETWEEN"]
        .iter()
        .any(|word| text.contains(word))
}

/// How many there were.
#[derive(Default)]
struct Told {
    alike: u64,
    nulls: u64,
    failed: u64,
}

impl Told {
    /// Compares what both say of one row.
    fn compare(
        &mut self,
        ours: Result<Datum<'_>, standings_scalar::ValueError>,
        theirs: Result<Option<String>, tokio_postgres::Error>,
        (made, kind): (&Pair, &Type),
        about: &dyn Fn() -> String,
    ) {
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours = written(ours.into_value(kind));
                let theirs = theirs.unwrap_or_else(|| "NULL".to_owned());
                assert_eq!(ours, theirs, "{}", about());
                self.alike += 1;
                self.nulls += u64::from(ours == "NULL");
            }
            (Err(_), Err(_)) => self.failed += 1,
            (Err(error), Ok(_)) => {
                // A decimal of theirs has any number of digits, and a time any year.
                let is_bound = matches!(*error.fault, Fault::Range { .. });
                assert!(is_bound || is_lazy(&made.ours), "{error}\n{}", about());
                self.failed += 1;
            }
            (Ok(ours), Err(error)) => {
                // What is beside a NULL is not looked at.
                let is_null = matches!(ours, Datum::Null);
                assert!(is_null || is_lazy(&made.ours), "{error:?}\n{}", about());
                self.failed += 1;
            }
        }
    }
}

/// What Postgres is given for rows.
fn set_up(sql: &[Vec<String>]) -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(n, k)| format!("{n} {k}")).collect();
    let mut set_up = format!(
        "DROP TABLE IF EXISTS r; CREATE TABLE r (number int, {});",
        columns.join(", ")
    );
    for (number, values) in sql.iter().enumerate() {
        let values = values.join(", ");
        set_up.push_str(&format!("INSERT INTO r VALUES ({number}, {values});"));
    }
    // Texts are ordered by their bytes, and have capitals beyond ASCII.
    set_up.push_str(
        "ALTER TABLE r ALTER x TYPE text COLLATE \"C.utf8\", ALTER y TYPE text COLLATE \"C.utf8\";",
    );
    set_up
}

/// For eight seconds; `STANDINGS_FUZZ_PAIRS` goes on until so many pairs of an expression and a row were compared.
#[test]
fn random_expressions_are_what_postgres_says() {
    const ROWS: usize = 16;
    // Expressions over the same rows.
    const ROUND: usize = 250;
    let read = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seed = read("STANDINGS_FUZZ_SEED").unwrap_or(1);
    let pairs = read("STANDINGS_FUZZ_PAIRS");
    let mut maker = Maker {
        dice: Dice::new(seed),
        table: table(),
    };
    let url = database();
    let (began, mut told) = (Instant::now(), Told::default());
    let goes_on = |alike: u64| match pairs {
        Some(wanted) => alike < wanted,
        None => began.elapsed() < Duration::from_secs(8) || alike < 20_000,
    };
    block(async {
        let client = connect(&url).await;
        while goes_on(told.alike) {
            let (rows, sql): (Vec<Values>, Vec<Vec<String>>) =
                (0..ROWS).map(|_| row(&mut maker.dice)).unzip();
            client.batch_execute(&set_up(&sql)).await.unwrap();
            for _ in 0..ROUND {
                let made = maker.any();
                let expr = expression::parse("oracle.sql", &made.ours, &maker.table);
                let expr = expr.unwrap_or_else(|e| panic!("seed {seed}, {}: {e:?}", made.ours));
                let name = |n: usize| COLUMNS[n].0.to_owned();
                let program = Program::new(&expr, &Zone::UTC, &name);
                let select = format!("SELECT {} FROM r", asked(&expr.kind, &made.theirs));
                let all = client
                    .query(&format!("{select} ORDER BY number"), &[])
                    .await;
                for (number, row) in rows.iter().enumerate() {
                    let theirs = match &all {
                        Ok(all) => Ok(all[number].get::<_, Option<String>>(0)),
                        // One of them has an error: each is asked alone.
                        Err(_) => {
                            let alone = format!("{select} WHERE number = {number}");
                            let found = client.query_one(&alone, &[]).await;
                            found.map(|row| row.get(0))
                        }
                    };
                    let about = || format!("seed {seed}\n{}\n{select}\n{:?}", made.ours, row.0);
                    told.compare(program.eval(row), theirs, (&made, &expr.kind), &about);
                }
                if !goes_on(told.alike) {
                    break;
                }
            }
        }
    });
    let Told {
        alike,
        nulls,
        failed,
    } = told;
    println!(
        "{alike} pairs alike, {nulls} of them NULL, {failed} that one or both refuse, seed {seed}"
    );
    assert!(nulls * 2 < alike, "{nulls} of {alike} are NULL");
    assert!(alike > failed * 4, "{alike} of {failed}");
}
