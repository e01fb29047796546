//! A bucket, as the environment says that it is reached: asked until it answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::error::failed;
use super::object::Seen;
use super::patience::{LOOK, Patience, over};
use crate::store::{passes, s3, words};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// So often the client asks by itself, before anybody is told that it waits.
const TRIES: usize = 3;

/// Those that were asked for anything, by their names: they share their connections.
static ALL: Mutex<BTreeMap<String, Arc<Bucket>>> = Mutex::new(BTreeMap::new());

/// A bucket.
pub(super) struct Bucket {
    name: String,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// The bucket of a name. Nothing is asked yet.
pub(super) fn bucket(name: &str) -> io::Result<Arc<Bucket>> {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(name) {
        return Ok(Arc::clone(known));
    }
    let limits = ClientOptions::new()
        .with_timeout(ANSWER)
        .with_connect_timeout(CONNECT);
    let limits = match std::env::var("AWS_ALLOW_HTTP").is_ok_and(|v| v == "true") {
        true => limits.with_allow_http(true),
        false => limits,
    };
    let retry = RetryConfig {
        max_retries: TRIES,
        retry_timeout: ANSWER,
        ..RetryConfig::default()
    };
    let store = s3(name).with_retry(retry).with_client_options(limits);
    let store = store.build().map_err(|e| io::Error::other(words(&e)))?;
    let made = Bucket::of(name, Arc::new(store))?;
    all.insert(name.to_owned(), Arc::clone(&made));
    Ok(made)
}

/// A store that stands for a bucket of this name from now on.
#[cfg(test)]
pub(super) fn stands_for(name: &str, store: Arc<dyn ObjectStore>) {
    let made = Bucket::of(name, store).unwrap();
    ALL.lock().unwrap().insert(name.to_owned(), made);
}

impl Bucket {
    fn of(name: &str, store: Arc<dyn ObjectStore>) -> io::Result<Arc<Self>> {
        // One thread, which any number of readers wait for.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bucket")
            .enable_all()
            .build()?;
        let name = name.to_owned();
        Ok(Arc::new(Bucket {
            name,
            store,
            runtime,
        }))
    }

    /// What is asked, again and again while the answer is none.
    fn ask<T, F>(&self, patience: &Patience, asked: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let name = format!("s3://{}", self.name);
        let mut wait = patience.begin(&name);
        loop {
            match self.answer(patience, asked())? {
                Ok(answer) => {
                    wait.done();
                    return Ok(answer);
                }
                Err(e) if passes(&e) => wait.tried(&words(&e))?,
                Err(e) => return Err(failed(&e)),
            }
        }
    }

    /// The answer, unless nobody waits for it any more.
    fn answer<T>(&self, patience: &Patience, asked: impl Future<Output = T>) -> io::Result<T> {
        self.runtime.block_on(async {
            let mut asked = pin!(asked);
            loop {
                match tokio::time::timeout(LOOK, &mut asked).await {
                    Ok(answer) => return Ok(answer),
                    Err(_) if patience.is_over() => return Err(over()),
                    Err(_) => {}
                }
            }
        })
    }

    /// The objects below a folder.
    pub(super) fn list(&self, folder: &Path, patience: &Patience) -> io::Result<Vec<ObjectMeta>> {
        self.ask(patience, || async {
            let all = self.store.list(Some(folder));
            all.try_collect().await
        })
    }

    /// One object; `None` where there is none.
    pub(super) fn look(&self, key: &Path, patience: &Patience) -> io::Result<Option<ObjectMeta>> {
        self.ask(patience, || async {
            match self.store.head(key).await {
                Err(Error::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        })
    }

    /// Bytes of an object as it was seen.
    pub(super) fn bytes(
        &self,
        key: &Path,
        seen: &Seen,
        range: Range<u64>,
        patience: &Patience,
    ) -> io::Result<Bytes> {
        self.ask(patience, || get(&*self.store, key, seen, range.clone()))
    }

    /// The same without waiting for it.
    pub(super) fn bytes_later(&self, key: &Path, seen: &Seen, range: Range<u64>) -> Later {
        let (store, key, seen) = (Arc::clone(&self.store), key.clone(), seen.clone());
        let asked = async move { get(&*store, &key, &seen, range).await };
        Later(self.runtime.spawn(asked))
    }

    /// What [`Bucket::bytes_later`] was asked for; `None` where it has to be asked for again.
    pub(super) fn bytes_now(
        &self,
        mut later: Later,
        patience: &Patience,
    ) -> io::Result<Option<Bytes>> {
        let answer = self.answer(patience, &mut later.0)?;
        Ok(answer.ok().and_then(Result::ok))
    }
}

/// Bytes that are asked for already.
pub(super) struct Later(JoinHandle<Result<Bytes, Error>>);

impl Drop for Later {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn get(
    store: &dyn ObjectStore,
    key: &Path,
    seen: &Seen,
    range: Range<u64>,
) -> Result<Bytes, Error> {
    let wanted = range.end - range.start;
    let options = GetOptions {
        range: Some(GetRange::Bounded(range)),
        if_match: seen.tag.clone(),
        ..GetOptions::default()
    };
    let bytes = store.get_opts(key, options).await?.bytes().await?;
    match bytes.len() as u64 == wanted {
        true => Ok(bytes),
        false => Err(Error::Precondition {
            path: key.to_string(),
            source: format!("{wanted} bytes were asked for, and {} came", bytes.len()).into(),
        }),
    }
}
