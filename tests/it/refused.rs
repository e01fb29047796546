//! One row that a sink does not take costs itself: a constraint, a trigger that raises or leaves a row out, row security, an
//! encoding that lacks a letter, a message that is too large. The others are written, in this sink and in the other one, and
//! the row is a dead letter, once.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::kafka::{block, consume, produce, topic, topic_of, unique};
use crate::support::postgres::{connect, database};
use crate::support::{service, standings};
use serde_json::Value;

const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z

fn sale(city: &str) -> String {
    serde_json::json!({"event_time": DAY_ONE, "city": city, "salesman_id": "S", "amount": 1})
        .to_string()
}

fn sales(topic: &str, cities: &[&str]) {
    produce(topic, &[cities.iter().map(|c| sale(c)).collect()]);
}

fn sql(url: &str, text: &str) {
    block(async { connect(url).await.batch_execute(text).await.unwrap() });
}

fn cities(url: &str) -> BTreeSet<String> {
    block(async {
        let client = connect(url).await;
        let rows = client
            .query("SELECT city FROM top_sales_per_city", &[])
            .await;
        rows.unwrap().iter().map(|r| r.get(0)).collect()
    })
}

/// Cities that a topic of changes shows.
fn cities_in(topic: &str) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for line in consume(topic) {
        let change: Value = serde_json::from_str(&line).unwrap();
        if change["ranking"] != "top_sales_per_city" {
            continue;
        }
        let city = change["row"]["city"].as_str().unwrap().to_owned();
        match change["op"] == "upsert" {
            true => shown.insert(city),
            false => shown.remove(&city),
        };
    }
    shown
}

fn set(cities: &[&str]) -> BTreeSet<String> {
    cities.iter().map(|c| (*c).to_owned()).collect()
}

/// A run over what a topic holds, with dead letters in a file of this folder: the sinks' words of each letter.
fn run(dir: &Path, topic: &str, args: &[&str]) -> Vec<String> {
    let dead = dir.join("dead");
    let output = standings(&["run", "--queries", "queries", "--until-end"])
        .args([
            "--source",
            &format!("kafka://{}/{topic}", service("KAFKA_BROKERS")),
        ])
        .args(["--dead-letter", &format!("file:{}", dead.display())])
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    let letters = std::fs::read_to_string(&dead).unwrap();
    let letters = letters.lines().map(|line| {
        let letter: Value = serde_json::from_str(line).unwrap();
        assert_eq!(letter["reason"], "sink_refused", "{letter}");
        let row: Value = serde_json::from_str(letter["record"].as_str().unwrap()).unwrap();
        format!(
            "{}: {}",
            row["row"]["city"].as_str().unwrap(),
            letter["detail"]
        )
    });
    letters.collect()
}

const RULES: &str = "
    ALTER TABLE top_sales_per_city ADD CHECK (city <> 'Checked');
    CREATE FUNCTION rules() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.city = 'Raised' THEN RAISE EXCEPTION 'no such town'; END IF;
      IF NEW.city = 'Skipped' THEN RETURN NULL; END IF;
      RETURN NEW; END $$;
    CREATE TRIGGER rules BEFORE INSERT OR UPDATE ON top_sales_per_city FOR EACH ROW EXECUTE FUNCTION rules();
    ALTER TABLE top_sales_per_city ENABLE ROW LEVEL SECURITY;
    CREATE POLICY rules ON top_sales_per_city USING (true) WITH CHECK (city <> 'Secured');";

#[test]
fn a_row_that_postgres_refuses_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (from, url, changes) = (topic("sales", 1), database(), unique("changes"));
    let to = format!("kafka://{}/{changes}", service("KAFKA_BROKERS"));
    sales(&from, &["A", "B"]);
    assert!(run(dir.path(), &from, &["--sink", &url, "--sink", &to]).is_empty());
    let role = unique("role");
    sql(&url, RULES);
    sql(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        ),
    );
    let (_, rest) = url.split_once('@').unwrap();
    let as_role = format!("postgres://{role}@{rest}");
    let sinks = ["--sink", &as_role[..], "--sink", &to];
    let run = || run(dir.path(), &from, &sinks);

    sales(
        &from,
        &["Checked", "C", "Raised", "Skipped", "Secured", "D"],
    );
    let letters = run();
    assert_eq!(letters.len(), 4, "{letters:#?}");
    for (city, word) in [
        ("Checked", "violates check constraint"),
        ("Raised", "no such town (P0001)"),
        ("Skipped", "did not write it"),
        ("Secured", "row-level security"),
    ] {
        let told = |l: &&String| l.starts_with(&format!("{city}: ")) && l.contains(word);
        assert_eq!(
            letters.iter().filter(told).count(),
            1,
            "{city}: {letters:#?}"
        );
    }
    assert!(
        letters.iter().all(|l| l.contains("postgres://")),
        "{letters:#?}"
    );
    assert_eq!(cities(&url), set(&["A", "B", "C", "D"]));
    let all = [
        "A", "B", "C", "Checked", "D", "Raised", "Secured", "Skipped",
    ];
    assert_eq!(cities_in(&changes), set(&all));

    // Started again, and again: the row is tried, and has its letter.
    assert_eq!(run(), letters);
    assert_eq!(run(), letters);
    // It comes with another value; and one that was shown is refused now: it is not shown with what it was.
    sql(
        &url,
        "ALTER TABLE top_sales_per_city ADD CHECK (city <> 'A') NOT VALID",
    );
    sales(&from, &["Skipped", "A", "E"]);
    let more = run();
    let of = |city: &str| more.iter().filter(|l| l.starts_with(city)).count();
    assert_eq!(
        (of("Skipped: "), of("A: "), of("E: ")),
        (2, 1, 0),
        "{more:#?}"
    );
    assert_eq!(cities(&url), set(&["B", "C", "D", "E"]));
    assert!(cities_in(&changes).contains("A"));
    // What refuses them is gone: the next start shows them.
    sql(
        &url,
        "ALTER TABLE top_sales_per_city DROP CONSTRAINT top_sales_per_city_city_check",
    );
    run();
    assert!(cities(&url).contains("Checked"));
}

/// Rules that are looked at when a transaction ends.
const DEFERRED: &str = "
    CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.city = 'Late' THEN RAISE EXCEPTION 'no such town'; END IF;
      RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON top_sales_per_city
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();";

#[test]
fn a_row_that_is_refused_when_the_transaction_ends_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (from, url) = (topic("sales", 1), database());
    let run = || run(dir.path(), &from, &["--sink", &url]);
    sales(&from, &["A"]);
    assert!(run().is_empty());
    sql(&url, DEFERRED);
    sales(&from, &["B", "Late", "C"]);
    let letters = run();
    assert_eq!(letters.len(), 1, "{letters:#?}");
    let told = &letters[0];
    assert!(
        told.starts_with("Late: ") && told.contains("no such town (P0001)"),
        "{told}"
    );
    assert_eq!(cities(&url), set(&["A", "B", "C"]));
    assert_eq!(run(), letters);
}

#[test]
fn text_that_the_encoding_lacks_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    let from = topic("sales", 1);
    let (base, name) = (service("POSTGRES_URL"), unique("latin"));
    sql(
        &base,
        &format!(
            "CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ),
    );
    let url = format!("{}/{name}", base.rsplit_once('/').unwrap().0);
    let many: Vec<String> = (0..50).map(|n| format!("city {n}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.extend(["東京", "東京"]);
    sales(&from, &many);
    let letters = run(dir.path(), &from, &["--sink", &url]);
    // By each ranking that has the city in its key.
    assert_eq!(letters.len(), 2, "{letters:#?}");
    assert!(
        letters
            .iter()
            .all(|l| l.starts_with("東京: ") && l.contains("22P05")),
        "{letters:#?}"
    );
    assert!(cities(&url).len() >= 9 && !cities(&url).contains("東京"));
    assert_eq!(run(dir.path(), &from, &["--sink", &url]), letters);
}

/// Text that does not compress.
fn noise(length: usize, mut seed: u64) -> String {
    let next = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + ((seed >> 33) % 26) as u8)
    };
    (0..length).map(next).collect()
}

#[test]
fn a_change_that_is_too_large_costs_itself() {
    for (delivery, largest, long) in [
        ("exactly-once", "1048588", 700_000),
        ("exactly-once", "4000", 6000),
        ("at-least-once", "4000", 6000),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (from, changes) = (topic("sales", 1), topic_of("changes", 1, largest));
        let to = format!("kafka://{}/{changes}", service("KAFKA_BROKERS"));
        let sinks = ["--sink", &to, "--delivery", delivery];
        let long = noise(long, 3);
        let many: Vec<String> = (0..20).map(|n| format!("city {n}")).collect();
        let mut cities: Vec<&str> = many.iter().map(String::as_str).collect();
        cities.insert(7, &long);
        sales(&from, &cities);
        // Refused by each ranking that has the city in its key.
        let dead = dir.path().join("dead");
        let output = standings(&["run", "--queries", "queries", "--until-end"])
            .args([
                "--source",
                &format!("kafka://{}/{from}", service("KAFKA_BROKERS")),
            ])
            .args(["--dead-letter", &format!("file:{}", dead.display())])
            .args(sinks)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{delivery} {largest}: {said}"
        );
        let letters = std::fs::read_to_string(&dead).unwrap();
        let letters: BTreeSet<String> = letters
            .lines()
            .map(|line| {
                let letter: Value = serde_json::from_str(line).unwrap();
                assert_eq!(letter["reason"], "sink_refused");
                let row: Value = serde_json::from_str(letter["record"].as_str().unwrap()).unwrap();
                row["ranking"].as_str().unwrap().to_owned()
            })
            .collect();
        let want = ["top_sales_per_city", "top_salesmen_per_city"].map(str::to_owned);
        assert!(
            letters.iter().eq(want.iter()) || letters.len() == 1,
            "{letters:?}"
        );
        let shown = cities_in(&changes);
        assert!(!shown.contains(&long), "{delivery} {largest}");
        assert!(shown.len() >= 9, "{delivery} {largest}: {shown:?}");
    }
}

/// A producer whose clock is a year ahead says so in its records' timestamps too: its sale is refused, and does not make all
/// that follow late.
#[test]
fn a_clock_that_is_ahead_moves_no_watermark() {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    let dir = tempfile::tempdir().unwrap();
    let (brokers, from) = (service("KAFKA_BROKERS"), unique("sales"));
    let admin: rdkafka::admin::AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .unwrap();
    let new = rdkafka::admin::NewTopic::new(&from, 1, rdkafka::admin::TopicReplication::Fixed(1))
        .set("message.timestamp.after.max.ms", "9223372036854775807");
    block(admin.create_topics([&new], &rdkafka::admin::AdminOptions::new())).unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .unwrap();
    let send = |time: i64, city: &str| {
        let sale =
            serde_json::json!({"event_time": time, "city": city, "salesman_id": "S", "amount": 1});
        let sale = sale.to_string();
        let record: BaseRecord<'_, (), String> = BaseRecord::to(&from)
            .payload(&sale)
            .timestamp(time.max(now));
        producer.send(record).map_err(|(e, _)| e).unwrap();
    };
    send(DAY_ONE, "A");
    send(now + 365 * 86_400_000, "Ahead");
    send(DAY_ONE + 1000, "B");
    producer.flush(Duration::from_secs(10)).unwrap();
    let (late, dead) = (dir.path().join("late"), dir.path().join("dead"));
    let output = standings(&[
        "run",
        "--queries",
        "queries",
        "--until-end",
        "--sink",
        "stdout",
    ])
    .args(["--source", &format!("kafka://{brokers}/{from}")])
    .args(["--late", &format!("file:{}", late.display())])
    .args(["--dead-letter", &format!("file:{}", dead.display())])
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(late).unwrap(), "");
    let dead = std::fs::read_to_string(dead).unwrap();
    assert!(
        dead.contains("\"ahead\"") && dead.lines().count() == 1,
        "{dead}"
    );
}
