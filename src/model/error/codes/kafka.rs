//! Topics that are written: changes, progress, late sales, dead letters.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "06",
    title: "Sinks, Kafka",
    codes: &[
        &TOPICS, &DENIED, &WRITING, &NOT_OURS, &REPLACED, &NEWER, &TIMED_OUT, &COMPACTED, &READING,
        &LOGIN,
    ],
};

/// Making or describing topics.
pub static TOPICS: Code = Code {
    id: "S0601",
    exit: FAILED,
    title: "Topics cannot be made or asked about",
    means: "The brokers refuse to make or to describe the topics of changes and of progress. Nothing was written.",
    causes: &[
        "A missing ACL: CREATE on the topics or on the cluster, DESCRIBE and DESCRIBE_CONFIGS on the topics.",
        "More copies are asked for than there are brokers (`default.replication.factor`).",
        "A name that is no topic's.",
    ],
    remedy: &[
        "Make `TOPIC` and `TOPIC-progress` beforehand, the latter with one partition and `cleanup.policy=compact`.",
        "docs/security.md has the rights that a run needs.",
    ],
    see: "sinks.md",
};

/// Brokers do not let this user write.
pub static DENIED: Code = Code {
    id: "S0602",
    exit: FAILED,
    title: "Kafka does not let this user write",
    means: "The brokers refuse a write, a transaction or a login. A login that was taken before, or a right that was there, is waited \
            for, for a minute. What was not committed is written by the next start.",
    causes: &[
        "A missing ACL: WRITE on the topics, WRITE and DESCRIBE on the transactional id.",
        "A wrong password, or another SASL mechanism than the listener has.",
    ],
    remedy: &[
        "`kafka-acls.sh … --add --allow-principal User:NAME --operation WRITE --topic TOPIC`, and the same with \
         `--transactional-id`.",
        "docs/security.md has the rights that a run needs.",
    ],
    see: "security.md",
};

/// A write that waiting does not heal.
pub static WRITING: Code = Code {
    id: "S0603",
    exit: FAILED,
    title: "Writing to a topic failed",
    means: "Kafka answered with something that waiting does not heal, or somebody else wrote to the topic of progress. The transaction \
            is not committed, or will be found committed by the next start; either way its changes are there once.",
    causes: &[
        "The message ends with the client's own words.",
        "A topic with fewer copies in sync than `min.insync.replicas`, for longer than the client waits.",
        "A client of another version between, such as a proxy that knows no transactions.",
    ],
    remedy: &["Mend it there, and start again: the run goes on from its last commit."],
    see: "sinks.md",
};

/// Something else is in the topic.
pub static NOT_OURS: Code = Code {
    id: "S0604",
    exit: FAILED,
    title: "A topic holds records that Standings did not write",
    means: "The topic of changes or of progress has a record in it that is none of ours, so what it shows cannot be known. Nothing was \
            written.",
    causes: &["Another program writes to that topic, or its name was meant for something else."],
    remedy: &["Name a topic that nobody else writes to: it is made when it is missing."],
    see: "sinks.md",
};

/// Deleted, perhaps made anew.
pub static REPLACED: Code = Code {
    id: "S0605",
    exit: FAILED,
    title: "A topic was deleted while the run wrote to it",
    means: "The topic of changes or of progress is gone, or another one of its name is there now. Nothing was written to the new one.",
    causes: &["Somebody deleted the topic to empty it."],
    remedy: &[
        "Start with `--forget sink`: the topic is made anew if need be, and filled with what the rankings are now.",
    ],
    see: "recovery.md",
};

/// Of a newer version.
pub static NEWER: Code = Code {
    id: "S0606",
    exit: USAGE,
    title: "A newer version of Standings writes to that topic",
    means: "The topic of progress was written by a version whose format this one does not know. It is left alone. Nothing was written.",
    causes: &["A version was rolled back, or two versions run side by side."],
    remedy: &["Use the newer version, or another topic."],
    see: "upgrade.md",
};

/// The brokers ended the transaction.
pub static TIMED_OUT: Code = Code {
    id: "S0607",
    exit: FAILED,
    title: "A transaction was open for too long",
    means: "The brokers end a transaction that is open for longer than `transaction.timeout.ms`, and refuse its producer from then on. \
            Nothing of it was committed; the next start makes it anew.",
    causes: &[
        "The process was stopped (SIGSTOP, a debugger), or the machine slept.",
        "A commit so large that the brokers took longer than that to take it.",
    ],
    remedy: &[
        "Start again.",
        "If it comes again: `--kafka-property transaction.timeout.ms=…`, up to the brokers' `transaction.max.timeout.ms`.",
    ],
    see: "sinks.md",
};

/// Letters would replace each other.
pub static COMPACTED: Code = Code {
    id: "S0608",
    exit: USAGE,
    title: "The topic for letters is compacted",
    means: "Late sales and dead letters that have one key would replace each other in a compacted topic. Nothing was written.",
    causes: &["The topic was made with `cleanup.policy=compact`."],
    remedy: &[
        "`kafka-configs.sh --bootstrap-server HOST:9092 --alter --topic TOPIC --add-config cleanup.policy=delete`",
    ],
    see: "dead-letters.md",
};

/// What it shows cannot be read.
pub static READING: Code = Code {
    id: "S0609",
    exit: FAILED,
    title: "What a topic of changes shows cannot be read back",
    means: "At a start the topic is read once, so that only the difference is written. That failed. Nothing was written.",
    causes: &[
        "A missing ACL: READ on the topics of changes and of progress.",
        "Brokers that went away meanwhile.",
    ],
    remedy: &[
        "Give the right, and start again.",
        "docs/security.md has the rights that a run needs.",
    ],
    see: "security.md",
};

/// Not let in, at a first start.
pub static LOGIN: Code = Code {
    id: "S0610",
    exit: USAGE,
    title: "Kafka does not let this user in",
    means: "The brokers of a sink were reached and refuse the login, or their certificate is not trusted. At a first start that is a wrong \
            setting; after a login that was taken it is waited for, since passwords and certificates are changed in several places.",
    causes: &[
        "A wrong user or password, or another SASL mechanism than the listener has.",
        "A certificate, of the brokers or of this client, whose authority the other side does not know.",
    ],
    remedy: &[
        "`kafka-topics.sh --bootstrap-server HOST:9092 --list --command-config FILE` with the same settings.",
        "Keep the settings in the file of `--kafka-properties`: it is read anew while a login is refused.",
    ],
    see: "security.md",
};
