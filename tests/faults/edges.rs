//! What is no crash: topics, tables and snapshots that become others than they were, a database that refuses for a while,
//! connections that go silent. After each the run is right, or it has ended and said why, and what it says to do heals it.

use std::time::{Duration, Instant};

use crate::Found;
use crate::bed::{Bed, Cluster, signal, wait};
use crate::cases::{LIMIT, again_and_again, begin, some_time};
use crate::support::postgres::rows_of;
use crate::support::{newest_snapshot, until};

/// The tables that a database put back has as they were.
const TABLES: [&str; 6] = [
    "standings_commit",
    "standings_identity",
    "standings_rankings",
    "top_sales_per_city",
    "top_salesmen",
    "top_salesmen_per_city",
];

/// The supervisor ends with this code, and the log says so from `before` on.
fn ends(bed: &Bed, cluster: &mut Cluster, before: usize, code: i32, says: &str) {
    let ended = wait(&mut cluster.0, LIMIT);
    let log = bed.read_log("cluster");
    let said = log.get(before..).unwrap_or_default();
    assert_eq!(ended, Some(code), "I7: an end within {LIMIT:?}: {said}");
    assert!(said.contains(says), "`{says}` is said: {said}");
}

/// Starts with `--forget source`, as the message says, and waits for the first commit.
fn forgets(bed: &mut Bed) -> Cluster {
    let mut run = bed.run(&bed.state());
    run.extend(["--forget".to_owned(), "source".to_owned()]);
    bed.send(40);
    bed.look_again();
    let cluster = bed.cluster_with(1, 2, &run);
    bed.recover(LIMIT);
    cluster
}

/// The topic is deleted, and another of its name made, while the cluster runs.
pub fn topic_anew_running(bed: &mut Bed, _: bool) -> Found {
    let mut cluster = begin(bed, 1, 2);
    some_time(bed, 300, 300);
    bed.settle();
    let before = bed.read_log("cluster").len();
    bed.topic_anew();
    bed.send(40);
    // The process ends, and the next one at its start.
    ends(bed, &mut cluster, before, 2, "another one of its name");
    after_forgetting(bed)
}

/// The same while nothing runs: the new topic holds more than was read of the old one.
pub fn topic_anew_stopped(bed: &mut Bed, _: bool) -> Found {
    let mut cluster = begin(bed, 1, 1);
    some_time(bed, 300, 300);
    bed.settle();
    cluster.kill();
    bed.topic_anew();
    bed.send(150);
    let before = bed.read_log("cluster").len();
    let mut cluster = bed.cluster(1, 1);
    ends(bed, &mut cluster, before, 2, "is of another input");
    after_forgetting(bed)
}

fn after_forgetting(bed: &mut Bed) -> Found {
    let began = Instant::now();
    let cluster = forgets(bed);
    Found {
        faults: 1,
        recoveries: vec![began.elapsed()],
        note: "ended and said so; --forget source".to_owned(),
        cluster: Some(cluster),
    }
}

fn save_tables(bed: &Bed) {
    let save = TABLES.map(|t| format!("CREATE TABLE saved_{t} AS TABLE {t};"));
    bed.sql(&format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; {} COMMIT",
        save.concat()
    ));
}

fn put_tables_back(bed: &Bed) {
    let back = TABLES.map(|t| format!("DELETE FROM {t}; INSERT INTO {t} SELECT * FROM saved_{t};"));
    let gone = TABLES.map(|t| format!("DROP TABLE saved_{t};"));
    bed.sql(&format!(
        "BEGIN; {} {} COMMIT",
        back.concat(),
        gone.concat()
    ));
}

/// The database is put back to a commit of before, while the cluster runs and while it does not.
pub fn database_put_back(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let mut cluster = begin(bed, 1, 2);
    for _ in 0..if long { 10 } else { 1 } {
        save_tables(bed);
        some_time(bed, 400, 400);
        bed.proxy.cut();
        bed.look_away();
        put_tables_back(bed);
        bed.proxy.heal();
        bed.look_again();
        found.recoveries.push(bed.recover(LIMIT));
        save_tables(bed);
        some_time(bed, 400, 400);
        cluster.kill();
        bed.look_away();
        put_tables_back(bed);
        bed.look_again();
        let began = Instant::now();
        cluster = bed.cluster(1, 1);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
        found.faults += 2;
    }
    let fell = bed.read_log("cluster").matches("sink_fell_behind").count();
    found.note = format!("noticed while it ran: {fell} of {}", found.faults / 2);
    assert_eq!(fell as u64, found.faults / 2);
    found.cluster = Some(cluster);
    found
}

/// What the database says of itself is gone, and then one of its tables.
pub fn tables_gone(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let cluster = begin(bed, 1, 2);
    for _ in 0..if long { 10 } else { 1 } {
        for (gone, says) in [
            ("TRUNCATE standings_commit", "has no row any more"),
            ("DROP TABLE top_salesmen CASCADE", "sink_tables_missing"),
        ] {
            some_time(bed, 100, 300);
            let before = bed.read_log("cluster").len();
            bed.look_away();
            bed.sql(gone);
            let began = Instant::now();
            until(says, LIMIT, || {
                bed.send(2);
                bed.read_log("cluster")[before..].contains(says)
            });
            bed.look_again();
            bed.recover(LIMIT);
            found.recoveries.push(began.elapsed());
            found.faults += 1;
        }
    }
    found.note = "ended, said so, and started anew".to_owned();
    found.cluster = Some(cluster);
    found
}

/// The folder of snapshots is put back to what it was some snapshots before.
pub fn store_put_back(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let (state, saved) = (bed.state(), bed.folder.path().join("saved"));
    let mut cluster = begin(bed, 1, 2);
    for round in 0..if long { 20 } else { 1 } {
        let newer = |bed: &mut Bed| {
            let before = newest_snapshot(&state);
            until("snapshots", LIMIT, || {
                bed.send(3);
                newest_snapshot(&state) >= before + 2
            });
        };
        newer(bed);
        cluster.kill();
        let _ = std::fs::remove_dir_all(&saved);
        copy(&state, &saved);
        cluster = bed.cluster(1, 1);
        bed.recover(LIMIT);
        newer(bed);
        cluster.kill();
        std::fs::remove_dir_all(&state).unwrap();
        copy(&saved, &state);
        let began = Instant::now();
        cluster = bed.cluster(1, 1 + round % 2);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
        found.faults += 1;
    }
    found.cluster = Some(cluster);
    found
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name())
        };
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// Ends what is connected to the database: a setting of the database counts from the next connection on.
fn disconnect(bed: &Bed) {
    bed.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'standings'",
    );
}

/// A setting of the database for a while, which connections that are there get too.
fn set_for(bed: &mut Bed, setting: &str, meanwhile: impl FnOnce(&mut Bed)) {
    let name = bed.database().rsplit('/').next().unwrap().to_owned();
    bed.server_sql(&format!("ALTER DATABASE {name} SET {setting}"));
    disconnect(bed);
    meanwhile(bed);
    let (setting, _) = setting.split_once('=').unwrap();
    bed.server_sql(&format!("ALTER DATABASE {name} RESET {setting}"));
    disconnect(bed);
}

/// What is waited for ends no process.
fn nobody_ended(bed: &Bed, found: Found) -> Found {
    let log = bed.read_log("cluster");
    assert!(!log.contains("cluster_restart"), "I7: it is waited: {log}");
    found
}

/// The database takes no writes for a while, as in a failover.
pub fn database_read_only(bed: &mut Bed, long: bool) -> Found {
    let found = again_and_again(bed, 1, if long { 10 } else { 1 }, |bed, _| {
        set_for(bed, "default_transaction_read_only = on", |bed| {
            some_time(bed, 1000, 500);
        });
    });
    nobody_ended(bed, found)
}

/// A statement_timeout that is shorter than somebody holds a table.
pub fn statement_timeout(bed: &mut Bed, long: bool) -> Found {
    let found = again_and_again(bed, 1, if long { 10 } else { 1 }, |bed, _| {
        set_for(bed, "statement_timeout = '300ms'", |bed| {
            bed.held("LOCK TABLE top_salesmen IN EXCLUSIVE MODE", |bed| {
                some_time(bed, 1000, 500);
            });
            bed.recover(LIMIT);
        });
    });
    nobody_ended(bed, found)
}

/// Somebody reads, and does not end, while a cluster is killed and another starts.
pub fn reader_in_restart(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let mut cluster = begin(bed, 1, 2);
    let locks = TABLES.map(|t| format!("LOCK TABLE {t} IN ACCESS SHARE MODE;"));
    for _ in 0..if long { 10 } else { 1 } {
        some_time(bed, 100, 300);
        found.recoveries.push(bed.held(&locks.concat(), |bed| {
            cluster.kill();
            let began = Instant::now();
            cluster = bed.cluster(1, 1);
            bed.recover(LIMIT);
            began.elapsed()
        }));
        found.faults += 1;
    }
    found.cluster = Some(cluster);
    found
}

/// The login is refused for a while, as while a password is changed in one place and then in the other.
pub fn login_refused(bed: &mut Bed, long: bool) -> Found {
    let name = bed.database().rsplit('/').next().unwrap();
    let role = format!("r_{name}");
    bed.sql(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
    let run = bed.run(&bed.state()).into_iter();
    let run: Vec<String> = run
        .map(|arg| arg.replace("postgres://standings@", &format!("postgres://{role}@")))
        .collect();
    let cluster = bed.cluster_with(1, 1, &run);
    bed.recover(LIMIT);
    let mut found = Found::default();
    for _ in 0..if long { 10 } else { 1 } {
        some_time(bed, 100, 300);
        bed.sql(&format!("ALTER ROLE {role} NOLOGIN"));
        disconnect(bed);
        some_time(bed, 1500, 1000);
        bed.sql(&format!("ALTER ROLE {role} LOGIN"));
        found.faults += 1;
        found.recoveries.push(bed.recover(LIMIT));
    }
    found.cluster = Some(cluster);
    nobody_ended(bed, found)
}

/// The connections that there are carry nothing any more, and nobody is told; new ones do.
pub fn database_stranded(bed: &mut Bed, long: bool) -> Found {
    let mut found = again_and_again(bed, 1, if long { 5 } else { 1 }, |bed, _| {
        bed.proxy.strand();
    });
    found.note = "an answer is waited for 10 s".to_owned();
    nobody_ended(bed, found)
}

/// Asked to stop while the database is away: it ends within `--stop-timeout`, and the next start does what was left.
pub fn stop_while_away(bed: &mut Bed, long: bool) -> Found {
    let mut found = Found::default();
    let mut run = bed.run(&bed.state());
    run.extend(["--stop-timeout".to_owned(), "2s".to_owned()]);
    let mut cluster = bed.cluster_with(1, 2, &run);
    bed.recover(LIMIT);
    let mut most = Duration::ZERO;
    for _ in 0..if long { 10 } else { 1 } {
        some_time(bed, 100, 300);
        bed.proxy.cut();
        some_time(bed, 100, 300);
        let before = bed.read_log("cluster").len();
        let asked = Instant::now();
        signal(cluster.0.id() as i32, libc::SIGTERM);
        ends(bed, &mut cluster, before, 1, "within --stop-timeout");
        most = most.max(asked.elapsed());
        bed.proxy.heal();
        let began = Instant::now();
        cluster = bed.cluster_with(1, 1, &run);
        bed.recover(LIMIT);
        found.recoveries.push(began.elapsed());
        found.faults += 1;
    }
    assert!(most < Duration::from_secs(4), "I7: it took {most:?}");
    found.note = format!("ended after {} ms (2 s)", most.as_millis());
    found.cluster = Some(cluster);
    found
}

/// A trigger that leaves rows of one city out, or fails over them: that row is missing, and nothing else. Without the
/// trigger the next start brings it.
pub fn trigger_refuses(bed: &mut Bed, long: bool) -> Found {
    const CITY: &str = "Porto";
    let mut found = Found::default();
    let mut cluster = begin(bed, 1, 2);
    for round in 0..if long { 20 } else { 2 } {
        some_time(bed, 100, 300);
        let what = match round % 2 {
            0 => "RETURN NULL",
            _ => "RAISE EXCEPTION 'not here'",
        };
        bed.may_lack(Some(CITY));
        bed.sql(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$BEGIN IF NEW.city = '{CITY}' THEN {what}; END IF; RETURN NEW; END$$;
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON top_sales_per_city
               FOR EACH ROW EXECUTE FUNCTION refuse()"
        ));
        let lacks = |bed: &Bed| {
            let rows = rows_of(bed.database());
            !rows
                .keys()
                .any(|(ranking, _, keys)| ranking == "top_sales_per_city" && keys[0] == CITY)
        };
        until("the row is left out", LIMIT, || {
            bed.send(4);
            lacks(bed)
        });
        found.recoveries.push(bed.recover(LIMIT));
        cluster.kill();
        bed.sql("DROP TRIGGER refuse ON top_sales_per_city; DROP FUNCTION refuse");
        cluster = bed.cluster(1, 1);
        bed.recover(LIMIT);
        bed.may_lack(None);
        found.faults += 1;
    }
    let said = bed.read_log("cluster").matches("sink_refused").count();
    assert!(said as u64 >= found.faults, "it is said: {said}");
    found.note = "one row refused, the others written".to_owned();
    found.cluster = Some(cluster);
    found
}
