//! Masked columns.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "13",
    title: "Masking",
    codes: &[&KEY, &TOKEN],
};

/// `--mask-key`.
pub static KEY: Code = Code {
    id: "S1301",
    exit: USAGE,
    title: "The key of masked columns cannot be used",
    means: "A table or a source masks columns by `hash` or `tokenize`, which need the key of a file. It is not given, cannot be read, can be \
            read by others, or is none. Nothing was read and nothing written.",
    causes: &[
        "`--mask-key FILE` (in `ingest.toml` `mask-key`) is missing.",
        "The file is not there, or not to be read by this user; or everybody can read it.",
        "`standings mask-key` was asked for a file that is there: a key is never written over.",
    ],
    remedy: &[
        "`standings mask-key FILE` makes one; keep it as a password.",
        "`chmod 600 FILE` where others can read it.",
    ],
    see: "masking.md",
};

/// `standings unmask`.
pub static TOKEN: Code = Code {
    id: "S1302",
    exit: FAILED,
    title: "A token cannot be brought back",
    means: "`standings unmask` gives back what `tokenize` masked, with the key that made the token. This text is no token of the keys in the \
            file.",
    causes: &[
        "It is a hash, or redacted: neither can be brought back.",
        "It was made with a key that is not in the file: the message has its id.",
        "It was cut, or changed.",
    ],
    remedy: &["Give the file that has the key, or put its line below the others of this one."],
    see: "masking.md",
};
