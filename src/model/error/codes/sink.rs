//! Where commits are written: what all sinks have in common, and Postgres.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "05",
    title: "Sinks, Postgres",
    codes: &[
        &SETTINGS,
        &LOGIN,
        &WRONG,
        &TABLE,
        &NEWER,
        &FENCED,
        &BEHIND,
        &WRITING,
        &UNREADABLE,
        &OTHER,
        &SILENT,
        &UPGRADE,
        &DROPPED,
        &FORGETFUL,
        &LACKS,
        &REFUSED,
    ],
};

/// What `--sink` says.
pub static SETTINGS: Code = Code {
    id: "S0501",
    exit: USAGE,
    title: "A sink's URL says something that cannot be",
    means: "The URL of a database has a parameter that is not known, contradicts itself, or names a file that cannot be read. Nothing \
            was dialled.",
    causes: &[
        "A parameter of libpq that this client does not have (`sslcert`, `sslkey`).",
        "A password with characters that must be escaped in a URL (`%40` for `@`).",
        "`sslrootcert` names a file that is not there.",
    ],
    remedy: &[
        "The message says which parameter, and what is allowed.",
        "`standings check -- run …` asks every sink without writing anything.",
    ],
    see: "sinks.md",
};

/// Not let in.
pub static LOGIN: Code = Code {
    id: "S0502",
    exit: USAGE,
    title: "The database does not let this user in",
    means: "The server was reached and refuses the login, or its certificate is not trusted. At a first start that is a wrong setting; \
            after a login that was taken it is waited for, since passwords and certificates are changed in several places.",
    causes: &[
        "A wrong password, or a user that does not exist.",
        "`pg_hba.conf` has no line for this user, database and address.",
        "The server's certificate is of an authority that is not known here, or names another host.",
    ],
    remedy: &[
        "`psql URL` from the same machine or pod.",
        "Name the certificate's authority with `sslrootcert=PATH`, and the host as the certificate does.",
    ],
    see: "security.md",
};

/// What the URL names is not there.
pub static WRONG: Code = Code {
    id: "S0503",
    exit: USAGE,
    title: "What the database's URL names is not there, or may not be used",
    means: "The server let the user in, and the database, the schema or a right that is needed is missing; or the server is none that \
            can be written to. Nothing was written.",
    causes: &[
        "The database or the schema does not exist.",
        "No right to make tables in the schema, or to write to those that are there.",
        "A server without TLS where `sslmode` asks for it.",
        "A standby, or an encoding other than UTF8.",
    ],
    remedy: &[
        "`CREATE DATABASE …`, `CREATE SCHEMA …`, or another name in the URL.",
        "docs/upgrade.md lists which rights are needed for what.",
        "`standings check -- run …` asks for all of them without writing anything.",
    ],
    see: "upgrade.md",
};

/// A table of another shape.
pub static TABLE: Code = Code {
    id: "S0504",
    exit: USAGE,
    title: "A table is there and is of another shape",
    means: "A ranking's table lacks a column, has one of another type, or has no key by which rows can be replaced. Tables that are there \
            are never altered by a start. Nothing was written.",
    causes: &[
        "The query was changed: other keys, other measures.",
        "A table of somebody else's that has the ranking's name.",
    ],
    remedy: &[
        "Rename or drop the table: it is made anew and filled.",
        "Or rename the query's file, which names the table.",
        "Or write into another schema: `?options=-csearch_path%3DNAME`.",
    ],
    see: "sinks.md",
};

/// Of a newer version.
pub static NEWER: Code = Code {
    id: "S0505",
    exit: USAGE,
    title: "A newer version of Standings writes there",
    means: "The sink says that it was written by a version whose format this one does not know. It is left alone, since to write would \
            lose what the newer one keeps there. Nothing was written.",
    causes: &["A version was rolled back, or two versions run side by side."],
    remedy: &[
        "Use the newer version.",
        "Or write into another schema or topic with this one.",
    ],
    see: "upgrade.md",
};

/// Somebody has taken over.
pub static FENCED: Code = Code {
    id: "S0506",
    exit: FAILED,
    title: "A newer cluster has taken over the sink",
    means: "Another start has opened the same sink since. Only the newest may write, so this one stops; nothing of its last commit was \
            written by it, and nothing is lost: the newer one goes on from the last commit.",
    causes: &[
        "The cluster was started again while an old process still lived: that is what the fence is for.",
        "Two clusters are configured to write to one sink.",
    ],
    remedy: &[
        "If the newer one was meant: nothing.",
        "If both should run: give each a schema or a topic of its own.",
    ],
    see: "recovery.md",
};

/// It shows less than it acknowledged.
pub static BEHIND: Code = Code {
    id: "S0507",
    exit: FAILED,
    title: "A sink shows less than it had acknowledged",
    means: "The sink lost commits: a standby was promoted that had not got all, or a backup was put back. What it lacks is written \
            again where this run still has it; windows that the run does not keep any more need a start, which reads them from a \
            snapshot or from the input.",
    causes: &[
        "Asynchronous replication, and a failover.",
        "A backup that was restored while the run went on.",
    ],
    remedy: &[
        "Start again: the difference is computed and written.",
        "`synchronous_commit = remote_apply` with a synchronous standby makes it impossible.",
    ],
    see: "recovery.md",
};

/// A write that waiting does not heal.
pub static WRITING: Code = Code {
    id: "S0508",
    exit: FAILED,
    title: "Writing to the sink failed",
    means: "The sink answered with something that waiting does not heal. The commit is not there, or will be found there by the next \
            start; either way it is written once.",
    causes: &[
        "A right that was taken away, a table that was altered, a trigger that fails.",
        "A full disk, where a file is written.",
        "A pooler that gives each transaction another connection, and does not know prepared statements.",
    ],
    remedy: &[
        "The message has the server's own words and its SQLSTATE.",
        "Mend it there, and start again: the run goes on from its last commit.",
    ],
    see: "sinks.md",
};

/// What is kept there is not what is written.
pub static UNREADABLE: Code = Code {
    id: "S0509",
    exit: USAGE,
    title: "The sink holds something that Standings did not write",
    means: "A row, a line or a value in the sink is not of the form that is written there, so what it shows cannot be known. Nothing was \
            written.",
    causes: &[
        "Somebody changed rows of `standings_commit` or of a ranking's table by hand.",
        "The database or the file is another one than was meant.",
    ],
    remedy: &[
        "Put back what was changed, or drop the tables: they are made anew and filled from the input.",
        "Name the database, schema or file that a run wrote.",
    ],
    see: "sinks.md",
};

/// Another sink than it was.
pub static OTHER: Code = Code {
    id: "S0510",
    exit: USAGE,
    title: "The sink is not the one that was written to",
    means: "What is remembered about the sink (system, schema, tables; or cluster and topics) is not what is there now. Nothing was \
            written.",
    causes: &[
        "A database that was restored into another server.",
        "Tables that were dropped and made anew by somebody else; a topic that was.",
        "An address that leads elsewhere since.",
    ],
    remedy: &[
        "Name the sink that was meant.",
        "If it was moved or restored on purpose: start with `--forget sink`; what it shows is compared, and set right.",
    ],
    see: "recovery.md",
};

/// No answer, when only asked.
pub static SILENT: Code = Code {
    id: "S0511",
    exit: FAILED,
    title: "The sink does not answer",
    means: "A command that only asks got no answer in time. A run would wait, and say so.",
    causes: &[
        "Nothing listens at that address, or a firewall drops what is sent there.",
        "TLS on one side only.",
        "The server is starting, or takes no more connections.",
    ],
    remedy: &["`psql URL`, or `nc -vz HOST PORT`, from the same machine or pod."],
    see: "security.md",
};

/// Tables of an older version.
pub static UPGRADE: Code = Code {
    id: "S0512",
    exit: USAGE,
    title: "Tables of an older version lack something that a start may not add",
    means: "A start makes tables that are missing and alters none. These need a change, or a table that this role may not make. Nothing \
            was written.",
    causes: &["The version is newer than the one that made the tables."],
    remedy: &[
        "`standings upgrade --sink URL --dry-run` prints the SQL; have it run by whoever may.",
        "`standings upgrade --sink URL` runs it, with a role that owns the tables.",
    ],
    see: "upgrade.md",
};

/// Gone while it was written to.
pub static DROPPED: Code = Code {
    id: "S0513",
    exit: FAILED,
    title: "What the run writes to was dropped or replaced while it ran",
    means: "A table or the row of `standings_commit` is gone, or the address leads to another database now. Nothing was written to it.",
    causes: &[
        "A migration that dropped or truncated tables.",
        "A failover to a server that is no copy of the one before.",
    ],
    remedy: &["Start again: what is shown is compared with what should be, and set right."],
    see: "recovery.md",
};

/// It keeps nothing that could be asked for.
pub static FORGETFUL: Code = Code {
    id: "S0514",
    exit: USAGE,
    title: "That output cannot do what is asked of it",
    means: "Standard output and files do not remember what they show; databases hold no letters. The command needs a sink that can.",
    causes: &["A URL of another kind than the command needs; the message says which it takes."],
    remedy: &[
        "Name a database (`postgres://…`), or a topic that is written exactly once (`kafka://…/topic`).",
    ],
    see: "sinks.md",
};

/// Closed windows could not be shown as they were.
pub static LACKS: Code = Code {
    id: "S0515",
    exit: USAGE,
    title: "A sink is older than every snapshot, and the input's start is gone",
    means: "The sink was put back to a time from which nothing leads forward: no snapshot is as old, and Kafka does not hold the records \
            any more. Windows that were closed since could not be shown as they were. Nothing was written.",
    causes: &["A backup of the sink that is older than `--state` and than the topic's retention."],
    remedy: &[
        "Restore a newer backup of the sink, or an older one of `--state`.",
        "Or go on without these windows with `--forget sink`, and have them computed from wherever the records are kept: \
         `standings repair --source …`.",
    ],
    see: "recovery.md",
};

/// No more, or not for a question.
pub static REFUSED: Code = Code {
    id: "S0516",
    exit: FAILED,
    title: "The database refuses what it is asked",
    means: "A login that was taken before is refused now, for longer than it takes to change a password in several places; or a command \
            that only asks is not let in, or finds that what the URL names is not there. Nothing was written.",
    causes: &[
        "A password, a certificate or a role that was changed on one side only.",
        "The database was dropped or renamed.",
    ],
    remedy: &[
        "`psql URL` from the same machine or pod.",
        "Keep the URL in a file that `STANDINGS_SINK_FILE` names: it is read anew while a login is refused.",
    ],
    see: "security.md",
};
