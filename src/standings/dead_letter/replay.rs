//! `standings dead-letter replay`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use regex::bytes::Regex;

use super::Which;
use super::letter::Letter;
use super::output::Output;
use super::rows::Rows;
use super::schemas::Schemas;
use crate::run::apart::Apart;
use crate::run::check;
use standings_decode::Decoder;
use standings_edge::sink::url::SinkUrl;
use standings_engine::quality::Judge;
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_model::limit;
use standings_model::plan::Plan;
use standings_model::printable::printable;
use standings_model::reject::{DUPLICATE, SINK_REFUSED};
use standings_model::table::Table;
use standings_model::table::format::{Encoding, Format};
use standings_process::exit::{self, Failure};

/// Records that are sent before their places are kept.
const BATCH: usize = 500;

/// `standings dead-letter replay`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings dead-letter replay --from kafka://k:9092/dead --to kafka://k:9092/sales --queries queries \\
    --progress replayed.txt --reason malformed --map 's/\"amount\":,/\"amount\":0,/' --dry-run

Exit codes: 0 all that was meant was sent, or had been before; 1 some would be refused again, or sending failed.")]
pub struct ReplayArgs {
    /// Dead letters: kafka://host:9092/topic or file:PATH.
    #[arg(long, value_name = "URL")]
    pub from: SinkUrl,
    /// Sales: kafka://host:9092/topic or file:PATH. Records keep their partition (modulo the topic's).
    #[arg(long, value_name = "URL")]
    pub to: SinkUrl,
    /// Folder of the queries, whose columns and checks say what would be refused again.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: PathBuf,
    /// As in `run`.
    #[arg(long, env = "STANDINGS_TIME_ZONE", value_name = "ZONE", value_parser = standings_query::zone)]
    pub time_zone: Option<String>,
    /// File that holds the places of what was replayed, which is not replayed again; made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub progress: PathBuf,
    /// Replace in every record, as s/REGEX/REPLACEMENT/ (all of them; $1 is the first group); repeat for several.
    #[arg(long, value_name = "s/…/…/", value_parser = Edit::parse)]
    pub map: Vec<Edit>,
    /// Say what would be sent; send nothing, keep nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// As in the run: a sale so far after now is refused.
    #[arg(long, env = "STANDINGS_MAX_AHEAD", value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub max_ahead: Duration,
    /// As in the run.
    #[arg(long, env = "STANDINGS_MAX_RECORD_BYTES", value_name = "BYTES", default_value_t = 1 << 20, value_parser = limit::record_bytes)]
    pub max_record_bytes: usize,
    /// As in the run: where the secrets of a schema registry are.
    #[arg(long, env = "STANDINGS_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// Which.
    #[command(flatten)]
    pub which: Which,
}

/// `s/REGEX/REPLACEMENT/`; the character after `s` separates.
#[derive(Clone, Debug)]
pub struct Edit {
    find: Regex,
    replacement: Vec<u8>,
}

/// A text that is no edit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EditError {
    /// Parts are missing.
    #[error("write it as s/REGEX/REPLACEMENT/")]
    Form,
    /// No regular expression.
    #[error(transparent)]
    Regex(#[from] regex::Error),
}

impl Edit {
    fn parse(text: &str) -> Result<Self, EditError> {
        let wrong = || EditError::Form;
        let rest = text.strip_prefix('s').ok_or_else(wrong)?;
        let mark = rest.chars().next().ok_or_else(wrong)?;
        let parts: Vec<&str> = rest.split(mark).collect();
        let ["", find, replacement, ""] = parts[..] else {
            return Err(wrong());
        };
        Ok(Edit {
            find: Regex::new(find)?,
            replacement: replacement.as_bytes().to_vec(),
        })
    }
}

/// Says whether a record would be refused again, by what refuses it in a run.
struct Gate {
    tables: Vec<Table>,
    /// By table.
    decoders: Vec<Decoder>,
    /// By table.
    rows: Vec<Rows>,
    schemas: Schemas,
    judge: Judge,
    latest: i64,
    /// Records are lines where they go.
    to_lines: bool,
}

impl Gate {
    fn new(args: &ReplayArgs, plan: &Plan) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let latest = now.unwrap_or_default() + args.max_ahead;
        let decoder = |table| Decoder::new(table, plan.zone.as_deref(), args.max_record_bytes);
        Ok(Gate {
            schemas: Schemas::of(plan, args.secrets.as_deref())?,
            to_lines: matches!(args.to, SinkUrl::File { .. }),
            decoders: plan.tables.iter().map(decoder).collect(),
            rows: plan
                .tables
                .iter()
                .map(|table| Rows::of(table, args.max_record_bytes))
                .collect(),
            judge: Judge::new(&plan.checks, &plan.tables),
            tables: plan.tables.clone(),
            latest: i64::try_from(latest.as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// Why a record would be refused; a failure where that cannot be told.
    fn refuses(&mut self, letter: &Letter, record: &[u8]) -> Result<Option<String>, Failure> {
        let table = letter.table_number(&self.tables);
        let of = (table, &self.tables[table]);
        let lacks = self
            .schemas
            .complete(of, &mut self.decoders[table], record)?;
        Ok(self
            .is_none(letter, record)
            .or(lacks)
            .or_else(|| self.is_refused(letter, record)))
    }

    /// Why it is no record that could be sent.
    fn is_none(&self, letter: &Letter, record: &[u8]) -> Option<String> {
        if let Some(whole) = letter.cut_from {
            let kept = letter.bytes.len();
            return Some(format!("only {kept} of its {whole} bytes were kept"));
        }
        if letter.is_masked {
            let said = "its table masks columns, so its record was not kept: it is in the source";
            return Some(said.to_owned());
        }
        if letter.reason == SINK_REFUSED {
            return Some(
                "it is a row that a sink refused; what it was made of is in the source".to_owned(),
            );
        }
        if ["late", "retired"].contains(&letter.reason.as_str()) {
            return Some("it came too late, and would again".to_owned());
        }
        let is_text = is_text(&letter.table(&self.tables).format);
        if record.contains(&b'\n') && is_text {
            // In a file it would be two records, in a topic it is none that was meant.
            return Some("it has more than one line".to_owned());
        }
        (self.to_lines && !is_text)
            .then(|| "its bytes are no line of a file: --to a topic".to_owned())
    }

    fn is_refused(&mut self, letter: &Letter, record: &[u8]) -> Option<String> {
        let table = letter.table_number(&self.tables);
        let object = match self.rows[table].record(record) {
            Ok(object) => object,
            Err(why) => return Some(why),
        };
        match self.decoders[table].decode_full(&object) {
            Err(error) => Some(format!("{}: {}", error.reason, error.detail)),
            Ok(sale) if sale.event_time > self.latest => {
                Some("ahead: its event_time is more than --max-ahead after now".to_owned())
            }
            Ok(sale) => {
                if letter.reason == DUPLICATE && record == letter.bytes {
                    return Some("duplicate: it is as it was, and would be one again".to_owned());
                }
                let failed = self.judge.judge_alone(table, &sale)?;
                Some(format!("check {}: {}", failed.check, failed.detail))
            }
        }
    }
}

/// Whether a record is a text, so that it can be a line of a file.
fn is_text(format: &Format) -> bool {
    let is_binary = matches!(
        format.encoding,
        Encoding::Avro | Encoding::Parquet | Encoding::Protobuf(_)
    );
    format.registry.is_none() && !is_binary
}

/// Sends what would be taken now, and was not sent before.
pub(super) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    Apart::default()
        .reads_lines("--from", &args.from)
        .output("--to", Some(&args.to))
        .writes("--progress", &args.progress)
        .check()?;
    let plan = check::load(&args.queries, args.time_zone.as_deref())?;
    let mut gate = Gate::new(args, &plan)?;
    let mut progress = Progress::open(args)?;
    let mut output = match args.dry_run {
        true => None,
        false => Some(Output::open(&args.to, &args.which.kafka_property)?),
    };
    let (mut sent, mut before, mut refused) = (0u64, 0u64, 0u64);
    let mut places: Vec<String> = Vec::new();
    args.which.each(&args.from, |letter| {
        let place = format!("{} {}", args.from, letter.place);
        if progress.done.contains(&place) {
            before += 1;
            return Ok(());
        }
        let mut record = letter.bytes.clone();
        for edit in &args.map {
            let replaced = edit.find.replace_all(&record, &edit.replacement[..]);
            record = replaced.into_owned();
        }
        if let Some(why) = gate.refuses(&letter, &record)? {
            refused += 1;
            let why = printable(&why);
            exit::say(&format!("refused  {:<12} {why}", letter.place));
            return Ok(());
        }
        sent += 1;
        let Some(output) = &mut output else {
            let text = String::from_utf8_lossy(&record);
            let text = printable(&text);
            exit::say(&format!("would be sent  {:<12} {text}", letter.place));
            return Ok(());
        };
        output.put(letter.partition, &record)?;
        places.push(place);
        if places.len() >= BATCH {
            output.settle()?;
            progress.keep(&mut places)?;
        }
        Ok(())
    })?;
    if let Some(output) = &mut output {
        output.settle()?;
        progress.keep(&mut places)?;
    }
    let word = if args.dry_run {
        "would be sent"
    } else {
        "sent"
    };
    exit::say(&format!(
        "{sent} {word}, {before} had been sent before, {refused} would be refused again"
    ));
    if refused > 0 {
        return Err(Failure::of(
            &codes::checks::REFUSED_AGAIN,
            format!("{refused} dead letters would be refused again, and stay"),
        ));
    }
    Ok(())
}

/// The places of what was replayed, one a line.
struct Progress {
    name: String,
    done: BTreeSet<String>,
    file: Option<File>,
}

impl Progress {
    fn open(args: &ReplayArgs) -> Result<Self, Failure> {
        let name = args.progress.display().to_string();
        let wrong =
            |e: std::io::Error| Failure::of(&codes::line::FILE, format!("--progress {name}: {e}"));
        let text = match std::fs::read_to_string(&args.progress) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(wrong(e)),
        };
        let file = match args.dry_run {
            true => None,
            false => {
                let file = File::options()
                    .create(true)
                    .append(true)
                    .open(&args.progress);
                Some(file.map_err(wrong)?)
            }
        };
        let done = text.lines().map(str::to_owned).collect();
        Ok(Progress { name, done, file })
    }

    fn keep(&mut self, places: &mut Vec<String>) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let text: String = places.drain(..).map(|place| place + "\n").collect();
        let kept = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_data());
        kept.map_err(|e| {
            Failure::of(
                &codes::checks::NOT_A_LETTER,
                format!("writing {} failed: {e}", self.name),
            )
        })
    }
}
