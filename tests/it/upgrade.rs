//! A newer version starts on what an older one left, and an older one refuses what is newer.
//!
//! `fixtures/version-N` holds what version N left: a store, a database, two topics (`fixtures/README.md`). Each is put
//! back into real services; the present binary goes on with it while more sales come, and both sinks are held to the
//! reference over all of the input.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
#[cfg(feature = "full")]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

use crate::support::kafka::{block, consume, produce, topic};
#[cfg(any(feature = "full", feature = "fixture"))]
use crate::support::left::copy;
use crate::support::left::{Left, dump, fixtures, records, tell_progress};
use crate::support::postgres::{connect, database, rows_of};
use crate::support::{
    self, Dice, HOUR, Rows, Running, fold, newest_snapshot, reference, sales, service, standings,
    until,
};

/// Whether a start takes over what an older version did not know, and says so. SWITCH ON with the identity of commits.
const ADOPTS_IDENTITY: bool = true;
/// Whether a manifest of a newer format ends the start. SWITCH ON with the formats of manifests.
const REFUSES_NEWER_MANIFESTS: bool = true;
/// Whether a progress record of a newer format ends the start. SWITCH ON with `format` in the progress record.
const REFUSES_NEWER_PROGRESS: bool = true;

const WAIT: Duration = Duration::from_secs(60);

/// A run whose log is kept.
struct Run {
    child: Running,
    log: PathBuf,
}

impl Run {
    fn start(program: &Path, flags: &[String], more: &[&str], folder: &Path) -> Self {
        let log = folder.join("log");
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(program)
            .arg("run")
            .args(flags)
            .args(more)
            .env("STANDINGS_LOG", "info")
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::from(file))
            .spawn();
        let child = Running(child.unwrap());
        Run { child, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn kill(mut self) -> String {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        self.log()
    }
}

/// The binary under test.
fn present() -> PathBuf {
    standings(&[]).get_program().into()
}

/// A binary of an older version, if one is named.
#[cfg(any(feature = "full", feature = "fixture"))]
fn older() -> Option<PathBuf> {
    std::env::var_os("STANDINGS_TEST_OLDER_BINARY").map(PathBuf::from)
}

fn folded(changes: &str) -> Rows {
    fold(consume(changes).iter().map(String::as_str)).0
}

/// Waits until both sinks show this.
fn shown(postgres: &str, changes: &str, want: &Rows, what: &str) {
    until("the tables are made", WAIT, || {
        let sql = "SELECT to_regclass('standings_commit') IS NOT NULL";
        block(async {
            connect(postgres)
                .await
                .query_one(sql, &[])
                .await
                .unwrap()
                .get(0)
        })
    });
    let limit = Instant::now() + WAIT;
    loop {
        let (tables, topic) = (rows_of(postgres), folded(changes));
        if tables == *want && topic == *want {
            return;
        }
        let differ = |found: &Rows| {
            let wrong = want.iter().filter(|(k, v)| found.get(*k) != Some(v));
            let more = found.keys().filter(|k| !want.contains_key(*k));
            (wrong.count(), more.count())
        };
        assert!(
            Instant::now() < limit,
            "{what}: of {} rows (missing or wrong, too many): tables {:?}, topic {:?}",
            want.len(),
            differ(&tables),
            differ(&topic)
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_every_version_left_is_gone_on_with() {
    let all = fixtures();
    assert!(!all.is_empty());
    for fixture in all {
        let mut left = Left::restored(&fixture);
        let what = fixture.file_name().unwrap().to_string_lossy().into_owned();
        let generation = left.generation();
        let before = left.input.clone();
        let run = Run::start(
            &present(),
            &left.flags(),
            &["-w", "2", "--snapshot-interval", "100ms"],
            left.folder.path(),
        );
        // More sales come from the beginning on: while it loads, while it catches up, and after.
        let mut dice = Dice::new(118);
        let from = before.iter().flatten().filter_map(|l| support::time_of(l));
        let mut from = from.max().unwrap();
        for _ in 0..20 {
            let more: Vec<_> = before
                .iter()
                .map(|_| sales(&mut dice, 10, from, 600_000))
                .collect();
            from += 10 * 300_000;
            produce(&left.source, &more);
            for (all, more) in left.input.iter_mut().zip(more) {
                all.extend(more);
            }
            std::thread::sleep(Duration::from_millis(60));
        }
        let want = reference(&left.input, 60_000, HOUR).rows;
        shown(&left.postgres, &left.changes, &want, &what);
        let log = run.kill();
        assert!(log.contains("\"snapshot_loaded\""), "{what}: {log}");
        assert!(!log.contains("snapshot_unusable"), "{what}: {log}");
        assert_eq!(left.generation(), generation + 1, "{what}");
        // What version 2 and later say of themselves is known.
        if ADOPTS_IDENTITY && what == "version-1" {
            assert!(log.contains("\"identity_adopted\""), "{what}: {log}");
        }
        // What is taken over is taken over once.
        let run = Run::start(&present(), &left.flags(), &[], left.folder.path());
        until("a second start", WAIT, || {
            run.log().contains("sink_caught_up")
        });
        assert!(!run.kill().contains("identity_adopted"), "{what}");
    }
}

/// Starts on what is restored, and holds that it ends with 2, says these words, and wrote nothing.
fn refused(left: &Left, words: &[&str]) {
    let (generation, topic) = (left.generation(), records(&left.changes));
    let flags = left.flags();
    let mut run = Run::start(&present(), &flags, &["--until-end"], left.folder.path());
    let mut status = None;
    until("the start ends", WAIT, || {
        status = run.child.0.try_wait().unwrap();
        status.is_some()
    });
    let log = run.log();
    assert_eq!(status.and_then(|s| s.code()), Some(2), "{log}");
    for word in words {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert_eq!(
        left.generation(),
        generation,
        "nothing was taken over: {log}"
    );
    assert_eq!(records(&left.changes), topic, "{log}");
}

/// A command; its exit code, what it said on standard output, and all that it said.
fn say(args: &[&str]) -> (Option<i32>, String, String) {
    let out = standings(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, errors) = (text(&out.stdout), text(&out.stderr));
    (out.status.code(), said.clone(), said + &errors)
}

fn execute(url: &str, sql: &str) {
    block(async { connect(url).await.batch_execute(sql).await.unwrap() });
}

/// The fixture's database, as a still older version would have left it.
fn older_database() -> String {
    let url = database();
    let sql = std::fs::read_to_string(fixtures()[0].join("postgres.sql")).unwrap();
    execute(&url, &sql);
    execute(
        &url,
        "ALTER TABLE standings_commit DROP COLUMN begins; DROP TABLE standings_runs; DROP VIEW top_salesmen_daily",
    );
    url
}

/// Compares two dumps, and shows the first line that differs.
fn same(found: &str, want: &str, what: &str) {
    let lines = found.lines().zip(want.lines());
    let differs = lines.into_iter().find(|(a, b)| a != b);
    assert!(found == want, "{what}: {differs:?}");
}

/// What `upgrade` prints, without the line that says whether it was done.
fn steps(said: &str) -> String {
    let (_, steps) = said.split_once('\n').unwrap();
    steps.to_owned()
}

#[test]
fn what_upgrade_prints_is_what_it_does() {
    let left = Left::restored(&fixtures()[0]);
    let (url, by_hand) = (older_database(), older_database());
    let source = format!("kafka://{}/{}", service("KAFKA_BROKERS"), left.source);
    let start = |sink: &str| {
        let args = [
            "run",
            "--queries",
            "queries",
            "--source",
            &source,
            "--sink",
            sink,
        ];
        say(&[&args[..], &["--until-end", "--runs-interval", "0s"]].concat())
    };
    // No start alters a table.
    let before = dump(&url);
    let (code, _, text) = start(&url);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("standings_commit") && text.contains("standings upgrade"),
        "{text}"
    );
    same(&dump(&url), &before, "nothing was written");
    // Who only looks takes it as it is.
    let args = [
        "verify",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &url,
        "--all",
    ];
    assert_eq!(say(&args).0, Some(0));

    let upgrade = ["upgrade", "--queries", "queries", "--sink"];
    let (code, plan, text) = say(&[&upgrade[..], &[&url, "--dry-run"]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(
        plan.contains("ALTER TABLE \"public\".\"standings_commit\" ADD COLUMN begins"),
        "{plan}"
    );
    assert!(
        plan.contains("CREATE VIEW \"public\".\"top_salesmen_daily\""),
        "{plan}"
    );
    assert!(plan.contains("standings_runs"), "{plan}");
    same(&dump(&url), &before, "a dry run does nothing");
    let (code, done, text) = say(&[&upgrade[..], &[&url]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(steps(&done), steps(&plan));
    execute(&by_hand, &plan);
    same(
        &dump(&by_hand),
        &dump(&url),
        "what was printed, run by hand",
    );
    let (_, again, _) = say(&[&upgrade[..], &[&url]].concat());
    assert!(
        again.contains("nothing to do") && again.lines().count() == 1,
        "{again}"
    );

    let (code, _, text) = start(&url);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(rows_of(&url), reference(&left.input, 60_000, HOUR).rows);

    let topic = format!("kafka://{}/{}", service("KAFKA_BROKERS"), left.changes);
    let (code, said, _) = say(&["upgrade", "--sink", &topic]);
    assert_eq!(code, Some(0));
    assert!(said.contains("nothing to do"), "{said}");
}

#[test]
fn rights_on_rows_are_enough_for_a_run() {
    let role = support::kafka::unique("writer");
    let mut dice = Dice::new(21);
    let source = topic("rights", 1);
    let mut parts = vec![sales(&mut dice, 200, 1_769_130_000_000, 600_000)];
    produce(&source, &parts);
    let source_url = format!("kafka://{}/{source}", service("KAFKA_BROKERS"));
    for is_older in [false, true] {
        let owner = if is_older {
            older_database()
        } else {
            database()
        };
        let (_, address) = owner.split_once('@').unwrap();
        let writer = format!("postgres://{role}@{address}");
        if !is_older {
            execute(&owner, &format!("CREATE ROLE {role} LOGIN"));
        }
        execute(
            &owner,
            &format!(
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {role};
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
            ),
        );
        let run = |more: &[&str]| {
            let args = [
                "run",
                "--queries",
                "queries",
                "--source",
                &source_url,
                "--sink",
                &writer,
            ];
            say(&[&args[..], &["--until-end"], more].concat())
        };
        let (code, _, text) = run(&[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("standings upgrade"), "{text}");
        // The role itself cannot do it either, and does nothing by halves.
        let before = dump(&owner);
        let upgrade = ["upgrade", "--queries", "queries", "--sink"];
        let (code, _, text) = say(&[&upgrade[..], &[&writer]].concat());
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("42501"), "{text}");
        same(&dump(&owner), &before, "all or nothing");
        let (code, _, text) = say(&[&upgrade[..], &[&owner, "--grant", &role]].concat());
        assert_eq!(code, Some(0), "{text}");
        if is_older {
            // Its rows are of another topic.
            execute(
                &owner,
                "UPDATE standings_commit SET offsets = '{}', watermark = NULL; DELETE FROM top_salesmen;
                 DELETE FROM top_sales_per_city; DELETE FROM top_salesmen_per_city",
            );
        }
        for _ in 0..2 {
            let (code, _, text) = run(&[]);
            assert_eq!(code, Some(0), "{text}");
            assert!(!text.contains("run_not_recorded"), "{text}");
            assert_eq!(rows_of(&owner), reference(&parts, 60_000, HOUR).rows);
            let from = parts[0].iter().filter_map(|l| support::time_of(l)).max();
            let more = sales(&mut dice, 50, from.unwrap(), 600_000);
            produce(&source, std::slice::from_ref(&more));
            parts[0].extend(more);
        }
    }
}

#[test]
fn a_newer_manifest_ends_the_start() {
    if !REFUSES_NEWER_MANIFESTS {
        return;
    }
    let left = Left::restored(&fixtures()[0]);
    let manifests = left.folder.path().join("state/manifests");
    let newest = newest_snapshot(&left.folder.path().join("state"));
    let text = std::fs::read_to_string(manifests.join(format!("{newest:010}.json"))).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    json["format"] = 99.into();
    json["id"] = (newest + 1).into();
    let json = json.to_string();
    let sum = xxhash_rust::xxh3::xxh3_64(json.as_bytes());
    let name = format!("{:010}.json", newest + 1);
    std::fs::write(manifests.join(&name), format!("{json}\n{sum:016x}\n")).unwrap();
    refused(&left, &[&name, "format 99"]);
}

#[test]
fn a_newer_progress_record_ends_the_start() {
    if !REFUSES_NEWER_PROGRESS {
        return;
    }
    let left = Left::restored(&fixtures()[0]);
    let progress = format!("{}-progress", left.changes);
    let last: serde_json::Value = serde_json::from_str(records(&progress).last().unwrap()).unwrap();
    let mut value: serde_json::Value =
        serde_json::from_str(last["value"].as_str().unwrap()).unwrap();
    value["format"] = 99.into();
    value["commit"] = (value["commit"].as_u64().unwrap() + 1).into();
    let before = records(&progress).len();
    tell_progress(&progress, &value.to_string());
    assert_eq!(records(&progress).len(), before + 1);
    refused(&left, &[&progress, "format 99"]);
}

/// A run in a folder that has its queries, and will have its store.
#[cfg(any(feature = "full", feature = "fixture"))]
fn flags(source: &str, postgres: &str, changes: &str) -> Vec<String> {
    let brokers = service("KAFKA_BROKERS");
    let flags = [
        ["--queries", "queries"],
        ["--source", &format!("kafka://{brokers}/{source}")],
        ["--sink", postgres],
        ["--sink", &format!("kafka://{brokers}/{changes}")],
        ["--state", "file:state"],
    ];
    flags.concat().into_iter().map(str::to_owned).collect()
}

/// It costs another build, of the revision in `fixtures/older`: `deploy/test --full` makes it.
#[cfg(feature = "full")]
#[test]
fn from_an_older_binary_to_this_one_under_load() {
    let older = older().expect("STANDINGS_TEST_OLDER_BINARY: deploy/test --full makes one");
    let seed = std::env::var("STANDINGS_TEST_SEED").map_or(18, |s| s.parse().unwrap());
    let mut dice = Dice::new(seed);
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new("queries"), &dir.path().join("queries"));
    let (source, changes, postgres) = (topic("load", 3), topic("load_changes", 1), database());
    let mut flags = flags(&source, &postgres, &changes);
    let often = ["--snapshot-interval", "150ms", "--commit-interval", "1ms"];
    flags.extend(often.map(str::to_owned));
    let parts: Vec<_> = (0..3)
        .map(|_| sales(&mut dice, 6000, 1_769_130_000_000, 40_000))
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let producer = {
        let (parts, source, is_over) = (parts.clone(), source.clone(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let steps = 200;
            for step in 0..steps {
                let of = |p: &Vec<String>| {
                    p[p.len() * step / steps..p.len() * (step + 1) / steps].to_vec()
                };
                produce(&source, &parts.iter().map(of).collect::<Vec<_>>());
                std::thread::sleep(Duration::from_millis(60));
            }
            is_over.store(true, Ordering::Relaxed);
        })
    };
    let this = present();
    let (mut went_on, mut kills) = (0, 0);
    // The older one a few times, until it has a snapshot; then the newer one, to the end of the load.
    for program in [&older, &this] {
        // Each in its own words: `NOT NULL` is said since there is NULL in a key.
        let words = match program == &older {
            true => fixtures()[0].join("queries/sales.sql"),
            false => "queries/sales.sql".into(),
        };
        std::fs::copy(words, dir.path().join("queries/sales.sql")).unwrap();
        for _ in 0..5 {
            let workers = ["1", "2", "4"][dice.roll(3) as usize];
            let run = Run::start(program, &flags, &["-w", workers], dir.path());
            std::thread::sleep(Duration::from_millis(800 + dice.roll(1200)));
            went_on += usize::from(*program == this && run.log().contains("\"snapshot_loaded\""));
            kills += usize::from(!is_over.load(Ordering::Relaxed));
            let log = run.kill();
            assert!(!log.contains("\"ERROR\""), "seed {seed}: {log}");
        }
        let has_snapshot = newest_snapshot(&dir.path().join("state")) > 0;
        assert!(has_snapshot, "seed {seed}: none was kept under load");
    }
    producer.join().unwrap();
    let mut run = Run::start(&this, &flags, &["--until-end"], dir.path());
    support::wait(&mut run.child.0, WAIT, &["the last run"]);
    let want = reference(&parts, 60_000, HOUR).rows;
    shown(&postgres, &changes, &want, &format!("seed {seed}"));
    assert!(went_on > 0, "seed {seed}: the newer one loaded no snapshot");
    assert!(kills > 5, "seed {seed}: {kills} kills while sales came");
}

/// Makes a fixture anew, with the binary of the version that it is of: `fixtures/README.md`.
#[cfg(feature = "fixture")]
#[test]
fn make_a_fixture() {
    let program = older().unwrap_or_else(present);
    let into = std::env::var("STANDINGS_TEST_FIXTURE").expect("STANDINGS_TEST_FIXTURE: version-N");
    let into = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(into);
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new("queries"), &dir.path().join("queries"));
    let mut dice = Dice::new(1);
    let parts: Vec<Vec<String>> = (0..2).map(|_| small_input(&mut dice)).collect();
    let (source, changes, postgres) = (topic("sales", 2), topic("changes", 1), database());
    let flags = flags(&source, &postgres, &changes);
    // First what the snapshot stands for, then more, so that the sinks are ahead of it.
    let first: Vec<_> = parts.iter().map(|p| p[..p.len() / 2].to_vec()).collect();
    let rest: Vec<_> = parts.iter().map(|p| p[p.len() / 2..].to_vec()).collect();
    produce(&source, &first);
    let run = Run::start(
        &program,
        &flags,
        &["--snapshot-interval", "100ms"],
        dir.path(),
    );
    let want = reference(&first, 60_000, HOUR).rows;
    shown(&postgres, &changes, &want, "the first half");
    until("a snapshot of it", WAIT, || {
        newest_snapshot(&dir.path().join("state")) > 0
    });
    std::thread::sleep(Duration::from_secs(1));
    run.kill();
    let run = Run::start(&program, &flags, &["--snapshot-interval", "1h"], dir.path());
    for step in rest[0].chunks(12).zip(rest[1].chunks(12)) {
        produce(&source, &[step.0.to_vec(), step.1.to_vec()]);
        std::thread::sleep(Duration::from_millis(500));
    }
    let want = reference(&parts, 60_000, HOUR).rows;
    shown(&postgres, &changes, &want, "all of it");
    std::thread::sleep(Duration::from_secs(1));
    run.kill();

    let _ = std::fs::remove_dir_all(&into);
    std::fs::create_dir_all(into.join("input")).unwrap();
    for (p, lines) in parts.iter().enumerate() {
        let path = into.join(format!("input/{p}.ndjson"));
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    copy(&dir.path().join("queries"), &into.join("queries"));
    copy(&dir.path().join("state"), &into.join("state"));
    for (name, topic) in [
        ("changes", &changes),
        ("progress", &format!("{changes}-progress")),
    ] {
        let text = records(topic).join("\n") + "\n";
        std::fs::write(into.join(format!("{name}.ndjson")), text).unwrap();
    }
    std::fs::write(into.join("postgres.sql"), dump(&postgres)).unwrap();
    // It can be put back.
    let left = Left::restored(&into);
    assert_eq!(rows_of(&left.postgres), want);
}

/// Two days and a morning, with two keys that tie and one whose sales cancel, beside what `sales` has of its own:
/// refunds, late ones, duplicates, records that are no sales.
#[cfg(feature = "fixture")]
fn small_input(dice: &mut Dice) -> Vec<String> {
    let midnight = 1_769_126_400_000;
    let sale = |hour: i64, city: &str, amount: &str| {
        let at = midnight + hour * HOUR;
        format!(
            r#"{{"event_time":{at},"city":"{city}","salesman_id":"{city}-1","amount":{amount}}}"#
        )
    };
    let mut lines = vec![
        sale(1, "Tie-a", "20.00"),
        sale(1, "Tie-b", "20.00"),
        sale(2, "Gone", "12.50"),
        sale(2, "Gone", "-12.50"),
    ];
    lines.extend(sales(dice, 60, midnight + 2 * HOUR, 2 * 50 * 60_000));
    lines
}
