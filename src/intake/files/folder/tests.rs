//! What a folder gives, and what it must not.

use std::os::unix::fs::symlink;

use super::*;
use standings_ingest::files::Row;

fn table() -> Table {
    let mut table = Table::new("files", Vec::new());
    (table.is_named, table.is_declared) = (true, true);
    table
}

fn folder(root: &Path, after: After) -> Folder {
    Folder::new(root, None, after, table(), None)
}

fn rows(opened: &mut Opened) -> Vec<Row> {
    let mut all = Vec::new();
    while let Some(mut some) = opened.rows.next().unwrap() {
        all.append(&mut some);
    }
    all
}

fn text(folder: &mut Folder, path: &str) -> Vec<String> {
    let mut opened = folder.open(path).unwrap();
    let all = rows(&mut opened);
    all.into_iter()
        .map(|r| String::from_utf8(r.bytes).unwrap())
        .collect()
}

#[test]
fn rows_of_each_kind_are_plain_json() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.csv", "id,city,note\n007,\"São, Paulo\",\n2,Porto,\"\"\n");
    write("b.ndjson", "{\"id\":9007199254740993}\n\n{\"id\":1.10}\n");
    write("c.json", "[\n {\"id\":1},\n {\"id\":2}\n]\n");
    write("d.csv", "");
    let mut folder = folder(dir.path(), After::Keep);
    let names: Vec<String> = folder.list().unwrap().into_iter().map(|s| s.path).collect();
    assert_eq!(names, ["a.csv", "b.ndjson", "c.json", "d.csv"]);
    let csv = [
        r#"{"id":"007","city":"São, Paulo","note":null}"#,
        r#"{"id":"2","city":"Porto","note":""}"#,
    ];
    assert_eq!(text(&mut folder, "a.csv"), csv);
    assert_eq!(
        text(&mut folder, "b.ndjson"),
        [r#"{"id":9007199254740993}"#, r#"{"id":1.10}"#]
    );
    assert_eq!(text(&mut folder, "c.json"), [r#"{"id":1}"#, r#"{"id":2}"#]);
    assert!(text(&mut folder, "d.csv").is_empty());
}

#[test]
fn no_link_is_followed_and_nothing_but_files_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.csv"), "a\n1\n").unwrap();
    symlink(
        outside.path().join("secret.csv"),
        dir.path().join("link.csv"),
    )
    .unwrap();
    symlink(outside.path(), dir.path().join("sub")).unwrap();
    let fifo = CString::new(dir.path().join("pipe.csv").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let mut folder = folder(dir.path(), After::Keep);
    assert_eq!(folder.list().unwrap(), []);
    for path in [
        "link.csv",
        "sub/secret.csv",
        "pipe.csv",
        "../x",
        "a//b",
        ".",
    ] {
        let opened = folder.open(path);
        assert!(matches!(opened, Err(RowsTrouble::Trouble(_))), "{path}");
    }
}

#[test]
fn a_taken_name_gets_its_hash_and_nothing_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut folder = folder(dir.path(), After::Move);
    for content in ["a\n1\n", "a\n2\n", "a\n2\n"] {
        fs::write(path("x.csv"), content).unwrap();
        let opened = folder.open("x.csv").unwrap();
        let taken = Taken {
            seen: opened.seen.clone(),
            hash: opened.hash.clone(),
            marker: None,
        };
        folder.finish(&taken, Fate::Done).unwrap();
        folder.finish(&taken, Fate::Done).unwrap();
        assert!(!path("x.csv").exists());
    }
    let mut done: Vec<String> = fs::read_dir(path("done"))
        .unwrap()
        .map(|e| fs::read_to_string(e.unwrap().path()).unwrap())
        .collect();
    done.sort();
    assert_eq!(done, ["a\n1\n", "a\n2\n"]);
    // Torn apart between the link and the removal.
    fs::write(path("y.csv"), "a\n").unwrap();
    let opened = folder.open("y.csv").unwrap();
    fs::hard_link(path("y.csv"), path("done/y.csv")).unwrap();
    let taken = Taken {
        seen: opened.seen,
        hash: opened.hash,
        marker: None,
    };
    folder.finish(&taken, Fate::Done).unwrap();
    assert!(!path("y.csv").exists() && path("done/y.csv").exists());
}

#[test]
fn what_is_no_file_of_ours_says_so() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.parquet"), "PAR1 and nothing").unwrap();
    fs::write(dir.path().join("b.xlsx"), "PK\x03\x04..[Content_Types].xml").unwrap();
    let mut folder = folder(dir.path(), After::Keep);
    for path in ["a.parquet", "b.xlsx"] {
        assert!(
            matches!(folder.open(path), Err(RowsTrouble::Damaged { .. })),
            "{path}"
        );
    }
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "a\n1\n").unwrap();
    let mut folder = folder(dir.path(), After::Keep);
    let mut opened = folder.open("a.csv").unwrap();
    assert_eq!(rows(&mut opened).len(), 1);
    assert_eq!(opened.rows.is_same(), Ok(true));
    fs::write(dir.path().join("a.csv"), "a\n1\n2\n").unwrap();
    assert_eq!(opened.rows.is_same(), Ok(false));
}
