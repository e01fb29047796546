//! What is masked is found nowhere: not in rankings, changes, late rows, dead letters, logs, lineage, reports, snapshots, or the run's own
//! answers. One canary a column, looked for in every byte that a run leaves.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::standings;

const TABLE: &str = "CREATE TABLE orders (
  mail STRING, card STRING, street STRING, who ROW<name STRING>, n BIGINT NOT NULL, id STRING,
  at TIMESTAMP_LTZ(3) NOT NULL,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
) WITH ('format' = 'json', 'mask' = 'mail:hash;card:tokenize;street;who.name:hash');
";

const RANKING: &str = "SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r
  FROM (SELECT mail, LAST_VALUE(card) AS card, LAST_VALUE(street) AS street, LAST_VALUE(who.name) AS name, SUM(n) AS total, window_start, window_end
        FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) GROUP BY mail, window_start, window_end)
) WHERE r <= 10;
";

/// One row with canaries wherever a value is masked.
fn row(n: &str, id: &str, at: &str) -> String {
    format!(
        r#"{{"mail":"canary-mail@example.com","card":"canary-card","street":"canary-street","who":{{"name":"canary-name"}},"n":{n},"id":"{id}","at":"{at}"}}"#
    ) + "\n"
}

/// Every file below a folder, with its bytes.
fn files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files(&path, into),
            false => into.push((path.display().to_string(), std::fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn canaries_are_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(at("queries")).unwrap();
    std::fs::create_dir(at("out")).unwrap();
    std::fs::write(at("queries/orders.sql"), TABLE).unwrap();
    std::fs::write(at("queries/buyers.sql"), RANKING).unwrap();
    let lines = [
        row("5", "1", "2026-01-01T10:00:00Z"),
        row("7", "2", "2026-01-01T15:00:00Z"),
        // Late, and dead in three ways: a value repeated in an error, no JSON, and half a row.
        row("9", "3", "2026-01-01T10:00:00Z"),
        row("\"canary-mail@example.com\"", "4", "2026-01-01T15:00:00Z"),
        "canary-street is no json\n".to_owned(),
        "{\"mail\":\"canary-mail@example.com\",\"n\":1\n".to_owned(),
    ];
    std::fs::write(at("orders.ndjson"), lines.concat()).unwrap();
    let run = |more: &[&str]| {
        let (queries, source) = (at("queries"), format!("file:{}", at("orders.ndjson")));
        let outs: Vec<String> = ["changes", "late", "dead"]
            .iter()
            .map(|n| format!("file:{}", at(&format!("out/{n}"))))
            .collect();
        let (state, lineage) = (
            format!("file:{}", at("out/state")),
            format!("file:{}", at("out/lineage")),
        );
        let report = at("out/report");
        let args = [
            "run",
            "--queries",
            &queries,
            "--source",
            &source,
            "--sink",
            &outs[0],
            "--late",
            &outs[1],
            "--dead-letter",
            &outs[2],
            "--state",
            &state,
            "--lineage",
            &lineage,
            "--report",
            &report,
            "--until-end",
            "--allowed-lateness",
            "1m",
            "--log",
            "debug",
        ];
        standings(&[&args[..], more].concat()).output().unwrap()
    };
    let without = run(&[]);
    assert_eq!(without.status.code(), Some(2));
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(
        said.contains("S1301") && said.contains("--mask-key"),
        "{said}"
    );

    let key = at("mask.key");
    let made = standings(&["mask-key", &key]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let done = run(&["--mask-key", &key]);
    let log = [done.stdout.clone(), done.stderr.clone()].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&log));
    let mut left = vec![("log".to_owned(), log)];
    files(&dir.path().join("out"), &mut left);
    let has = |bytes: &[u8]| bytes.windows(6).any(|at| at == b"canary");
    for (name, bytes) in &left {
        assert!(!has(bytes), "{name}: {}", String::from_utf8_lossy(bytes));
    }
    assert!(left.len() > 5, "nothing was looked at: {}", left.len());

    // All of it is there, masked.
    let text = |name: &str| std::fs::read_to_string(at(&format!("out/{name}"))).unwrap();
    let dead: Vec<serde_json::Value> = text("dead")
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(dead.len(), 3, "{dead:?}");
    for letter in &dead {
        assert_eq!(letter["record"], serde_json::Value::Null, "{letter}");
        assert_eq!(letter["record_sha256"].as_str().unwrap().len(), 64);
    }
    let wrong = dead.iter().find(|l| l["columns"]["id"] == "4").unwrap();
    assert!(
        wrong["detail"]
            .as_str()
            .unwrap()
            .starts_with("field \"n\": "),
        "{wrong}"
    );
    assert_eq!(wrong["record_bytes"], lines[3].len() - 1);
    let late: serde_json::Value = serde_json::from_str(text("late").trim()).unwrap();
    assert_eq!(
        (late["sale"].is_null(), &late["columns"]["n"]),
        (true, &9.into())
    );
    // Equal values, equal masks; and tokens come back.
    let changes = text("changes");
    let change: serde_json::Value = serde_json::from_str(changes.lines().next().unwrap()).unwrap();
    let (mail, card) = (&change["row"]["mail"], &change["row"]["card"]);
    assert_eq!(*mail, late["columns"]["mail"]);
    assert_eq!(change["row"]["street"], "***");
    let back = standings(&["unmask", "--mask-key", &key, card.as_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&back.stdout), "canary-card\n");
    let no = standings(&["unmask", "--mask-key", &key, mail.as_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(no.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&no.stderr).contains("S1302"));

    // It is recomputed with the key, and is the same.
    let (queries, source, sink) = (
        at("queries"),
        format!("file:{}", at("orders.ndjson")),
        format!("file:{}", at("out/changes")),
    );
    let verify = [
        "verify",
        "--queries",
        &queries,
        "--source",
        &source,
        "--sink",
        &sink,
        "--allowed-lateness",
        "1m",
        "--mask-key",
        &key,
    ];
    let verified = standings(&verify).output().unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    // A masked letter is listed and shown, and not sent again.
    let dead = format!("file:{}", at("out/dead"));
    let shown = standings(&["dead-letter", "show", &dead, "1"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&shown.stdout).contains("was not kept"),
        "{shown:?}"
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = run(&["--mask-key", &key]);
    assert!(
        String::from_utf8_lossy(&open.stderr).contains("chmod 600"),
        "{open:?}"
    );
}
