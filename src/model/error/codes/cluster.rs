//! Several processes, and who supervises them.

use super::Group;
use crate::error::{Code, FAILED, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "08",
    title: "Cluster",
    codes: &[
        &SIZE, &LISTEN, &REFUSED, &OPEN, &TLS, &SECRET, &SILENT, &OUTDATED, &PEER, &CHILD, &RESIZE,
        &REPLICA,
    ],
};

/// Sizes and hosts.
pub static SIZE: Code = Code {
    id: "S0801",
    exit: USAGE,
    title: "The cluster's size and its hosts do not fit",
    means: "`-n`, `-p`, `-w` and the hosts file do not describe one cluster. Nothing was started.",
    causes: &[
        "Fewer lines in the hosts file than `-n` says, or no `--hosts` at all.",
        "A `-p` that is not below `-n`.",
        "More processes or workers than are allowed.",
    ],
    remedy: &[
        "One `host:port` a line, as many as `-n` says, the same file for every process.",
        "On one machine `standings cluster -n N -- run …` does it all.",
    ],
    see: "recovery.md",
};

/// Its own line of the hosts file.
pub static LISTEN: Code = Code {
    id: "S0802",
    exit: FAILED,
    title: "A process cannot listen for the others",
    means: "The address in this process's line of the hosts file cannot be listened at, or connections cannot be set up. Nothing was \
            started.",
    causes: &[
        "Something else listens at that port: an older process that has not ended yet.",
        "The address is none of this machine's; in Kubernetes the name may not lead here yet.",
    ],
    remedy: &[
        "`ss -ltnp | grep PORT` shows who listens.",
        "Look at `-p` and at the order of the lines in the hosts file.",
    ],
    see: "recovery.md",
};

/// Of another cluster, or with other flags.
pub static REFUSED: Code = Code {
    id: "S0803",
    exit: USAGE,
    title: "Another process does not take this one into its cluster",
    means: "Processes of a cluster must be of one version and have the same queries, source, state, size and secret. These two have not. \
            Nothing was started.",
    causes: &[
        "A flag, a folder of queries or a version that differs between them; the message says which.",
        "Two processes with the same `-p`.",
        "Certificates of different authorities, or TLS on one side only.",
    ],
    remedy: &[
        "Give all processes the same command line, but for `-p`.",
        "`standings config show -- run …` on both, and compare.",
    ],
    see: "recovery.md",
};

/// Over the network without protection.
pub static OPEN: Code = Code {
    id: "S0804",
    exit: USAGE,
    title: "Processes would meet over the network without protection",
    means: "The hosts file names another machine, and whoever reaches a process there could end it, join it or read what it sends. \
            Nothing was started.",
    causes: &[
        "`--hosts` with addresses that are not of this machine, and neither certificates nor a secret.",
    ],
    remedy: &[
        "Give every process a certificate: `--peer-tls-cert`, `--peer-tls-key`, `--peer-tls-ca`.",
        "Or, where the network itself encrypts: `--peer-plaintext` and the same `--cluster-secret` for all.",
    ],
    see: "security.md",
};

/// Certificates between processes.
pub static TLS: Code = Code {
    id: "S0805",
    exit: USAGE,
    title: "TLS between processes is not set up as it must be",
    means: "Certificate, key and authority do not belong together, cannot be read, or only some of them are given. Nothing was started.",
    causes: &[
        "One of the three flags is missing.",
        "The key is not the certificate's.",
        "A certificate without the DNS names of the processes, or one that is over.",
    ],
    remedy: &[
        "`openssl verify -CAfile ca.pem cert.pem`, `openssl x509 -in cert.pem -noout -dates -ext subjectAltName`",
        "docs/security.md shows how to make them.",
    ],
    see: "security.md",
};

/// Too short a secret.
pub static SECRET: Code = Code {
    id: "S0806",
    exit: USAGE,
    title: "The cluster's secret is too short",
    means: "A secret that can be guessed protects nothing. Nothing was started.",
    causes: &["A word instead of random characters, or a file that is empty."],
    remedy: &[
        "`openssl rand -hex 32 > FILE`, and `STANDINGS_CLUSTER_SECRET_FILE=FILE` for every process.",
    ],
    see: "security.md",
};

/// Nothing heard for too long.
pub static SILENT: Code = Code {
    id: "S0807",
    exit: FAILED,
    title: "Another process of the cluster is silent",
    means: "Nothing was heard from it for `--peer-timeout`. A cluster goes on whole or not at all: this process ends, and whoever \
            supervises it starts the next generation, which goes on from the last commit.",
    causes: &[
        "The machine or the network between them is down, without a word.",
        "The other process stands still: SIGSTOP, swapping, a machine that has no time for it.",
    ],
    remedy: &[
        "Look for the other one's machine.",
        "If machines are that slow: a longer `--peer-timeout`.",
    ],
    see: "recovery.md",
};

/// A newer generation.
pub static OUTDATED: Code = Code {
    id: "S0808",
    exit: FAILED,
    title: "A newer generation of the cluster has started",
    means: "Generations replace each other: an older process stops as soon as it hears of a newer one. Nothing is lost: the newer one \
            goes on from the last commit.",
    causes: &[
        "The cluster was started again, and this process was left over: that is as it should be.",
        "Processes are started with different `--generation` by hand.",
    ],
    remedy: &[
        "Nothing, where the newer one runs.",
        "Started by hand: the same `--generation` for all processes of one start.",
    ],
    see: "recovery.md",
};

/// It said why.
pub static PEER: Code = Code {
    id: "S0809",
    exit: FAILED,
    title: "Another process of the cluster failed",
    means: "A cluster goes on whole or not at all. The message ends with the other process's own reason, which has a code of its own in \
            that one's log.",
    causes: &["What the other process says."],
    remedy: &["Look the reason up; this process only followed."],
    see: "recovery.md",
};

/// A process that was supervised.
pub static CHILD: Code = Code {
    id: "S0810",
    exit: FAILED,
    title: "A supervised process ended",
    means: "`standings cluster` or `standings replica` ends with its processes: with `--no-restart`, after a stop that was not clean, or \
            when they fail again and again within seconds.",
    causes: &["The reason is in the lines above: each process says its own."],
    remedy: &["Look the first process's code up."],
    see: "recovery.md",
};

/// Another size.
pub static RESIZE: Code = Code {
    id: "S0811",
    exit: FAILED,
    title: "The cluster was not given another size",
    means: "`standings resize` could not reach the supervisor, or the new size did not start; then the one before runs again.",
    causes: &[
        "No cluster runs at that socket, or another user's.",
        "The new size is too much for the machine, or another resize goes on.",
    ],
    remedy: &[
        "The supervisor logs its socket as `control` when it starts: name it with `--control`.",
    ],
    see: "recovery.md",
};

/// A pod.
pub static REPLICA: Code = Code {
    id: "S0812",
    exit: USAGE,
    title: "What a supervisor is told makes no cluster",
    means: "`standings cluster`, `replica` or `resize` lacks what it needs to start processes, or a process that it started refuses its \
            settings. Nothing runs.",
    causes: &[
        "After `--` stands something else than `run` and its flags.",
        "A pod's name without a number at its end, or a pattern without `{index}`.",
        "A process's own settings are wrong: its message is above.",
    ],
    remedy: &[
        "Look the process's own code up, if there is one.",
        "`standings replica --help` shows a StatefulSet's command.",
    ],
    see: "deploy.md",
};
