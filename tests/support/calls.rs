//! HTTP requests with headers, over plain connections or TLS; and server-sent events with their ids.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// A problem document of this status, and its detail.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], status);
        for member in ["type", "title", "detail", "instance"] {
            assert!(body[member].is_string(), "{member}: {self:?}");
        }
        body["detail"].as_str().unwrap().to_owned()
    }
}

/// One request on a connection of its own.
pub fn call(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    over(stream, address, method, path, headers).unwrap()
}

/// `GET`.
pub fn get(address: &str, path: &str) -> Answer {
    call(address, "GET", path, &[])
}

/// One request on a stream.
pub fn over(
    mut stream: impl Read + Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> std::io::Result<Answer> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let (status, headers) = head(&mut reader)?;
    let mut body = Vec::new();
    match headers
        .get("content-length")
        .and_then(|l| l.parse::<usize>().ok())
    {
        Some(length) if method != "HEAD" => {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        Some(_) => {}
        None => drop(reader.read_to_end(&mut body)),
    }
    Ok(Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn head(reader: &mut impl BufRead) -> std::io::Result<(u16, BTreeMap<String, String>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Ok((status, headers)),
        };
    }
}

/// An event: its name, its id, its data.
pub type Event = (String, Option<u64>, Value);

/// Follows server-sent events until `take` says stop, or nothing comes for so long.
pub fn follow(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    quiet: Duration,
    mut take: impl FnMut(Event) -> bool,
) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(quiet)).unwrap();
    // HTTP/1.0: the body is not chunked, and ends with the connection.
    let mut text = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(head(&mut reader).unwrap().0, 200);
    let (mut name, mut id, mut data) = (String::new(), None, String::new());
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match line.trim_end().split_once(": ") {
            Some(("event", value)) => name = value.to_owned(),
            Some(("id", value)) => id = value.parse().ok(),
            Some(("data", value)) => data.push_str(value),
            _ if data.is_empty() => {}
            _ => {
                let event = (
                    std::mem::take(&mut name),
                    id.take(),
                    serde_json::from_str(&data).unwrap(),
                );
                data.clear();
                if !take(event) {
                    return;
                }
            }
        }
    }
}
