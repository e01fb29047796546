//! The tutorial is what happens: `docs/tutorial.sh` runs every command of `docs/tutorial.md` as it stands, over real Kafka and Postgres, and
//! holds what the page shows against what was said.

use std::path::Path;
use std::process::Command;

use crate::support::{service, standings};

/// Runs the tutorial beside this script: whether it went well, what it said, and what was wrong.
fn run(script: &Path) -> (bool, String, String) {
    let program = std::fs::canonicalize(standings(&[]).get_program()).unwrap();
    let out = Command::new(script)
        .arg(program)
        .env("KAFKA_BROKERS", service("KAFKA_BROKERS"))
        .env("POSTGRES_URL", service("POSTGRES_URL"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.success(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn every_command_of_the_tutorial_does_what_the_page_says() {
    let (fine, said, wrong) = run(Path::new("docs/tutorial.sh"));
    assert!(fine, "{said}{wrong}");
    let page = std::fs::read_to_string("docs/tutorial.md").unwrap();
    for part in page.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(said.contains(part), "{part} was not run: {said}");
    }
    eprint!("{said}");
}

/// What the page shows and nobody says is found: else the test above would hold whatever stands there.
#[test]
fn what_the_page_shows_and_nobody_says_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("tutorial.sh");
    std::fs::copy("docs/tutorial.sh", &script).unwrap();
    let page = |text: &str| {
        std::fs::write(folder.path().join("tutorial.md"), text).unwrap();
        let (fine, _, wrong) = run(&script);
        (fine, wrong)
    };
    let (fine, wrong) = page("## One\n```sh\necho 1 2\n```\n```text\n1 2\n```\n");
    assert!(fine, "{wrong}");
    let (fine, wrong) = page("## One\n```sh\necho 1 2\n```\n```text\n1 3\n```\n");
    assert!(!fine && wrong.contains("it was not said: 1 3"), "{wrong}");
    let (fine, wrong) = page("## One\n```sh\nfalse\necho 1\n```\n");
    assert!(
        !fine && wrong.contains("this failed (1), in “One”"),
        "{wrong}"
    );
    let (fine, wrong) = page("## One\n```sh page\nfalse\n```\n");
    assert!(!fine && wrong.contains("this ended, in “One”"), "{wrong}");
}
