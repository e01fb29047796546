//! What a process may hold.

use super::Group;
use crate::error::{Code, FAILED};

/// These.
pub const GROUP: Group = Group {
    number: "10",
    title: "Limits",
    codes: &[&WINDOWS, &KEYS, &MEMORY, &DIGITS],
};

/// `--max-windows`.
pub static WINDOWS: Code = Code {
    id: "S1001",
    exit: FAILED,
    title: "More open windows than may be",
    means: "A ranking holds more open windows than `--max-windows`. The process ended before memory did; the next start goes on from the \
            last commit, and comes to the same end unless something is changed.",
    causes: &[
        "Event times that are far apart: a wrong unit, or one broken clock.",
        "A small window or step, with a long `--allowed-lateness` or `--retain`.",
    ],
    remedy: &[
        "Look at the event times of the newest records.",
        "A larger window or step, a shorter `--retain` and `--allowed-lateness`; or raise `--max-windows` (0 for no limit).",
    ],
    see: "security.md",
};

/// `--max-keys`.
pub static KEYS: Code = Code {
    id: "S1002",
    exit: FAILED,
    title: "More keys than may be",
    means: "This process holds more keys than `--max-keys`, most of them of the ranking that the message names. The process ended before \
            memory did; the next start goes on from the last commit.",
    causes: &[
        "A query that groups by something without bound, such as an id.",
        "More customers, cities or products than was thought.",
    ],
    remedy: &[
        "Group by something with fewer values.",
        "More processes (`-n`), shorter windows, `--retain` and `--allowed-lateness`; or raise `--max-keys` (0 for no limit).",
    ],
    see: "security.md",
};

/// `--max-memory-bytes`.
pub static MEMORY: Code = Code {
    id: "S1003",
    exit: FAILED,
    title: "More memory than may be",
    means: "This process holds more memory than `--max-memory-bytes`. It ended by itself, with a reason, before the system ended it \
            without one; the next start goes on from the last commit.",
    causes: &[
        "More keys and open windows than it can keep.",
        "A limit that is lower than what the state needs.",
    ],
    remedy: &[
        "The metric `process_resident_memory_bytes` and docs/runbooks/StandingsMemory.md tell what holds it.",
        "More memory, more processes (`-n`), or shorter windows, `--retain` and `--allowed-lateness`.",
    ],
    see: "runbooks/StandingsMemory.md",
};

/// A sum or an average of more digits than a decimal has.
pub static DIGITS: Code = Code {
    id: "S1004",
    exit: FAILED,
    title: "A sum of more than 38 digits",
    means: "A sum, or an average with its fraction digits, needs more than the 38 digits that a decimal has: rather than write a number \
            that is not the sum, the process ended. The message names the ranking and the key. Sums of DECIMAL(28, …) and smaller cannot \
            come to this.",
    causes: &[
        "A column of more than 28 digits whose values use them.",
        "Whole numbers of 37 digits or more under AVG, which adds two fraction digits.",
    ],
    remedy: &[
        "Declare the column with the digits that its values have; or divide it in the query: SUM(x / 1000).",
        "Leave the key out by WHERE, where its values are not meant.",
    ],
    see: "tables.md",
};
