//! The table of Postgres' errors: what each SQLSTATE means for a commit.
//!
//! 1. A line is a code or a class (its first two characters); a code counts before its class.
//! 2. A code that no line has is `UNKNOWN`: a decision of its own, and no guess.
//! 3. An error without a code is the client's, which has a table too.
//! 4. Two codes mean two things; the routine of the server that raised them tells which (`BY_ROUTINE`).

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use standings_commit::kind::Kind::{Final, Login, Passing, Row, Wrong};
use standings_commit::kind::{Kind, Line};
use standings_model::reject::Refusal;

/// What is decided of a code that no line has. Triggers and extensions may raise any. Waiting could hide for ever what
/// never heals, and to leave the row out would be wrong where it is not the row's fault: the run ends, and who started it
/// may start it again.
const UNKNOWN: Kind = Final;

const fn line(code: &'static str, kind: Kind, why: &'static str) -> Line<&'static str> {
    Line { code, kind, why }
}

/// By SQLSTATE, in its order.
const BY_STATE: &[Line<&str>] = &[
    line("00", Final, "success, which is no error"),
    line("01", Final, "a warning, which is no error"),
    line("02", Final, "no data, which is no error"),
    line(
        "03",
        Final,
        "a statement that is not complete: ours, and a defect",
    ),
    line(
        "08",
        Passing,
        "the connection is lost, or a pooler has no server for it",
    ),
    line("09", Row, "a trigger failed over the row"),
    line("0A", Wrong, "this server does not know what is asked for"),
    line(
        "0B",
        Final,
        "a transaction that cannot be begun: ours, and a defect",
    ),
    line("0F", Final, "large objects are not used"),
    line("0L", Wrong, "rights were granted by somebody who may not"),
    line("0P", Wrong, "a role that is named does not exist"),
    line("0Z", Row, "a trigger's own diagnostics failed"),
    line("20", Row, "a trigger has no case for the row"),
    line(
        "21",
        Final,
        "one statement meets a row twice: ours, or a trigger's, and not the row's",
    ),
    line(
        "22",
        Row,
        "a value that the table's type, the encoding or a trigger cannot hold",
    ),
    line("23", Row, "a constraint, or no partition for the row"),
    line("24", Final, "cursors are not used"),
    line(
        "25",
        Final,
        "a statement where its transaction does not take it: ours, and a defect",
    ),
    line(
        "25006",
        Passing,
        "a standby, or a server that is switched over: it, or its successor, can be written soon",
    ),
    line(
        "25P02",
        Passing,
        "an earlier error of the transaction, which a new connection is without",
    ),
    line(
        "25P03",
        Passing,
        "this process was held up, and the server ended the idle transaction",
    ),
    line(
        "25P04",
        Passing,
        "the server's transaction_timeout: when less is to be done it may be enough",
    ),
    line(
        "26",
        Final,
        "a prepared statement is not there: a pooler gives each transaction another connection",
    ),
    line("27", Row, "a trigger changed the row that is being written"),
    line(
        "28",
        Login,
        "a password, a certificate or pg_hba.conf, which may be being changed",
    ),
    line("2B", Final, "nothing that others depend on is dropped here"),
    line(
        "2D",
        Final,
        "a transaction is ended where it cannot be: ours or a trigger's, and a defect",
    ),
    line("2F", Row, "a function of a trigger failed over the row"),
    line("34", Final, "cursors are not used"),
    line("38", Row, "a function of a trigger failed over the row"),
    line("39", Row, "a function of a trigger failed over the row"),
    line(
        "3B",
        Final,
        "a savepoint that is not there: ours, and a defect",
    ),
    line("3D", Wrong, "the database does not exist"),
    line("3F", Wrong, "the schema does not exist"),
    line(
        "40",
        Passing,
        "rolled back for others' sake: made anew it may go through",
    ),
    line(
        "40002",
        Row,
        "a constraint that is looked at when the transaction ends",
    ),
    line(
        "42",
        Final,
        "a statement that does not fit the tables: they are not what was opened",
    ),
    line(
        "42501",
        Final,
        "a right is missing: somebody has to grant it, as in Kafka's access lists",
    ),
    line(
        "44",
        Row,
        "the row does not fit the view that it is written through",
    ),
    line(
        "53",
        Passing,
        "the server lacks memory, disk or connections",
    ),
    line("54", Final, "a statement beyond the server's limits"),
    line(
        "54000",
        Row,
        "a value that is too long for the table's index",
    ),
    line(
        "55",
        Final,
        "something is not in the state that a statement needs",
    ),
    line(
        "55000",
        Passing,
        "the database takes no connections now, or is being recovered",
    ),
    line("55006", Passing, "another one is changing it"),
    line(
        "55P02",
        Wrong,
        "a setting in the URL cannot be set at a connection",
    ),
    line("55P03", Passing, "somebody holds a lock: lock_timeout"),
    line(
        "57",
        Passing,
        "an operator: shutdown, restart, statement_timeout, a session that was ended",
    ),
    line("58", Final, "a file of the server is missing or damaged"),
    line(
        "58000",
        Passing,
        "the server's machine: repaired, or failed over, it goes on",
    ),
    line(
        "58030",
        Passing,
        "the server's disk: repaired, or failed over, it goes on",
    ),
    line(
        "72",
        Passing,
        "the server gave up a snapshot that was held for too long",
    ),
    line("F0", Final, "a file of the server's configuration is wrong"),
    line(
        "HV",
        Final,
        "a partition is a foreign table, and its own server said so",
    ),
    line("P0", Row, "a trigger raised it over the row"),
    line(
        "XX",
        Final,
        "a defect of the server, or its data is damaged",
    ),
];

/// Where the code alone does not say it: by the server's routine that raised it.
const BY_ROUTINE: &[(&str, Line<&str>)] = &[
    (
        "ExecWithCheckOptions",
        line("42501", Row, "a policy of row security refuses the row"),
    ),
    (
        "RevalidateCachedQuery",
        line(
            "0A000",
            Passing,
            "the table was altered: a new connection prepares its statements anew",
        ),
    ),
];

/// By what the client says where the server said nothing. The client tells its kinds of errors by these words only.
const BY_WORDS: &[Line<&str>] = &[
    line(
        "error connecting to server",
        Passing,
        "nobody listens there, or not yet",
    ),
    line(
        "error communicating with the server",
        Passing,
        "the connection broke",
    ),
    line("connection closed", Passing, "the connection broke"),
    line(
        "timeout waiting for server",
        Passing,
        "it did not answer in time",
    ),
    line(
        "unexpected message from server",
        Passing,
        "what answers is no Postgres: a balancer, or another service for now",
    ),
    line(
        "error parsing response from server",
        Passing,
        "what answers is no Postgres: a balancer, or another service for now",
    ),
    line(
        "error performing TLS handshake",
        Passing,
        "TLS broke off; that it is not trusted is told apart (`connect.rs`)",
    ),
    line(
        "authentication error",
        Login,
        "the server does not prove that it knows the password, or asks for what is not known",
    ),
    line(
        "invalid configuration",
        Wrong,
        "the URL lacks something that the server asks for",
    ),
    line("invalid connection string", Wrong, "the URL cannot be read"),
    line(
        "query returned an unexpected number of rows",
        Final,
        "a row of ours is gone, or there are two",
    ),
    line(
        "query returned an unexpected number of columns",
        Final,
        "ours, and a defect",
    ),
    line("error serializing parameter", Final, "ours, and a defect"),
    line(
        "error deserializing column",
        Final,
        "a column has another type than was looked up",
    ),
    line("invalid column", Final, "ours, and a defect"),
    line(
        "expected ",
        Final,
        "ours, and a defect: another number of parameters",
    ),
    line(
        "error encoding message to server",
        Final,
        "a statement of more than the protocol's 2 GiB",
    ),
];

/// What an error means.
pub fn kind(error: &Error) -> Kind {
    match error.as_db_error() {
        Some(db) => of_state(db.code().code(), db.routine()),
        None => of_words(&error.to_string()),
    }
}

/// Why a row is refused, of an error that is of a row.
pub fn refusal(error: &Error) -> Refusal {
    refusal_of(error.code().map_or("", SqlState::code))
}

fn refusal_of(code: &str) -> Refusal {
    match (code, code.get(..2).unwrap_or("")) {
        ("22021" | "22P05", _) => Refusal::Encoding,
        ("40002", _) | (_, "23" | "44") => Refusal::Constraint,
        ("42501", _) => Refusal::Policy,
        (_, "22") => Refusal::Value,
        (_, "54") => Refusal::TooLarge,
        // Codes of functions, and those that a trigger may raise as it likes.
        _ => Refusal::Trigger,
    }
}

/// What a code of the server means.
pub(super) fn of_state(code: &str, routine: Option<&str>) -> Kind {
    let by_routine = BY_ROUTINE.iter();
    let mut by_routine = by_routine.filter(|(r, l)| Some(*r) == routine && l.code == code);
    if let Some((_, line)) = by_routine.next() {
        return line.kind;
    }
    let found = |wanted: &str| BY_STATE.iter().find(|l| l.code == wanted);
    let line = found(code).or_else(|| found(code.get(..2)?));
    line.map_or(UNKNOWN, |l| l.kind)
}

/// What the client's own words mean.
fn of_words(words: &str) -> Kind {
    let line = BY_WORDS.iter().find(|l| words.starts_with(l.code));
    line.map_or(UNKNOWN, |l| l.kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every code of Postgres' list, by what is right for it.
    const RIGHT: &[(Kind, &str)] = &[
        (
            Passing,
            "08000 08001 08003 08004 08006 08007 08P01 25006 25P02 25P03 25P04 40000 40001 40003 40P01 53000 53100 53200 \
             53300 53400 55000 55006 55P03 57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 72000",
        ),
        (Login, "28000 28P01"),
        (Wrong, "0A000 0L000 0LP01 0P000 3D000 3F000 55P02"),
        (
            Row,
            "09000 0Z000 0Z002 20000 22000 22001 22002 22003 22004 22005 22007 22008 22009 2200B 2200C 2200D 2200F 2200G \
             2200H 2200L 2200M 2200N 2200S 2200T 22010 22011 22012 22013 22014 22015 22016 22018 22019 2201B 2201E 2201F \
             2201G 2201W 2201X 22021 22022 22023 22024 22025 22026 22027 2202E 2202G 2202H 22030 22031 22032 22033 22034 \
             22035 22036 22037 22038 22039 2203A 2203B 2203C 2203D 2203E 2203F 2203G 22P01 22P02 22P03 22P04 22P05 22P06 \
             23000 23001 23502 23503 23505 23514 23P01 27000 2F000 2F002 2F003 2F004 2F005 38000 38001 38002 38003 38004 \
             39000 39001 39004 39P01 39P02 39P03 40002 44000 54000 P0000 P0001 P0002 P0003 P0004",
        ),
        (
            Final,
            "00000 01000 01003 01004 01006 01007 01008 0100C 01P01 02000 02001 03000 0B000 0F000 0F001 21000 24000 25000 \
             25001 25002 25003 25004 25005 25007 25008 25P01 26000 2B000 2BP01 2D000 34000 3B000 3B001 42000 42501 42601 42602 \
             42611 42622 42701 42702 42703 42704 42710 42712 42723 42725 42803 42804 42809 42830 42846 42883 428C9 42939 \
             42P01 42P02 42P03 42P04 42P05 42P06 42P07 42P08 42P09 42P10 42P11 42P12 42P13 42P14 42P15 42P16 42P17 42P18 \
             42P19 42P20 42P21 42P22 54001 54011 54023 55P04 58P01 58P02 F0000 F0001 HV000 HV001 HV00J HV091 XX000 XX001 \
             XX002",
        ),
    ];

    #[test]
    fn every_code_is_decided_by_a_line_that_was_meant() {
        let mut used = BTreeSet::new();
        for (right, codes) in RIGHT {
            for code in codes.split_whitespace() {
                assert_eq!(of_state(code, None), *right, "{code}");
                let line = BY_STATE.iter().find(|l| l.code == code);
                let line = line.or_else(|| BY_STATE.iter().find(|l| l.code == &code[..2]));
                used.insert(line.unwrap_or_else(|| panic!("{code} has no line")).code);
            }
        }
        let all: BTreeSet<&str> = BY_STATE.iter().map(|l| l.code).collect();
        assert_eq!(used, all, "a line that no code needs");
        assert_eq!(all.len(), BY_STATE.len(), "a code has two lines");
        assert!(BY_STATE.iter().all(|l| !l.why.is_empty()));
    }

    #[test]
    fn a_refused_row_is_counted_by_why() {
        for (code, right) in [
            ("22P05", Refusal::Encoding),
            ("22021", Refusal::Encoding),
            ("22003", Refusal::Value),
            ("23505", Refusal::Constraint),
            ("40002", Refusal::Constraint),
            ("44000", Refusal::Constraint),
            ("42501", Refusal::Policy),
            ("54000", Refusal::TooLarge),
            ("P0001", Refusal::Trigger),
            ("09000", Refusal::Trigger),
            ("", Refusal::Trigger),
        ] {
            assert_eq!(refusal_of(code), right, "{code}");
        }
    }

    #[test]
    fn a_code_that_no_line_has_ends_the_run() {
        for code in ["ZZ123", "CR000", "", "4", "99999"] {
            assert_eq!(of_state(code, None), UNKNOWN, "{code}");
        }
    }

    #[test]
    fn the_routine_tells_two_meanings_of_a_code_apart() {
        assert_eq!(of_state("42501", Some("aclcheck_error")), Final);
        assert_eq!(of_state("42501", Some("ExecWithCheckOptions")), Row);
        assert_eq!(of_state("0A000", Some("RevalidateCachedQuery")), Passing);
        assert_eq!(of_state("0A000", Some("transformCallStmt")), Wrong);
        // Another code of the same routine has its own meaning.
        assert_eq!(of_state("44000", Some("ExecWithCheckOptions")), Row);
        assert_eq!(of_state("42601", Some("ExecWithCheckOptions")), Final);
    }

    /// What the client says, as it says it.
    #[test]
    fn every_word_of_the_client_is_decided() {
        for (right, words) in [
            (Passing, "error connecting to server"),
            (Passing, "error communicating with the server"),
            (Passing, "connection closed"),
            (Passing, "timeout waiting for server"),
            (Passing, "unexpected message from server"),
            (Passing, "error parsing response from server"),
            (Passing, "error performing TLS handshake"),
            (Login, "authentication error"),
            (Wrong, "invalid configuration"),
            (Wrong, "invalid connection string"),
            (Final, "query returned an unexpected number of rows"),
            (Final, "query returned an unexpected number of columns"),
            (Final, "error serializing parameter 3"),
            (Final, "error deserializing column 3"),
            (Final, "invalid column `x`"),
            (Final, "expected 3 parameters but got 4"),
            (Final, "error encoding message to server"),
            (UNKNOWN, "something new"),
        ] {
            assert_eq!(of_words(words), right, "{words}");
        }
    }

    /// A real error of the client, so that its words are still those of the table.
    #[test]
    fn the_client_still_says_so() {
        let text = "postgres://u@127.0.0.1/db?nothing=1";
        let parsed: Result<tokio_postgres::Config, Error> = text.parse();
        assert_eq!(kind(&parsed.expect_err("no such key")), Wrong);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let url = format!("postgres://u@127.0.0.1:{port}/db");
        let connected = runtime.block_on(tokio_postgres::connect(&url, tokio_postgres::NoTls));
        assert_eq!(kind(&connected.err().expect("nobody listens")), Passing);
    }
}
