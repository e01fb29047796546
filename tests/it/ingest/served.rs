//! A service of somebody else's, as a script of `deploy/` runs it for a test: it says on its first line where it is.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// It ends with this.
pub(super) struct Served(pub(super) Child);

impl Served {
    /// Starts it; what its first line says, which is empty where it could not begin. Its standard input stays open as long as it runs.
    pub(super) fn start(command: &mut Command) -> (Self, String) {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        (Served(child), said.trim().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Nothing happens to one that was ended and waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
