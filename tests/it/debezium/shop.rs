//! A shop's database: one table, and what is done to it, thrown by dice. What the rankings must be is asked of it.
//!
//! ```text
//! dice ──► inserts, updates, key changes, deletes, rollbacks ──► database ──► Debezium ──► topic ──► standings
//!                                                                    └── the same rankings in plain SQL ──► must be equal
//! ```

use std::collections::BTreeSet;

use crate::mariadb::Session;
use crate::support::Dice;
use crate::support::kafka::{block, unique};
use crate::support::postgres::{connect, database};

/// What Postgres writes of a row that is updated or deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Its key; of a long text that stays, nothing.
    Default,
    /// All of it.
    Full,
}

/// 2026-02-03T00:00:00Z.
const DAY: i64 = 1_770_076_800;

/// A ranking of either side: rank, window, group and measures as text.
pub type Ranks = BTreeSet<Vec<Option<String>>>;

pub struct Shop {
    pub url: String,
    base: Base,
    identity: Identity,
    dice: Dice,
    next: i64,
    /// The keys that are there.
    keys: Vec<i64>,
    has_channel: bool,
}

/// Which database it is of.
enum Base {
    Postgres {
        runtime: tokio::runtime::Runtime,
        client: tokio_postgres::Client,
    },
    Mariadb {
        session: Session,
        database: String,
    },
}

impl Shop {
    pub fn open(identity: Identity, seed: u64) -> Self {
        let url = database();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(connect(&url));
        let level = runtime.block_on(async {
            let row = client.query_one("SHOW wal_level", &[]).await;
            row.unwrap().get::<_, String>(0)
        });
        assert_eq!(
            level, "logical",
            "wal_level of POSTGRES_URL: nobody can follow it; deploy/services makes one that can be followed"
        );
        let shop = Shop::new(url, Base::Postgres { runtime, client }, identity, seed);
        // Kept out of line as soon as it is long: such a value is left out of an update that does not change it.
        shop.run(
            "CREATE TABLE orders (id BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL, city TEXT NOT NULL, seller TEXT,
               amount NUMERIC(12, 2) NOT NULL, noted TIMESTAMP NOT NULL DEFAULT '2026-01-01 00:00:00.123456', note TEXT);
             ALTER TABLE orders ALTER note SET STORAGE EXTERNAL;",
        );
        if identity == Identity::Full {
            shop.run("ALTER TABLE orders REPLICA IDENTITY FULL");
        }
        shop
    }

    /// In a MariaDB: numbers without a sign, and columns of old character sets. Its log has all of each row.
    pub fn of_mariadb(url: &str, seed: u64) -> Self {
        let database = unique("dbz");
        let session = Session::new(url, &database);
        session.run("SET time_zone = '+00:00'");
        let base = Base::Mariadb { session, database };
        let shop = Shop::new(url.to_owned(), base, Identity::Full, seed);
        shop.run(
            "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, at TIMESTAMP(6) NOT NULL DEFAULT '2026-01-01 00:00:00',
               city VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, seller VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_bin,
               amount DECIMAL(12, 2) NOT NULL, noted DATETIME(6) NOT NULL DEFAULT '2026-01-01 00:00:00.123456', note LONGTEXT)",
        );
        shop
    }

    fn new(url: String, base: Base, identity: Identity, seed: u64) -> Self {
        Shop {
            url,
            base,
            identity,
            dice: Dice::new(seed),
            next: 1,
            keys: Vec::new(),
            has_channel: false,
        }
    }

    /// Its table, as whoever follows it is told.
    pub fn table(&self) -> String {
        match &self.base {
            Base::Postgres { .. } => "public.orders".to_owned(),
            Base::Mariadb { database, .. } => format!("{database}.orders"),
        }
    }

    /// Statements, in one transaction unless they say otherwise.
    pub fn run(&self, sql: &str) {
        match &self.base {
            Base::Postgres { runtime, client } => {
                let done = runtime.block_on(client.batch_execute(sql));
                done.unwrap_or_else(|e| panic!("{e}: {sql}"));
            }
            Base::Mariadb { session, .. } => session.run(sql),
        }
    }

    /// Another column, and a wider one: neither is told by a record of its own.
    pub fn alter(&mut self) {
        self.run("ALTER TABLE orders ADD COLUMN channel TEXT NOT NULL DEFAULT 'shop'");
        self.run(match &self.base {
            Base::Postgres { .. } => "ALTER TABLE orders ALTER amount TYPE NUMERIC(14, 2)",
            Base::Mariadb { .. } => "ALTER TABLE orders MODIFY amount DECIMAL(14, 2) NOT NULL",
        });
        self.has_channel = true;
    }

    pub fn truncate(&mut self) {
        self.run("TRUNCATE orders");
        self.keys.clear();
    }

    /// So many transactions.
    pub fn trade(&mut self, transactions: usize) {
        for _ in 0..transactions {
            let sql = self.transaction();
            self.run(&sql);
        }
    }

    fn pick(&mut self) -> Option<i64> {
        let n = self.dice.roll(self.keys.len().max(1) as u64) as usize;
        self.keys.get(n).copied()
    }

    fn at(&mut self) -> String {
        let at = DAY + self.dice.roll(3 * 86_400) as i64;
        let fraction = self.dice.roll(1_000_000);
        match &self.base {
            Base::Postgres { .. } => {
                format!("to_timestamp({at}) + {fraction} * interval '1 microsecond'")
            }
            Base::Mariadb { .. } => format!("FROM_UNIXTIME({at}.{fraction:06})"),
        }
    }

    fn city(&mut self) -> &'static str {
        ["Lisbon", "Porto", "Faro", "Beja", "São ''Zé\"", "東京", ""][self.dice.roll(7) as usize]
    }

    fn seller(&mut self) -> &'static str {
        ["NULL", "'Ana'", "'Rui'", "'Eva'", "'Zoé'"][self.dice.roll(5) as usize]
    }

    fn amount(&mut self) -> String {
        let cents = self.dice.roll(200_000) as i64 - 20_000;
        format!("{cents} / 100.0")
    }

    /// Nothing, short, or so long that it is kept apart.
    fn note(&mut self) -> String {
        match self.dice.roll(3) {
            0 => "NULL".to_owned(),
            1 => "'short'".to_owned(),
            _ => format!("repeat('n', {})", 3000 + self.dice.roll(4000)),
        }
    }

    fn insert(&mut self) -> String {
        let id = self.next;
        self.next += 1;
        self.keys.push(id);
        let (at, city, seller) = (self.at(), self.city(), self.seller());
        let (amount, note) = (self.amount(), self.note());
        let (column, value) = match self.has_channel {
            true => (", channel", ", 'web'"),
            false => ("", ""),
        };
        format!(
            "INSERT INTO orders (id, at, city, seller, amount, note{column})
             VALUES ({id}, {at}, '{city}', {seller}, {amount}, {note}{value});"
        )
    }

    fn update(&mut self, id: i64) -> String {
        let set = match self.dice.roll(10) {
            0..4 => format!("amount = {}", self.amount()),
            4..6 => format!("city = '{}', seller = {}", self.city(), self.seller()),
            // Into another window.
            6..8 => format!("at = {}", self.at()),
            8 => format!("note = {}", self.note()),
            _ => "amount = amount".to_owned(),
        };
        format!("UPDATE orders SET {set} WHERE id = {id};")
    }

    /// A row of another key: Debezium tells an end and a beginning. What it leaves out of the beginning is of a row that has
    /// ended, and nobody has it any more.
    fn rekey(&mut self, id: i64) -> String {
        let to = self.next;
        self.next += 1;
        self.keys.retain(|k| *k != id);
        self.keys.push(to);
        let note = match self.identity {
            Identity::Full => String::new(),
            Identity::Default => format!(", note = {}", self.note()),
        };
        format!("UPDATE orders SET id = {to}, amount = amount + 1{note} WHERE id = {id};")
    }

    fn transaction(&mut self) -> String {
        let chance = self.dice.roll(100);
        let Some(id) = self.pick().filter(|_| chance >= 35) else {
            return self.insert();
        };
        match chance {
            0..70 => self.update(id),
            70..76 => self.rekey(id),
            76..86 => {
                self.keys.retain(|k| *k != id);
                format!("DELETE FROM orders WHERE id = {id};")
            }
            // Never happened.
            86..91 => {
                let (keys, next) = (self.keys.clone(), self.next);
                let parts = [self.insert(), self.update(id), self.rekey(id)].concat();
                (self.keys, self.next) = (keys, next);
                format!("BEGIN; {parts} DELETE FROM orders WHERE city = 'Lisbon'; ROLLBACK;")
            }
            // One half happened.
            91..95 => {
                let first = self.insert();
                let update = self.update(id);
                let last = self.insert();
                format!(
                    "BEGIN; {first} SAVEPOINT half; {update} DELETE FROM orders; ROLLBACK TO half; {last} COMMIT;"
                )
            }
            // Many at once, and one of them twice.
            _ => {
                let city = self.city();
                let again = self.update(id);
                format!(
                    "BEGIN; UPDATE orders SET amount = amount + 1 WHERE city = '{city}'; {again} COMMIT;"
                )
            }
        }
    }

    /// What the rankings of `queries` must be.
    pub fn want(&self) -> Ranks {
        match &self.base {
            Base::Postgres { runtime, client } => runtime
                .block_on(ranks(client, &PLAIN))
                .expect("the table is there"),
            Base::Mariadb { session, .. } => PLAIN_OF_MARIADB
                .iter()
                .flat_map(|query| session.query::<mysql_async::Row>(query))
                .map(|row| {
                    let texts = row.unwrap().into_iter().map(mysql_async::from_value);
                    texts.map(|text: Option<String>| text.map(short)).collect()
                })
                .collect(),
        }
    }
}

/// A time without the zeros behind it, as Postgres writes it.
fn short(text: String) -> String {
    match text.len() == 26 && text.contains(' ') && text.contains(':') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The same rankings, asked of a table of MariaDB, all as texts.
const PLAIN_OF_MARIADB: [&str; 3] = [
    "SELECT 'cities', CAST(row_number() OVER (PARTITION BY w ORDER BY total DESC, city) AS CHAR), CAST(w AS CHAR), city, CAST(total AS CHAR),
       CAST(n AS CHAR), CAST(at AS CHAR) FROM (
       SELECT CAST(DATE(at) AS DATETIME) AS w, city, SUM(amount) AS total, COUNT(*) AS n, MAX(at) AS at FROM orders GROUP BY 1, 2) g",
    "SELECT 'sellers', CAST(row_number() OVER (PARTITION BY w ORDER BY most DESC, seller) AS CHAR), w, CONVERT(seller USING utf8mb4),
       CAST(most AS CHAR), CAST(least AS CHAR), CAST(cities AS CHAR) FROM (
       SELECT DATE_FORMAT(at, '%Y-%m-%d %H:00:00') AS w, seller, MAX(amount) AS most, MIN(amount) AS least,
         COUNT(DISTINCT city) AS cities FROM orders GROUP BY 1, 2) g",
    "SELECT 'notes', CAST(row_number() OVER (PARTITION BY w ORDER BY written DESC, city) AS CHAR), CAST(w AS CHAR), city, CAST(written AS CHAR),
       CAST(n AS CHAR), CAST(noted AS CHAR) FROM (
       SELECT CAST(DATE(at) AS DATETIME) AS w, city, COALESCE(SUM(LENGTH(note)), 0) AS written, COUNT(note) AS n,
         MAX(noted) AS noted FROM orders GROUP BY 1, 2) g",
];

/// The same rankings, asked of the table.
const PLAIN: [&str; 3] = [
    "SELECT 'cities', row_number() OVER (PARTITION BY w ORDER BY total DESC, city COLLATE \"C\"), w, city, total, n, at FROM (
       SELECT date_trunc('day', at AT TIME ZONE 'UTC') AS w, city, SUM(amount) AS total, COUNT(*) AS n,
         MAX(at AT TIME ZONE 'UTC') AS at FROM orders GROUP BY 1, 2) g",
    "SELECT 'sellers', row_number() OVER (PARTITION BY w ORDER BY most DESC, seller COLLATE \"C\" NULLS FIRST), w, seller, most, least, cities FROM (
       SELECT date_trunc('hour', at AT TIME ZONE 'UTC') AS w, seller, MAX(amount) AS most, MIN(amount) AS least,
         COUNT(DISTINCT city) AS cities FROM orders GROUP BY 1, 2) g",
    "SELECT 'notes', row_number() OVER (PARTITION BY w ORDER BY written DESC, city COLLATE \"C\"), w, city, written, n, noted FROM (
       SELECT date_trunc('day', at AT TIME ZONE 'UTC') AS w, city, COALESCE(SUM(LENGTH(note)), 0) AS written, COUNT(note) AS n,
         MAX(noted) AS noted FROM orders GROUP BY 1, 2) g",
];

/// What a sink shows.
const SHOWN: [&str; 3] = [
    "SELECT 'cities', rank, window_start AT TIME ZONE 'UTC', city, total, n, at AT TIME ZONE 'UTC' FROM cities",
    "SELECT 'sellers', rank, window_start AT TIME ZONE 'UTC', seller, most, least, cities FROM sellers",
    "SELECT 'notes', rank, window_start AT TIME ZONE 'UTC', city, written, n, noted AT TIME ZONE 'UTC' FROM notes",
];

/// The rankings as a sink shows them; none before its tables are there.
pub fn shown(sink: &str) -> Option<Ranks> {
    block(async { ranks(&connect(sink).await, &SHOWN).await })
}

async fn ranks(client: &tokio_postgres::Client, queries: &[&str]) -> Option<Ranks> {
    let mut all = Ranks::new();
    // One moment of all of them.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.unwrap();
    for query in queries {
        let cells = "q::text, r::text, w::text, k::text, a::text, b::text, c::text";
        let sql = format!("SELECT {cells} FROM ({query}) AS found (q, r, w, k, a, b, c)");
        let Ok(rows) = client.query(&sql, &[]).await else {
            client.batch_execute("ROLLBACK").await.unwrap();
            return None;
        };
        for row in rows {
            all.insert((0..7).map(|n| row.get(n)).collect());
        }
    }
    client.batch_execute("COMMIT").await.unwrap();
    Some(all)
}

/// The table as Debezium writes it, and the rankings.
pub fn queries(options: &str) -> String {
    let ranked = |name: &str, size: &str, key: &str, order: &str, measures: &str| {
        format!(
            "INSERT INTO {name} SELECT * FROM (
               SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY {order} DESC) AS `rank` FROM (
                 SELECT window_start, window_end, {key}, {measures}
                 FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL {size}))
                 GROUP BY window_start, window_end, {key}))
             WHERE `rank` <= 100;\n"
        )
    };
    let table = format!(
        "CREATE TABLE orders (
           id BIGINT, at TIMESTAMP_LTZ(6), city STRING NOT NULL, seller STRING, amount DECIMAL(14, 2) NOT NULL,
           noted TIMESTAMP_LTZ(6), note STRING,
           PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at
         ) WITH ('connector' = 'kafka', 'format' = 'debezium-json', {options});\n"
    );
    let cities = ranked(
        "cities",
        "'1' DAY",
        "city",
        "total",
        "SUM(amount) AS total, COUNT(*) AS n, MAX(at) AS at",
    );
    let sellers = ranked(
        "sellers",
        "'1' HOUR",
        "seller",
        "most",
        "MAX(amount) AS most, MIN(amount) AS least, COUNT(DISTINCT city) AS cities",
    );
    let notes = ranked(
        "notes",
        "'1' DAY",
        "city",
        "written",
        "SUM(COALESCE(CHAR_LENGTH(note), 0)) AS written, COUNT(note) AS n, MAX(noted) AS noted",
    );
    [table, cities, sellers, notes].concat()
}
