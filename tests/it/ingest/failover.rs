//! Two real MariaDB servers, one the replica of the other: what a source does when the first is gone. By the numbers of its transactions (GTID)
//! the other goes on; one that lacks what was read, or has another history, is no other half of anything.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::binlog::{replayed, room};
use super::mysql::Shop;
use super::{Room, words};
use crate::mariadb::{Server, Session};
use crate::support::{Dice, until};

const TABLE: &str = "CREATE TABLE sales (id INT PRIMARY KEY, amount INT, note VARCHAR(50))";

/// The second follows the first from the beginning of its log on; what making them has written is in neither.
fn pair() -> (Server, Server) {
    let settings = ["log-slave-updates=1"];
    let (first, second) = (
        Server::up(&settings),
        Server::up(&["server-id=2", settings[0]]),
    );
    Session::to(&first.url).run("RESET MASTER");
    Session::to(&second.url).run(&format!(
        "RESET MASTER; SET GLOBAL gtid_slave_pos = ''; CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'standings', \
         MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos; START SLAVE",
        first.port()
    ));
    (first, second)
}

fn position(of: &Session) -> String {
    of.query::<String>("SELECT @@gtid_binlog_pos").remove(0)
}

/// Until the second has all of the first.
fn meets(first: &Session, second: &Session) {
    let wanted = position(first);
    until("the replica has all", Duration::from_secs(20), || {
        position(second) == wanted
    });
}

fn trade(of: &Session, dice: &mut Dice, many: u64) {
    for n in 0..many {
        let (id, other) = (dice.roll(60), dice.roll(60));
        of.run(&match dice.roll(4) {
            0 => format!("INSERT IGNORE INTO sales VALUES ({id}, {n}, 'ä{n}')"),
            1 => format!("UPDATE sales SET amount = {n} WHERE id BETWEEN {id} AND {id} + 5"),
            2 => format!("BEGIN; UPDATE IGNORE sales SET id = {other} WHERE id = {id}; DELETE FROM sales WHERE id = {id} + 1; COMMIT"),
            _ => format!("BEGIN; DELETE FROM sales WHERE id = {id}; INSERT IGNORE INTO sales VALUES ({other}, {n}, NULL); COMMIT"),
        });
    }
}

fn table(of: &Session) -> BTreeMap<i64, Value> {
    let rows: Vec<(i64, i64, Option<String>)> = of.query("SELECT id, amount, note FROM sales");
    let rows = rows.into_iter();
    rows.map(|(id, amount, note)| (id, json!({"id": id, "amount": amount, "note": note})))
        .collect()
}

fn turn_to(room: &Room, server: &Server) {
    std::fs::write(room.path("url"), &server.url).unwrap();
}

#[test]
fn another_server_goes_on_if_it_has_what_was_read() {
    let (first, second) = pair();
    let shop = Shop::at(&first.url, TABLE);
    let mut dice = Dice::new(31);
    trade(&shop.session, &mut dice, 40);
    let room = room(&shop, "table = \"SCHEMA.sales\"\n");
    room.once_well();
    trade(&shop.session, &mut dice, 40);
    room.once_well();
    // What nobody has read yet is read of the other one.
    trade(&shop.session, &mut dice, 40);
    let replica = Session::to(&second.url);
    meets(&shop.session, &replica);
    replica.run(&format!("USE {}", shop.database));
    let running = room.start(&[]);
    std::thread::sleep(Duration::from_millis(dice.roll(300)));
    first.kill();
    replica.run("STOP SLAVE");
    trade(&replica, &mut dice, 40);
    drop(running);
    turn_to(&room, &second);
    room.once_well();
    // Each record is of the row as the one before it left it: none is missing, and none is there twice.
    assert_eq!(replayed(&room), table(&replica));
    // And killed there, as anywhere.
    for _ in 0..super::kills() {
        let mut running = room.start(&[]);
        trade(&replica, &mut dice, 20);
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    room.once_well();
    assert_eq!(replayed(&room), table(&replica));
}

#[test]
fn another_server_that_lacks_what_was_read_breaks_the_source() {
    let (first, second) = pair();
    let shop = Shop::at(&first.url, TABLE);
    let mut dice = Dice::new(32);
    trade(&shop.session, &mut dice, 20);
    let replica = Session::to(&second.url);
    meets(&shop.session, &replica);
    replica.run(&format!("USE {}", shop.database));
    replica.run("STOP SLAVE");
    let room = room(&shop, "table = \"SCHEMA.sales\"\n");
    room.once_well();
    shop.run("INSERT INTO sales VALUES (1001, 1, NULL); INSERT INTO sales VALUES (1002, 1, NULL)");
    room.once_well();
    let written = room.records();
    turn_to(&room, &second);
    let said = words(&room.once());
    assert!(
        said.contains("was read up to 0-1-") && said.contains("a replica that lags"),
        "{said}"
    );
    // It was made the first, and has gone on by itself: the numbers are there, of other transactions.
    for n in 0..5 {
        replica.run(&format!("INSERT INTO sales VALUES ({}, 2, NULL)", 2001 + n));
    }
    let said = words(&room.once());
    assert!(
        said.contains("another history") || said.contains("is not the one that was read"),
        "{said}"
    );
    assert!(said.contains("give the source another name"), "{said}");
    assert_eq!(room.records(), written);
    // The one that lagged catches up, where it has not gone its own way: then it is as good as the first.
    turn_to(&room, &first);
    room.once_well();
    assert_eq!(replayed(&room), table(&shop.session));
}
