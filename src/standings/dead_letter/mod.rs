//! `standings dead-letter`: what became a dead letter, why, and back into the stream when it is mended.
//!
//! ```text
//! dead letters (topic or file) ──► filters ──► list, show
//!                                    └─► mend ──► would it be refused again? ──► topic or file of sales
//!                                                                                 └─► progress: never twice
//! ```

mod letter;
mod output;
mod read;
mod replay;
mod rows;
mod schemas;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use self::letter::Letter;
use self::rows::Rows;
use self::schemas::Schemas;
use crate::output::{Output, print, write as write_rows};
use crate::run::args::parse_property;
use crate::run::check;
use standings_decode::Decoder;
use standings_edge::sink::url::SinkUrl;
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_model::json::push_value;
use standings_model::printable::printable;
use standings_model::table::Table;
use standings_model::time::format_rfc3339;
use standings_process::exit::{self, Failure};

/// `standings dead-letter`.
#[derive(Subcommand, Clone, Debug)]
pub enum DeadLetterCommand {
    /// One line for each dead letter: its place, reason, check, origin and what was found.
    #[command(after_help = "\
Examples:
  standings dead-letter list kafka://localhost:9092/dead --check amount-range --since 1h
  standings dead-letter list file:dead.ndjson --json > some.ndjson   (edit it, then replay --from file:some.ndjson)")]
    List {
        /// kafka://host:9092/topic or file:PATH.
        #[arg(value_name = "URL")]
        from: SinkUrl,
        /// The letters themselves, as they are kept.
        #[arg(long, conflicts_with = "output")]
        json: bool,
        /// How they are printed; without it a line each.
        #[arg(long, value_enum, value_name = "FORM")]
        output: Option<Output>,
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// One dead letter: its bytes, and what can be decoded of them.
    Show {
        /// kafka://host:9092/topic or file:PATH.
        #[arg(value_name = "URL")]
        from: SinkUrl,
        /// Its place as `list` tells it: PARTITION:OFFSET in a topic, LINE in a file.
        #[arg(value_name = "PLACE")]
        place: String,
        /// Folder of the queries, for the columns; the usual ones without it.
        #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
        queries: Option<PathBuf>,
        /// As in `run`: where the secrets of a schema registry are.
        #[arg(long, env = "STANDINGS_SECRETS", value_name = "DIR")]
        secrets: Option<PathBuf>,
        /// A librdkafka setting; repeat for several.
        #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
        kafka_property: Vec<(String, String)>,
    },
    /// Sends the original records, mended, to a topic or a file of sales. What would be refused again stays.
    Replay(replay::ReplayArgs),
}

/// Which dead letters.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// Only those with this reason, such as malformed or check.
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only those that failed this check.
    #[arg(long, value_name = "CHECK")]
    pub check: Option<String>,
    /// Only those whose record was in this partition of the sales.
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Only those of the last so long, by the time of the letter; files have none.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub since: Option<Duration>,
    /// A librdkafka setting; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
}

impl Which {
    /// Calls with each letter that is meant.
    fn each(
        &self,
        from: &SinkUrl,
        mut take: impl FnMut(Letter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.since.is_some() && !matches!(from, SinkUrl::Kafka { .. }) {
            return Err(Failure::of(
                &codes::checks::WHERE_LETTERS,
                "--since needs a topic: lines of a file have no time",
            ));
        }
        let oldest = self.since.map(|since| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
            ms(now.unwrap_or_default()).saturating_sub(ms(since))
        });
        read::each(from, &self.kafka_property, &mut |letter| {
            let same = |wanted: &Option<String>, is: Option<&str>| {
                wanted.is_none() || wanted.as_deref() == is
            };
            let meant = same(&self.reason, Some(&letter.reason))
                && same(&self.check, letter.check.as_deref())
                && self.partition.is_none_or(|p| p == letter.partition)
                && oldest.is_none_or(|t| letter.time.is_some_and(|time| time >= t));
            if meant { take(letter) } else { Ok(()) }
        })
    }
}

/// Runs `standings dead-letter`.
pub fn run(command: &DeadLetterCommand) -> Result<(), Failure> {
    match command {
        DeadLetterCommand::List {
            from,
            output: Some(form),
            which,
            ..
        } => {
            let mut rows = Vec::new();
            which.each(from, |letter| {
                rows.push(letter.cells());
                Ok(())
            })?;
            let mut text = Vec::new();
            // Writing to a Vec cannot fail.
            let _ = write_rows(&mut text, *form, &letter::columns(), &rows);
            print(&text)
        }
        DeadLetterCommand::List {
            from, json, which, ..
        } => which.each(from, |letter| {
            if *json {
                exit::write(&letter.json);
            } else {
                exit::say(&letter.line());
            }
            Ok(())
        }),
        DeadLetterCommand::Show {
            from,
            place,
            queries,
            secrets,
            kafka_property,
        } => {
            let plan = queries.as_ref().map(|dir| check::load(dir, None));
            let plan = plan.transpose()?;
            let sales = vec![Table::sales()];
            let tables = plan.as_ref().map_or(&sales, |plan| &plan.tables);
            let mut found = None;
            read::each(from, kafka_property, &mut |letter| {
                if letter.place == *place {
                    found = Some(letter);
                }
                Ok(())
            })?;
            let letter = found.ok_or_else(|| {
                Failure::of(
                    &codes::checks::NO_LETTER,
                    format!("there is no dead letter at {place} in {from}"),
                )
            })?;
            let number = letter.table_number(tables);
            let table = &tables[number];
            let mut decoder = Decoder::new(table, None, usize::MAX);
            let lacks = match &plan {
                Some(plan) => Schemas::of(plan, secrets.as_deref())?.complete(
                    (number, table),
                    &mut decoder,
                    &letter.bytes,
                )?,
                None => None,
            };
            exit::say(&show(&letter, table, decoder, lacks));
            Ok(())
        }
        DeadLetterCommand::Replay(args) => replay::run(args),
    }
}

/// A letter, its bytes, and its columns; `lacks`: why there is no schema for them.
fn show(letter: &Letter, table: &Table, mut decoder: Decoder, lacks: Option<String>) -> String {
    let mut out = format!(
        "place      {}\nreason     {}\n",
        letter.place,
        printable(&letter.reason)
    );
    if let Some(check) = &letter.check {
        out += &format!("check      {}\n", printable(check));
    }
    out += &format!(
        "found      {}\nrecord     partition {}, offset {}\n",
        printable(&letter.detail),
        letter.partition,
        letter.offset
    );
    if let Some(time) = letter.time {
        out += &format!("since      {}\n", format_rfc3339(time));
    }
    if let Some(whole) = letter.cut_from {
        out += &format!("cut        the record had {whole} bytes\n");
    }
    if letter.is_masked {
        let kept = printable(&letter.json);
        return out
            + &format!("masked     its record was not kept: its table masks columns\n{kept}");
    }
    out += &format!("bytes      {}", letter.bytes.len());
    match std::str::from_utf8(&letter.bytes) {
        Ok(text) => out += &format!("\n{text}\n"),
        Err(e) => {
            out += &format!(", UTF-8 up to byte {}\n", e.valid_up_to());
            for (number, line) in letter.bytes.chunks(16).enumerate() {
                let hex: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
                let text: String = line.iter().map(|b| letter_of(*b)).collect();
                out += &format!("{:08x}  {:<47}  {text}\n", number * 16, hex.join(" "));
            }
        }
    }
    if let Some(lacks) = lacks {
        out += &format!("no sale    {}\n", printable(&lacks));
        return out.trim_end().to_owned();
    }
    let mut rows = Rows::of(table, usize::MAX - 1);
    let record = match rows.record(&letter.bytes) {
        Ok(record) => record,
        Err(why) => {
            out += &format!("no sale    {}\n", printable(&why));
            return out.trim_end().to_owned();
        }
    };
    match decoder.decode_full(&record) {
        Ok(sale) => {
            out += "as a sale\n";
            if let Some(order) = rows::order(&table.format) {
                out += &format!("  ({order})\n");
            }
            for (number, column) in table.declared().iter().enumerate() {
                let mut value = Vec::new();
                push_value(&mut value, &sale.value(number));
                let value = String::from_utf8_lossy(&value);
                let value = printable(&value);
                out += &format!("  {:<14} {value}\n", column.name);
            }
        }
        Err(error) => {
            out += &format!(
                "no sale    {}: {}\n",
                error.reason,
                printable(&error.detail)
            );
            if let Some(hint) = rows::hint(&table.format, &letter.bytes) {
                out += &format!("           {hint}\n");
            }
        }
    }
    out.trim_end().to_owned()
}

/// A byte beside its hexadecimal digits.
fn letter_of(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }
}
