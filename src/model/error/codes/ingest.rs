//! `standings ingest`: what is not in Kafka yet, into Kafka.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "12",
    title: "Ingestion",
    codes: &[&CONFIG, &UNREAD, &TAKEN_OVER, &OPEN, &SECRET],
};

/// `ingest.toml`.
pub static CONFIG: Code = Code {
    id: "S1201",
    exit: USAGE,
    title: "The configuration of sources is wrong",
    means: "`standings ingest` reads its sources from a TOML file. Something in it is not known, or not as it must be. Nothing was read \
            and nothing written.",
    causes: &[
        "A key that is misspelled: the message has its line and the nearest that is known.",
        "A secret that stands in the file, where only the place of one may stand.",
        "A type of source that this version cannot read yet.",
    ],
    remedy: &[
        "The message names file, line and key.",
        "`standings check -- ingest --config FILE` says what would be read.",
    ],
    see: "ingest.md",
};

/// With `--once`.
pub static UNREAD: Code = Code {
    id: "S1202",
    exit: FAILED,
    title: "A source could not be read to its end",
    means: "`standings ingest --once` ends when every source has been read. One or more could not be, and are named with why. What the \
            others had is in Kafka; what was read of this one is, too, and the next start goes on behind it.",
    causes: &[
        "A file was taken before, and has other content now.",
        "An endpoint or Kafka did not answer, for several attempts.",
        "The cursor is of another configuration of the source.",
    ],
    remedy: &["Do what the message says, and start it again: nothing is written twice."],
    see: "ingest.md",
};

/// Another instance.
pub static TAKEN_OVER: Code = Code {
    id: "S1203",
    exit: FAILED,
    title: "Another instance reads the sources",
    means: "Each source has one id of transactions, and who takes it over last has it. Another process began to read all of this \
            one's sources, so this one ends. Nothing was written twice.",
    causes: &[
        "Two processes were started with the same sources.",
        "A supervisor started it anew while the old one still ran.",
    ],
    remedy: &["Let one of them run; the names of sources must differ where two are meant."],
    see: "ingest.md",
};

/// A listener that anybody could post to.
pub static OPEN: Code = Code {
    id: "S1204",
    exit: USAGE,
    title: "Webhooks would be taken from anybody, or cannot be taken at all",
    means: "What is posted must be signed where others can reach the address, and what is signed must not be read on its way. Nothing \
            was started.",
    causes: &[
        "A webhook without `signature`, and `--ingest-http` at an address that others reach.",
        "Such an address without TLS: neither a certificate, nor the word that a proxy in front has one.",
        "A source of type webhook without `--ingest-http`, or the address is taken.",
    ],
    remedy: &[
        "Give the source `signature` and `secret-file`.",
        "Give `--ingest-http-tls-cert` and `--ingest-http-tls-key`, or `--ingest-http-behind-proxy`.",
        "Listen at 127.0.0.1.",
    ],
    see: "ingest.md",
};

/// A secret that is not where it should be.
pub static SECRET: Code = Code {
    id: "S1205",
    exit: USAGE,
    title: "A secret of a source cannot be read",
    means: "`ingest.toml` says where a secret is, and it is not there. Nothing was read and nothing written.",
    causes: &[
        "The file is missing, empty, or not to be read by this user.",
        "The variable `STANDINGS_SECRET_…` is not set.",
    ],
    remedy: &["The message names source and place."],
    see: "ingest.md",
};
