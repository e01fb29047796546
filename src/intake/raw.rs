//! What was read, kept as it came, by date: a folder or a bucket. Kept before what it brings is in Kafka, under a name that is
//! the same however often it is kept.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::runtime::Runtime;

use crate::store;
use standings_ingest::batch::timestamp;
use standings_ingest::feed::Trouble;
use standings_ingest::files::Seen;
use standings_model::clock::Clock;

/// Bytes of a piece.
const PIECE: usize = 8 << 20;

/// Where it is kept.
#[derive(Clone)]
pub struct Raw {
    store: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    source: String,
    clock: Clock,
}

impl Raw {
    /// A folder, or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// It cannot be reached as it is written.
    pub fn open(place: &str, source: &str, clock: Clock) -> Result<Self, String> {
        let (store, runtime) = store::open(place)?;
        Ok(Raw {
            store,
            runtime,
            source: source.to_owned(),
            clock,
        })
    }

    /// `SOURCE/2026-01-23/NAME`.
    fn name(&self, name: &str) -> Path {
        let day = timestamp(self.clock.wall());
        Path::from(format!(
            "{}/{}/{name}",
            self.source,
            day.get(..10).unwrap_or("")
        ))
    }

    fn failed(e: &Error) -> Trouble {
        Trouble::later(format!("what was read cannot be kept (`raw`): {e}"))
    }

    /// Keeps a file.
    pub(crate) fn file(&self, file: &File, seen: &Seen, hash: &str) -> Result<(), Trouble> {
        let name = self.name(&format!("{hash}-{}", seen.path));
        let io = |e: std::io::Error| Trouble::later(format!("{}: {e}", seen.path));
        let mut file = file.try_clone().map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        self.runtime.block_on(async {
            if self
                .store
                .head(&name)
                .await
                .is_ok_and(|there| there.size == seen.size)
            {
                return Ok(());
            }
            let upload = self
                .store
                .put_multipart(&name)
                .await
                .map_err(|e| Raw::failed(&e))?;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, PIECE);
            let mut piece = vec![0; PIECE];
            loop {
                let n = file.read(&mut piece).map_err(io)?;
                if n == 0 {
                    break;
                }
                writer
                    .wait_for_capacity(2)
                    .await
                    .map_err(|e| Raw::failed(&e))?;
                writer.write(&piece[..n]);
            }
            writer.finish().await.map(drop).map_err(|e| Raw::failed(&e))
        })
    }

    /// Keeps an answer.
    pub(crate) fn bytes(&self, name: &str, bytes: &[u8]) -> Result<(), Trouble> {
        let name = self.name(name);
        let put = self.store.put(&name, bytes.to_vec().into());
        self.runtime
            .block_on(put)
            .map(drop)
            .map_err(|e| Raw::failed(&e))
    }
}
