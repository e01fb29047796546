//! The server that REST and SOAP are asked at: pages of made-up rows, made before anybody asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::problem::Problem;

struct Pages {
    rows: AtomicU64,
    /// So many there were at first.
    first: u64,
    page: u64,
    /// Each so-manieth request is refused with 503; 0 for none.
    refuse: u64,
    asked: AtomicU64,
}

/// A server that serves until this process ends.
pub(super) struct Server {
    pub(super) port: u16,
    pages: Arc<Pages>,
}

impl Server {
    /// How many requests came since this was asked before.
    pub(super) fn asked(&self) -> u64 {
        self.pages.asked.swap(0, Ordering::Relaxed)
    }

    /// How many were needed to be told all rows once.
    pub(super) fn needed(&self) -> u64 {
        self.pages.first.div_ceil(self.pages.page)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.pages.rows.load(Ordering::Relaxed)
    }

    /// One row more.
    pub(super) fn grow(&self) {
        self.pages.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// As many as at first.
    pub(super) fn shrink(&self) {
        self.pages.rows.store(self.pages.first, Ordering::Relaxed);
    }
}

/// Serves all rows in pages.
pub(super) fn serve(rows: u64, page: u64, refuse: u64) -> Result<Server, Problem> {
    let no = Problem::system("cannot listen on a port of this machine");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(no)?;
    let address = listener.local_addr();
    let port = address
        .map_err(Problem::system("cannot read a port"))?
        .port();
    let pages = Arc::new(Pages {
        rows: AtomicU64::new(rows),
        first: rows,
        page,
        refuse,
        asked: AtomicU64::new(0),
    });
    let own = Arc::clone(&pages);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let pages = Arc::clone(&pages);
            // Who asks has ended, where this fails.
            std::thread::spawn(move || answer(&pages, stream).ok());
        }
    });
    Ok(Server { port, pages: own })
}

fn answer(pages: &Pages, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? <= 2 {
                break;
            }
            if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked = pages.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if pages.refuse > 0 && asked.is_multiple_of(pages.refuse) {
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let body = match line.starts_with("POST") {
            true => pages.soap(cursor(&String::from_utf8_lossy(&body), "<cursor>")),
            false => pages.rest(cursor(&line, "cursor=")),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes())?;
    }
}

/// The number behind a word; 0 where there is none.
fn cursor(text: &str, word: &str) -> u64 {
    let rest = text.split(word).nth(1).unwrap_or("");
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().unwrap_or(0)
}

impl Pages {
    fn to(&self, from: u64) -> u64 {
        (from + self.page).min(self.rows.load(Ordering::Relaxed))
    }

    fn rest(&self, from: u64) -> String {
        let to = self.to(from);
        let rows = (from..to).map(|n| {
            format!(
                "{{\"id\":{n},\"at\":\"2026-01-23T10:15:00Z\",\"city\":\"Porto\",\"amount\":{n}.50}}"
            )
        });
        let rows: Vec<String> = rows.collect();
        format!("{{\"rows\":[{}],\"next\":\"{to}\"}}", rows.join(","))
    }

    fn soap(&self, from: u64) -> String {
        let to = self.to(from);
        let rows = (from..to).map(|n| {
            format!(
                "<row><id>{n}</id><at>2026-01-23T10:15:00Z</at><city>Porto</city><amount>{n}.50</amount></row>"
            )
        });
        let rows: String = rows.collect();
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><rows>{rows}<next>{to}</next></rows></s:Body></s:Envelope>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_all_rows_once() {
        let pages = Pages {
            rows: AtomicU64::new(7),
            first: 7,
            page: 3,
            refuse: 0,
            asked: AtomicU64::new(0),
        };
        assert_eq!(pages.rest(6).matches("\"id\"").count(), 1);
        assert!(pages.rest(0).ends_with("\"next\":\"3\"}"));
        assert!(pages.soap(3).contains("<id>5</id>") && pages.soap(3).contains("<next>6</next>"));
        assert_eq!(cursor("GET /rows?cursor=12 HTTP/1.1", "cursor="), 12);
        assert_eq!(cursor("<list></list>", "<cursor>"), 0);
    }
}
