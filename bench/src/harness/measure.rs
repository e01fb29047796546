//! Runs one side to its end: seconds, CPU seconds, peak memory, what it said.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::resident::Resident;
use super::signals;
use crate::problem::Problem;

/// A command line, not yet run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    env: Vec<(String, String)>,
    silent: bool,
    errors: Option<PathBuf>,
}

impl Invocation {
    /// A program, whose log is of warnings alone.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Invocation {
            program: program.into(),
            args: Vec::new(),
            env: vec![("STANDINGS_LOG".to_owned(), "warn".to_owned())],
            silent: false,
            errors: None,
        }
    }

    /// This program itself, as one side of a bench.
    pub fn own(args: &[&str]) -> Self {
        // Linux's name for it, where the path cannot be told.
        let own = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        Invocation::new(own).args(args)
    }

    /// With more arguments.
    pub fn args(mut self, more: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.args
            .extend(more.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without its standard error.
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// With its standard error in a file.
    pub fn errors_to(mut self, path: &Path) -> Self {
        self.errors = Some(path.to_owned());
        self
    }

    /// The same by another program.
    pub fn by(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// For [`Command`]'s other ways.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        if self.silent {
            command.stderr(Stdio::null());
        }
        command
    }

    /// Started; `stdout` is where its standard output goes.
    pub fn spawn(&self, stdout: Stdio) -> Result<Child, Problem> {
        let mut command = self.command();
        if let Some(path) = &self.errors {
            command.stderr(File::create(path).map_err(Problem::file(path))?);
        }
        // Of its own, so that what ends the bench does not end it half-way: the bench does, when it has been told.
        command.process_group(0);
        let child = command.stdin(Stdio::null()).stdout(stdout).spawn();
        child.map_err(|source| Problem::Start {
            program: self.program.clone(),
            source,
        })
    }

    fn ended(&self, status: ExitStatus) -> Problem {
        match signals::stopped() {
            true => Problem::Stopped,
            false => Problem::Ended {
                command: self.to_string(),
                status,
            },
        }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        self.args.iter().try_for_each(|a| write!(f, " {a}"))
    }
}

/// What a side took.
#[derive(Clone, Debug, Default)]
pub struct Took {
    /// From its start to its end.
    pub seconds: f64,
    /// Of all cores, its own and those of children that it waited for.
    pub cpu: f64,
    /// The most bytes that were resident: its own, or those of a child that it waited for. Where that is less than this process has
    /// had itself, its own as they were [seen](super::resident).
    pub memory: u64,
    /// Its standard output.
    pub text: String,
}

/// Runs a side to its end.
pub fn run(side: &Invocation) -> Result<Took, Problem> {
    signals::check()?;
    let began = Instant::now();
    let mut child = side.spawn(Stdio::piped())?;
    let passed_on = signals::pass_on(child.id());
    let resident = Resident::of(child.id());
    let mut text = Vec::new();
    if let Some(out) = &mut child.stdout {
        out.read_to_end(&mut text)
            .map_err(Problem::system("reading what a side said"))?;
    }
    let (status, usage) = wait(child.id()).map_err(Problem::system("waiting for a side"))?;
    let seconds = began.elapsed().as_secs_f64();
    drop(passed_on);
    if !status.success() {
        return Err(side.ended(status));
    }
    Ok(Took {
        seconds,
        cpu: cpu_seconds(&usage),
        memory: resident.most(peak_bytes(&usage)),
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// Runs a helper whose figures nobody wants; what it said.
pub fn said(helper: &Invocation) -> Result<String, Problem> {
    run(helper).map(|took| took.text)
}

/// Waits for a child, and takes its account with it.
fn wait(child: u32) -> io::Result<(ExitStatus, libc::rusage)> {
    loop {
        let mut status = 0;
        // SAFETY: all bits 0 is a `rusage`.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both places are there for the call. The child is ours, and nobody else waits for it.
        let ended = unsafe { libc::wait4(child as i32, &mut status, 0, &mut usage) };
        if ended >= 0 {
            return Ok((ExitStatus::from_raw(status), usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn cpu_seconds(usage: &libc::rusage) -> f64 {
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Linux counts it in kibibytes.
fn peak_bytes(usage: &libc::rusage) -> u64 {
    usage.ru_maxrss as u64 * 1024
}

/// A status as a shell's user knows it.
pub fn shown(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Sleeps, unless somebody asks for the end.
pub fn pause(length: Duration) -> Result<(), Problem> {
    let until = Instant::now() + length;
    loop {
        signals::check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_in_seconds_and_bytes() {
        // SAFETY: all bits 0 is a `rusage`.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        usage.ru_utime.tv_sec = 2;
        usage.ru_utime.tv_usec = 250_000;
        usage.ru_stime.tv_usec = 500_000;
        usage.ru_maxrss = 3 << 10;
        assert_eq!(cpu_seconds(&usage), 2.75);
        assert_eq!(peak_bytes(&usage), 3 << 20);
    }

    #[test]
    fn a_side_is_measured_with_its_children() {
        // dd holds one block of 64 MiB.
        let script = "dd if=/dev/zero of=/dev/null bs=64M count=4 && echo done";
        let took = run(&Invocation::new("sh").args(["-c", script]).silent()).unwrap();
        assert_eq!(took.text, "done\n");
        assert!(took.memory > 64 << 20, "{}", took.memory);
        assert!(
            took.cpu > 0.0 && took.seconds > 0.0 && took.seconds < 60.0,
            "{took:?}"
        );
    }

    #[test]
    fn a_side_that_fails_is_told_with_its_command() {
        let wrong = run(&Invocation::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(wrong.to_string(), "sh -c exit 3 ended with exit code 3");
        let killed = run(&Invocation::new("sh").args(["-c", "kill -9 $$"])).unwrap_err();
        assert!(
            killed.to_string().ends_with("ended with signal 9"),
            "{killed}"
        );
        let none = run(&Invocation::new("/no/such/program")).unwrap_err();
        assert!(
            none.to_string()
                .starts_with("cannot start /no/such/program: "),
            "{none}"
        );
    }
}
