//! `standings repair`: what closed windows of a sink lack is recomputed and written; a run goes on after it.

use std::time::Duration;

use crate::support::kafka::{block, consume, forget, topic, unique};
use crate::support::postgres::{connect, database, rows_of};
use crate::support::{Bed, Dice, HOUR, Rows, fold, sales, service, time_of, until};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

/// 2026-01-23T00:00:00Z.
const DAY_ONE: i64 = 1_769_126_400_000;
const WAIT: Duration = Duration::from_secs(60);

/// A source topic; a sink is named with each command.
struct Case(Bed);

impl Case {
    /// Three days and more, in two partitions.
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let parts: Vec<_> = (0..2)
            .map(|_| sales(&mut dice, 500, DAY_ONE, 20 * 60_000))
            .collect();
        let bed = Bed::new("repair").topic(2);
        bed.send(&parts);
        Case(bed)
    }

    fn want(&self) -> Rows {
        self.0.want()
    }

    /// Runs to the present end.
    fn run(&self, sink: &str, more: &[&str]) {
        self.0.to_end(&[&["--sink", sink], more].concat());
    }

    /// A command of one source and one sink; its exit code and all that it said.
    fn say(&self, command: &str, sink: &str, more: &[&str]) -> (Option<i32>, String) {
        self.0.say(command, &[&["--sink", sink], more].concat())
    }

    /// Holds that a command succeeds, and gives what it said.
    fn succeeds(&self, command: &str, sink: &str, more: &[&str]) -> String {
        let (code, text) = self.say(command, sink, more);
        assert_eq!(code, Some(0), "{command} {more:?}: {text}");
        text
    }

    /// More sales, after those there are.
    fn goes_on(&self, seed: u64) {
        let mut dice = Dice::new(seed);
        let sent = self.0.sent();
        let times = sent.iter().flatten().filter_map(|l| time_of(l));
        let from = times.max().unwrap();
        let more: Vec<_> = (0..2)
            .map(|_| sales(&mut dice, 100, from, 20 * 60_000))
            .collect();
        self.0.send(&more);
    }
}

fn execute(url: &str, sql: &str) {
    block(async { connect(url).await.batch_execute(sql).await.unwrap() });
}

fn number(url: &str, sql: &str) -> i64 {
    block(async { connect(url).await.query_one(sql, &[]).await.unwrap().get(0) })
}

const COMMIT: &str = "SELECT commit FROM standings_commit";
const GENERATION: &str = "SELECT generation FROM standings_commit";

#[test]
fn a_table_that_was_dropped_and_rows_that_were_changed_are_set_right() {
    let case = Case::new(41);
    let postgres = database();
    case.run(&postgres, &[]);
    let nothing = case.succeeds("repair", &postgres, &[]);
    assert!(nothing.contains("Nothing to do"), "{nothing}");
    assert_eq!(number(&postgres, GENERATION), 1, "nothing was taken over");

    execute(
        &postgres,
        "DROP TABLE top_sales_per_city CASCADE;
         DELETE FROM top_salesmen WHERE window_start = '2026-01-24T00:00:00Z';
         UPDATE top_salesmen SET total_sales = 1, rank = 7 WHERE window_start = '2026-01-23T00:00:00Z' AND rank = 3;
         UPDATE top_salesmen SET final = false WHERE window_start = '2026-01-23T00:00:00Z' AND rank = 1;
         INSERT INTO top_salesmen (window_start, window_end, rank, salesman_id, final, commit)
         VALUES ('2026-01-23T00:00:00Z', '2026-01-24T00:00:00Z', 200, 'nobody', true, 1)",
    );
    let (code, text) = case.say("verify", &postgres, &[]);
    assert_eq!(code, Some(1), "{text}");
    let commit = number(&postgres, COMMIT);

    let plan = case.succeeds("repair", &postgres, &["--dry-run"]);
    assert!(plan.contains("top_sales_per_city: "), "{plan}");
    let salesmen = plan
        .lines()
        .find(|l| l.starts_with("top_salesmen: "))
        .unwrap();
    assert!(
        salesmen.contains("2 windows that begin from 2026-01-23T00:00:00Z to 2026-01-24T00:00:00Z"),
        "{plan}"
    );
    assert!(salesmen.ends_with("2 wrong, 1 too many"), "{plan}");
    assert!(plan.contains("would be written"), "{plan}");
    assert_eq!(
        number(&postgres, COMMIT),
        commit,
        "a dry run writes nothing"
    );
    assert_eq!(
        number(&postgres, GENERATION),
        1,
        "a dry run takes nothing over"
    );

    // One day alone, then the rest.
    let day = ["--from", "2026-01-24", "--to", "2026-01-25"];
    let text = case.succeeds("verify", &postgres, &[&["--repair"], &day[..]].concat());
    assert!(text.contains("were written"), "{text}");
    assert_eq!(number(&postgres, COMMIT), commit + 1);
    let (code, _) = case.say("verify", &postgres, &day);
    assert_eq!(code, Some(0));
    assert_eq!(case.say("verify", &postgres, &[]).0, Some(1));
    // In several commits, each of whole windows.
    let text = case.succeeds("repair", &postgres, &["--commit-rows", "5"]);
    let (first, last) = (commit + 2, number(&postgres, COMMIT));
    assert!(last > first, "{text}");
    assert!(
        text.contains(&format!("in commits {first} to {last} were")),
        "{text}"
    );
    let sql = "SELECT count(*) FROM (SELECT 1 FROM top_sales_per_city GROUP BY window_start HAVING min(commit) < max(commit)) w";
    assert_eq!(number(&postgres, sql), 0, "a window is in one commit");
    case.succeeds("verify", &postgres, &[]);
    let again = case.succeeds("repair", &postgres, &[]);
    assert!(again.contains("Nothing to do"), "{again}");
    let open = "SELECT count(*) FROM top_sales_per_city WHERE NOT final";
    assert_eq!(number(&postgres, open), 0, "open windows are the run's");

    let repaired = number(&postgres, COMMIT);
    case.goes_on(42);
    case.run(&postgres, &["-w", "2"]);
    assert!(number(&postgres, COMMIT) > repaired);
    assert_eq!(rows_of(&postgres), case.want());
}

#[test]
fn a_topic_whose_changes_somebody_spoilt_is_set_right_and_its_fold_holds() {
    let case = Case::new(43);
    let changes = topic("repair_changes", 1);
    let sink = format!("kafka://{}/{changes}", service("KAFKA_BROKERS"));
    case.run(&sink, &[]);
    // More sales, so that the last commit is of other windows than those of the first day.
    case.goes_on(44);
    case.run(&sink, &[]);
    case.succeeds("verify", &sink, &[]);
    let log = consume(&changes);
    let newest: Value = serde_json::from_str(log.last().unwrap()).unwrap();
    let (rows, _) = fold(log.iter().map(String::as_str));
    let first_day: Vec<_> = rows
        .iter()
        .filter(|((ranking, start, _), _)| ranking == "top_sales_per_city" && *start == DAY_ONE)
        .collect();
    let spoilt = |at: usize, rank: Option<u64>, total: &str| {
        let ((ranking, _, key), (before, _)) = first_day[at];
        let mut row = json!({"city": key[0]});
        if rank.is_some() {
            row["total_sales"] = total.into();
            row["transaction_count"] = 1.into();
            row["avg_sale"] = total.into();
            row["max_sale"] = total.into();
        }
        let (start, end) = ("2026-01-23T00:00:00Z", "2026-01-24T00:00:00Z");
        let key = json!({"ranking": ranking, "window_start": start, "city": key[0]});
        let op = if rank.is_some() { "upsert" } else { "delete" };
        let value = json!({"ranking": ranking, "op": op, "window_start": start, "window_end": end,
            "rank": rank, "previous_rank": before, "row": row, "final": true, "commit": newest["commit"]});
        (key.to_string(), value.to_string())
    };
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for (key, value) in [spoilt(0, None, ""), spoilt(1, Some(3), "7.00")] {
        let record = BaseRecord::to(&changes)
            .partition(0)
            .key(&key)
            .payload(&value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(WAIT).unwrap();
    assert_eq!(case.say("verify", &sink, &[]).0, Some(1));
    let plan = case.succeeds("repair", &sink, &["--dry-run"]);
    assert!(
        plan.contains("1 rows are missing, 1 wrong, 0 too many"),
        "{plan}"
    );
    case.succeeds("repair", &sink, &[]);
    settled(&changes, &case.want());
    case.succeeds("verify", &sink, &[]);

    case.goes_on(45);
    case.run(&sink, &[]);
    settled(&changes, &case.want());
}

/// Waits until the topic shows this. The fold holds it to its rules: commits grow, a key changes at most once in each, the
/// previous rank is what was there.
fn settled(changes: &str, want: &Rows) {
    until("the topic shows what it should", WAIT, || {
        fold(consume(changes).iter().map(String::as_str)).0 == *want
    });
}

#[test]
fn a_database_that_is_older_than_the_snapshot_is_made_whole() {
    let case = Case::new(46);
    let state = case.0.url("state");
    let flags = ["--state", &state, "--snapshot-interval", "50ms"];
    let postgres = database();
    case.run(&postgres, &flags);
    // As a backup of that moment, put back later.
    let older = copy_of(&postgres);
    for seed in 47..50 {
        case.goes_on(seed);
        follow(&case, &postgres, &flags);
    }
    // What a start makes of the older one differs by what the store still has; then nothing may be missing.
    case.0.ends(&[&["--sink", &older], &flags[..]].concat());
    let text = case.succeeds("repair", &older, &[]);
    case.succeeds("verify", &older, &[]);
    case.run(&older, &flags);
    assert_eq!(rows_of(&older), case.want(), "{text}");
}

/// A run over the present input that keeps snapshots meanwhile.
fn follow(case: &Case, sink: &str, flags: &[&str]) {
    let run = case.0.start(&[&["--sink", sink], flags].concat());
    let before = case.0.newest_snapshot();
    let want = case.want();
    until("all is shown", WAIT, || rows_of(sink) == want);
    case.0.snapshot_after(before);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}

fn copy_of(url: &str) -> String {
    let (base, name) = url.rsplit_once('/').unwrap();
    let copy = unique("older");
    let sql = format!("CREATE DATABASE {copy} TEMPLATE {name}");
    execute(&service("POSTGRES_URL"), &sql);
    format!("{base}/{copy}")
}

#[test]
fn who_still_writes_is_noticed_and_left_alone() {
    let case = Case::new(51);
    let postgres = database();
    let mut run = case.0.start(&["--sink", &postgres]);
    let want = case.want();
    let there = "SELECT (to_regclass('standings_commit') IS NOT NULL)::int::bigint";
    until("the tables", WAIT, || number(&postgres, there) == 1);
    until("all is shown", WAIT, || rows_of(&postgres) == want);
    execute(&postgres, "DELETE FROM top_salesmen WHERE rank = 2");
    // Quiet: only the table of runs tells.
    let (code, text) = case.say("repair", &postgres, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("a run goes on") && text.contains("--yes"),
        "{text}"
    );
    // Busy: its commits do.
    for seed in 52..55 {
        case.goes_on(seed);
        let before = number(&postgres, COMMIT);
        let repair = std::thread::spawn({
            let mut repair = case.0.command("repair", &["--sink", &postgres, "--yes"]);
            move || repair.output().unwrap()
        });
        while !repair.is_finished() {
            case.goes_on(seed + 10);
            std::thread::sleep(Duration::from_millis(200));
        }
        let out = repair.join().unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(text.contains("somebody writes"), "{text}");
        assert!(number(&postgres, COMMIT) > before);
    }
    assert_eq!(number(&postgres, GENERATION), 1, "it was not taken over");
    assert!(run.goes_on(), "the run goes on");
    run.kill();
    // Killed, it did not say that it ended.
    assert_eq!(case.say("repair", &postgres, &[]).0, Some(1));
    let text = case.succeeds("repair", &postgres, &["--yes"]);
    assert!(text.contains("were written"), "{text}");
    case.succeeds("verify", &postgres, &[]);
}

#[test]
fn what_kafka_no_longer_holds_is_named_and_left_as_it_is() {
    let case = Case(Bed::new("repair_gone").topic(1));
    let city = |day: i64, city: &str, amount: i64| {
        let at = DAY_ONE + day * 24 * HOUR + HOUR;
        let line = format!(
            r#"{{"event_time":{at},"city":"{city}","salesman_id":"S1","amount":{amount}}}"#
        );
        (at, line)
    };
    // Records carry the time of their sales.
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for day in 0..6 {
        for (n, name) in ["a", "b"].iter().enumerate() {
            let (at, line) = city(day, name, 10 + n as i64);
            let record: BaseRecord<'_, (), String> = BaseRecord::to(case.0.topic_name())
                .partition(0)
                .timestamp(at)
                .payload(&line);
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
    }
    producer.flush(WAIT).unwrap();
    let postgres = database();
    case.run(&postgres, &[]);
    execute(
        &postgres,
        "DELETE FROM top_sales_per_city WHERE window_start IN ('2026-01-23T00:00:00Z', '2026-01-27T00:00:00Z')",
    );
    // What is left begins on the 25th at one o'clock: with a day for clocks that are ahead, the 27th is whole.
    forget(case.0.topic_name(), 1, 4);
    let plan = case.succeeds("repair", &postgres, &["--dry-run"]);
    let named = "counted from offset 0 on, and the source holds it from 4 on: windows that begin before 2026-01-26T01:00:00Z";
    assert!(plan.contains(named), "{plan}");
    let line = "top_sales_per_city: 1 windows that begin from 2026-01-27T00:00:00Z to 2026-01-27T00:00:00Z; 2 rows are missing";
    assert!(plan.contains(line), "{plan}");
    case.succeeds("repair", &postgres, &[]);
    let text = case.succeeds("verify", &postgres, &[]);
    assert!(text.contains(named), "{text}");
    let sql = "SELECT count(*) FROM top_sales_per_city WHERE window_start";
    assert_eq!(
        number(&postgres, &format!("{sql} = '2026-01-23T00:00:00Z'")),
        0
    );
    assert_eq!(
        number(&postgres, &format!("{sql} = '2026-01-24T00:00:00Z'")),
        2
    );
    assert_eq!(
        number(&postgres, &format!("{sql} = '2026-01-27T00:00:00Z'")),
        2
    );
}

#[test]
fn what_cannot_be_repaired_is_said() {
    let case = Case::new(61);
    let file = case.0.url("log");
    for (sink, words) in [
        (&file[..], "run again into a new one"),
        ("stdout", "run again into a new one"),
        (&database(), "standings_commit"),
    ] {
        let (code, text) = case.say("repair", sink, &["--dry-run"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(words), "{text}");
    }
    let empty = format!(
        "kafka://{}/{}",
        service("KAFKA_BROKERS"),
        topic("repair_empty", 1)
    );
    let (code, text) = case.say("repair", &empty, &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("does not say for which prefix"), "{text}");

    // Another source: it holds less than the sink counts.
    let postgres = database();
    case.run(&postgres, &[]);
    let lines = Case::new(62).0.sent().remove(0);
    let other = Case(Bed::new("repair_other").topic(2));
    other.0.send(&[lines[..100].to_vec(), Vec::new()]);
    let (code, text) = other.say("repair", &postgres, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is it another source"), "{text}");
    assert_eq!(rows_of(&postgres), case.want(), "nothing was written");
    assert_eq!(number(&postgres, GENERATION), 1);
}
