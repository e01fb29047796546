//! Every command of `docs/debezium.md` runs as it stands there, and shows what is shown there.

use std::process::Command;

use super::connect::{Connect, WAIT};
use crate::support::kafka::unique;
use crate::support::postgres::database;
use crate::support::{Running, free_port, http, service, standings, until};

#[test]
fn the_page_is_what_happens() {
    let worker = Connect::up();
    let (shop, url) = (unique("page"), database());
    worker.owns(&shop, &url);
    let port = free_port().to_string();
    let page = std::fs::read_to_string("docs/debezium.md").unwrap();
    // Topics and slots are everybody's.
    let page = page.replace("shop", &shop).replace("8080", &port);
    let folder = tempfile::tempdir().unwrap();
    let program = std::fs::canonicalize(standings(&[]).get_program()).unwrap();
    std::os::unix::fs::symlink(program, folder.path().join("standings")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", folder.path().display());
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-e", "-c", script])
            .current_dir(folder.path());
        command.env("PATH", &path).env("STANDINGS_LOG", "warn");
        command.env("POSTGRES_URL", &url);
        command.env("KAFKA_BROKERS", service("KAFKA_BROKERS"));
        command.env("CONNECT_URL", format!("http://{}", worker.address()));
        command
    };
    let run = |script: &str| {
        let done = shell(script).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{script}: {said}");
        String::from_utf8(done.stdout).unwrap()
    };
    let blocks = |language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        let parts = page.split(&begin).skip(1);
        let text = |rest: &str| rest.split("```").next().unwrap().to_owned();
        parts.map(text).collect()
    };
    // One shell: a block has the variables of those before it.
    run(&blocks("sh").concat());
    let config = format!("/connectors/{shop}/status");
    until("the connector runs", WAIT, || {
        http::get(worker.address(), &config)
            .1
            .contains(r#""tasks":[{"id":0,"state":"RUNNING""#)
    });
    // Kafka has the topic once the first row is sent.
    let mut live = Running(
        shell(&format!("exec {}", blocks("sh page")[0].trim()))
            .spawn()
            .unwrap(),
    );
    let address = format!("127.0.0.1:{port}");
    until("the page has the ranking", WAIT, || {
        assert_eq!(live.0.try_wait().unwrap(), None, "it goes on");
        let answer = http::request("GET", &address, "/api/v1/rankings", "");
        answer.is_ok_and(|(_, body)| body.contains("cities"))
    });
    let changes = &blocks("sh changes")[0];
    let (before, last) = changes.rsplit_once("psql").unwrap();
    run(before);
    let want = &blocks("text")[0];
    until("the ranking is the one shown", WAIT, || {
        // Its table is made with the first commit.
        let shown = shell(&format!("psql{last}")).output().unwrap().stdout;
        String::from_utf8_lossy(&shown).trim() == want.trim()
    });
}
