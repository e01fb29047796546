//! Command line, environment and configuration file.

use super::Group;
use crate::error::{Code, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "01",
    title: "Command line and configuration",
    codes: &[&WORDS, &FLAGS, &FILE, &CONFIG, &TWICE, &OUTPUT, &KAFKA],
};

/// The parser's refusal.
pub static WORDS: Code = Code {
    id: "S0101",
    exit: USAGE,
    title: "The command line is not understood",
    means: "A flag, a command or a value is none that there is. Nothing was started.",
    causes: &[
        "A typing error; the message names what was meant, where something is near.",
        "A flag that another version has (`standings --version`).",
        "A value of an environment variable `STANDINGS_…`, which counts like the flag.",
    ],
    remedy: &[
        "`standings COMMAND --help` lists the flags of a command with examples.",
        "`standings config show -- COMMAND …` shows where every setting comes from.",
    ],
    see: "configuration.md",
};

/// Flags that do not go together, or lack another.
pub static FLAGS: Code = Code {
    id: "S0102",
    exit: USAGE,
    title: "Flags do not go together",
    means: "Each flag is right by itself, but one contradicts another, needs another, or has a value that makes no sense with it. \
            Nothing was started.",
    causes: &[
        "A flag without the one that it belongs to.",
        "A flag given here and another one in the environment or in the file.",
    ],
    remedy: &[
        "The message names both, and what is allowed.",
        "`standings config show -- COMMAND …` shows where every setting comes from.",
    ],
    see: "configuration.md",
};

/// A file that a setting names.
pub static FILE: Code = Code {
    id: "S0103",
    exit: USAGE,
    title: "A file that a setting names cannot be used",
    means: "A secret, a key, a certificate or another file that a flag or a variable `STANDINGS_…_FILE` names cannot be read, or is \
            not what it should be. Nothing was started.",
    causes: &[
        "The path is wrong, or relative to another folder.",
        "This user may not read it; in a container it may not be mounted.",
        "It holds something else: no PEM, no `key=value` lines.",
    ],
    remedy: &[
        "`ls -l PATH` as the user that runs Standings.",
        "In Kubernetes: look whether the secret is mounted, and has that key.",
    ],
    see: "configuration.md",
};

/// The configuration file.
pub static CONFIG: Code = Code {
    id: "S0104",
    exit: USAGE,
    title: "The configuration file is wrong",
    means: "The TOML file of `--config` or `STANDINGS_CONFIG` cannot be read, or has a key or a value that no command takes. The \
            whole file is checked, whichever command runs. Nothing was started.",
    causes: &[
        "A key that is misspelt, or stands in the table of a command that has no such flag.",
        "A text where a list is needed, or a number without quotes where a duration is.",
        "No TOML.",
    ],
    remedy: &[
        "The message begins with file, line and column.",
        "`standings config example` prints a file with every setting in it.",
    ],
    see: "configuration.md",
};

/// Two outputs are one, or an output is the source.
pub static TWICE: Code = Code {
    id: "S0105",
    exit: USAGE,
    title: "An output is the source, or two outputs are one",
    means: "Two settings lead to the same topic, table or file: what one writes, the other would read or replace. Nothing was \
            written.",
    causes: &[
        "A topic of changes, late sales or dead letters that is also the source, perhaps under another name of the same broker.",
        "Two `--sink` flags to one database and schema, or to one topic.",
        "A link, or another spelling of the same path.",
    ],
    remedy: &[
        "Give every output a place of its own; the message says which two meet, and where.",
        "Two runs into one Postgres database: each with a schema of its own, `?options=-csearch_path%3DNAME`.",
    ],
    see: "sinks.md",
};

/// A file that cannot be written.
pub static OUTPUT: Code = Code {
    id: "S0106",
    exit: USAGE,
    title: "An output cannot be written",
    means: "What an output names cannot be written by this command: a file that cannot be made, or a kind of place that it does not \
            write to. Nothing was written.",
    causes: &[
        "The folder does not exist, or this user may not write there.",
        "A read-only file system: a container's own, for instance.",
        "A URL of a kind that this output does not take; the message says which it takes.",
    ],
    remedy: &[
        "Make the folder, or name one on a volume that can be written.",
        "`standings COMMAND --help` says what each output may be.",
    ],
    see: "sinks.md",
};

/// librdkafka's settings.
pub static KAFKA: Code = Code {
    id: "S0107",
    exit: USAGE,
    title: "Kafka settings are refused",
    means: "A setting of `--kafka-property` or `--kafka-properties` is none that the client has, has a value that it does not take, \
            or is one that Standings sets itself. Nothing was dialled.",
    causes: &[
        "A name that only the Java client has: `sasl.jaas.config` for instance is `sasl.username` and `sasl.password` here.",
        "A certificate or key file that cannot be read.",
        "A setting on which exactness depends, such as `enable.idempotence`.",
    ],
    remedy: &[
        "Look the name up in librdkafka's CONFIGURATION.md.",
        "docs/security.md has the settings for TLS, SASL and both.",
    ],
    see: "security.md",
};
