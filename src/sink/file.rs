//! A file or standard output: one JSON line per change.
//!
//! A regular file is the change log of this run: it is emptied on start. (It does not remember how far its input was
//! read, so a log that went on from an earlier run could repeat commits.)

use std::fs::File;
use std::io::{self, Write};

use super::json::{push_change, push_reject};
use super::url::SinkUrl;
use super::{Shown, Sink, SinkError};
use crate::model::change::Commit;
use crate::model::identity::Opening;
use crate::model::plan::Plan;
use crate::model::reject::Reject;
use crate::run::committer::RejectWriter;

/// Lines to a file or to standard output.
pub struct LineSink {
    url: SinkUrl,
    name: String,
    out: Option<Box<dyn Write + Send>>,
    buffer: Vec<u8>,
}

impl LineSink {
    /// Not yet opened.
    pub fn new(url: SinkUrl) -> Self {
        LineSink {
            name: url.to_string(),
            url,
            out: None,
            buffer: Vec::new(),
        }
    }

    fn open_now(&mut self, goes_on: bool) -> Result<(), SinkError> {
        self.out = Some(match &self.url {
            SinkUrl::File(path) => match File::options()
                .create(true)
                .write(true)
                .append(goes_on)
                .truncate(!goes_on)
                .open(path)
            {
                Ok(file) => Box::new(file),
                Err(e) => {
                    return Err(SinkError::Configuration(format!(
                        "cannot write {}: {e}",
                        path.display()
                    )));
                }
            },
            _ => Box::new(io::stdout()),
        });
        Ok(())
    }

    fn put(&mut self) -> Result<(), SinkError> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let written = out.write_all(&self.buffer).and_then(|()| out.flush());
        self.buffer.clear();
        written.map_err(|e| SinkError::Failed(format!("writing {} failed: {e}", self.name)))
    }
}

impl Sink for LineSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, _: &Plan, _: &Opening) -> Result<Shown, SinkError> {
        self.open_now(false)?;
        Ok(Shown::default())
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        for change in commit.changes.iter() {
            push_change(&mut self.buffer, plan, change, commit.number);
            self.buffer.push(b'\n');
        }
        self.put()
    }
}

impl RejectWriter for LineSink {
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError> {
        self.open_now(goes_on)
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        for reject in rejects {
            push_reject(&mut self.buffer, plan, reject);
            self.buffer.push(b'\n');
        }
        self.put()
    }
}

/// A late or dead-letter output.
pub fn reject_lines(url: &SinkUrl) -> Box<dyn RejectWriter> {
    Box::new(LineSink::new(url.clone()))
}
