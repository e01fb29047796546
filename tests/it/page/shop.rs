//! Standings over the real Kafka, with sales that a test sends one by one.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord};

use super::browser::Browser;
use crate::support::{Bed, Process, service, standings};

pub struct Shop {
    bed: Bed,
    pub address: String,
    server: Option<Process>,
    number: AtomicU64,
}

/// Cities of the tests, in the order of their first totals.
pub const CITIES: [&str; 6] = ["Lisbon", "Porto", "Faro", "Braga", "Évora", "Aveiro"];

impl Shop {
    /// A running server and six cities, each with two salesmen: Lisbon leads with 600.00, Aveiro has 100.00.
    pub fn open() -> Self {
        Shop::open_with(None, &[])
    }

    /// The same, for those who have a key; `line` is of the key file.
    pub fn open_with_keys(line: &str) -> Self {
        Shop::open_with(Some(line), &[])
    }

    /// The same, with more flags.
    pub fn open_with(line: Option<&str>, flags: &[&str]) -> Self {
        let mut bed = Bed::new("page").topic(1).http().flags(flags);
        if let Some(line) = line {
            let path = bed.path("keys");
            bed.write("keys", &[line.to_owned()]);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            bed = bed.flags(&["--http-keys", path.to_str().unwrap()]);
        }
        let mut shop = Shop {
            address: bed.address().to_owned(),
            bed,
            server: None,
            number: AtomicU64::new(0),
        };
        let sales: Vec<_> = (0..12)
            .map(|i| {
                let amount = 50 * (6 - i / 2);
                shop.sale(CITIES[i / 2], &format!("S{i:03}"), amount as u64 * 100)
            })
            .collect();
        shop.bed.send(&[sales]);
        shop.start();
        shop
    }

    /// Starts the server, again on the same port.
    pub fn start(&mut self) {
        let number = self.number.load(Ordering::Relaxed);
        let changes = self.bed.url(&format!("changes-{number}"));
        self.server = Some(self.bed.start(&["--sink", &changes]).ready());
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.server = None;
    }

    fn sale(&self, city: &str, salesman: &str, cents: u64) -> String {
        let n = self.number.fetch_add(1, Ordering::Relaxed);
        let (whole, rest) = (cents / 100, cents % 100);
        format!(
            r#"{{"sale_id":"p-{n}","event_time":"2026-01-23T10:15:00Z","city":"{city}","salesman_id":"{salesman}","salesman_name":"Person {salesman}","amount":{whole}.{rest:02}}}"#
        )
    }

    /// Sends one sale into Kafka.
    pub fn sell(&self, city: &str, salesman: &str, cents: u64) {
        self.bed.send(&[vec![self.sale(city, salesman, cents)]]);
    }

    /// Sends a record as it is.
    pub fn send(&self, record: &str) {
        self.bed.send(&[vec![record.to_owned()]]);
    }

    /// Sends sales on one connection, each at once: a new connection for each would take longer than the sale.
    pub fn seller(&self) -> impl Fn(&str, &str, u64) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", service("KAFKA_BROKERS"))
            .set("linger.ms", "0")
            .create()
            .unwrap();
        move |city, salesman, cents| {
            let line = self.sale(city, salesman, cents);
            let record: BaseRecord<'_, (), String> =
                BaseRecord::to(self.bed.topic_name()).payload(&line);
            producer.send(record).map_err(|(e, _)| e).unwrap();
            producer.poll(Duration::ZERO);
        }
    }

    /// A browser that shows the six cities.
    pub fn browser(&self) -> Browser {
        let browser = Browser::open(&self.address);
        browser.until("six cities are shown", &format!("{CITY_ROWS}.length === 6"));
        browser
    }
}

pub const CITY_ROWS: &str = "document.querySelectorAll('[data-ranking=top_sales_per_city] .row')";

/// The row of a city, as an expression of the page.
pub fn row(city: &str) -> String {
    format!("[...{CITY_ROWS}].find((row) => row.querySelector('.name b').textContent === '{city}')")
}

/// A new key, and its line for the key file.
pub fn key(name: &str) -> (String, String) {
    let made = standings(&["key", "new", "--role", "read", "--name", name])
        .output()
        .unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let after = |what: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(what));
        line.unwrap_or_else(|| panic!("{what}: {text}"))
            .trim()
            .to_owned()
    };
    (
        after("key (shown only now):"),
        after("line for --http-keys:"),
    )
}
