//! The topics of a source: made when missing, and asked about.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Brokers, refused};
use super::{PATIENCE, Places};
use standings_commit::kind::Kind;
use standings_edge::sink::kafka::errors;
use standings_edge::source::{Aside, Quiet};
use standings_ingest::cursor::{LEDGER, TOPIC};
use standings_ingest::log::LogTrouble;

fn admin(brokers: &Brokers) -> Result<Aside<AdminClient<Quiet>>, LogTrouble> {
    let made = brokers.config().create_with_context(Quiet);
    made.map(Aside::new)
        .map_err(|e| LogTrouble::Broken(refused(&e)))
}

fn names(
    admin: &AdminClient<Quiet>,
    patience: Duration,
) -> Result<Vec<(String, usize)>, LogTrouble> {
    let metadata = admin.inner().fetch_metadata(None, patience);
    let metadata =
        metadata.map_err(|e| LogTrouble::Later(format!("Kafka does not answer: {e}")))?;
    Ok(metadata
        .topics()
        .iter()
        .map(|t| (t.name().to_owned(), t.partitions().len()))
        .collect())
}

/// Makes those that are missing; `letters`: that of dead letters, too, which is made with the first of them.
pub(super) fn make(brokers: &Brokers, places: &Places, letters: bool) -> Result<(), LogTrouble> {
    let admin = admin(brokers)?;
    let there = names(&admin, PATIENCE)?;
    let mut wanted = vec![
        (places.topic.as_str(), places.partitions, false),
        (TOPIC, 1, true),
        (LEDGER, 1, true),
    ];
    if letters {
        wanted.push((places.letters.as_str(), 1, false));
    }
    let missing: Vec<NewTopic<'_>> = wanted
        .into_iter()
        .filter(|(name, ..)| there.iter().all(|(t, _)| t != name))
        .map(|(name, partitions, compacted)| {
            // -1: as many copies as the brokers make by default.
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
            match compacted {
                true => topic.set("cleanup.policy", "compact"),
                false => topic,
            }
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let later = |e: String| LogTrouble::Later(format!("making topics failed: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| later(e.to_string()))?;
    let asked = admin.create_topics(
        &missing,
        &AdminOptions::new().request_timeout(Some(PATIENCE)),
    );
    for made in runtime.block_on(asked).map_err(|e| later(e.to_string()))? {
        match made {
            Ok(topic) => tracing::info!(
                event = "topic_made",
                topic,
                "the topic was missing and is made"
            ),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let said = format!("the topic `{topic}` is not there, and cannot be made: {code}");
                return Err(match errors::kind(code) {
                    Kind::Passing => LogTrouble::Later(said),
                    _ => LogTrouble::Broken(said),
                });
            }
        }
    }
    Ok(())
}

/// Asks without making anything: what would become of a source's topics, a line each.
///
/// # Errors
/// Kafka does not answer.
pub fn look(
    brokers: &Brokers,
    places: &Places,
    patience: Duration,
) -> Result<Vec<String>, LogTrouble> {
    let admin = admin(brokers)?;
    let there = names(&admin, patience)?;
    let all = [
        (&*places.topic, places.partitions),
        (&*places.letters, 1),
        (TOPIC, 1),
        (LEDGER, 1),
    ];
    let said = all.iter().map(|(name, partitions)| {
        let found = there.iter().find(|(t, _)| t == name);
        match found {
            Some((_, n)) => format!("the topic `{name}` is there, with {n} partitions"),
            None => format!(
                "the topic `{name}` is not there, and will be made with {partitions} partitions"
            ),
        }
    });
    Ok(said.collect())
}
