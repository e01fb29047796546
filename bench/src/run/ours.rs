//! The sides that are Standings itself: from files, into sinks, from Kafka.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use super::Bed;
use super::check::Check;
use super::side::{Group, Side};
use crate::harness::measure::Invocation;
use crate::harness::services::Services;
use crate::harness::{place, sales};
use crate::problem::Problem;

/// The sink of who is not asked for results.
pub const NULL: &str = "file:/dev/null";

/// One run to the end of its sources.
struct Job<'a> {
    queries: String,
    sources: Vec<String>,
    sinks: Vec<String>,
    workers: &'a str,
    more: Vec<String>,
}

impl<'a> Job<'a> {
    fn new(sources: Vec<String>) -> Self {
        Job {
            queries: place::in_root("bench/queries"),
            sources,
            sinks: vec![NULL.to_owned()],
            workers: "1",
            more: Vec::new(),
        }
    }

    fn queries(mut self, folder: &str) -> Self {
        self.queries = folder.to_owned();
        self
    }

    fn sinks(mut self, sinks: Vec<String>) -> Self {
        if !sinks.is_empty() {
            self.sinks = sinks;
        }
        self
    }

    fn workers(mut self, workers: &'a str) -> Self {
        self.workers = workers;
        self
    }

    fn more(mut self, more: &[&str]) -> Self {
        self.more.extend(more.iter().map(|m| (*m).to_owned()));
        self
    }

    fn command(&self) -> Invocation {
        let mut command =
            Invocation::new(place::standings()).args(["run", "--queries", &self.queries]);
        for source in &self.sources {
            command = command.args(["--source", source]);
        }
        for sink in &self.sinks {
            command = command.args(["--sink", sink]);
        }
        command
            .args(["--until-end", "-w", self.workers])
            .args(&self.more)
    }
}

/// Those that need nothing but files.
pub fn from_files(bed: &Bed) -> Result<Vec<Side>, Problem> {
    let one = || Job::new(vec![sales::source(&bed.sales)]);
    let halves = sales::split(&bed.sales, 2)?;
    let two = || Job::new(halves.iter().map(|h| sales::source(h)).collect());
    let side = |name, job: Job<'_>| Side::new(Group::Standings, name, job.command());
    let cities = only("top_sales_per_city", bed)?;
    let salesmen = only("top_salesmen", bed)?;
    let mut sides = vec![
        side("standings -w 1", one()).checked(Check::Changes),
        side(
            "standings -w 1, ranks only",
            one().more(&["--emit", "ranks"]),
        )
        .checked(Check::Counted),
        side("standings -w 1, cities only", one().queries(&cities)),
        side("standings -w 1, salesmen only", one().queries(&salesmen)),
        side("standings -w 1, two files", two()).checked(Check::Changes),
        side("standings -w 2, two files", two().workers("2")).checked(Check::Changes),
    ];
    let size = fs::metadata(&bed.sales)
        .map_err(Problem::file(&bed.sales))?
        .len() as f64;
    for n in [1_000, 10_000, 100_000] {
        let bytes = (f64::from(n) * size / bed.count as f64) as u64;
        let job = one().more(&["--epoch-bytes", &bytes.to_string()]);
        let name = format!("epochs of {} k sales", n / 1000);
        sides.push(Side::new(Group::Epochs, &name, job.command()).checked(Check::Changes));
    }
    let file = format!("file:{}", bed.in_folder("sink.ndjson"));
    sides.push(Side::new(Group::Sinks, "sink: null", one().command()));
    sides.push(Side::new(
        Group::Sinks,
        "sink: file",
        one().sinks(vec![file]).command(),
    ));
    let (source, state) = (sales::source(&bed.sales), bed.in_folder("state-"));
    let snapshots = move |n| {
        let state = format!("file:{state}{n}");
        let job = Job::new(vec![source.clone()]);
        Ok(job
            .more(&["--state", &state, "--snapshot-interval", "1s"])
            .command())
    };
    sides.push(Side::fresh(
        Group::Sinks,
        "sink: null, snapshots each second",
        snapshots,
    ));
    Ok(sides)
}

/// A folder with one of the queries.
fn only(name: &str, bed: &Bed) -> Result<String, Problem> {
    let folder = bed.folder.path().join(name);
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let query = format!("{name}.sql");
    let from = place::root().join("bench/queries").join(&query);
    fs::copy(&from, folder.join(&query)).map_err(Problem::file(&from))?;
    Ok(folder.display().to_string())
}

/// A topic with all sales in two partitions, made when it is first asked for.
struct Topic {
    services: Services,
    name: String,
    sales: String,
    is_made: Cell<bool>,
}

impl Topic {
    fn filled(&self) -> Result<String, Problem> {
        if !self.is_made.get() {
            self.services.make_topic(&self.name, 2)?;
            self.services.fill(&self.name, &self.sales)?;
            self.is_made.set(true);
        }
        Ok(self.services.url(&self.name))
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        if self.is_made.get() {
            // A broker that does not do it any more keeps it.
            let _ = self.services.forget_topics(&[&self.name]);
        }
    }
}

/// What is made anew for each round of a side.
#[derive(Clone)]
struct Targets {
    services: Services,
    name: &'static str,
    kafka: bool,
    postgres: bool,
    exactly: bool,
    /// A folder for snapshots.
    state: Option<String>,
}

impl Targets {
    fn tag(&self, round: usize) -> String {
        format!("bench_{}_{}_{round}", self.name, std::process::id())
    }

    /// The flags for a round, with topic and schema made.
    fn add(&self, job: Job<'_>, round: usize) -> Result<Invocation, Problem> {
        let tag = self.tag(round);
        let mut sinks = Vec::new();
        if self.postgres {
            sinks.push(self.services.make_schema(&tag)?);
        }
        if self.kafka {
            self.services.make_topic(&tag, 1)?;
            // Once in a topic's life, not once a start: outside the clock, as the topic itself.
            self.services.make_topic(&format!("{tag}-progress"), 1)?;
            sinks.push(self.services.url(&tag));
        }
        let delivery = if self.exactly {
            "exactly-once"
        } else {
            "at-least-once"
        };
        let mut job = job.sinks(sinks).more(&["--delivery", delivery]);
        if let Some(folder) = &self.state {
            let state = format!("file:{}", Path::new(folder).join(&tag).display());
            job = job.more(&["--state", &state, "--snapshot-interval", "10s"]);
        }
        Ok(job.command())
    }

    fn forget(&self, round: usize) -> Result<(), Problem> {
        let tag = self.tag(round);
        if self.postgres {
            self.services.forget_schema(&tag)?;
        }
        if self.kafka {
            self.services
                .forget_topics(&[&tag, &format!("{tag}-progress")])?;
        }
        Ok(())
    }
}

/// Those that need Kafka and Postgres.
pub fn with_services(bed: &Bed, services: &Services) -> Vec<Side> {
    let targets = |name| Targets {
        services: services.clone(),
        name,
        kafka: false,
        postgres: false,
        exactly: true,
        state: None,
    };
    let source = sales::source(&bed.sales);
    let into = |name: &str, targets: Targets| {
        let (source, after) = (source.clone(), targets.clone());
        let fresh = move |n| targets.add(Job::new(vec![source.clone()]), n);
        Side::fresh(Group::Sinks, name, fresh).after(move |n| after.forget(n))
    };
    let topic = Rc::new(Topic {
        services: services.clone(),
        name: format!("bench_sales_{}", std::process::id()),
        sales: bed.sales.display().to_string(),
        is_made: Cell::new(false),
    });
    let from = |name: &str, workers: &'static str, targets: Targets| {
        let topic = Rc::clone(&topic);
        let fresh = move |n| targets.add(Job::new(vec![topic.filled()?]).workers(workers), n);
        Side::fresh(Group::Kafka, name, fresh)
    };
    let consumer = {
        let topic = Rc::clone(&topic);
        move |_| {
            topic.filled()?;
            Ok(Invocation::own(&[
                "side",
                "count",
                &topic.services.brokers,
                &topic.name,
            ]))
        }
    };
    let (mut least, mut exactly, mut postgres, mut both) =
        (targets("ka"), targets("ke"), targets("pg"), targets("all"));
    (least.kafka, least.exactly) = (true, false);
    exactly.kafka = true;
    postgres.postgres = true;
    (both.kafka, both.postgres, both.state) = (true, true, Some(bed.in_folder("states")));
    vec![
        into("sink: Kafka, at least once", least),
        into("sink: Kafka, exactly once", exactly),
        into("sink: Postgres", postgres),
        into("sinks: Postgres and Kafka, exactly once, snapshots", both),
        Side::fresh(Group::Kafka, "a consumer that reads and counts", consumer),
        from("standings -w 1 from Kafka", "1", targets("kr")),
        from("standings -w 2 from Kafka", "2", targets("kr2")),
    ]
}
