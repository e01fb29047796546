//! `standings check`: tables and rankings in words.

mod changes;
mod formats;
mod joins;
mod nested;
mod tree;

use std::fmt::Write;
use std::time::Duration;

use standings_model::duration::format_duration;
use standings_model::plan::{Aggregate, Bound, Field, Plan, Provisional, RankFunction, Ranking};
use standings_model::table::format::{Encoding, Format, Registry};
use standings_model::table::protobuf::Messages;
use standings_model::table::{Column, Connector, Origin, Startup, Table};
use standings_model::types::Type;

/// Says what each table is, and what each ranking does.
pub fn explain(plan: &Plan) -> String {
    let mut out = String::new();
    for (n, (_, table)) in plan.read().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        of_table(&mut out, table);
    }
    if let Some(zone) = &plan.zone {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\nlocal time is that of {zone}");
    }
    for ranking in plan.rankings.iter().chain(&plan.hidden) {
        out.push('\n');
        of_ranking(&mut out, plan, ranking);
    }
    out
}

fn ms(ms: i64) -> String {
    format_duration(Duration::from_millis(ms.unsigned_abs()))
}

/// What rows are called.
fn noun(table: &Table) -> &str {
    match &table.noun {
        Some(noun) => noun,
        None if table.name == "sales" => "sales",
        None => "rows",
    }
}

fn of_table(out: &mut String, table: &Table) {
    let comment = table.comment.as_ref();
    let comment = comment.map_or_else(String::new, |c| format!(" ({c})"));
    let _ = writeln!(out, "table {}{comment}", table.name);
    let mut line = |label: &str, text: String| {
        let _ = writeln!(out, "  {label:<10} {text}");
    };
    for column in table.declared() {
        line("column", of_column(column));
    }
    if let Some(connector) = &table.connector {
        line("from", of_connector(connector));
    }
    line("format", of_format(&table.format));
    if let Some(key) = &table.key_format {
        let columns = table.columns.iter();
        let columns = columns.filter(|c| matches!(c.origin, Origin::KeyField(_)));
        let columns: Vec<&str> = columns.map(|c| c.name.as_str()).collect();
        let read = match columns.is_empty() {
            true => "no column is read there".to_owned(),
            false => columns.join(", "),
        };
        line("key", format!("{}: {read}", of_format(key)));
    }
    if !table.primary_key.is_empty() {
        let keys = table
            .primary_key
            .iter()
            .map(|k| table.columns[*k].name.as_str());
        let keys: Vec<&str> = keys.collect();
        line("names rows", format!("{} (not enforced)", keys.join(", ")));
    }
    if !table.masking.is_empty() {
        let columns = table.masking.columns.iter();
        let all: Vec<String> = columns
            .map(|(number, how)| format!("{} by {}", table.columns[*number].name, how.word()))
            .collect();
        line("masked", all.join(", "));
    }
    line("changes", changes::of_changelog(table));
    line("event time", of_event_time(table));
    line("no fit", no_fit(table));
}

fn of_column(column: &Column) -> String {
    let null = if column.nullable { "" } else { " NOT NULL" };
    let from = match &column.origin {
        Origin::Field(_) | Origin::Parts => String::new(),
        Origin::KeyField(path) => format!(", `{}` of the key", path.join(".")),
        Origin::Metadata(_) => ", of what is known of the record".to_owned(),
        Origin::Path => ", of the file's path".to_owned(),
        Origin::Computed(_) => ", computed".to_owned(),
        Origin::Derived(_) => ", computed by a ranking".to_owned(),
        Origin::Element(_) | Origin::Ordinal(_) => ", where a ranking unnests".to_owned(),
        Origin::Joined { .. } | Origin::Behind(_) => ", where a ranking joins".to_owned(),
    };
    format!("{} {}{null}{from}", column.name, column.kind)
}

fn of_connector(connector: &Connector) -> String {
    match connector {
        Connector::Files { path } => match path {
            Some(path) => format!("files, {path}"),
            None => "files".to_owned(),
        },
        Connector::Kafka {
            topics,
            start,
            bounded,
            properties,
            ..
        } => {
            let mut all = vec!["Kafka".to_owned()];
            all.extend(topics.iter().map(|t| format!("topic {t}")));
            match start {
                Some(Startup::Earliest) => all.push("from the oldest record".to_owned()),
                Some(Startup::Latest) => all.push("from the end".to_owned()),
                Some(Startup::Timestamp(ms)) => all.push(format!("from {ms} ms since 1970")),
                None => {}
            }
            if *bounded {
                all.push("up to what is there at the start".to_owned());
            }
            // Values may be secrets.
            let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                all.push(format!("settings {}", names.join(" ")));
            }
            all.join(", ")
        }
    }
}

fn of_format(format: &Format) -> String {
    let mut all = match &format.encoding {
        Encoding::ByName => vec!["by the file's name, else JSON".to_owned()],
        Encoding::Json(json) => formats::of_json(json),
        Encoding::Csv(csv) => formats::of_csv(csv),
        Encoding::Parquet => vec!["Parquet".to_owned()],
        Encoding::Avro => vec!["Avro".to_owned()],
        Encoding::Raw => vec!["raw: the whole value is one column".to_owned()],
        Encoding::Protobuf(of) => {
            let mut all = vec![match &of.messages {
                Messages::Described {
                    file,
                    schema,
                    message,
                } => {
                    let message = schema.messages.get(*message);
                    let name = message.map_or("", |m| m.name.as_str());
                    format!("Protobuf, {name} of {file}")
                }
                Messages::Registered { message } => match message {
                    Some(name) => format!("Protobuf of a registry, {name} alone"),
                    None => "Protobuf of a registry".to_owned(),
                },
            }];
            if of.read_defaults {
                all.push("absent fields by their defaults".to_owned());
            }
            all
        }
        Encoding::Other(name) => vec![format!("{name}, which is not read yet")],
    };
    if let Some(registry) = &format.registry {
        all.push(of_registry(registry));
    }
    if let Some(zone) = &format.zone {
        all.push(format!("times without an offset in {zone}"));
    }
    all.join(", ")
}

fn of_registry(registry: &Registry) -> String {
    let framed = "behind the id of its schema";
    match (&registry.url, &registry.folder) {
        (Some(url), _) => {
            // A login may be before it, as `${…}`; it is not shown.
            let url = match url.split_once("://") {
                Some((scheme, rest)) => {
                    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                    format!("{scheme}://{rest}")
                }
                None => String::new(),
            };
            format!("{framed}, which is asked of {url}")
        }
        (None, Some(folder)) => format!("{framed}, which lies in {folder}"),
        (None, None) => format!("{framed}, which is not asked for"),
    }
}

fn of_event_time(table: &Table) -> String {
    let Some(time) = table.event_time else {
        return "none: it cannot be windowed".to_owned();
    };
    let name = &table.columns[time].name;
    match table.out_of_orderness {
        Some(0) => format!("{name}, in order"),
        Some(late) => format!("{name}, {} out of order", ms(late)),
        None => name.clone(),
    }
}

/// What happens to a record that does not fit.
fn no_fit(table: &Table) -> String {
    let needed = table.declared().iter().filter(|c| !c.nullable);
    let needed: Vec<&str> = needed.map(|c| c.name.as_str()).collect();
    let mut all = "a record that does not fit its columns is a dead letter".to_owned();
    if !needed.is_empty() {
        all = format!("{all}, and so is one without {}", needed.join(", "));
    }
    if table
        .declared()
        .iter()
        .any(|c| matches!(c.origin, Origin::Computed(_)))
    {
        all = format!("{all}, or with an error in a computed column");
    }
    match changes::no_fit(table) {
        Some(stays) => format!("{all}; {stays}"),
        None => all,
    }
}

/// What a measure is of.
pub(super) fn measured(plan: &Plan, ranking: &Ranking, aggregate: Aggregate) -> String {
    let input = &ranking.inputs[0];
    let table = &plan.tables[input.table];
    let column = |c: usize| table.columns[input.columns[c]].name.as_str();
    let rows = noun(table);
    let time = table
        .event_time
        .map_or("time", |t| table.columns[t].name.as_str());
    match aggregate {
        Aggregate::CountAll => format!("number of {rows}"),
        Aggregate::Count(c) => format!("number of {rows} with {}", column(c)),
        Aggregate::CountDistinct(c) => format!("number of different {}", column(c)),
        Aggregate::Sum(c) => format!("sum of {}, exact", column(c)),
        Aggregate::Avg(c) => format!("average of {}, half away from zero", column(c)),
        Aggregate::Min(c) => format!("least {}", column(c)),
        Aggregate::Max(c) => format!("greatest {}", column(c)),
        Aggregate::LastValue(c) => {
            format!("{} of the last by ({time}, partition, offset)", column(c))
        }
        Aggregate::FirstValue(c) => {
            format!("{} of the first by ({time}, partition, offset)", column(c))
        }
        Aggregate::ArgMax { value, by } => {
            format!(
                "{} where {} is greatest, of ties the first by ({time}, partition, offset)",
                column(value),
                column(by)
            )
        }
        Aggregate::ArgMin { value, by } => {
            format!(
                "{} where {} is least, of ties the first by ({time}, partition, offset)",
                column(value),
                column(by)
            )
        }
        Aggregate::Spread(c, of) => {
            let what = if of.root {
                "standard deviation"
            } else {
                "variance"
            };
            let whose = if of.sample {
                "a sample"
            } else {
                "all there are"
            };
            format!(
                "{what} of {}, taken as {whose}: six digits, from exact sums",
                column(c)
            )
        }
        Aggregate::Percentile {
            column: c,
            at,
            rounded,
        } => {
            let part = f64::from(at) / 10_000_000.0;
            let how = match rounded {
                true => "within one percent: keeps how many values lie in each of its buckets",
                false => "exact: keeps every different value, counted",
            };
            format!("{part} % of {} are below it, {how}", column(c))
        }
        Aggregate::CountRoughly(c) => {
            format!(
                "about how many different {}: within two percent, by a sketch of 32 KiB at most",
                column(c)
            )
        }
        Aggregate::Computed(n) => format!("computed: {}", computed(ranking, n)),
    }
}

/// What is computed of a group, as SQL.
fn computed(ranking: &Ranking, number: usize) -> String {
    let keys = ranking.keys.len();
    standings_scalar::sql(&ranking.computed[number], &|n| match n.checked_sub(keys) {
        None => ranking.keys[n].name.clone(),
        Some(m) => match ranking.measures.get(m) {
            Some(measure) => measure.name.clone(),
            None => behind(m - ranking.measures.len()).to_owned(),
        },
    })
}

/// What is known of a group beside its keys and measures, by its number.
fn behind(number: usize) -> &'static str {
    match (Bound::ALL.get(number), number.checked_sub(Bound::ALL.len())) {
        (Some(bound), _) => bound.name(),
        (None, Some(rank)) => match RankFunction::ALL.get(rank) {
            Some(RankFunction::RowNumber) => "row_number",
            Some(RankFunction::Rank) => "rank",
            Some(RankFunction::DenseRank) => "dense_rank",
            None => "",
        },
        (None, None) => "",
    }
}

fn of_ranking(out: &mut String, plan: &Plan, r: &Ranking) {
    let _ = writeln!(out, "ranking {}", r.name);
    let mut line = |label: &str, text: String| {
        let _ = writeln!(out, "  {label:<10} {text}");
    };
    let kind = |field: Field| -> (Type, bool) { r.field_type(field) };
    let typed = |field: Field| {
        let (kind, nullable) = kind(field);
        let null = if nullable { "" } else { " NOT NULL" };
        format!("{} {kind}{null}", r.field_name(field))
    };
    line("window", r.window.words());
    for input in &r.inputs {
        let table = &plan.tables[input.table];
        let which = match input.filter {
            Some(_) => format!("{}, those that pass WHERE", table.name),
            None => format!("{}, all", table.name),
        };
        line(noun(table), which);
        nested::of_input(&mut line, plan, r, input);
    }
    for join in r.joined.iter().flat_map(|joined| &joined.joins) {
        line("joined", joins::of_join(plan, r, join));
    }
    if let Some(paired) = &r.paired {
        line("pairs", joins::of_pairs(plan, r, paired));
        line("kept", joins::kept(plan, r, paired));
    }
    let behind = r.joined.as_ref().and_then(|joined| joined.filter);
    let of_pairs = r.paired.as_ref().and_then(|paired| paired.filter);
    if behind.or(of_pairs).is_some() {
        line("", "those that pass WHERE behind it".to_owned());
    }
    let keys: Vec<String> = (0..r.keys.len()).map(|k| typed(Field::Key(k))).collect();
    let keys = match keys.is_empty() {
        true => "window".to_owned(),
        false => keys.join(", "),
    };
    line("one row a", keys);
    for (n, m) in r.measures.iter().enumerate() {
        if [r.having, r.shown_if].contains(&Some(n)) {
            continue;
        }
        let what = measured(plan, r, m.aggregate);
        let filter = match m.filter {
            Some(_) => ", of those that pass its FILTER",
            None => "",
        };
        let shown = match r.fields.contains(&Field::Measure(n)) {
            true => "",
            false => "; not shown",
        };
        line(
            "measure",
            format!("{}: {what}{filter}{shown}", typed(Field::Measure(n))),
        );
    }
    if let Some(Aggregate::Computed(n)) = r.having.map(|m| r.measures[m].aggregate) {
        line("having", computed(r, n));
    }
    match r.rank {
        Some(function) => ranked(&mut line, r, function),
        None => line("ranked", "not at all: every row is shown".to_owned()),
    }
    match r.provisional {
        Provisional::All => {}
        Provisional::Next => line(
            "written",
            "of open windows those that end first after the greatest event time, or before it"
                .to_owned(),
        ),
        Provisional::None => line("written", "when its window has closed".to_owned()),
    }
    for (n, step) in tree::of_ranking(plan, r).into_iter().enumerate() {
        line(if n == 0 { "plan" } else { "" }, step);
    }
}

fn ranked(line: &mut dyn FnMut(&str, String), r: &Ranking, function: RankFunction) {
    let partition = r.partition_keys().map(|p| r.keys[p].name.as_str());
    let partition = partition.collect::<Vec<_>>().join(", ");
    let within = match partition.is_empty() {
        true => "window".to_owned(),
        false => format!("window and {partition}"),
    };
    let order = r.order.iter().map(|t| {
        let way = if t.descending {
            "descending"
        } else {
            "ascending"
        };
        format!("{} {way}", r.field_name(t.field))
    });
    let order = order.collect::<Vec<_>>().join(", then ");
    let function = match function {
        RankFunction::RowNumber => "ROW_NUMBER: equal rows in the order of their keys",
        RankFunction::Rank => "RANK: equal rows share a rank, and leave gaps",
        RankFunction::DenseRank => "DENSE_RANK: equal rows share a rank, without gaps",
    };
    line("ranked", format!("within each {within}, by {order}"));
    line("", function.to_owned());
    let shown = match r.shows_rank {
        true => "",
        false => ", which rows do not say",
    };
    line(
        "kept",
        match r.limit {
            u64::MAX if r.from == 1 => {
                format!("every rank{shown}: a row that moves writes all that it passes")
            }
            u64::MAX => format!(
                "ranks from {}{shown}: a row that moves writes all that it passes",
                r.from
            ),
            limit => format!("ranks {} to {limit}{shown}", r.from),
        },
    );
    if let Some(Aggregate::Computed(n)) = r.shown_if.map(|m| r.measures[m].aggregate) {
        line("shown", format!("of them those with {}", computed(r, n)));
    }
}
