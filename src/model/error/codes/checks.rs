//! What was read and is not ranked: declared checks, dead letters.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "04",
    title: "What was read",
    codes: &[
        &FAILED_CHECK,
        &IN_VAIN,
        &SHARE,
        &REFUSED_AGAIN,
        &NO_LETTER,
        &NOT_A_LETTER,
        &WHERE_LETTERS,
    ],
};

/// More sales failed a check than the run may have.
pub static FAILED_CHECK: Code = Code {
    id: "S0401",
    exit: FAILED,
    title: "More sales fail a check than may",
    means: "A declared check has `fail-on`, or `--fail-on` names it, and more sales failed it than that allows. What was read until \
            then is committed: the rankings are right for what they hold.",
    causes: &["The data became worse, or the check is stricter than the data ever was."],
    remedy: &[
        "Look at the sales that failed: `standings dead-letter list URL`, or the metric `standings_check_failures_total`.",
        "Mend the source, or the check in the `.checks.toml`; then start again.",
    ],
    see: "quality.md",
};

/// Read, and none ranked.
pub static IN_VAIN: Code = Code {
    id: "S0402",
    exit: FAILED,
    title: "Records were read and none was ranked",
    means: "A run to the end of its input read records, and every one of them was late, dropped or a dead letter. That is hardly ever \
            meant, so it is no success.",
    causes: &[
        "The records are of another form: the message names the commonest reason with an example.",
        "Files in no order of time: with one partition's watermark far ahead, all that follow are late.",
        "A `WHERE` that no sale passes is not meant here: those count as filtered.",
    ],
    remedy: &[
        "`standings dead-letter list URL` shows the letters with their reasons.",
        "Give `--out-of-orderness` or `--allowed-lateness` as much as the input needs.",
    ],
    see: "dead-letters.md",
};

/// A larger share of dead letters or late sales than may be.
pub static SHARE: Code = Code {
    id: "S0403",
    exit: FAILED,
    title: "A larger share of the records is dead or late than may be",
    means: "`--fail-on dead=…` or `--fail-on late=…` says which share of the records may be dead letters or late, and it is more: of \
            all of them with `--until-end`, else of the last ten thousand. What was read until then is committed.",
    causes: &[
        "Records of another form than before: a new version of whoever writes them.",
        "Clocks of whoever writes the records that are wrong, or records that come much too late.",
    ],
    remedy: &[
        "`standings dead-letter list URL` shows the letters with their reasons.",
        "Mend the source and bring the letters back with `standings dead-letter replay`; or allow a larger share.",
    ],
    see: "quality.md",
};

/// Replayed letters would come back.
pub static REFUSED_AGAIN: Code = Code {
    id: "S0404",
    exit: FAILED,
    title: "Dead letters would be refused again",
    means: "Letters that were to be sent back are still no sales, and stay where they are. The others were sent.",
    causes: &["What made them dead letters is not mended, or `--map` does not reach all of them."],
    remedy: &[
        "`standings dead-letter show URL PLACE` shows one with its reason.",
        "`standings dead-letter replay … --dry-run` says what would be taken.",
    ],
    see: "dead-letters.md",
};

/// No letter at that place.
pub static NO_LETTER: Code = Code {
    id: "S0405",
    exit: FAILED,
    title: "There is no dead letter at that place",
    means: "The topic or file of dead letters holds none of that partition and offset.",
    causes: &["A place that is misspelt, another output, or a letter that retention has removed."],
    remedy: &["`standings dead-letter list URL` shows the places that there are."],
    see: "dead-letters.md",
};

/// Something else in their topic.
pub static NOT_A_LETTER: Code = Code {
    id: "S0406",
    exit: FAILED,
    title: "Dead letters cannot be read or sent",
    means: "The topic or the file of dead letters cannot be read, holds something that Standings did not write, or the records cannot be \
            sent. Letters that were sent before are noted in `--progress`, and are not sent twice.",
    causes: &[
        "Another topic or file than was meant.",
        "Brokers that do not answer, or refuse.",
        "A disk that is full, for `--progress`.",
    ],
    remedy: &[
        "Name what the run's `--dead-letter` named.",
        "Run the command again: it goes on where it stopped.",
    ],
    see: "dead-letters.md",
};

/// Letters are not kept there.
pub static WHERE_LETTERS: Code = Code {
    id: "S0407",
    exit: USAGE,
    title: "Dead letters are not kept there",
    means: "Dead letters lie in a topic or in a file; the URL names something else, or a question that only a topic can answer was asked \
            of a file.",
    causes: &[
        "A Postgres URL or `stdout` where a topic or a file is needed.",
        "`--since` with a file, whose lines have no time.",
    ],
    remedy: &["Give `kafka://host:9092/topic` or `file:PATH`, as in the run's `--dead-letter`."],
    see: "dead-letters.md",
};
