//! The process itself.

use super::Group;
use crate::error::{Code, FAILED};

/// These.
pub const GROUP: Group = Group {
    number: "00",
    title: "The process",
    codes: &[&DEFECT, &SYSTEM, &STOPPED, &LOST, &UNREACHED],
};

/// Something that cannot be was seen.
pub static DEFECT: Code = Code {
    id: "S0001",
    exit: FAILED,
    title: "A defect of Standings",
    means: "Something was seen that cannot be: a thread that panicked, counts that do not add up, blocks out of order. The process \
            ended before it could commit what follows from it; the next start goes on from the last commit.",
    causes: &[
        "A bug. Your data and your settings are not to blame, though they may be what it takes to see it.",
    ],
    remedy: &[
        "Start again: what was read and not committed is read again.",
        "If it comes again, keep the log (with `--log debug` if you can) and the panic's place, and report both.",
    ],
    see: "recovery.md",
};

/// A thread, a runtime, a signal, a random number, a child process, a temporary folder.
pub static SYSTEM: Code = Code {
    id: "S0002",
    exit: FAILED,
    title: "The operating system refuses what a process needs",
    means: "A thread, a child process, a signal handler, a temporary folder or the terminal could not be had. Nothing was written.",
    causes: &[
        "A limit on processes, threads or open files (`ulimit -a`, `pids.max` of a container).",
        "No memory left for another thread.",
        "A temporary folder that is full or may not be written (`TMPDIR`).",
    ],
    remedy: &[
        "Read the system's own words at the end of the message: they name what is missing.",
        "Raise the limit, or give fewer workers (`-w`) and processes (`-n`).",
        "Name another temporary folder with `TMPDIR`.",
    ],
    see: "deploy.md",
};

/// Asked to stop, it did not come to its end in time.
pub static STOPPED: Code = Code {
    id: "S0003",
    exit: FAILED,
    title: "Asked to stop, it did not come to its end in time",
    means: "A signal asked the process to stop, and what had been read was not committed everywhere within `--stop-timeout`. Nothing \
            is lost: the next start reads again what was not committed, and writes it once.",
    causes: &[
        "A sink that is down or slow; the message says what was waited for.",
        "A `--stop-timeout` that is shorter than a commit takes.",
        "A second signal, which asks to stop at once.",
    ],
    remedy: &[
        "Start again when the sink answers.",
        "Give `--stop-timeout` more time, and the supervisor too (`terminationGracePeriodSeconds` in Kubernetes).",
    ],
    see: "recovery.md",
};

/// The connection to another process broke.
pub static LOST: Code = Code {
    id: "S0004",
    exit: FAILED,
    title: "The connection to another process of the cluster is lost",
    means: "A cluster goes on whole or not at all: this process ends, so that whoever supervises it starts the next generation, \
            which goes on from the last commit.",
    causes: &[
        "The other process ended: its own last line says why.",
        "The machine, the pod or the network between them failed.",
    ],
    remedy: &[
        "Look for the first process that ended; this one only followed.",
        "Let a supervisor start all of them again: `standings cluster`, `standings replica`, Kubernetes.",
    ],
    see: "recovery.md",
};

/// What a run needs was not reached in time.
pub static UNREACHED: Code = Code {
    id: "S0005",
    exit: FAILED,
    title: "What the run needs was not reached within --connect-timeout",
    means: "Before its first commit the run waited for a source, a sink, the store of snapshots or a schema registry, for longer than \
            `--connect-timeout`. The message says for which, since when, and what is likely the cause. Nothing was committed, and \
            nothing is lost.",
    causes: &[
        "It is not up yet, or not at the address that is given.",
        "A firewall, a wrong port, TLS where the other side speaks none or the other way round.",
    ],
    remedy: &[
        "Start again when it answers.",
        "Without `--connect-timeout` a run waits for as long as it takes, and says each minute what for.",
    ],
    see: "recovery.md",
};
