//! An HTTP server that keeps what is posted to it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One request: the path, the `Authorization` header, the body.
#[derive(Clone, Debug)]
pub struct Posted {
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
}

/// Receives until the test ends.
pub struct Receiver {
    pub port: u16,
    posted: Arc<Mutex<Vec<Posted>>>,
    answer: Arc<Mutex<u16>>,
}

impl Receiver {
    pub fn start() -> Self {
        Receiver::at(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn at(listener: TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (posted, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(200)));
        let (keep, status) = (Arc::clone(&posted), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (keep, status) = (Arc::clone(&keep), Arc::clone(&status));
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let mut writer = stream.try_clone().unwrap();
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = read(&mut reader) {
                        let status = *status.lock().unwrap();
                        if status < 300 {
                            keep.lock().unwrap().push(request);
                        }
                        let answer =
                            format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\n{{}}");
                        if writer.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Receiver {
            port,
            posted,
            answer,
        }
    }

    /// What was taken so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    /// From now on it answers so, and keeps nothing unless that is a success.
    pub fn answer(&self, status: u16) {
        *self.answer.lock().unwrap() = status;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Posted> {
    let (mut path, mut authorization, mut length) = (String::new(), None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            None => path = line.split(' ').nth(1)?.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                authorization = Some(value.to_owned());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Posted {
        path,
        authorization,
        body: serde_json::from_slice(&body).ok()?,
    })
}
