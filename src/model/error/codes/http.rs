//! What a process serves, and those who ask it.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "09",
    title: "HTTP",
    codes: &[
        &ADDRESS, &OPEN, &ACCESS, &SERVING, &WENT_BACK, &UNWELL, &CLIENT,
    ],
};

/// `--http`.
pub static ADDRESS: Code = Code {
    id: "S0901",
    exit: USAGE,
    title: "The address for HTTP cannot be listened at",
    means: "`--http` names an address that is taken, is none of this machine's, or may not be used. Nothing was started.",
    causes: &[
        "Another process listens there already: perhaps an older Standings.",
        "A port below 1024, without the right to it.",
        "Several processes on one machine: each takes the next port, and one is taken.",
    ],
    remedy: &[
        "`ss -ltnp | grep PORT` shows who listens.",
        "Give a free address, such as `127.0.0.1:8080`; `:0` takes any.",
    ],
    see: "http.md",
};

/// Others reach it.
pub static OPEN: Code = Code {
    id: "S0902",
    exit: USAGE,
    title: "Others would reach the page and the API without authentication",
    means: "`--http` names an address that other machines reach, and nothing says who may ask. Nothing was started.",
    causes: &["An address such as `0.0.0.0:8080` without `--http-keys` or `--http-jwt-jwks`."],
    remedy: &[
        "`standings key new --name NAME` makes a key; its line goes into the file of `--http-keys`.",
        "Or listen on `127.0.0.1`, and put a proxy that authenticates before it.",
    ],
    see: "security.md",
};

/// Keys, tokens, certificates, origins.
pub static ACCESS: Code = Code {
    id: "S0903",
    exit: USAGE,
    title: "Who may ask is not set up as it must be",
    means: "A file or a setting of keys, tokens, certificates, origins or host names is wrong. Nothing was started.",
    causes: &[
        "A line in the file of `--http-keys` that is none of `standings key new`.",
        "`--http-jwt-jwks` that cannot be read, or without issuer and audience.",
        "A certificate and a key that do not belong together.",
        "An origin with a path, or a host name that is none.",
    ],
    remedy: &[
        "The message names flag, file and line.",
        "docs/security.md has an example of each.",
    ],
    see: "security.md",
};

/// Serving failed.
pub static SERVING: Code = Code {
    id: "S0904",
    exit: FAILED,
    title: "Serving HTTP failed",
    means: "The process could listen, and then could not take connections. Rankings in the sinks are not touched by it.",
    causes: &["No more open files (`ulimit -n`), or no memory for a thread."],
    remedy: &["Raise the limit, and start again."],
    see: "http.md",
};

/// The database that is served went back.
pub static WENT_BACK: Code = Code {
    id: "S0905",
    exit: FAILED,
    title: "The database that is served went back to an earlier commit",
    means: "`standings serve` shows what a database holds, and commits only grow. This one went back, so what was shown is not so any \
            more: the process ends rather than mix both.",
    causes: &["A backup was put back, or a standby was promoted that had not got all."],
    remedy: &["Start it again: it shows what is there now."],
    see: "http.md",
};

/// Not well.
pub static UNWELL: Code = Code {
    id: "S0906",
    exit: FAILED,
    title: "The process that was asked is not well, or does not answer",
    means: "`standings health` asked a process, which says that it is not alive or not ready, or does not answer. The exit status is for \
            a container's health check.",
    causes: &[
        "It is still starting: not ready, but alive.",
        "A sink or the source is down: the answer says which.",
        "Nothing listens at `--http`, or it speaks TLS.",
    ],
    remedy: &[
        "Read the answer in the message.",
        "`curl ADDRESS/readyz` shows the same.",
    ],
    see: "http.md",
};

/// A page that is followed.
pub static CLIENT: Code = Code {
    id: "S0907",
    exit: FAILED,
    title: "The process that is asked over HTTP does not answer as it should",
    means: "`standings top`, `ask`, `tail` or `export` asks a process that serves its rankings, and there is no answer that can be shown.",
    causes: &[
        "Nothing listens at that address, or it has no ranking yet.",
        "The server wants a key, or the key does not see as far.",
        "There is no such ranking, window or key.",
    ],
    remedy: &[
        "`curl ADDRESS/readyz` shows whether it answers.",
        "Give a key with `--key-file`; the message says what it must see.",
    ],
    see: "page.md",
};
