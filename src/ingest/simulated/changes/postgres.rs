//! A log of Postgres: its slot, and what befalls both.

use std::time::Duration;

use super::database::Database;
use super::reader::Reader;
use super::{Side, World};
use crate::postgres::changes::{ChangesFeed, Names, Reading};
use crate::row::Shape;

pub(super) struct Postgres;

impl Side for Postgres {
    type Feed = ChangesFeed<Reader>;
    const KIND: &'static str = "postgres-cdc";
    const EVENTS: u64 = 6;

    fn feed(world: &World<Self>) -> Self::Feed {
        let reader = Reader::new(&world.database, &world.dice, &world.calm);
        let text = |text: &str| text.to_owned();
        let names = Names {
            source: text("s"),
            schema: text("public"),
            table: text("t"),
            slot: text("standings_s"),
            publication: text("standings_s"),
        };
        let reading = Reading {
            event_time: Some(text("at")),
            heartbeat: Duration::from_secs(3),
            tombstones: false,
            is_iso: false,
            batch: 2,
        };
        ChangesFeed::new(
            reader,
            names,
            reading,
            Shape::default(),
            world.clock.clone(),
        )
    }

    fn records(world: &World<Self>) -> (std::ops::RangeInclusive<usize>, usize) {
        world.database.0.borrow().records()
    }

    fn befalls(world: &World<Self>, event: u64, put_back: &Database, seed: u64) {
        if event < 2 {
            // With a transaction of its own at the end of what was read, that one is missed first, whatever became of the slot.
            world.database.0.borrow_mut().end += 3;
            world.quiet(seed);
        }
        let mut database = world.database.0.borrow_mut();
        match event {
            0 => database.slot = None,
            // Somebody else has read it, or moved it on.
            1 => {
                database.one();
                let end = database.end;
                if let Some(slot) = &mut database.slot {
                    slot.confirmed = end;
                }
            }
            2 => database.system = "another",
            3 => database.timeline += 1,
            // Put back, and at once, or only after it has grown beyond where it was.
            event => {
                // What was copied may have a slot or not; without one it is as if the slot were gone.
                let slot = database.slot.clone();
                *database = put_back.clone();
                if let (Some(now), Some(slot)) = (&slot, &mut database.slot) {
                    slot.confirmed = slot.confirmed.min(now.confirmed);
                }
                if event == 5 {
                    database.end += 3;
                    for _ in 0..9 {
                        database.one();
                    }
                }
            }
        }
        if event != 4 {
            database.one();
        }
    }
}
