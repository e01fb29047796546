//! The two things that a source writes: a cursor of its new generation when it is opened, and a batch with its cursor.

use std::time::SystemTime;

use serde_json::Value;
use standings_model::sabotage::{self, Mistake};

use super::{Next, Stop, Task};
use crate::batch::{Batch, Record, timestamp};
use crate::cursor::{Cursor, FORMAT, Kept};
use crate::feed::Feed;
use crate::log::{Entry, Log, LogTrouble, To, text};

impl<F: Feed, L: Log> Task<F, L> {
    /// Takes the source over, and goes on from what the log has.
    pub(super) fn open(&mut self) -> Result<Next, Stop> {
        let early = match sabotage::is(Mistake::IngestReadBeforeTakeover) {
            true => Some(self.log.kept()?),
            false => None,
        };
        self.log.take_over()?;
        let kept: Kept = match early {
            Some(early) => early,
            None => self.log.kept()?,
        };
        let admitted = kept.admit(&self.about, self.how.adopt);
        admitted.map_err(|e| Stop::Broken(e.to_string()))?;
        let (was, cursor) = match &kept.cursor {
            Some(cursor) => (cursor.generation.max(kept.greatest), cursor.cursor.clone()),
            None => (kept.greatest, Value::Null),
        };
        let generation = was + 1;
        self.feed.open(&cursor, &kept.notes)?;
        // Said before anything is read: who is of an older generation can be told from here on.
        self.log.begin()?;
        self.send_cursor(generation, &cursor)?;
        self.log.commit()?;
        self.cursor = cursor;
        self.generation = Some(generation);
        self.told.update(|now| {
            (now.is_open, now.generation) = (true, generation);
        });
        tracing::info!(
            event = "source_opened",
            source = self.about.name,
            generation,
            "the source goes on where it was"
        );
        Ok(Next::Now)
    }

    /// Writes a batch and its cursor, both or neither.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), Stop> {
        let Some(generation) = self.generation else {
            return Err(Stop::Broken(
                "it was written before it was opened: a defect".to_owned(),
            ));
        };
        let committed = self.transaction(batch, generation);
        if let Err(LogTrouble::Later(_)) = &committed {
            if sabotage::is(Mistake::IngestAnswerForGranted) {
                return Ok(());
            }
            if sabotage::is(Mistake::IngestAnswerForLost) {
                self.log.take_over()?;
                self.again = Some(Box::new(batch.clone()));
                return Ok(());
            }
        }
        committed?;
        self.cursor.clone_from(&batch.cursor);
        self.tell(batch);
        Ok(())
    }

    fn transaction(&mut self, batch: &Batch, generation: u64) -> Result<(), LogTrouble> {
        self.log.begin()?;
        if sabotage::is(Mistake::IngestCursorFirst) {
            self.send_cursor(generation, &batch.cursor)?;
            self.log.commit()?;
            self.log.begin()?;
        }
        let mut everywhere = batch.everywhere.iter().peekable();
        for (place, record) in batch.records.iter().enumerate() {
            self.log.send(Entry {
                to: match everywhere.next_if_eq(&&place) {
                    Some(_) => To::Everywhere,
                    None => To::Records,
                },
                key: record.key.as_deref(),
                value: (!record.value.is_empty()).then_some(&record.value),
                headers: provenance(&self.about.name, &record.position, record.read_at),
            })?;
        }
        for letter in &batch.letters {
            let value = letter.json(&self.about.name);
            self.log.send(Entry {
                to: To::Letters,
                key: None,
                value: Some(&value),
                headers: provenance(&self.about.name, &letter.position, letter.read_at),
            })?;
        }
        for note in batch
            .notes
            .iter()
            .filter(|_| !sabotage::is(Mistake::IngestNotNoted))
        {
            let key = format!("{}/{}", self.about.name, note.key);
            self.log.send(Entry {
                to: To::Ledger,
                key: Some(key.as_bytes()),
                value: note.value.as_deref().map(str::as_bytes),
                headers: Vec::new(),
            })?;
        }
        if sabotage::is(Mistake::IngestCursorLast) {
            self.log.commit()?;
            self.log.begin()?;
        }
        if !sabotage::is(Mistake::IngestCursorFirst) {
            self.send_cursor(generation, &batch.cursor)?;
        }
        self.log.commit()
    }

    fn send_cursor(&mut self, generation: u64, cursor: &Value) -> Result<(), LogTrouble> {
        let cursor = Cursor {
            format: FORMAT,
            generation,
            fingerprint: self.about.fingerprint(),
            configuration: self.about.configuration.clone(),
            cursor: cursor.clone(),
            written_at: timestamp(self.clock.wall()),
        };
        self.log.send(Entry {
            to: To::Cursors,
            key: Some(self.about.name.as_bytes()),
            value: Some(&text(&cursor)),
            headers: Vec::new(),
        })
    }

    fn tell(&self, batch: &Batch) {
        let at = self.clock.wall();
        let oldest = batch.records.iter().map(|r| r.read_at).min();
        let lag = oldest.and_then(|then| at.duration_since(then).ok());
        self.told.update(|now| {
            now.records += batch.records.len() as u64;
            now.bytes += batch
                .records
                .iter()
                .map(|r| r.value.len() as u64)
                .sum::<u64>();
            now.letters += batch.letters.len() as u64;
            now.duplicates += batch.duplicates;
            now.transactions += 1;
            now.committed_at = Some(at);
            if let Some(Record { position, .. }) = batch.records.last() {
                now.position.clone_from(position);
            }
            now.lag = lag.map_or(now.lag, |d| d.as_secs_f64());
        });
        for letter in batch.letters.iter().take(1) {
            tracing::warn!(
                event = "source_dead_letters",
                source = self.about.name,
                letters = batch.letters.len(),
                first = letter.position,
                reason = letter.reason,
                detail = letter.detail,
                "records that are none were kept aside"
            );
        }
    }
}

/// Where a record comes from, as its headers say it.
fn provenance(source: &str, position: &str, read_at: SystemTime) -> Vec<(&'static str, String)> {
    vec![
        ("source", source.to_owned()),
        ("position", position.to_owned()),
        ("read_at", timestamp(read_at)),
    ]
}
