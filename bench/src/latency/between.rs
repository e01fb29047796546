//! What runs between sender and watcher: starts it, waits until it is ready, and says where its changes can be seen.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};
use std::time::Duration;

use super::LatencyArgs;
use super::side::{Kind, Side};
use crate::harness::measure::{Invocation, shown};
use crate::harness::server::{Server, free_address};
use crate::harness::services::Services;
use crate::harness::{place, quiet};
use crate::problem::Problem;

/// Messages a sale and bytes of a message as ours has at 50,000 sales a second over 300 cities; see
/// standings_rows_written_total.
const ROWS: [&str; 2] = ["2.6", "270"];
/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running process, or none.
pub struct Between {
    server: Option<Server>,
    /// Open as long as it runs: it may say more.
    said: Option<BufReader<ChildStdout>>,
}

impl Between {
    /// Starts it; what to watch.
    pub fn start(
        services: &Services,
        side: &Side,
        args: &LatencyArgs,
        [topic, changes, schema]: [&str; 3],
    ) -> Result<(Self, String), Problem> {
        let watch = format!("kafka:{changes}");
        let brokers = &services.brokers;
        let relay = ["side", "relay", brokers, topic, changes];
        match &side.kind {
            Kind::Floor => {
                let none = Between {
                    server: None,
                    said: None,
                };
                Ok((none, "source".to_owned()))
            }
            Kind::Relay => Ok((Between::told("the relay", Invocation::own(&relay))?, watch)),
            Kind::RelayRows => Ok((
                Between::told("the relay", Invocation::own(&relay).args(ROWS))?,
                watch,
            )),
            Kind::Flink(form) => {
                let job = Invocation::new(place::root().join("bench/peers/flink/latency"))
                    .env("STANDINGS_LOG", "error")
                    .args(["--brokers", brokers, "--topic", topic, "--changes", changes])
                    .args(["--form", form, "--workers", &args.workers])
                    .args(args.flink.split_whitespace());
                Ok((Between::told("the Flink job", job)?, watch))
            }
            Kind::Postgres => {
                let sink = services.make_schema(schema)?;
                Ok((Between::ours(services, side, args, topic, &sink)?, sink))
            }
            Kind::Least | Kind::Exactly => {
                let sink = services.url(changes);
                Ok((Between::ours(services, side, args, topic, &sink)?, watch))
            }
        }
    }

    /// One that says when it is ready, in its first line.
    fn told(name: &str, command: Invocation) -> Result<Self, Problem> {
        let mut server = Server::start(name, &command, Stdio::piped())?;
        let mut said = server.child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(said) = &mut said {
            said.read_line(&mut line)
                .map_err(Problem::system("reading what a side said"))?;
        }
        if line.trim() != "ready" {
            return Err(Problem::said(name, "it did not start"));
        }
        Ok(Between {
            server: Some(server),
            said,
        })
    }

    fn ours(
        services: &Services,
        side: &Side,
        args: &LatencyArgs,
        topic: &str,
        sink: &str,
    ) -> Result<Self, Problem> {
        let binary = side.other.clone().unwrap_or_else(place::standings);
        let address = free_address()?;
        let delivery = if side.kind == Kind::Least {
            "at-least-once"
        } else {
            "exactly-once"
        };
        let run = Invocation::new(binary)
            .env("STANDINGS_LOG", "error")
            .args(["run", "--queries", &place::in_root("bench/latency-queries")])
            .args([
                "--source",
                &services.url(topic),
                "--sink",
                sink,
                "--delivery",
                delivery,
            ])
            .args([
                "--commit-interval",
                &args.commit_interval,
                "-w",
                &args.workers,
                "--http",
                &address,
            ]);
        let mut server = Server::start(&side.key(), &run, Stdio::null())?;
        server.ready(&address)?;
        Ok(Between {
            server: Some(server),
            said: None,
        })
    }

    /// Of its cores, so far. What a Flink job starts is not a child of the bench: its cores are with the rest.
    pub fn cpu_seconds(&self) -> f64 {
        self.server
            .as_ref()
            .map_or(0.0, |s| quiet::of_process(s.id()))
    }

    /// Ends it; says so when it had ended by itself.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            if let Err(problem) = server.check() {
                eprintln!("{problem}");
            }
            match server.stop(PATIENCE) {
                Ok(status) if status.code().is_some_and(|c| c > 0) => {
                    eprintln!("it ended with {}", shown(status))
                }
                Ok(_) => {}
                Err(problem) => eprintln!("{problem}"),
            }
        }
        self.said = None;
    }
}
