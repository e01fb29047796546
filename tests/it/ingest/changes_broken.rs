//! A log that has not all, or is not the one that was read: the source is broken, says what to do, and writes nothing.

use super::changes::Shop;
use super::{Room, words};
use crate::support::kafka::unique;
use crate::support::postgres::database;
use crate::support::service;

/// It ends with these words, and so many records are there.
fn breaks(room: &Room, said: &str, written: usize) {
    let output = room.once();
    let text = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}: {text}");
    assert!(text.contains(said), "{said}: {text}");
    assert_eq!(room.records().len(), written, "{said}");
}

/// One that has read a row, and a change.
fn read(shop: &Shop) -> Room {
    let room = shop.room("");
    shop.run("INSERT INTO sales VALUES (1, now(), 1, NULL)");
    room.once_well();
    shop.run("UPDATE sales SET amount = 2");
    room.once_well();
    assert_eq!(room.records().len(), 2);
    shop.run("UPDATE sales SET amount = 3");
    room
}

#[test]
fn a_slot_that_is_gone_or_was_moved_on() {
    let shop = Shop::new();
    let room = read(&shop);
    let slot = shop.schema.clone();
    shop.run(&format!(
        "SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn())"
    ));
    breaks(&room, "was moved on to", 2);
    shop.run(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    breaks(&room, "is gone: what has changed since", 2);
    // Another one of its name has not what is missing.
    shop.run(&format!(
        "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
    ));
    breaks(&room, "was moved on to", 2);
    shop.run(&format!(
        "SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')"
    ));
    breaks(&room, "and not of `pgoutput`", 2);
}

#[test]
fn a_slot_that_is_somebody_else_s() {
    let shop = Shop::new();
    let slot = shop.schema.clone();
    shop.run(&format!(
        "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
    ));
    breaks(&shop.room(""), "that this source has not made", 0);
    shop.run(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    // Slots have one name in all databases of a server.
    let other = database();
    let name = unique("other");
    let made = format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')");
    let there = |sql: &str| {
        let sql = sql.to_owned();
        let other = other.clone();
        crate::support::kafka::block(async move {
            let client = crate::support::postgres::connect(&other).await;
            client.batch_execute(&sql).await.unwrap();
        });
    };
    there(&made);
    let room = shop.room("");
    let text = std::fs::read_to_string(room.path("ingest.toml")).unwrap();
    let text = text.replace(
        &format!("slot = \"{}\"", shop.schema),
        &format!("slot = \"{name}\""),
    );
    std::fs::write(room.path("ingest.toml"), text).unwrap();
    breaks(&room, "slots have one name in all databases of a server", 0);
    there(&format!("SELECT pg_drop_replication_slot('{name}')"));
}

#[test]
fn a_table_that_is_not_told_whole() {
    let shop = Shop::new();
    let table = format!("{}.sales", shop.schema);
    shop.run("ALTER TABLE sales REPLICA IDENTITY DEFAULT");
    breaks(
        &shop.room(""),
        &format!("ALTER TABLE {table} REPLICA IDENTITY FULL"),
        0,
    );
    shop.run("ALTER TABLE sales REPLICA IDENTITY FULL");
    let room = read(&shop);
    // While nobody looks: what was changed then the log has not.
    shop.run(
        "ALTER TABLE sales REPLICA IDENTITY DEFAULT; UPDATE sales SET amount = 4; ALTER TABLE sales REPLICA IDENTITY FULL",
    );
    let output = room.once();
    let said = words(&output);
    assert!(said.contains("cannot be told any more"), "{said}");

    let shop = Shop::new();
    let room = read(&shop);
    let publication = &shop.schema;
    shop.run(&format!("ALTER PUBLICATION {publication} DROP TABLE sales"));
    breaks(&room, "ADD TABLE", 2);
    shop.run(&format!(
        "ALTER PUBLICATION {publication} ADD TABLE sales WHERE (id > 1)"
    ));
    breaks(&room, "without WHERE", 2);
    shop.run(&format!("DROP PUBLICATION {publication}"));
    breaks(&room, "is gone: what has changed since", 2);
}

#[test]
fn columns_that_go_and_tables_that_come_again() {
    let shop = Shop::new();
    let room = read(&shop);
    room.once_well();
    // Nobody has named it, and it may go.
    shop.run("ALTER TABLE sales DROP note; INSERT INTO sales VALUES (7)");
    room.once_well();
    shop.run("ALTER TABLE sales ALTER id TYPE TEXT; INSERT INTO sales VALUES ('x')");
    breaks(
        &room,
        "the column `id`, which the configuration names, was int8 and is text now",
        4,
    );

    let shop = Shop::new();
    let room = read(&shop);
    shop.run("DROP TABLE sales; CREATE TABLE sales (id BIGINT PRIMARY KEY); ALTER TABLE sales REPLICA IDENTITY FULL");
    breaks(&room, "was dropped and made anew", 2);

    let shop = Shop::new();
    shop.run(
        "DROP TABLE sales; CREATE TABLE sales (id BIGINT); ALTER TABLE sales REPLICA IDENTITY FULL",
    );
    breaks(&shop.room(""), "has no primary key", 0);
    shop.run("DROP TABLE sales; CREATE VIEW sales AS SELECT 1 AS id");
    breaks(&shop.room(""), "is no table of its own", 0);
    shop.run("DROP VIEW sales");
    breaks(&shop.room(""), "there is no table", 0);
}

/// As few rights as the documentation gives, and one fewer.
#[test]
fn a_user_of_few_rights() {
    let shop = Shop::new();
    shop.run("INSERT INTO sales VALUES (1, now(), 1, NULL)");
    let (schema, user) = (shop.schema.clone(), unique("reader"));
    shop.run(&format!(
        "CREATE ROLE {user} LOGIN REPLICATION; GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON sales TO {user}"
    ));
    let room = shop.room("");
    let url = service("POSTGRES_URL");
    let (_, server) = url.split_once('@').unwrap();
    std::fs::write(room.path("url"), format!("postgres://{user}@{server}")).unwrap();
    breaks(&room, "let the table's owner run CREATE PUBLICATION", 0);
    shop.run(&format!(
        "CREATE PUBLICATION {schema} FOR TABLE sales WITH (publish_via_partition_root = true)"
    ));
    room.once_well();
    assert_eq!(room.records().len(), 1);
    shop.run("UPDATE sales SET amount = 2");
    room.once_well();
    assert_eq!(room.records().len(), 2);
    shop.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}"));
}
