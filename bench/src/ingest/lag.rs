//! How long a row takes from its source to a reader of committed records.
//!
//! ```text
//! a row is put into its source ──► standings ingest, which looks each 100 ms ──► a reader of committed records sees it
//!  ▲        └────────────────────────────── this long ──────────────────────────────────┘
//!  └── the next, at another moment between two looks
//! ```
//!
//! One row at a time, while nothing else is to do: what waits behind many is told by `lag_seconds` of `/api/v1/sources`.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::pages::Server as Pages;
use super::stores::Stores;
use super::{Side, committed, configured, hooks, reader};
use crate::harness::measure::{Invocation, pause};
use crate::harness::place;
use crate::harness::report;
use crate::harness::server::Server;
use crate::harness::services::Services;
use crate::problem::Problem;

/// Where rows are put.
pub(super) struct World<'a> {
    pub(super) folder: &'a Path,
    pub(super) services: &'a Services,
    pub(super) schema: &'a str,
    pub(super) pages: &'a Pages,
    pub(super) stores: &'a Stores,
    /// Rows that are in each source before, but for webhooks.
    pub(super) rows: u64,
}

impl World<'_> {
    /// Puts row `n` into a source of this type.
    fn put(&self, kind: &str, n: u64, port: u16, topic: &str) -> Result<(), Problem> {
        let (name, text) = (
            format!("{n}.csv"),
            format!("id,at,city,amount\n{n},,Porto,1\n"),
        );
        match kind {
            "bucket" => self.stores.in_bucket(&name, &text),
            "sftp" => self.stores.on_server(&name, &text),
            "files" => {
                let hidden = self.folder.join(".writing");
                report::write(&hidden, &text)?;
                let to = self.folder.join("in").join(name);
                std::fs::rename(&hidden, &to).map_err(Problem::file(&to))
            }
            "postgres" => self.services.execute(&format!(
                "INSERT INTO {}.rows VALUES ({n}, now(), 'Porto', 1)",
                self.schema
            )),
            "webhook" => hooks::post(port, topic, &format!("{{\"id\":{n}}}")),
            _ => {
                self.pages.grow();
                Ok(())
            }
        }
    }

    /// Seconds of so many rows, one after another.
    pub(super) fn seconds(
        &self,
        side: &Side,
        topic: &str,
        config: &str,
        count: u64,
    ) -> Result<Vec<f64>, Problem> {
        let port = hooks::free_port()?;
        let every = match side.kind() {
            "webhook" => "",
            _ => "every = \"100ms\"\n",
        };
        let file = configured(
            self.folder,
            self.services,
            topic,
            &format!("{config}{every}"),
        )?;
        let hooks = format!("127.0.0.1:{port}");
        let command = Invocation::new(place::standings())
            .args(["ingest", "--config", &file, "--ingest-http", &hooks])
            .env("STANDINGS_SECRET_BENCH", &self.services.postgres)
            .silent();
        let command = self.stores.told(command);
        let mut running = Server::start("standings ingest", &command, Stdio::null())?;
        let reader = reader(self.services, topic)?;
        if side.kind() == "webhook" {
            hooks::wait_for(port)?;
        } else {
            (0..self.rows).try_for_each(|_| committed(&reader, topic))?;
        }
        let from = self.pages.rows();
        let taken = (0..count).map(|n| {
            // At another moment between two looks.
            pause(Duration::from_millis(n * 37 % 100))?;
            running.check()?;
            let put = Instant::now();
            self.put(side.kind(), from + n, port, topic)?;
            committed(&reader, topic)?;
            Ok(put.elapsed().as_secs_f64())
        });
        taken.collect()
    }
}
