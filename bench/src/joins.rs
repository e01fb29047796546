//! `bench/joins`: rankings over rows that are joined, beside the same ranking by what they would be joined by.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use standings_load::Dice;
use standings_model::time::format_rfc3339;

use crate::harness::flink;
use crate::harness::forms::{self, Engine, FormsArgs, Side};
use crate::harness::measure::{self, Invocation, Took};
use crate::harness::place;
use crate::problem::Problem;

/// Sales a second of a ranking by region, where a region is what a city is joined with, beside the ranking by city without a join.
///
/// As it is, and as it was at the time of the sale. The sales are of six hours, over windows of one; each city has as many versions as
/// --versions says, an hour apart. One worker, from a file, into one that keeps nothing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/joins                             a million sales of ten thousand cities, seven rounds
  bench/joins --versions 5 --rounds 3
  bench/joins --flink --rounds 3          beside Flink SQL
  bench/joins --beside OTHER              in turn with another binary of standings, such as the commit before")]
pub struct JoinsArgs {
    /// Sales.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    lines: u64,
    /// Cities.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Versions of each city.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    versions: u64,
    #[command(flatten)]
    forms: FormsArgs,
}

/// What the ranking is over.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    AsItIs,
    AsItWas,
}

const FORMS: [(Form, &str); 3] = [
    (Form::Plain, "by city, no join"),
    (Form::AsItIs, "by region, as it is"),
    (Form::AsItWas, "by region, as it was"),
];

/// Runs `bench/joins`.
pub fn run(args: &JoinsArgs) -> Result<(), Problem> {
    args.forms.build()?;
    let (sales, cities) = files(args)?;
    let queries = FORMS.map(|(form, _)| queries(form));
    let queries = queries.into_iter().collect::<Result<Vec<_>, _>>()?;
    let of = |form| (form != Form::Plain).then_some(cities.as_path());
    if args.forms.with_flink()? {
        for (form, name) in FORMS {
            flink::compare(("joins", name), &statements(form, &sales, &cities), |to| {
                let read = (sales.as_path(), of(form));
                once(&place::standings(), &queries[form as usize], read, to)
            })?;
        }
    }
    let once = |side: &Side<Form>| match &side.engine {
        Engine::Flink => flink::job("joins", &statements(side.form, &sales, &cities)),
        Engine::Standings(binary) => {
            let queries = &queries[side.form as usize];
            once(
                binary,
                queries,
                (&sales, of(side.form)),
                Path::new("/dev/null"),
            )
        }
    };
    let table = |sides: &[Side<Form>]| table(sides, args.lines);
    args.forms.run(&FORMS, once, table)
}

/// A run over the files, to their end, into another.
fn once(
    binary: &Path,
    queries: &Path,
    (sales, cities): (&Path, Option<&Path>),
    to: &Path,
) -> Result<Took, Problem> {
    let sink = format!("file:{}", to.display());
    let source = format!("sales=file:{}", sales.display());
    let queries = queries.display().to_string();
    let run = ["run", "--queries", &queries, "--source", &source];
    let mut command = Invocation::new(binary).args(run);
    if let Some(cities) = cities {
        command = command.args(["--source", &format!("cities=file:{}", cities.display())]);
    }
    let command = command.args(["--sink", &sink, "--until-end", "-w", "1"]);
    measure::run(&command)
}

/// Each side's figures, beside no join.
fn table(sides: &[Side<Form>], lines: u64) -> String {
    let columns = ["ranking", "sales a second", "of no join"];
    forms::table(sides, lines, &Form::Plain, columns)
}

/// The tables and a ranking, in a folder of their own.
fn queries(form: Form) -> Result<PathBuf, Problem> {
    let (name, key, join) = match form {
        Form::Plain => ("plain", "city", ""),
        Form::AsItIs => ("is", "c.region", "LEFT JOIN cities AS c ON s.city = c.name"),
        Form::AsItWas => (
            "was",
            "c.region",
            "LEFT JOIN cities FOR SYSTEM_TIME AS OF s.at AS c ON s.city = c.name",
        ),
    };
    let folder = place::work().join("joins").join(name);
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let mut tables =
        "CREATE TABLE sales (at TIMESTAMP_LTZ(3) NOT NULL, city STRING NOT NULL, amount DECIMAL(12, 2) NOT NULL,
  WATERMARK FOR at AS at - INTERVAL '10' SECOND) WITH ('format' = 'json');\n"
            .to_owned();
    if form != Form::Plain {
        tables.push_str(
            "CREATE TABLE cities (name STRING, region STRING, since TIMESTAMP_LTZ(3),
  PRIMARY KEY (name) NOT ENFORCED, WATERMARK FOR since AS since) WITH ('format' = 'json');\n",
        );
    }
    let best = format!(
        "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place
FROM (SELECT window_start, window_end, {key}, SUM(s.amount) AS total, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' HOUR)) AS s {join}
GROUP BY window_start, window_end, {key})) WHERE place <= 10;\n"
    );
    for (name, text) in [("a_table", tables), ("best", best)] {
        let path = folder.join(format!("{name}.sql"));
        fs::write(&path, text).map_err(Problem::file(&path))?;
    }
    Ok(folder)
}

/// The same for Flink SQL. As it is, it is a join of all sales with the newest version of each city; as it was, its temporal join.
fn statements(form: Form, sales: &Path, cities: &Path) -> String {
    let format = "'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'";
    let tables = [
        flink::table(
            "sales",
            "`at` TIMESTAMP_LTZ(3) NOT NULL, city STRING NOT NULL, amount DECIMAL(12, 2) NOT NULL,
  WATERMARK FOR `at` AS `at` - INTERVAL '10' SECOND",
            sales,
            format,
        ),
        flink::table(
            "versions",
            "name STRING, region STRING, since TIMESTAMP_LTZ(3), came AS PROCTIME(), WATERMARK FOR since AS since",
            cities,
            format,
        ),
    ];
    let newest = |by: &str| {
        format!(
            "CREATE VIEW cities AS SELECT name, region, since FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY name ORDER BY {by} DESC) AS newest FROM versions) WHERE newest = 1;\n"
        )
    };
    let (cities, key, join) = match form {
        Form::Plain => (String::new(), "s.city", ""),
        Form::AsItIs => (
            newest("came"),
            "c.region",
            "LEFT JOIN cities AS c ON s.city = c.name",
        ),
        Form::AsItWas => (
            newest("since"),
            "c.region",
            "LEFT JOIN cities FOR SYSTEM_TIME AS OF s.`at` AS c ON s.city = c.name",
        ),
    };
    let rows = format!(
        "SELECT FLOOR(CAST(s.`at` AS TIMESTAMP(3)) TO HOUR) AS window_start, {key} AS place_of, s.amount FROM sales AS s {join}"
    );
    tables.concat() + &cities + &flink::best("best", "place_of", &rows)
}

/// When the first sale may be, ms.
const BEGINNING: i64 = 1_769_126_400_000;

const HOUR: i64 = 3_600_000;

/// The sales, and where the cities are. Made once.
fn files(args: &JoinsArgs) -> Result<(PathBuf, PathBuf), Problem> {
    let folder = place::work();
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let (lines, keys, versions) = (args.lines, args.keys, args.versions);
    let sales = folder.join(format!("joins-{lines}-{keys}-sales.ndjson"));
    let cities = folder.join(format!("joins-{keys}-{versions}-cities.ndjson"));
    let mut dice = Dice::new(lines);
    if !sales.exists() {
        let all = (0..lines).map(|line| {
            let place = (line * 6 * HOUR as u64 / lines.max(1)) as i64;
            let at = format_rfc3339(BEGINNING + place + dice.below(2_000) as i64);
            let (city, cents) = (dice.below(keys), 1 + dice.below(50_000));
            let (whole, rest) = (cents / 100, cents % 100);
            format!(r#"{{"at":"{at}","city":"city-{city:05}","amount":"{whole}.{rest:02}"}}"#)
        });
        write(&sales, all)?;
    }
    if !cities.exists() {
        let mut dice = Dice::new(versions);
        let each = (0..versions).flat_map(|version| (0..keys).map(move |key| (version, key)));
        let all = each.map(|(version, key)| {
            let since = format_rfc3339(BEGINNING + (version as i64 - 1) * HOUR);
            let region = dice.below(50);
            format!(r#"{{"name":"city-{key:05}","region":"region-{region:02}","since":"{since}"}}"#)
        });
        write(&cities, all)?;
    }
    Ok((sales, cities))
}

fn write(path: &Path, lines: impl Iterator<Item = String>) -> Result<(), Problem> {
    let part = path.with_extension("part");
    let file = File::create(&part).map_err(Problem::file(&part))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    for line in lines {
        writeln!(out, "{line}").map_err(Problem::file(&part))?;
    }
    out.flush().map_err(Problem::file(&part))?;
    fs::rename(&part, path).map_err(Problem::file(path))
}
