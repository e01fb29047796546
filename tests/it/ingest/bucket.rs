//! A bucket as another keeps it (moto, by `deploy/moto/run`): its lists, its etags, its copies. Files of it are taken once, whoever is
//! killed, and kept as they came where that is said.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::served::Served;
use super::{Room, kills, words};

const BUCKET: &str = r#"
[sources.NAME]
type = "files"
path = "s3://inbox/in"
format = "csv"
settle = "0s"
every = "20ms"
raw = "s3://kept/raw"
topic = "TOPIC"
key = ["id"]
"#;

/// moto; it ends with this.
struct Moto {
    _served: Served,
    address: String,
}

impl Moto {
    fn start() -> Self {
        let (served, url) = Served::start(&mut Command::new("deploy/moto/run"));
        let address = url.strip_prefix("http://");
        let address = address.unwrap_or_else(|| panic!("no moto: python3 is needed to install it"));
        let moto = Moto {
            address: address.to_owned(),
            _served: served,
        };
        moto.ask("PUT", "/inbox", "");
        moto.ask("PUT", "/kept", "");
        moto
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200"),
            "{method} {path}: {answer}"
        );
        answer
    }

    /// The keys of a bucket.
    fn keys(&self, bucket: &str) -> Vec<String> {
        let list = self.ask("GET", &format!("/{bucket}?list-type=2"), "");
        let keys = list.split("<Key>").skip(1);
        keys.map(|k| k.split("</Key>").next().unwrap().to_owned())
            .collect()
    }

    fn command(&self, room: &Room, flags: &[&str]) -> Command {
        let mut command = room.command(flags);
        command
            .env("AWS_ENDPOINT", format!("http://{}", self.address))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    }
}

#[test]
fn kills_of_who_reads_a_bucket_take_each_file_once() {
    let moto = Moto::start();
    let room = Room::new("ingest_moto", BUCKET);
    let mut want = Vec::new();
    for kill in 0..kills() {
        for file in 0..2 {
            let rows = if file == 0 { 6_000 } else { 5 };
            let name = format!("{kill:03}-{file}.csv");
            let lines: String = (0..rows).map(|r| format!("{name}/{r}\n")).collect();
            want.extend((0..rows).map(|r| format!("{{\"id\":\"{name}/{r}\"}}")));
            moto.ask("PUT", &format!("/inbox/in/{name}"), &format!("id\n{lines}"));
        }
        let mut child = moto
            .command(&room, &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300 + kill * 61 % 900));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = moto.command(&room, &["--once"]).output().unwrap();
    assert!(done.status.success(), "{}", words(&done));
    let mut found: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    found.sort();
    want.sort();
    assert_eq!(found.len(), want.len(), "lost or twice");
    assert_eq!(found, want);
    let files = 2 * kills() as usize;
    let left = moto.keys("inbox");
    assert!(
        left.iter().all(|key| key.starts_with("in/done/")),
        "{left:?}"
    );
    assert_eq!((left.len(), moto.keys("kept").len()), (files, files));
    // The same name once more with other content: it says so, and takes nothing of it.
    moto.ask("PUT", "/inbox/in/000-1.csv", "id\nother\n");
    let other = moto.command(&room, &["--once"]).output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(
        words(&other).contains("was taken before, with other content"),
        "{}",
        words(&other)
    );
    assert_eq!(room.records().len(), want.len());
    println!("{} kills, {files} objects: 0 lost, 0 twice", kills());
}
