//! Commands beside a run: verify, repair, load, demo, explain.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "11",
    title: "Other commands",
    codes: &[
        &DIFFERS,
        &NOT_REPAIRED,
        &WRITTEN,
        &OTHER_PREFIX,
        &LOAD_FILE,
        &LOAD_TOPIC,
        &DEMO,
        &TOPIC,
        &NO_CODE,
        &EMPTY,
        &PROJECT,
    ],
};

/// Rows differ.
pub static DIFFERS: Code = Code {
    id: "S1101",
    exit: FAILED,
    title: "Rows differ from what the source says",
    means: "`standings verify` computed closed windows anew from the source, and the sink shows something else. The rows stand above the \
            message. Nothing was written.",
    causes: &[
        "Somebody changed rows in the sink.",
        "Other flags than the run had: `--out-of-orderness`, `--allowed-lateness`, queries.",
        "The source does not hold all any more that was ranked.",
    ],
    remedy: &[
        "Verify with the run's own flags.",
        "`standings repair --dry-run …` says what it would write; without `--dry-run` it writes.",
    ],
    see: "recovery.md",
};

/// It does not remember.
pub static NOT_REPAIRED: Code = Code {
    id: "S1102",
    exit: USAGE,
    title: "That sink cannot be repaired",
    means: "Only a sink that remembers for which prefix of the input it stands can be compared and set right. Nothing was written.",
    causes: &[
        "A file or standard output.",
        "A sink that is written with `--delivery at-least-once`, or has no commit yet.",
    ],
    remedy: &[
        "`standings run` fills a sink that is new.",
        "A file is the log of one run: run again into a new one.",
    ],
    see: "recovery.md",
};

/// Somebody writes there.
pub static WRITTEN: Code = Code {
    id: "S1103",
    exit: FAILED,
    title: "Somebody writes to the sink that is to be repaired",
    means: "The sink moved on while it was compared, or a run is recorded as going on. Nothing was written.",
    causes: &[
        "The cluster runs.",
        "A run was killed, and could not say that it ended.",
    ],
    remedy: &[
        "Stop the cluster, then repair.",
        "If no run goes on: give `--yes`.",
    ],
    see: "recovery.md",
};

/// Another source.
pub static OTHER_PREFIX: Code = Code {
    id: "S1104",
    exit: FAILED,
    title: "The source does not reach what the sink counts",
    means: "The sink counts a partition up to an offset that the source does not have. Nothing was written.",
    causes: &[
        "Another source than the run's.",
        "A topic that was made anew, or that retention has shortened.",
    ],
    remedy: &["Name the source that the sink was made from, or wherever its records are kept."],
    see: "recovery.md",
};

/// Files of `load`.
pub static LOAD_FILE: Code = Code {
    id: "S1105",
    exit: FAILED,
    title: "A file of recorded load cannot be read or written",
    means: "`standings load` stopped in its file. What was written before is whole up to the last record.",
    causes: &["A full disk.", "A recording that is cut off or damaged."],
    remedy: &["Look at the system's own words at the end of the message."],
    see: "load.md",
};

/// Topics of commands.
pub static LOAD_TOPIC: Code = Code {
    id: "S1106",
    exit: FAILED,
    title: "A topic cannot be read, made or written by this command",
    means: "Kafka does not answer a command that makes, reads or fills a topic, or refuses it.",
    causes: &[
        "Nothing listens at that address.",
        "A right that is missing.",
    ],
    remedy: &[
        "`kafka-topics.sh --bootstrap-server HOST:9092 --describe --topic TOPIC`",
        "Give Kafka's settings with `--kafka-property`.",
    ],
    see: "load.md",
};

/// The demo.
pub static DEMO: Code = Code {
    id: "S1107",
    exit: FAILED,
    title: "The demo failed",
    means: "The embedded broker or the shop that sells could not do what the demo needs. Nothing outside of the demo was touched.",
    causes: &[
        "No ports or threads left on this machine.",
        "A demo that was stopped while sales were under way.",
    ],
    remedy: &["Start it again; with `--rate 100` on a small machine."],
    see: "page.md",
};

/// No such topic.
pub static TOPIC: Code = Code {
    id: "S1108",
    exit: FAILED,
    title: "The topic that a command needs does not exist",
    means: "Commands do not make topics by themselves, but for `load replay --partitions`.",
    causes: &["The name is misspelt, or the topic has not been made yet."],
    remedy: &[
        "`standings load replay --partitions N …` makes it; or make it with Kafka's own tools.",
    ],
    see: "load.md",
};

/// `explain` of nothing.
pub static NO_CODE: Code = Code {
    id: "S1109",
    exit: USAGE,
    title: "There is no such code",
    means: "`standings explain` was asked for a code that no error has.",
    causes: &["A typing error, or a code of a newer version."],
    remedy: &["`standings explain` lists all."],
    see: "errors/README.md",
};

/// Nothing to look at.
pub static EMPTY: Code = Code {
    id: "S1110",
    exit: FAILED,
    title: "There is nothing to look at",
    means: "`standings inspect` or `standings init --from` found no record, or none that is a row, so that no table can be proposed.",
    causes: &[
        "The file or the topic is empty.",
        "The records are neither JSON nor rows: the fields of Avro and Protobuf stand in a schema.",
    ],
    remedy: &["Look again when there are records, or declare the table by hand."],
    see: "tables.md",
};

/// A project is not written.
pub static PROJECT: Code = Code {
    id: "S1111",
    exit: USAGE,
    title: "The folder of queries is not written",
    means: "`standings init` makes new files and overwrites none. Where it says that one is there already, nothing was written.",
    causes: &[
        "The folder holds queries already.",
        "It cannot be made or written.",
    ],
    remedy: &["Name another folder."],
    see: "tables.md",
};
