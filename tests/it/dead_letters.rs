//! `standings dead-letter`: listed and shown as they are, and brought back once, mended, into a file and into a topic.

use std::path::Path;
use std::time::Duration;

use crate::support::{self, fold, run, standings};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

const GOOD: &str = r#"{"event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","amount":1}"#;
/// A comma too many, which an edit mends.
const COMMA: &str =
    r#"{"event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","amount":2,}"#;
/// Refused by a check, until the check is another.
const LARGE: &str =
    r#"{"event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","amount":99}"#;
const HOPELESS: &str = "not json";

/// Sales in two files, run with a check, their dead letters in `to`.
fn dead_letters(dir: &Path, to: &str) -> String {
    let at = |name: &str| dir.join(name).display().to_string();
    let check = "[small]\ncolumn = \"amount\"\nmax = 50\naction = \"dead-letter\"\n";
    let queries = support::queries_with(dir, check);
    std::fs::write(at("0.ndjson"), format!("{GOOD}\n{COMMA}\n{HOPELESS}\n")).unwrap();
    let bytes = [LARGE.as_bytes(), b"\n\xff\xfe\n"].concat();
    std::fs::write(at("1.ndjson"), bytes).unwrap();
    let (one, two) = (
        format!("file:{}", at("0.ndjson")),
        format!("file:{}", at("1.ndjson")),
    );
    run(&[
        "run",
        "--queries",
        &queries,
        "--source",
        &one,
        "--source",
        &two,
        "--sink",
        &format!("file:{}", at("changes")),
        "--dead-letter",
        to,
        "--until-end",
    ]);
    queries
}

/// Exit code and everything said.
fn say(args: &[&str]) -> (Option<i32>, String) {
    let output = standings(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code(),
        text + &String::from_utf8_lossy(&output.stderr),
    )
}

/// `dead-letter replay` into `to`, with these queries.
fn replay(
    from: &str,
    to: &str,
    queries: &str,
    progress: &str,
    more: &[&str],
) -> (Option<i32>, String) {
    let args = ["dead-letter", "replay", "--from", from, "--to", to];
    let known = ["--queries", queries, "--progress", progress];
    say(&[&args[..], &known, more].concat())
}

/// The place of the one letter whose line contains this.
fn place(list: &str, part: &str) -> String {
    let mut lines = list.lines().filter(|l| l.contains(part));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {part} in\n{list}"));
    assert!(lines.next().is_none(), "two of {part} in\n{list}");
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn letters_in_a_file_are_listed_shown_and_replayed_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let dead = format!("file:{}", at("dead"));
    let queries = dead_letters(dir.path(), &dead);

    let (_, list) = say(&["dead-letter", "list", &dead]);
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(
        list.lines()
            .any(|l| l.contains(" check ") && l.contains(" small ") && l.contains("1:0")),
        "{list}"
    );
    let count = |more: &[&str]| {
        let (code, list) = say(&[&["dead-letter", "list", &dead], more].concat());
        assert_eq!(code, Some(0), "{list}");
        list.lines().count()
    };
    assert_eq!(count(&["--check", "small"]), 1);
    assert_eq!(count(&["--reason", "check"]), 1);
    assert_eq!(count(&["--partition", "0"]), 2);
    assert_eq!(count(&["--partition", "1", "--reason", "check"]), 1);
    assert_eq!(
        say(&["dead-letter", "list", &dead, "--since", "1h"]).0,
        Some(2),
        "lines have no time"
    );

    let (_, shown) = say(&["dead-letter", "show", &dead, &place(&list, " small ")]);
    for part in [
        "check      small",
        "partition 1, offset 0",
        LARGE,
        "as a sale",
        "amount         \"99.00\"",
    ] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
    let (_, shown) = say(&["dead-letter", "show", &dead, &place(&list, " 1:1 ")]);
    assert!(
        shown.contains("00000000  ff fe") && shown.contains("no sale"),
        "{shown}"
    );
    assert_eq!(say(&["dead-letter", "show", &dead, "99"]).0, Some(1));

    let (to, progress) = (format!("file:{}", at("mended.ndjson")), at("progress"));
    let replay = |more: &[&str]| replay(&dead, &to, &queries, &progress, more);
    let mend = ["--map", "s/,}/}/"];
    let (code, said) = replay(&[&mend[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("1 would be sent, 0 had been sent before, 3 would be refused again"),
        "{said}"
    );
    assert!(
        said.contains("check small: amount is 99.00, and must be at most 50.00"),
        "{said}"
    );
    assert!(
        !Path::new(&at("mended.ndjson")).exists() && !Path::new(&progress).exists(),
        "a dry run"
    );

    let (_, said) = replay(&mend);
    assert!(
        said.contains("1 sent, 0 had been sent before, 3 would be refused again"),
        "{said}"
    );
    let (_, said) = replay(&mend);
    assert!(
        said.contains("0 sent, 1 had been sent before, 3 would be refused again"),
        "{said}"
    );
    // The check was too strict.
    std::fs::remove_file(Path::new(&queries).join("sales.checks.toml")).unwrap();
    let (code, said) = replay(&["--check", "small"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("1 sent, 0 had been sent before, 0 would be refused again"),
        "{said}"
    );
    let mended = std::fs::read_to_string(at("mended.ndjson")).unwrap();
    assert_eq!(mended, format!("{}\n{LARGE}\n", COMMA.replace(",}", "}")));

    // And the sales count: one was there, two came back.
    let (first, sink) = (
        format!("file:{}", at("0.ndjson")),
        format!("file:{}", at("again")),
    );
    run(&[
        "run",
        "--queries",
        &queries,
        "--source",
        &first,
        "--source",
        &to,
        "--sink",
        &sink,
        "--until-end",
    ]);
    let changes = std::fs::read_to_string(at("again")).unwrap();
    let rows = fold(changes.lines()).0;
    let city = rows
        .iter()
        .find(|(at, _)| at.0 == "top_sales_per_city")
        .unwrap();
    assert_eq!(city.1.1[..2], ["102.00".into(), serde_json::Value::from(3)]);
}

#[test]
fn edited_letters_are_replayed_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let dead = format!("file:{}", at("dead"));
    let queries = dead_letters(dir.path(), &dead);
    let (_, letters) = say(&["dead-letter", "list", &dead, "--json", "--check", "small"]);
    std::fs::write(at("edited"), letters.replace("99}", "9}")).unwrap();
    let (from, to) = (
        format!("file:{}", at("edited")),
        format!("file:{}", at("mended")),
    );
    let (code, said) = replay(&from, &to, &queries, &at("progress"), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        std::fs::read_to_string(at("mended")).unwrap(),
        format!("{}\n", LARGE.replace("99", "9"))
    );
}

#[test]
fn letters_in_a_topic_come_back_into_the_partition_they_were_of() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let file = format!("file:{}", at("dead"));
    let queries = dead_letters(dir.path(), &file);
    let cluster = MockCluster::new(1).unwrap();
    let brokers = cluster.bootstrap_servers();
    cluster.create_topic("dead", 1, 1).unwrap();
    cluster.create_topic("sales", 2, 1).unwrap();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()
        .unwrap();
    for line in std::fs::read_to_string(at("dead")).unwrap().lines() {
        let record: BaseRecord<'_, (), str> = BaseRecord::to("dead").payload(line);
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();

    let dead = format!("kafka://{brokers}/dead");
    let (code, list) = say(&["dead-letter", "list", &dead, "--since", "1h"]);
    assert_eq!((code, list.lines().count()), (Some(0), 4), "{list}");
    let found = place(&list, " small ");
    assert!(found.starts_with("0:"), "{list}");
    let (_, shown) = say(&["dead-letter", "show", &dead, &found]);
    assert!(shown.contains(LARGE), "{shown}");

    let to = format!("kafka://{brokers}/sales");
    for expected in ["1 sent, 0 had", "0 sent, 1 had"] {
        let mend = ["--check", "small", "--map", "s/99/9/"];
        let (code, said) = replay(&dead, &to, &queries, &at("progress"), &mend);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "test")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..2 {
        list.add_partition_offset("sales", partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let message = consumer
        .poll(Duration::from_secs(20))
        .expect("a sale")
        .unwrap();
    assert_eq!(message.partition(), 1);
    assert_eq!(
        message.payload().unwrap(),
        LARGE.replace("99", "9").as_bytes()
    );
    assert!(
        consumer.poll(Duration::from_secs(1)).is_none(),
        "sent twice"
    );
}

/// A letter whose words would clear the screen, forge a line, reorder and hide letters: shown as their numbers to a person,
/// byte for byte to a machine. So are the words of a query that is refused.
#[test]
fn a_terminal_is_not_fooled() {
    let dir = tempfile::tempdir().unwrap();
    let hostile =
        "\u{1b}]0;OWNED\u{7}\u{1b}[2J\u{9b}31m\u{202e}abc\u{200b}\n7  malformed  forged\r";
    let letter = serde_json::json!({"reason": format!("malformed{hostile}"), "check": hostile, "detail": hostile,
        "partition": 0, "offset": 1, "record": format!("{{{hostile}")});
    // As some writer may: what JSON does not need escaped, raw.
    let line = letter.to_string();
    assert!(line.contains('\u{202e}'));
    let file = dir.path().join("dead");
    std::fs::write(&file, format!("{line}\n")).unwrap();
    let from = format!("file:{}", file.display());
    std::fs::create_dir(dir.path().join("q")).unwrap();
    let query = dir.path().join("q");
    std::fs::write(query.join("a.sql"), format!("SELECT {hostile} FROM x")).unwrap();
    let query = query.display().to_string();
    for (args, lines) in [
        (&["dead-letter", "list", &from][..], Some(1)),
        (&["dead-letter", "show", &from, "1"], None),
        (&["check", "--queries", &query], None),
    ] {
        let output = standings(args).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains("OWNED"), "{args:?}: {text:?}");
        for raw in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}", "\u{200b}", "\r"] {
            assert!(!text.contains(raw), "{args:?}: {raw:?} in {text:?}");
        }
        assert!(
            lines.is_none_or(|n| text.lines().count() == n),
            "{args:?}: {text:?}"
        );
    }
    let exact = standings(&["dead-letter", "list", &from, "--json"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(exact.stdout).unwrap(),
        format!("{line}\n")
    );
}

/// A run makes the topic with its first letter: before that there is none, which is no failure; and who has misspelt the name is told.
#[test]
fn a_topic_that_no_run_has_made_yet_has_no_letters() {
    let brokers = support::service("KAFKA_BROKERS");
    let url = format!("kafka://{brokers}/none-{}", std::process::id());
    let (code, said) = say(&["dead-letter", "list", &url]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("no dead letters: there is no such topic"),
        "{said}"
    );
    let (code, said) = say(&["dead-letter", "show", &url, "0:0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("there is no dead letter at 0:0"), "{said}");
}
