//! Kafka Connect with Debezium's connector, as `deploy/services connect` runs it: one, over the Kafka of the tests.

use std::cell::RefCell;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::support::kafka::{block, unique};
use crate::support::{http, service, until};

/// A worker takes its time to begin, and a connector for its snapshot.
pub const WAIT: Duration = Duration::from_secs(60);

/// `deploy/services` with these words: what it printed.
fn services(words: &[&str]) -> String {
    let done = Command::new("deploy/services").args(words).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "deploy/services {words:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// Ends the worker without a word.
pub fn kill() {
    services(&["connect", "stop"]);
}

/// Brings it back, on its port.
pub fn start() {
    services(&["connect", "start"]);
}

/// A worker of Kafka Connect, ended when dropped; Postgres keeps nothing for it then.
pub struct Connect {
    address: String,
    /// The slot and the database of each connector.
    slots: RefCell<Vec<(String, String)>>,
}

impl Drop for Connect {
    fn drop(&mut self) {
        for word in ["stop", "down"] {
            let mut end = Command::new("deploy/services");
            let _ = end.args(["connect", word]).output();
        }
        for (slot, database) in self.slots.take() {
            block(async {
                let no_tls = tokio_postgres::NoTls;
                if let Ok((client, connection)) = tokio_postgres::connect(&database, no_tls).await {
                    tokio::spawn(connection);
                    let drop = format!("SELECT pg_drop_replication_slot('{slot}')");
                    let _ = client.batch_execute(&drop).await;
                }
            });
        }
    }
}

impl Connect {
    /// Begun anew, also where a test before it was ended with one.
    pub fn up() -> Self {
        services(&["connect", "down"]);
        services(&["connect", "up", &service("KAFKA_BROKERS")]);
        let said = services(&["connect", "env"]);
        let (_, address) = said.trim().split_once("http://").unwrap();
        Connect {
            address: address.to_owned(),
            slots: RefCell::default(),
        }
    }

    /// For who puts a connector there by hand.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A slot that goes with it.
    pub fn owns(&self, slot: &str, database: &str) {
        let slot = (slot.to_owned(), database.to_owned());
        self.slots.borrow_mut().push(slot);
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, text) = http::request(method, &self.address, path, body).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Follows a table (`public.orders`) of this database; more settings, or others.
    pub fn follow(&self, database: &str, table: &str, more: &[(&str, &str)]) -> Followed<'_> {
        let name = unique("dbz");
        let own = match database.starts_with("mysql:") {
            true => of_mariadb(&name, database, table),
            false => of_postgres(&name, database),
        };
        let all = [
            ("topic.prefix", name.as_str()),
            ("table.include.list", table),
            ("topic.creation.default.replication.factor", "1"),
            ("topic.creation.default.partitions", "1"),
            ("key.converter.schemas.enable", "false"),
            ("value.converter.schemas.enable", "false"),
            // Where nothing is said, what TRUNCATE does is not written.
            ("skipped.operations", "none"),
        ];
        let converter = "org.apache.kafka.connect.json.JsonConverter";
        let mut config = Map::new();
        for side in ["key.converter", "value.converter"] {
            config.insert(side.to_owned(), converter.into());
        }
        for (key, value) in all.iter().chain(more) {
            config.insert((*key).to_owned(), (*value).into());
        }
        // Where it is, whatever else is said.
        for (key, value) in own {
            config.insert(key.to_owned(), value.into());
        }
        let config = Value::from(config).to_string();
        until("Kafka Connect takes the connector", WAIT, || {
            let path = format!("/connectors/{name}/config");
            let (status, answer) = self.ask("PUT", &path, &config);
            // 409: it is finding out who of its group of one does what.
            assert!(matches!(status, 200 | 201 | 409), "{answer}");
            status != 409
        });
        if !database.starts_with("mysql:") {
            self.owns(&name, database);
        }
        Followed {
            connect: self,
            topic: format!("{name}.{table}"),
            name,
        }
    }
}

/// Host and port of a URL, and what is behind them.
fn address(url: &str) -> (&str, &str, &str) {
    let (server, base) = url.rsplit_once('/').unwrap();
    let (_, server) = server.rsplit_once('@').unwrap();
    let (host, port) = server.split_once(':').unwrap();
    (host, port, base)
}

fn of_postgres(name: &str, url: &str) -> Vec<(&'static str, String)> {
    let (host, port, base) = address(url);
    [
        (
            "connector.class",
            "io.debezium.connector.postgresql.PostgresConnector",
        ),
        ("database.hostname", host),
        ("database.port", port),
        ("database.user", "standings"),
        ("database.dbname", base),
        ("slot.name", name),
        ("publication.name", name),
        ("publication.autocreate.mode", "filtered"),
        ("plugin.name", "pgoutput"),
    ]
    .map(|(key, value)| (key, value.to_owned()))
    .into()
}

/// The connector for MySQL: the one for MariaDB is not where tests get it from.
fn of_mariadb(name: &str, url: &str, table: &str) -> Vec<(&'static str, String)> {
    let (host, port, _) = address(url);
    let (database, _) = table.split_once('.').unwrap();
    let brokers = service("KAFKA_BROKERS");
    let history = format!("{name}-history");
    [
        (
            "connector.class",
            "io.debezium.connector.mysql.MySqlConnector",
        ),
        ("database.hostname", host),
        ("database.port", port),
        ("database.user", "standings"),
        ("database.password", ""),
        ("database.ssl.mode", "disabled"),
        ("database.server.id", "5701"),
        ("database.include.list", database),
        (
            "schema.history.internal.kafka.bootstrap.servers",
            brokers.as_str(),
        ),
        ("schema.history.internal.kafka.topic", history.as_str()),
    ]
    .map(|(key, value)| (key, value.to_owned()))
    .into()
}

/// A connector, and the topic that it writes.
pub struct Followed<'a> {
    connect: &'a Connect,
    name: String,
    pub topic: String,
}

impl Followed<'_> {
    /// Of its topics the first word.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until it does; what it says when it has failed.
    fn runs(&self) {
        let path = format!("/connectors/{}/status", self.name);
        until("the connector runs", WAIT, || {
            let (_, told) = self.connect.ask("GET", &path, "");
            let state = told.pointer("/tasks/0/state").and_then(Value::as_str);
            assert_ne!(state, Some("FAILED"), "{told}");
            state == Some("RUNNING")
        });
    }

    /// Waits until Connect has written down that it has its snapshot. Killed before, it would take its snapshot once more, and a snapshot
    /// says nothing of the rows that were deleted since the one before.
    pub fn has_offsets(&self) {
        self.runs();
        let path = format!("/connectors/{}/offsets", self.name);
        until("offsets are written", WAIT, || {
            let (_, told) = self.connect.ask("GET", &path, "");
            let offset = told.pointer("/offsets/0/offset");
            offset.is_some_and(|o| o["snapshot"].is_null() || o["snapshot_completed"] == true)
        });
    }
}
