//! What is read.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "03",
    title: "The source",
    codes: &[
        &SETTINGS, &FORMAT, &READING, &NO_TOPIC, &DENIED, &GONE, &TRUNCATED, &REPLACED, &KAFKA,
        &OTHER, &SILENT,
    ],
};

/// What `--source` says.
pub static SETTINGS: Code = Code {
    id: "S0301",
    exit: USAGE,
    title: "The source is not named as it must be",
    means: "`--source`, or a flag that belongs to it, does not say what can be read. Nothing was read.",
    causes: &[
        "No `--source`, or several of which one is no file.",
        "A file or a recording that does not exist.",
        "A flag that this kind of source does not have.",
        "A bucket that there is not, that denies it, or in which nothing fits the pattern.",
    ],
    remedy: &[
        "Give one `kafka://host:9092/topic`, or one `recording:PATH`, or one or more `file:PATH` or `s3://BUCKET/KEY`.",
        "`standings check -- run …` asks the source without writing anything.",
    ],
    see: "configuration.md",
};

/// A file of the wrong shape.
pub static FORMAT: Code = Code {
    id: "S0302",
    exit: USAGE,
    title: "A file is not of the form that its name says",
    means: "A Parquet, CSV or recorded file cannot be read as such, or lacks a column that every sale has. Nothing was read.",
    causes: &[
        "The file was cut off while it was copied.",
        "Its ending names another form than it has.",
        "Columns of other names or types than `event_time` and `amount`; names that differ from the table's in upper and lower case.",
        "A codec that is not read.",
    ],
    remedy: &[
        "The message says what was found; rename columns in the export, or write it again.",
        "In DuckDB: `COPY (SELECT sold_at AS event_time, … FROM 'in.parquet') TO 'out.parquet' (CODEC zstd)`.",
    ],
    see: "decoding.md",
};

/// Reading a file failed.
pub static READING: Code = Code {
    id: "S0303",
    exit: FAILED,
    title: "Reading a file failed",
    means: "The file was there, and could not be read to its end. What was committed stays; the next start goes on from there.",
    causes: &[
        "The disk or the network drive failed.",
        "A compressed file that is damaged or cut off.",
        "The file was changed or removed while it was read; another object was put in its place.",
    ],
    remedy: &[
        "`gzip -t FILE`, `zstd -t FILE`: is it whole?",
        "Copy it anew, and start again.",
    ],
    see: "decoding.md",
};

/// No such topic.
pub static NO_TOPIC: Code = Code {
    id: "S0304",
    exit: FAILED,
    title: "The topic does not exist",
    means: "The brokers answer, and have no topic of that name, though it was waited for. Nothing was read.",
    causes: &[
        "The name is misspelt.",
        "The topic has not been made yet, and brokers do not make it by themselves.",
        "The address leads to another cluster.",
    ],
    remedy: &[
        "`kafka-topics.sh --bootstrap-server HOST:9092 --list` shows what there is.",
        "Make it, or correct `--source`.",
    ],
    see: "recovery.md",
};

/// Brokers do not let this user read.
pub static DENIED: Code = Code {
    id: "S0305",
    exit: FAILED,
    title: "Kafka does not let this user read",
    means: "The brokers know who asks and refuse it, or do not know who asks. Nothing was read.",
    causes: &[
        "A missing ACL: READ and DESCRIBE on the topic.",
        "A wrong password, or another SASL mechanism than the listener has.",
        "TLS where the listener has none, or the other way round.",
    ],
    remedy: &[
        "`kafka-acls.sh --bootstrap-server HOST:9092 --add --allow-principal User:NAME --operation READ --topic TOPIC`",
        "docs/security.md has the rights that a run needs, and the settings for TLS and SASL.",
    ],
    see: "security.md",
};

/// Retention was faster.
pub static GONE: Code = Code {
    id: "S0306",
    exit: FAILED,
    title: "Records that should be read next are gone from Kafka",
    means: "Reading should go on at an offset that the partition does not hold any more, or not yet. Going on would leave out what lies \
            between; so it is not done. What the sinks show stays as it is.",
    causes: &[
        "Retention deleted records before they were read: the run stood still for longer than `retention.ms`.",
        "The topic was emptied or made anew.",
        "A snapshot that is older than what the topic holds.",
    ],
    remedy: &[
        "If the records come back (from a backup, a mirror), start again.",
        "Start from a newer snapshot (`--state`), or into new tables and topics, which then show what Kafka still holds.",
        "Raise `retention.ms` above the longest time that a run may stand still.",
    ],
    see: "recovery.md",
};

/// A broker lost its newest records.
pub static TRUNCATED: Code = Code {
    id: "S0307",
    exit: FAILED,
    title: "The topic's log was truncated while it was read",
    means: "A broker has lost its newest records, which were already read: what is shown counts sales that exist no more. Nothing \
            further was written.",
    causes: &[
        "A crash before records were flushed, with too few copies in sync.",
        "An unclean leader election (`unclean.leader.election.enable=true`).",
    ],
    remedy: &[
        "Restore the log, and start again.",
        "Or accept the loss: start with `--forget source`; rows are then set to what is there.",
        "Use three copies, `min.insync.replicas=2` and `acks=all`, so that it cannot come again.",
    ],
    see: "recovery.md",
};

/// Deleted, perhaps made anew.
pub static REPLACED: Code = Code {
    id: "S0308",
    exit: FAILED,
    title: "The topic was deleted while it was read",
    means: "The topic is gone, or another one of its name is there now. Offsets of the one are never applied to the other. What was \
            read of the old one is committed; nothing of the new one was ranked.",
    causes: &["Somebody deleted the topic, and perhaps made it anew to empty it."],
    remedy: &[
        "If the new one is meant: start with `--forget source`; rows are then set to what it says.",
        "Else name the topic that is meant in `--source`.",
        "To empty a topic, use `kafka-delete-records.sh`, which keeps its identity.",
    ],
    see: "recovery.md",
};

/// Anything else that Kafka says.
pub static KAFKA: Code = Code {
    id: "S0309",
    exit: FAILED,
    title: "Reading the topic failed",
    means: "Kafka answered with something that waiting does not heal. What was committed stays; the next start goes on from there.",
    causes: &[
        "The message ends with the client's own words.",
        "Brokers of a version, or with a setting, that the client cannot work with.",
    ],
    remedy: &[
        "`standings check -- run …` asks the topic for what it holds.",
        "Look into the brokers' own log at that time.",
    ],
    see: "recovery.md",
};

/// What was known and what is there do not agree.
pub static OTHER: Code = Code {
    id: "S0310",
    exit: USAGE,
    title: "The source does not hold what a sink or a snapshot stands for",
    means: "A sink or a snapshot stands for a prefix of an input, and `--source` is another input, or does not hold that prefix any \
            more. Offsets of one thing are never applied to another. Nothing was written.",
    causes: &[
        "`--source` names another topic, cluster or file than the run before did.",
        "The topic was emptied, truncated, compacted or made anew.",
        "A file was changed, not only grown, or is not given any more.",
        "A database that was restored from a backup of another system.",
    ],
    remedy: &[
        "Give the source that the sink was made from.",
        "Or write into another database, schema, topic and `--state`.",
        "Or begin anew from what is there with `--forget source`: its rows are then set to what this source says.",
    ],
    see: "recovery.md",
};

/// No answer, when only asked.
pub static SILENT: Code = Code {
    id: "S0311",
    exit: FAILED,
    title: "The source does not answer",
    means: "A command that only asks got no answer in time. A run would wait, and say so; for a bucket it waits a minute when it begins.",
    causes: &[
        "Nothing listens at that address.",
        "The brokers name themselves by an address that cannot be reached from here (`advertised.listeners`).",
        "TLS on one side only.",
    ],
    remedy: &[
        "`nc -vz HOST 9092` from the same machine or pod.",
        "Of a bucket: `AWS_ENDPOINT`, `AWS_REGION`, and `AWS_ALLOW_HTTP=true` where it has no TLS.",
        "Look at `security.protocol` and at `advertised.listeners` of the brokers.",
    ],
    see: "security.md",
};
