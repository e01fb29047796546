//! From a configuration to threads that run, a thread a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::api;
use crate::files::{Bucket, Folder, Sftp, Unmade};
use crate::kafka::{Brokers, KafkaLog, Places};
use crate::leave::{GRACE, Latch, Latched};
use crate::raw::Raw;
use crate::secret;
use crate::soap;
use crate::table;
use standings_ingest::config::{Config, ConfigError, Files, Kind, Source, Where};
use standings_ingest::feed::Feed;
use standings_ingest::files::FilesFeed;
use standings_ingest::gather::Gathered;
use standings_ingest::row::Shape;
use standings_ingest::task::{End, How, Next, Task};
use standings_ingest::told::{Board, Told};
use standings_ingest::webhook::WebhookFeed;
use standings_ingest::webhook::door::{Hook, Secrets, door};
use standings_mask::file::FileError;
use standings_model::clock::Clock;
use standings_model::error::{Failure, codes};
use standings_process::exit::NoThread;

/// How soon a source that waits sees that it is asked to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How soon it is seen that a source has ended.
const SOON: Duration = Duration::from_millis(20);

/// Sources that run.
pub struct Started {
    /// What they tell.
    pub board: Board,
    /// What is posted to.
    pub hooks: Vec<Hook>,
    threads: Vec<Running>,
    stop: Arc<AtomicBool>,
}

/// One of them.
struct Running {
    source: String,
    handle: JoinHandle<Option<End>>,
    latch: Latch,
}

/// A source that is made and does not run yet.
pub struct Made {
    source: String,
    feed: Box<dyn Feed>,
    log: KafkaLog,
    told: Arc<Told>,
    about: standings_ingest::cursor::About,
}

/// Sources that are made.
pub struct Sources {
    all: Vec<Made>,
    /// What they tell.
    pub board: Board,
    /// What is posted to.
    pub hooks: Vec<Hook>,
}

/// Makes all sources: nothing is read, asked or listened to, but secrets must be where they should be.
///
/// # Errors
/// A secret is not there, or a place cannot be reached as it is written.
pub fn make(config: &Config, brokers: &Brokers) -> Result<Sources, Failure> {
    let mut sources = Sources {
        all: Vec::new(),
        board: Board::default(),
        hooks: Vec::new(),
    };
    for source in &config.sources {
        let told = Told::new(
            &source.name,
            source.kind.word(),
            &source.topic,
            SystemTime::now(),
        );
        let feed = feed(source, &told, &mut sources.hooks)?;
        let places = places(source);
        sources.board.sources.push(Arc::clone(&told));
        sources.all.push(Made {
            source: source.name.clone(),
            feed,
            log: KafkaLog::new(brokers.clone(), places),
            told,
            about: source.about(),
        });
    }
    Ok(sources)
}

/// The topics of a source.
pub fn places(source: &Source) -> Places {
    Places {
        source: source.name.clone(),
        topic: source.topic.clone(),
        partitions: source.partitions,
        letters: source.dead_letter.clone(),
    }
}

/// What is wrong with a source.
fn refusal(source: &Source, said: &str) -> String {
    format!("[sources.{}] {said}", source.name)
}

fn refused(source: &Source, said: String) -> Failure {
    ConfigError {
        place: format!("[sources.{}]", source.name),
        said,
    }
    .into()
}

/// Files, wherever they are.
fn files(
    source: &Source,
    of: &Files,
    shape: Shape,
    raw: Option<Raw>,
) -> Result<Box<dyn Feed>, Failure> {
    let (table, settings) = (of.table.clone(), of.settings.clone());
    let clock = Clock::default();
    Ok(match &of.place {
        Where::Folder { root, pattern } => {
            let place = Folder::new(root, pattern.as_deref(), of.after, table, raw);
            Box::new(FilesFeed::new(place, settings, shape, clock))
        }
        Where::S3 {
            bucket,
            prefix,
            pattern,
        } => {
            let place = Bucket::new(bucket, prefix, pattern.as_deref(), of.after, table, raw);
            let place = place.map_err(|e| refused(source, format!("`path`: {e}")))?;
            Box::new(FilesFeed::new(place, settings, shape, clock))
        }
        Where::Sftp(server) => {
            let place = Sftp::new(&source.name, server, of.after, table, raw);
            let place = place.map_err(|unmade| match unmade {
                Unmade::Secret(none) => none.into(),
                Unmade::Runtime(_) => refused(source, format!("`path`: {unmade}")),
            })?;
            Box::new(FilesFeed::new(place, settings, shape, clock))
        }
    })
}

fn feed(
    source: &Source,
    told: &Arc<Told>,
    hooks: &mut Vec<Hook>,
) -> Result<Box<dyn Feed>, Failure> {
    let clock = Clock::default();
    let raw = match &source.raw {
        Some(place) => {
            let opened = Raw::open(place, &source.name, clock.clone());
            Some(opened.map_err(|e| refused(source, format!("`raw`: {e}")))?)
        }
        None => None,
    };
    let mut shape = source.shape.clone();
    if let Some(path) = &source.mask_key
        && shape.masks.needs_key()
    {
        let keys = standings_mask::file::read(path);
        let wrong = |e: FileError| Failure::of(&codes::mask::KEY, refusal(source, &e.to_string()));
        shape.masks.by = Some(Arc::new(keys.map_err(wrong)?));
    }
    Ok(match &source.kind {
        Kind::Files(of) => files(source, of, shape, raw)?,
        Kind::Webhook(webhook) => {
            let name = source.name.clone();
            let at = webhook.secrets.clone();
            let secrets: Secrets = Arc::new(move || {
                let all: Result<Vec<Vec<String>>, _> =
                    at.iter().map(|at| secret::all(&name, at)).collect();
                let all = all.map_err(|e| e.to_string())?;
                Ok(all.into_iter().flatten().map(String::into_bytes).collect())
            });
            for at in &webhook.secrets {
                secret::all(&source.name, at)?;
            }
            let (outer, inside) = door(Arc::clone(told));
            hooks.push(Hook {
                name: source.name.clone(),
                path: webhook.path.clone(),
                form: webhook.signature,
                secrets,
                id: webhook.id.clone(),
                max_body: webhook.max_body,
                door: outer,
            });
            Box::new(WebhookFeed::new(inside, shape, clock))
        }
        Kind::Soap(of) => Box::new(Gathered::new(soap::feed(source, of, shape, raw)?, clock)),
        Kind::Rest(rest) => Box::new(Gathered::new(api::feed(source, rest, shape, raw)?, clock)),
        Kind::Postgres(postgres) => table::feed(source, postgres, shape)?,
        Kind::Changes(changes) => table::of_changes(source, changes, shape)?,
        Kind::MySql(mysql) => table::of_mysql(source, mysql, shape)?,
        Kind::Binlog(binlog) => table::of_binlog(source, binlog, shape)?,
    })
}

impl Sources {
    /// Starts them. `adopt`: the names of those whose cursors are gone on from though they are of another configuration.
    ///
    /// # Errors
    /// This process has no thread for one.
    pub fn start(
        self,
        once: bool,
        adopt: &[String],
        stop: &Arc<AtomicBool>,
    ) -> Result<Started, Failure> {
        let mut threads = Vec::new();
        for (number, made) in self.all.into_iter().enumerate() {
            let how = How {
                once,
                adopt: adopt.contains(&made.source),
            };
            let seed = u64::from(std::process::id()) << 32 | number as u64;
            let latch = Latch::default();
            let task = Task::new(
                made.about,
                how,
                made.feed,
                Latched::new(made.log, latch.clone()),
                made.told,
                Clock::default(),
                seed,
            );
            let (source, stop) = (made.source, Arc::clone(stop));
            let thread = std::thread::Builder::new().name(format!("ingest-{source}"));
            let handle = thread.spawn(move || run(task, &stop)).map_err(NoThread)?;
            threads.push(Running {
                source,
                handle,
                latch,
            });
        }
        Ok(Started {
            board: self.board,
            hooks: self.hooks,
            threads,
            stop: Arc::clone(stop),
        })
    }
}

/// A source's thread; how it ended, if not because it was asked to.
fn run(mut task: Task<Box<dyn Feed>, Latched<KafkaLog>>, stop: &AtomicBool) -> Option<End> {
    while !stop.load(Ordering::Relaxed) {
        match task.turn() {
            Next::Now => {}
            Next::Ended(end) => return Some(end),
            Next::After(wait) => {
                let mut left = wait;
                while !left.is_zero() && !stop.load(Ordering::Relaxed) {
                    let piece = left.min(LOOK);
                    if task.wait(piece) {
                        break;
                    }
                    left -= piece;
                }
            }
        }
    }
    None
}

impl Started {
    /// Whether all have ended.
    pub fn have_ended(&self) -> bool {
        self.threads.iter().all(|of| of.handle.is_finished())
    }

    /// Waits until all have ended by themselves; once they are asked to stop, only for those that can, or that are writing.
    pub fn wait(&self) {
        let mut asked: Option<Instant> = None;
        while !self.have_ended() {
            if self.stop.load(Ordering::Relaxed)
                && asked.get_or_insert_with(Instant::now).elapsed() >= GRACE
                && self
                    .threads
                    .iter()
                    .all(|of| of.handle.is_finished() || of.latch.leave())
            {
                return;
            }
            std::thread::sleep(SOON);
        }
    }

    /// Waits as [`Started::wait`] does: each with how it ended, none for one that was asked to.
    pub fn ended(self) -> Vec<(String, Option<End>)> {
        self.wait();
        let all = self.threads.into_iter().map(|of| {
            if !of.handle.is_finished() {
                tracing::info!(
                    event = "source_left",
                    source = of.source,
                    "the source is asked to stop and waits for its service: it is left, with nothing open"
                );
                return (of.source, None);
            }
            // A panic has ended the process.
            let end = of.handle.join().ok().flatten();
            (of.source, end)
        });
        all.collect()
    }
}
