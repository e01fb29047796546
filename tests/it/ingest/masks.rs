//! What a source masks is in no topic of it, and in no line of its log.

use super::{Room, seen, words};
use crate::support::standings;

const FOLDER: &str = r#"
[sources.NAME]
type = "files"
path = "DIR/in"
settle = "0s"
topic = "TOPIC"
key = ["mail"]
mask-key = "DIR/mask.key"

[sources.NAME.mask]
mail = "tokenize"
"who.name" = "hash"
"#;

#[test]
fn canaries_are_found_in_no_topic_and_no_log() {
    let room = Room::new("ingest_masks", FOLDER);
    let key = room.path("mask.key").display().to_string();
    let without = room.once();
    assert_eq!(without.status.code(), Some(2), "{}", words(&without));
    assert!(words(&without).contains("S1301"), "{}", words(&without));
    assert!(
        standings(&["mask-key", &key])
            .output()
            .unwrap()
            .status
            .success()
    );
    room.write(
        "a.ndjson",
        "{\"mail\":\"canary@example.com\",\"who\":{\"name\":\"canary\"},\"n\":1.10}\n{\"mail\":null,\"who\":{\"name\":\"canary\"}}\ncanary\n",
    );
    let done = room
        .command(&["--once", "--log", "debug"])
        .output()
        .unwrap();
    let said = words(&done);
    assert!(done.status.success() && !said.contains("canary"), "{said}");
    let (records, letters) = (room.records(), room.letters());
    assert_eq!(
        (records.len(), letters.len()),
        (1, 2),
        "{records:?} {letters:?}"
    );
    for topic in [
        room.topic.as_str(),
        &format!("{}-dead-letter", room.topic),
        "standings-ingest",
        "standings-ingest-ledger",
    ] {
        for record in seen(topic) {
            // Others use these topics too, and have no canaries.
            assert!(
                !format!("{record:?}").contains("canary"),
                "{topic}: {record:?}"
            );
        }
    }
    let value = records[0].json();
    let token = value["mail"].as_str().unwrap();
    assert_eq!(records[0].key, Some(format!("{{\"mail\":\"{token}\"}}")));
    assert!(
        records[0].value.contains("\"n\":1.10"),
        "{}",
        records[0].value
    );
    let back = standings(&["unmask", "--mask-key", &key, token])
        .output()
        .unwrap();
    assert_eq!(back.stdout, b"canary@example.com\n");
    let reasons: Vec<&str> = letters
        .iter()
        .map(|l| l["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["no_key", "malformed"]);
    assert!(
        letters
            .iter()
            .all(|l| l["record"].is_null() && l["record_sha256"].is_string())
    );
    assert_eq!(letters[0]["columns"]["who"]["name"], value["who"]["name"]);
}
