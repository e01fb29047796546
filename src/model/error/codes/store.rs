//! Snapshots and the folder or bucket that they lie in.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "07",
    title: "Store and snapshots",
    codes: &[&OPENING, &CALL, &NEWER, &FENCED, &DAMAGED, &CONTENDED],
};

/// `--state` cannot be opened.
pub static OPENING: Code = Code {
    id: "S0701",
    exit: USAGE,
    title: "The store of snapshots cannot be opened",
    means: "The folder of `--state` cannot be made or entered, or what the environment says of the bucket is not enough to reach it. \
            Nothing was started.",
    causes: &[
        "This user may not write to the folder, or a file is in its place.",
        "`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` or `AWS_SECRET_ACCESS_KEY` is missing or wrong.",
        "A plain `http://` endpoint without `AWS_ALLOW_HTTP=true`.",
    ],
    remedy: &[
        "`ls -ld FOLDER` as the user that runs Standings; `aws s3 ls s3://BUCKET` with the same environment.",
        "docs/deploy.md has the settings for S3 and MinIO.",
    ],
    see: "deploy.md",
};

/// A call that failed for good.
pub static CALL: Code = Code {
    id: "S0702",
    exit: FAILED,
    title: "The store of snapshots does not do what is asked",
    means: "An object could not be read, written or listed, although it was tried again. A store that does not say what it holds is not \
            an empty one, so the run does not begin without it.",
    causes: &[
        "The bucket is away, or refuses: credentials that are over, a policy that was changed.",
        "A full disk, or a file system that went read-only.",
    ],
    remedy: &[
        "The message names the object and ends with the store's own words.",
        "Mend it there, and start again. Only without `--state` the input is read from its start.",
    ],
    see: "recovery.md",
};

/// Of a newer version.
pub static NEWER: Code = Code {
    id: "S0703",
    exit: USAGE,
    title: "A newer version of Standings keeps its snapshots there",
    means: "The newest object of the store is of a format that this version does not know. It is left alone. Nothing was written.",
    causes: &["A version was rolled back, or two versions share one `--state`."],
    remedy: &["Use the newer version, or another `--state`."],
    see: "upgrade.md",
};

/// Somebody has taken over.
pub static FENCED: Code = Code {
    id: "S0704",
    exit: FAILED,
    title: "A newer cluster has taken over the store of snapshots",
    means: "Another start has opened the same `--state` since. Only the newest may write there, so this one stops. Nothing is lost: the \
            newer one goes on from the last commit.",
    causes: &[
        "The cluster was started again while an old process still lived: that is what the fence is for.",
        "Two clusters are configured with one `--state`.",
    ],
    remedy: &[
        "If the newer one was meant: nothing.",
        "If both should run: give each a `--state` of its own.",
    ],
    see: "recovery.md",
};

/// Not what was written.
pub static DAMAGED: Code = Code {
    id: "S0705",
    exit: FAILED,
    title: "A snapshot cannot be loaded",
    means: "A part that was whole when the snapshot was chosen is not what was written, or makes no sense. Nothing was committed.",
    causes: &[
        "The disk, or whoever copied the store, damaged it.",
        "The part was removed in between: another cluster uses the same `--state`.",
    ],
    remedy: &[
        "Start again: a snapshot that is damaged is passed over, and the one before it is used.",
        "If none is left, the input is read from its start, as far as it is still there.",
    ],
    see: "recovery.md",
};

/// Opened again and again.
pub static CONTENDED: Code = Code {
    id: "S0706",
    exit: FAILED,
    title: "Other clusters open the store again and again",
    means: "Each start takes the store over from the one before it. This one tried many times, and was overtaken each time.",
    causes: &[
        "A supervisor that starts several clusters, or one cluster several times, with one `--state`.",
    ],
    remedy: &["Stop all of them but one, or give each a `--state` of its own."],
    see: "recovery.md",
};
