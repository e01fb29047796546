//! What is said before anything is read: what is wrong, and what would be done.

use super::{Room, words};
use crate::support::standings;

const FOLDER: &str = "[sources.NAME]\ntype = \"files\"\npath = \"DIR/in\"\nsettle = \"0s\"\ntopic = \"TOPIC\"\nkey = [\"id\"]\n";

#[test]
fn a_dry_run_and_a_check_read_and_write_nothing() {
    let room = Room::new("ingest_dry", FOLDER);
    room.write("a.csv", "id\n1\n");
    let file = room.path("ingest.toml").display().to_string();
    let check = standings(&["check", "--", "ingest", "--config", &file])
        .output()
        .unwrap();
    let offline = standings(&["check", "--offline", "--", "ingest", "--config", &file])
        .output()
        .unwrap();
    for output in [room.command(&["--dry-run"]).output().unwrap(), check] {
        let said = words(&output);
        assert!(output.status.success(), "{said}");
        for part in [
            &format!("files of {}", room.path("in").display()) as &str,
            "each is taken once, when it has not changed for 0s, and then is moved to done/",
            "keyed by id",
            &format!(
                "the topic `{}` is not there, and will be made with 1 partitions",
                room.topic
            ),
        ] {
            assert!(said.contains(part), "{said}\n  not: {part}");
        }
    }
    assert!(
        offline.status.success() && !words(&offline).contains("will be made"),
        "{}",
        words(&offline)
    );
    assert!(room.path("in/a.csv").exists());
    room.once_well();
    assert_eq!(room.records().len(), 1, "nothing was there before");
}

#[test]
fn what_is_wrong_ends_it_before_anything_is_read() {
    let ends = |text: &str, code: &str, said: &str| {
        let room = Room::new("ingest_wrong", text);
        let output = room.once();
        let words = words(&output);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(
            words.contains(&format!("[{code}]")) && words.contains(said),
            "{words}\n  not: {said}"
        );
    };
    ends(
        &FOLDER.replace("settle", "setle"),
        "S1201",
        "did you mean `settle`?",
    );
    ends(
        &FOLDER.replace("files", "mysqk"),
        "S1201",
        "did you mean `mysql`?",
    );
    let hook = "[sources.NAME]\ntype = \"webhook\"\nsignature = \"github\"\nsecret-file = \"DIR/none\"\ntopic = \"TOPIC\"\n";
    ends(hook, "S1205", "cannot read the secret");
    let none = standings(&["ingest"]).output().unwrap();
    assert!(
        none.status.code() == Some(2) && words(&none).contains("--config"),
        "{}",
        words(&none)
    );
    let missing = standings(&["ingest", "--config", "/nowhere.toml"])
        .output()
        .unwrap();
    assert!(words(&missing).contains("[S0103]"), "{}", words(&missing));
}

#[test]
fn a_source_that_cannot_be_read_ends_once_and_says_which() {
    let broken = Room::new("ingest_gone", &FOLDER.replace("DIR/in", "DIR/none"));
    let output = broken.once();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words(&output).contains("cannot read the folder") && words(&output).contains("[S1202]"),
        "{}",
        words(&output)
    );
}

/// Each file of docs/ingest.md and docs/masking.md is one that is read.
#[test]
fn the_files_of_the_page_are_right() {
    let page = std::fs::read_to_string("docs/ingest.md").unwrap();
    let page = page + &std::fs::read_to_string("docs/masking.md").unwrap();
    let blocks: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .map(|b| b.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ingest.toml");
        std::fs::write(&file, block).unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        for secret in [
            "hub.secret",
            "partner.token",
            "client.secret",
            "sales.password",
            "bank.key",
        ] {
            std::fs::write(folder.path().join(secret), "secret\n").unwrap();
        }
        let xml = page.split("```xml\n").nth(1).unwrap();
        let xml = xml.split("```").next().unwrap();
        std::fs::write(folder.path().join("list.xml"), xml).unwrap();
        std::fs::copy(
            "tests/fixtures/soap/sales.wsdl",
            folder.path().join("sales.wsdl"),
        )
        .unwrap();
        let key = folder.path().join("mask.key");
        let made = standings(&["mask-key"]).arg(&key).output().unwrap();
        assert!(made.status.success(), "{}", words(&made));
        let output = standings(&["check", "--offline", "--", "ingest", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{block}\n{}", words(&output));
    }
}
