//! A side that goes on until it is told to end: it ends with the bench, whatever happens.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::measure::{Invocation, pause, shown};
use super::metrics;
use crate::problem::Problem;

/// A running process, killed when this is dropped.
pub struct Server {
    name: String,
    /// The process.
    pub child: Child,
}

impl Server {
    /// Starts it.
    pub fn start(name: &str, what: &Invocation, stdout: Stdio) -> Result<Self, Problem> {
        Ok(Server {
            name: name.to_owned(),
            child: what.spawn(stdout)?,
        })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error when it has ended.
    pub fn check(&mut self) -> Result<(), Problem> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Problem::said(
                &self.name,
                format!("it ended by itself with {}", shown(status)),
            )),
            _ => Ok(()),
        }
    }

    /// Waits until something holds that may fail meanwhile.
    pub fn until(
        &mut self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> Result<(), Problem> {
        let until = Instant::now() + limit;
        while !holds() {
            self.check()?;
            if Instant::now() > until {
                return Err(Problem::Late {
                    what: format!("{}: {what}", self.name),
                    seconds: limit.as_secs(),
                });
            }
            pause(Duration::from_millis(50))?;
        }
        Ok(())
    }

    /// Waits until it has done its work, and ended well.
    pub fn success(&mut self, what: &str, limit: Duration) -> Result<(), Problem> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            match self
                .child
                .try_wait()
                .map_err(Problem::system("waiting for a helper"))?
            {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let command = what.to_owned();
                    return Err(Problem::Ended { command, status });
                }
                None => pause(Duration::from_millis(20))?,
            }
        }
        Err(Problem::Late {
            what: format!("{what} ends"),
            seconds: limit.as_secs(),
        })
    }

    /// Waits until its port answers that it is ready.
    pub fn ready(&mut self, address: &str) -> Result<(), Problem> {
        let asked = || metrics::get(address, "/readyz").is_ok_and(|(status, _)| status == 200);
        self.until("it is ready", Duration::from_secs(60), asked)
    }

    /// Asks it to end, and waits; one that does not is killed, and has no status of its own.
    pub fn stop(mut self, patience: Duration) -> Result<ExitStatus, Problem> {
        self.signal(libc::SIGTERM);
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
        Ok(ExitStatus::from_raw(libc::SIGKILL))
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&mut self, signal: libc::c_int) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // SAFETY: it is a child that has not been waited for.
            unsafe { libc::kill(self.child.id() as i32, signal) };
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address on this machine that nobody listens on.
pub fn free_address() -> Result<String, Problem> {
    let found = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    found
        .map(|a| a.to_string())
        .map_err(Problem::system("looking for a free port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_ends_when_it_is_told_and_when_it_is_forgotten() {
        let sleep = Invocation::new("sleep").args(["600"]);
        let server = Server::start("a", &sleep, Stdio::null()).unwrap();
        let status = server.stop(Duration::from_secs(20)).unwrap();
        assert_eq!(status.signal(), Some(libc::SIGTERM));
        let server = Server::start("b", &sleep, Stdio::null()).unwrap();
        let stat = format!("/proc/{}/stat", server.id());
        drop(server);
        assert!(!std::path::Path::new(&stat).exists());
    }

    #[test]
    fn one_that_ended_by_itself_is_told() {
        let short = Invocation::new("sh").args(["-c", "exit 5"]);
        let mut server = Server::start("short", &short, Stdio::null()).unwrap();
        let wrong = server
            .until("never", Duration::from_secs(20), || false)
            .unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "short: it ended by itself with exit code 5"
        );
    }
}
