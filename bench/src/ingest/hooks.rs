//! Who posts to a webhook: over one connection after another's answer, as senders do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::measure::pause;
use crate::problem::Problem;

/// So long a process may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16, Problem> {
    let no = "cannot listen on a port of this machine";
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Problem::system(no))?;
    let address = listener.local_addr().map_err(Problem::system(no))?;
    Ok(address.port())
}

/// Until somebody listens.
pub(super) fn wait_for(port: u16) -> Result<(), Problem> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > PATIENCE {
            return Err(Problem::Late {
                what: format!("a listener at port {port}"),
                seconds: PATIENCE.as_secs(),
            });
        }
        pause(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Posts, until it is taken: 503 is asked again.
pub(super) fn post(port: u16, source: &str, body: &str) -> Result<(), Problem> {
    let begun = Instant::now();
    loop {
        let answer = answered(port, source, body).map_err(Problem::system("cannot post"))?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        let is_later = answer.starts_with("HTTP/1.1 503") && begun.elapsed() < PATIENCE;
        if !is_later {
            let line = answer.lines().next().unwrap_or("no answer");
            return Err(Problem::said("a webhook", line.to_owned()));
        }
        pause(Duration::from_millis(50))?;
    }
}

fn answered(port: u16, source: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let head = format!(
        "POST /ingest/{source} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
