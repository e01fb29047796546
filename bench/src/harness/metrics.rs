//! What a running process says of itself over HTTP.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Status and body of an answer. By HTTP 1.0, in which a body is all up to the end.
pub fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "no answer in HTTP");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(wrong)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    Ok((status.ok_or_else(wrong)?, body.to_owned()))
}

/// What `/metrics` says.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    sums: BTreeMap<String, f64>,
    /// Of the time from reading a sale to its commit: upper ends in seconds, how many up to there.
    pub commits: Buckets,
}

impl Metrics {
    /// Asks for them.
    pub fn ask(address: &str) -> io::Result<Self> {
        match get(address, "/metrics")? {
            (200, text) => Ok(Metrics::parse(&text)),
            (status, _) => Err(io::Error::other(format!("/metrics answers {status}"))),
        }
    }

    /// From the text format.
    pub fn parse(text: &str) -> Self {
        let mut found = Metrics::default();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            if name == "standings_read_to_commit_seconds_bucket" {
                let limit = labels
                    .split("le=\"")
                    .nth(1)
                    .and_then(|l| l.split('"').next());
                let limit = limit.map(|l| l.parse().unwrap_or(f64::INFINITY));
                found.commits.0.extend(limit.map(|l| (l, value)));
            } else {
                *found.sums.entry(name.to_owned()).or_default() += value;
            }
        }
        found
    }

    /// A metric, summed over its labels; 0 when there is none.
    pub fn sum(&self, name: &str) -> f64 {
        self.sums.get(name).copied().unwrap_or(0.0)
    }
}

/// The buckets of a histogram, as they are counted: each with all below it.
#[derive(Clone, Debug, Default)]
pub struct Buckets(pub Vec<(f64, f64)>);

impl Buckets {
    /// What came after an earlier look.
    pub fn since(&self, before: &Buckets) -> Buckets {
        let earlier = |limit: f64| {
            before
                .0
                .iter()
                .find(|(l, _)| *l == limit)
                .map_or(0.0, |b| b.1)
        };
        Buckets(
            self.0
                .iter()
                .map(|(limit, n)| (*limit, n - earlier(*limit)))
                .collect(),
        )
    }

    fn total(&self) -> f64 {
        self.0.last().map_or(0.0, |b| b.1)
    }

    /// A quantile in milliseconds, in its bucket as if that were evenly filled; none when nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let wanted = self.total() * q;
        let (mut below, mut lower) = (0.0, 0.0);
        for (limit, n) in self.0.iter().copied().filter(|_| self.total() > 0.0) {
            if n >= wanted {
                let share = (wanted - below) / f64::max(n - below, 1.0);
                let reached = if limit.is_finite() {
                    (limit - lower) * share
                } else {
                    0.0
                };
                return Some(1000.0 * (lower + reached));
            }
            (below, lower) = (n, limit);
        }
        None
    }

    /// The upper end of the bucket that holds a quantile, in milliseconds; none when nothing was counted.
    pub fn at_most(&self, q: f64) -> Option<f64> {
        let wanted = self.total() * q;
        let holds = |b: &&(f64, f64)| self.total() > 0.0 && b.1 >= wanted;
        self.0.iter().find(holds).map(|(limit, _)| limit * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP standings_records_read_total Records read.
# TYPE standings_records_read_total counter
standings_records_read_total{partition=\"0\"} 70
standings_records_read_total{partition=\"1\"} 30
standings_live_keys 12
standings_read_to_commit_seconds_bucket{le=\"0.01\"} 50
standings_read_to_commit_seconds_bucket{le=\"0.02\"} 98
standings_read_to_commit_seconds_bucket{le=\"0.04\"} 100
standings_read_to_commit_seconds_bucket{le=\"+Inf\"} 100
# EOF
";

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.sum("standings_records_read_total"), 100.0);
        assert_eq!(metrics.sum("standings_live_keys"), 12.0);
        assert_eq!(metrics.sum("standings_nothing"), 0.0);
    }

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        let all = Metrics::parse(TEXT).commits;
        assert_eq!(all.quantile(0.25), Some(5.0));
        assert_eq!(all.quantile(0.99), Some(30.0));
        assert_eq!(all.at_most(0.99), Some(40.0));
        assert_eq!(all.at_most(0.5), Some(10.0));
        let before = Buckets(vec![
            (0.01, 50.0),
            (0.02, 50.0),
            (0.04, 50.0),
            (f64::INFINITY, 50.0),
        ]);
        assert_eq!(
            all.since(&before).quantile(0.5),
            Some(1000.0 * (0.01 + 0.01 * 25.0 / 48.0))
        );
        assert_eq!(before.since(&before).quantile(0.5), None);
        assert_eq!(before.since(&before).at_most(0.5), None);
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let n = stream.read(&mut asked).unwrap();
            stream
                .write_all(b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nready")
                .unwrap();
            String::from_utf8_lossy(&asked[..n]).into_owned()
        });
        assert_eq!(get(&address, "/readyz").unwrap(), (200, "ready".to_owned()));
        assert!(
            answers
                .join()
                .unwrap()
                .starts_with("GET /readyz HTTP/1.0\r\n")
        );
    }
}
