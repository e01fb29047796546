//! A small HTTP client: enough for our own server and a WebDriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body of one request on a connection of its own.
pub fn request(
    method: &str,
    address: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let status = head(&mut reader)?;
    // Our server and WebDriver name a length, or close after the body.
    match status.1 {
        Some(length) => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            Ok((status.0, String::from_utf8_lossy(&body).into_owned()))
        }
        None => {
            let mut body = String::new();
            reader.read_to_string(&mut body)?;
            Ok((status.0, body))
        }
    }
}

/// `GET`; panics unless it answers.
pub fn get(address: &str, path: &str) -> (u16, String) {
    request("GET", address, path, "").unwrap()
}

/// `GET` of JSON with status 200.
pub fn json(address: &str, path: &str) -> serde_json::Value {
    let (status, body) = get(address, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{path}: {e}: {body}"))
}

/// Status and content length.
fn head(reader: &mut impl BufRead) -> std::io::Result<(u16, Option<usize>)> {
    let (mut status, mut length) = (0, None);
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let text = line.trim_end().to_ascii_lowercase();
        if text.starts_with("http/") {
            status = text
                .split(' ')
                .nth(1)
                .and_then(|s| s.parse().ok())
                .unwrap_or(0);
        } else if let Some(n) = text.strip_prefix("content-length:") {
            length = n.trim().parse().ok();
        } else if text.is_empty() {
            return Ok((status, length));
        }
    }
}

/// Server-sent events of a path, until `take` says stop.
pub fn events(address: &str, path: &str, mut take: impl FnMut(&str, serde_json::Value) -> bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(head(&mut reader).unwrap().0, 200);
    let (mut event, mut data) = (String::new(), String::new());
    let mut body = Chunked { reader, left: 0 };
    loop {
        let line = body.line();
        if let Some(name) = line.strip_prefix("event: ") {
            event = name.to_owned();
        } else if let Some(text) = line.strip_prefix("data: ") {
            data.push_str(text);
        } else if line.is_empty() && !data.is_empty() {
            let value = serde_json::from_str(&data).unwrap();
            if !take(&event, value) {
                return;
            }
            data.clear();
        }
    }
}

/// A chunked body, byte by byte: slow, and enough.
struct Chunked<R> {
    reader: R,
    left: usize,
}

impl<R: BufRead> Chunked<R> {
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            if self.left == 0 {
                let mut size = String::new();
                while size.trim().is_empty() {
                    size.clear();
                    assert!(
                        self.reader.read_line(&mut size).unwrap() > 0,
                        "the events ended"
                    );
                }
                self.left = usize::from_str_radix(size.trim(), 16).unwrap();
            }
            let mut byte = [0];
            self.reader.read_exact(&mut byte).unwrap();
            self.left -= 1;
            match byte[0] {
                b'\n' => return String::from_utf8(line).unwrap(),
                b => line.push(b),
            }
        }
    }
}
