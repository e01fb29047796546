//! What `standings check -- run …` asks the source and the sinks, so that what would fail later fails there. Nothing is
//! made, taken over or written, and each is asked for [`PATIENCE`] at most.
//!
//! ```text
//! source ──► which one, its first records: ranked, late, dead and why ─┐
//! sinks ───► encoding, rights, tables, keys, topics, largest message ──┴──► lines, and what would fail
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::{Delivery, RunArgs};
use super::covered::Covered;
use super::finished::{Places, grouped, reasons_of};
use super::prepared::{self, Prepared};
use standings_edge::recording::Pace;
use standings_edge::sink::postgres::PostgresSink;
use standings_edge::sink::url::SinkUrl;
use standings_edge::sink::{SinkOptions, kafka};
use standings_edge::source::{self, SourceOptions, SourceUrl};
use standings_engine::event_time::BEGINNING;
use standings_engine::fold::{self, Fold, GoesOn};
use standings_engine::snapshot;
use standings_model::block::SourceEvent;
use standings_model::change::Counts;
use standings_model::error::codes;
use standings_model::identity::Opening;
use standings_process::exit::{Failure, USAGE};

/// How long one may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Records that are looked at.
const SAMPLE: u64 = 1000;

/// What was answered, and what would fail.
#[derive(Default)]
struct Answers {
    lines: Vec<String>,
    problems: Vec<Failure>,
}

impl Answers {
    fn take(&mut self, label: &str, of: String, answer: Result<Vec<String>, Failure>) {
        let said = match answer {
            Ok(said) => said,
            Err(failure) => {
                self.lines
                    .push(format!("  {label:<10} {of}: would fail, see below"));
                return self.problems.push(failure.about(&of));
            }
        };
        self.lines
            .push(format!("  {label:<10} {of}: {}", said.join("; ")));
    }
}

/// Asks all that a command line names: what they say, and the failure that a run would end with.
pub fn ask(args: &RunArgs, prepared: &Prepared) -> (String, Result<(), Failure>) {
    let forget = match args.forget() {
        Ok(forget) => forget,
        Err(wrong) => return (String::new(), Err(wrong.into())),
    };
    let mut answers = Answers {
        lines: vec!["asked".to_owned()],
        ..Answers::default()
    };
    let mut opening = Opening {
        rankings: snapshot::fingerprints(&prepared.plan),
        forget,
        ..Opening::default()
    };
    let of = prepared.source.urls.iter().map(ToString::to_string);
    let of = of.collect::<Vec<_>>().join(", ");
    let answer = source(prepared, &mut opening);
    let is_there = answer.is_ok();
    answers.take("source", of.clone(), answer);
    if is_there {
        answers.take("records", of, sample(args, prepared));
    }
    let options = SinkOptions {
        kafka_properties: prepared.kafka_properties.clone(),
        exactly_once: args.delivery == Delivery::ExactlyOnce,
        ..SinkOptions::default()
    };
    for url in &args.sink {
        let answer = sink(url, &options, prepared, &opening, true);
        answers.take("sink", url.to_string(), answer);
    }
    for (label, url) in [("late", &args.late), ("dead", &args.dead_letter)] {
        if let Some(url) = url {
            let answer = sink(url, &options, prepared, &opening, false);
            answers.take(label, url.to_string(), answer);
        }
    }
    if let Err(failure) =
        prepared::one_topic_once(args, &prepared.source.urls, &prepared.kafka_properties)
    {
        answers.problems.push(failure);
    }
    let text = answers.lines.join("\n");
    let done = all_of(&answers.problems).map_or(Ok(()), Err);
    (text, done)
}

/// Several failures as one, by the code of the first that is the command line's, or of the first.
fn all_of(problems: &[Failure]) -> Option<Failure> {
    let of_usage = problems.iter().find(|p| p.exit() == USAGE);
    let first = of_usage.or(problems.first())?;
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Some(Failure::of(first.code(), all.join("\n")))
}

/// Which source it is.
fn source(prepared: &Prepared, opening: &mut Opening) -> Result<Vec<String>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (done, over) = crossbeam_channel::bounded::<()>(0);
    let mut input = prepared.source.ask(&stop);
    let set = Arc::clone(&stop);
    // Who asks waits for as long as it takes: for a topic that is being made, too.
    let timer = std::thread::spawn(move || {
        let _ = over.recv_timeout(PATIENCE);
        set.store(true, Ordering::Relaxed);
    });
    let found = input.identity();
    drop(done);
    let _ = timer.join();
    opening.source = found?;
    opening.head_of = input.head_of();
    let is_topic = prepared
        .source
        .urls
        .iter()
        .any(|u| matches!(u, SourceUrl::Kafka { .. }));
    match &opening.source {
        None if is_topic => Err(Failure::of(
            &codes::source::SILENT,
            format!(
                "no answer within {} s: is it reachable, does it speak TLS as the settings say, and is the topic there?",
                PATIENCE.as_secs()
            ),
        )),
        Some(found) if is_topic => Ok(vec![found.to_string()]),
        _ => Ok(vec!["is there".to_owned()]),
    }
}

/// What became of records; `changes`: of rows that were there too.
fn became(total: &Counts, changes: bool) -> Vec<String> {
    let mut said = vec![format!(
        "of the first {} {} would be ranked, {} late, {} dead letters, {} duplicate, {} filtered",
        grouped(total.read),
        grouped(total.ranked),
        grouped(total.late),
        grouped(total.dead),
        grouped(total.duplicate),
        grouped(total.filtered)
    )];
    if changes {
        said.push(format!(
            "of rows that were there {} updated, {} unchanged, {} deleted; {} passed over",
            grouped(total.updated),
            grouped(total.unchanged),
            grouped(total.deleted),
            grouped(total.skipped)
        ));
    }
    said
}

/// What would become of the first records.
pub(super) fn sample(args: &RunArgs, prepared: &Prepared) -> Result<Vec<String>, Failure> {
    let mut urls = prepared.source.urls.clone();
    for url in &mut urls {
        if let SourceUrl::Recording { pace, .. } = url {
            *pace = Pace::Unbounded;
        }
    }
    let options = SourceOptions {
        urls,
        until_end: true,
        ..prepared.source.clone()
    };
    let mut fold = Fold::new(fold::Settings {
        plan: Arc::clone(&prepared.plan),
        policies: prepared.policies.clone(),
        summary_window: None,
        max_record_bytes: args.max_record_bytes,
    });
    let mut covered = Covered::new(&prepared.plan.tables);
    covered.files(&options)?;
    let mut homes = BTreeMap::new();
    let reader = source::start(Arc::new(options), 0, 1, Box::new(|| {}));
    let until = Instant::now() + PATIENCE;
    let (mut read, mut open, mut ready) = (0, 0, false);
    while read < SAMPLE && Instant::now() < until && !(ready && open == 0) {
        match reader.next_within(Duration::from_millis(50)) {
            Some(SourceEvent::Assigned {
                partition,
                home,
                offset,
                end,
            }) => {
                let from = GoesOn {
                    offset,
                    greatest: None,
                    found: None,
                    bootstrap: Some(end),
                    ids_from: None,
                    hold: None,
                };
                fold.begin(partition, &home, from);
                homes.insert(partition, home.table);
                open += 1;
            }
            Some(SourceEvent::Block(mut block)) => {
                let room = usize::try_from(SAMPLE - read).unwrap_or(0);
                block.records.truncate(room);
                covered.add(homes.get(&block.partition).copied().unwrap_or(0), &block);
                let folded = fold.block(&block, BEGINNING);
                read += folded.map_or(0, |f| f.records as u64);
            }
            Some(SourceEvent::Ended { .. }) => open -= 1,
            Some(SourceEvent::Ready) => ready = true,
            Some(SourceEvent::Failed(failure)) => return Err(failure),
            Some(SourceEvent::CaughtUp { .. }) | None => {}
        }
    }
    let all = ready && open == 0;
    // It ends by itself: it may be waiting for a broker.
    drop(reader);
    let (_, progress) = fold.end_epoch(1, &mut Vec::new());
    let progress = progress.unwrap_or_default();
    let mut total = Counts::default();
    for partition in &progress.partitions {
        total.add(&partition.counts);
    }
    let mut said = became(&total, prepared.plan.changes());
    let places = Places::of(&prepared.source);
    said.extend(reasons_of(&progress.rejects, &places));
    said.extend(covered.said());
    if total.in_vain() && all && args.until_end {
        return Err(Failure::of(&codes::checks::IN_VAIN, said.join("; ")));
    }
    Ok(said)
}

/// What a sink, or another output, says of itself.
fn sink(
    url: &SinkUrl,
    options: &SinkOptions,
    prepared: &Prepared,
    opening: &Opening,
    is_sink: bool,
) -> Result<Vec<String>, Failure> {
    match url {
        SinkUrl::Postgres(text) => {
            Ok(PostgresSink::new(text, options)?.ask(&prepared.plan, opening, PATIENCE)?)
        }
        SinkUrl::Kafka { brokers, topic } => {
            Ok(kafka::ask(brokers, topic, options, is_sink, PATIENCE)?)
        }
        SinkUrl::File { path, .. } => {
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => std::path::Path::new("."),
            };
            let wrong = |e: String| {
                let text = format!("cannot write {}: {e}", path.display());
                Failure::of(&codes::line::OUTPUT, text)
            };
            match std::fs::metadata(path).or_else(|_| std::fs::metadata(parent)) {
                Ok(found) if found.is_dir() && path.is_dir() => {
                    Err(wrong("it is a folder".to_owned()))
                }
                Ok(found) if found.permissions().readonly() => {
                    Err(wrong("it may not be written".to_owned()))
                }
                Ok(_) => Ok(vec![match path.exists() {
                    true => "is there".to_owned(),
                    false => "will be made".to_owned(),
                }]),
                Err(e) => Err(wrong(e.to_string())),
            }
        }
        SinkUrl::Stdout { .. } => Ok(vec!["is there".to_owned()]),
    }
}
