//! What feeds the demo beside its shop: a folder and a webhook, which anybody can try, by `standings ingest`'s own sources.
//!
//! ```text
//! sale.json (a sale of now, written anew each second) ──cp──► inbox/ ──┐
//!                                                     ──curl──► till ──┴──► the topic of sales ──► the rankings
//! ```
//!
//! 1. Nothing is left: the folder is a temporary one, the topics are in memory.
//! 2. They are sales like the shop's: what comes twice, late or broken is told as everywhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::broker::Broker;
use super::error::DemoError;
use super::{SALES, defect};
use standings_edge::sink::SinkOptions;
use standings_http::hooks;
use standings_ingest::config;
use standings_ingest::told::Board;
use standings_intake::kafka::Brokers;
use standings_intake::start::{self, Started};
use standings_model::time::format_rfc3339;
use standings_process::exit::Failure;

/// Topics of ingestion, which the in-process Kafka has to have before.
pub(super) const TOPICS: [(&str, i32); 3] = [
    (standings_ingest::cursor::TOPIC, 1),
    (standings_ingest::cursor::LEDGER, 1),
    (LETTERS, 1),
];
const LETTERS: &str = "refused";
const SOURCES: &str = r#"
to = "kafka://BROKERS"

[sources.inbox]
type = "files"
path = "inbox"
settle = "200ms"
changed = "new"
topic = "SALES"
dead-letter = "LETTERS"

[sources.till]
type = "webhook"
topic = "SALES"
dead-letter = "LETTERS"
"#;

/// How long the end may take.
const DRAIN: Duration = Duration::from_secs(5);

/// Sources that run.
pub(super) struct Feeds {
    /// Its folder goes with this.
    folder: tempfile::TempDir,
    /// Where is posted.
    till: String,
    started: Started,
    stop: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
}

impl Feeds {
    /// Starts them: they read the folder, and listen on a free port of this machine.
    pub(super) fn start(broker: &Broker) -> Result<Self, Failure> {
        let system = DemoError::Feeds;
        let folder = tempfile::Builder::new()
            .prefix("standings-demo-")
            .tempdir()
            .map_err(system)?;
        std::fs::create_dir(folder.path().join("inbox")).map_err(system)?;
        let text = SOURCES
            .replace("BROKERS", &broker.address())
            .replace("SALES", SALES)
            .replace("LETTERS", LETTERS);
        let config = config::read(&folder.path().join("ingest.toml"), &text, None);
        let config = config.map_err(defect)?;
        let brokers = Brokers {
            hosts: config.brokers.clone(),
            options: SinkOptions::default(),
        };
        let sources = start::make(&config, &brokers)?;
        let listening = hooks::listen("127.0.0.1:0", sources.hooks.clone(), None, false)?;
        let till = format!("http://{}/ingest/till", listening.address()?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("till")
            .enable_all()
            .build()
            .map_err(system)?;
        runtime.spawn(async move {
            if let Err(problem) = listening.accept().await {
                tracing::error!(event = "http_ended", %problem, "HTTP is served no more");
            }
        });
        let stop = Arc::new(AtomicBool::new(false));
        let started = sources.start(false, &[], &stop)?;
        Ok(Feeds {
            folder,
            till,
            started,
            stop,
            runtime,
        })
    }

    /// What they tell.
    pub(super) fn board(&self) -> Board {
        self.started.board.clone()
    }

    /// Writes the example of now.
    pub(super) fn example(&self) -> Example {
        Example {
            path: self.folder.path().join("sale.json"),
            number: 0,
        }
    }

    /// What can be tried, a line each.
    pub(super) fn words(&self) -> String {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        format!(
            "A folder:   cp {sale} {inbox}/   (any JSON, CSV or Parquet of sales; sale.json is one of now)\n\
             A webhook:  curl -d @{sale} {}\n",
            self.till,
            sale = at("sale.json"),
            inbox = at("inbox"),
        )
    }

    /// Ends them; how many sales they brought.
    pub(super) fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let asked = Instant::now();
        while !self.started.have_ended() && asked.elapsed() < DRAIN {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        let sources = &self.started.board.sources;
        sources.iter().map(|told| told.now().records).sum()
    }
}

/// A file with one sale, of now by the shop's clock, each time another one.
pub(super) struct Example {
    path: PathBuf,
    number: u64,
}

impl Example {
    /// Writes it anew: it is always whole.
    pub(super) fn write(&mut self, now: i64) -> std::io::Result<()> {
        self.number += 1;
        let sale = format!(
            "{{\"sale_id\":\"mine-{}\",\"event_time\":\"{}\",\"city\":\"Utopia\",\"salesman_id\":\"S999999\",\"salesman_name\":\"You\",\"amount\":250000.00}}\n",
            self.number,
            format_rfc3339(now)
        );
        let hidden = self.path.with_extension("new");
        std::fs::write(&hidden, sale)?;
        std::fs::rename(&hidden, &self.path)
    }
}
