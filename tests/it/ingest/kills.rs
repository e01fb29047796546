//! Killed at any moment: nothing is lost, and nothing is there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Room, kills, terminate, words};
use crate::support::until;

const FOLDER: &str = r#"
[sources.NAME]
type = "files"
path = "DIR/in"
format = "csv"
settle = "0s"
every = "20ms"
topic = "TOPIC"
key = ["id"]
"#;

/// A moment after the start, by dice that are thrown once: while it starts, while it takes over, while it writes.
fn moment(n: u64) -> Duration {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(200 + mixed % 1_300)
}

#[test]
fn kills_lose_nothing_and_write_nothing_twice() {
    let room = Room::new("ingest_kills", FOLDER);
    let mut want: BTreeMap<String, usize> = BTreeMap::new();
    let kills = kills();
    for kill in 0..kills {
        for file in 0..3 {
            // Some are several transactions.
            let rows = if file == 0 { 12_000 } else { 40 };
            let name = format!("f{kill:03}-{file}.csv");
            let lines: String = (0..rows).map(|r| format!("{name}/{r},{r}\n")).collect();
            room.write(&name, format!("id,n\n{lines}"));
            want.insert(name, rows);
        }
        let mut running = room.start(&[]);
        std::thread::sleep(moment(kill));
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    room.once_well();
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for record in room.records() {
        let value = record.json();
        let (name, row) = value["id"].as_str().unwrap().split_once('/').unwrap();
        found
            .entry(name.to_owned())
            .or_default()
            .push(row.parse().unwrap());
    }
    assert_eq!(found.len(), want.len());
    for (name, rows) in want {
        let own = &found[&name];
        assert!(
            own.iter().copied().eq(0..rows),
            "{name}: {} rows of {rows}, or out of order",
            own.len()
        );
        assert!(
            room.path("in/done").join(&name).exists(),
            "{name} was not put away"
        );
    }
    let generation = room.cursor(&room.topic)["generation"].as_u64().unwrap();
    println!("{kills} kills: 0 lost, 0 twice; generation {generation}");
}

#[test]
fn the_newer_instance_fences_the_older_and_sigterm_ends_in_peace() {
    let room = Room::new("ingest_fence", FOLDER);
    room.write("a.csv", "id\n1\n");
    let mut old = room.start(&[]);
    until("the first file is there", Duration::from_secs(30), || {
        room.path("in/done/a.csv").exists()
    });
    let mut new = room.start(&[]);
    room.write("b.csv", "id\n2\n");
    until("the second file is there", Duration::from_secs(30), || {
        room.path("in/done/b.csv").exists()
    });
    // The older one finds out when it writes.
    for n in 0..40 {
        room.write(&format!("c{n}.csv"), format!("id\nc{n}\n"));
        std::thread::sleep(Duration::from_millis(50));
    }
    until("the older ends", Duration::from_secs(30), || {
        old.0.try_wait().unwrap().is_some()
    });
    assert_eq!(old.0.wait().unwrap().code(), Some(1));
    let log = std::fs::read_to_string(room.path("log")).unwrap();
    assert!(
        log.contains("S1203") && log.contains("another instance of this source has taken over"),
        "{log}"
    );
    until("all are there", Duration::from_secs(30), || {
        (0..40).all(|n| room.path("in/done").join(format!("c{n}.csv")).exists())
    });
    assert_eq!(terminate(&mut new.0), 0);
    let mut ids: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    ids.sort();
    let before = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), before), (42, 42));
}

#[test]
fn a_cursor_of_another_folder_is_refused_unless_it_is_adopted() {
    let room = Room::new("ingest_other", FOLDER);
    room.write("a.csv", "id\n1\n");
    room.once_well();
    std::fs::create_dir(room.path("other")).unwrap();
    std::fs::write(room.path("other/b.csv"), "id\n2\n").unwrap();
    room.configure(&FOLDER.replace("DIR/in", "DIR/other"));
    let said = words(&room.once());
    assert!(
        said.contains("of another configuration")
            && said.contains("--adopt")
            && said.contains("S1202"),
        "{said}"
    );
    assert_eq!(room.records().len(), 1);
    let adopted = room
        .command(&["--once", "--adopt", &room.topic])
        .output()
        .unwrap();
    assert!(adopted.status.success(), "{}", words(&adopted));
    assert_eq!(room.records().len(), 2);
}
