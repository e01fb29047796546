//! What is given away: `deploy/release` packs the binary of the tests, and what it makes can be checked by who gets it.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::standings;

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Runs a tool in a folder; whether it went well, and what it said.
fn tool(folder: &Path, words: &[&str]) -> (bool, String) {
    let out = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .output()
        .unwrap();
    (out.status.success(), said(&out))
}

#[test]
fn what_is_given_away_is_whole_and_signed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (made, text) = tool(
        folder.path(),
        &[
            "openssl",
            "genpkey",
            "-algorithm",
            "ed25519",
            "-out",
            "key.pem",
        ],
    );
    assert!(made, "{text}");
    // The real one is made by cargo, and held by a test of its own (deploy/bill/test.rs).
    std::fs::write(path("bill.json"), "{\"bomFormat\":\"CycloneDX\"}").unwrap();
    let binary = std::fs::canonicalize(standings(&[]).get_program()).unwrap();
    let release = |out: &str| {
        Command::new("deploy/release")
            .arg(path(out))
            .env("STANDINGS_BIN", &binary)
            .env("STANDINGS_BILL", path("bill.json"))
            .env("STANDINGS_SIGN_KEY", path("key.pem"))
            .output()
            .unwrap()
    };
    let out = release("one");
    assert!(out.status.success(), "{}", said(&out));
    assert!(
        said(&out).contains("Every sale is accounted for"),
        "{}",
        said(&out)
    );

    let one = folder.path().join("one");
    let mut names: Vec<String> = std::fs::read_dir(&one)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let tarball = names
        .iter()
        .find(|n| n.ends_with(".tar.gz"))
        .unwrap()
        .clone();
    assert_eq!(names.len(), 4, "{names:?}");
    let (listed, list) = tool(&one, &["tar", "-tzf", &tarball]);
    assert!(listed, "{list}");
    for part in [
        "/standings\n",
        "/man/man1/standings-run.1\n",
        "/completions/standings.zsh\n",
        "/queries/top_salesmen.sql\n",
        "/LICENSE\n",
        "/CHANGELOG.md\n",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }

    // As docs/deploy.md says it.
    let (_, text) = tool(
        folder.path(),
        &[
            "openssl",
            "pkey",
            "-in",
            "key.pem",
            "-pubout",
            "-out",
            "public.pem",
        ],
    );
    let public = path("public.pem");
    let verify = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        &public,
        "-in",
        "SHA256SUMS",
        "-sigfile",
        "SHA256SUMS.sig",
    ];
    let (right, why) = tool(&one, &verify);
    assert!(right, "{text}{why}");
    assert!(tool(&one, &["sha256sum", "--check", "SHA256SUMS"]).0);
    let mut bytes = std::fs::read(one.join(&tarball)).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(one.join(&tarball), &bytes).unwrap();
    assert!(
        !tool(&one, &["sha256sum", "--check", "SHA256SUMS"]).0,
        "a byte was changed"
    );
    let sums = std::fs::read_to_string(one.join("SHA256SUMS")).unwrap();
    let begins = if sums.starts_with('0') { "1" } else { "0" };
    std::fs::write(one.join("SHA256SUMS"), format!("{begins}{}", &sums[1..])).unwrap();
    assert!(!tool(&one, &verify).0, "a checksum was changed");
}

#[test]
fn a_binary_of_another_version_is_not_packed() {
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new("deploy/release")
        .arg(folder.path())
        .env("STANDINGS_BIN", "/bin/true")
        .output()
        .unwrap();
    assert!(
        !out.status.success() && said(&out).contains("is not version"),
        "{}",
        said(&out)
    );
}
