//! A connection whose answers nobody reads.
//!
//! ```text
//! request ──► waits while answers are unread ──► answer ──► socket ──full──► clock runs ──too long──► closed
//! ```
//!
//! 1. What is answered must be read: whoever takes nothing for [`PATIENCE`], or less than [`SLOWEST`] after it, is hung up on.
//! 2. The next request of a connection is looked at when the answers before it have gone out. So who sends requests and
//!    reads nothing has one answer in memory, not one for each.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// How long a full socket is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes a second that then have to go out.
const SLOWEST: u64 = 8 << 10;

/// Whether answers wait for their reader; shared by the stream and whoever answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    waits: AtomicBool,
    gone: Notify,
}

impl Unread {
    /// Returns when nothing waits for its reader.
    pub(super) async fn none(&self) {
        loop {
            let gone = self.0.gone.notified();
            if !self.0.waits.load(Ordering::Acquire) {
                return;
            }
            gone.await;
        }
    }
}

/// A stream with a limit for what is not read.
pub(super) struct Impatient<S> {
    inner: S,
    unread: Unread,
    patience: Duration,
    /// Since when the socket is full, and what has gone out since.
    full: Option<(Instant, u64)>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Impatient<S> {
    pub(super) fn new(inner: S, unread: Unread) -> Self {
        Impatient {
            inner,
            unread,
            patience: PATIENCE,
            full: None,
            alarm: None,
        }
    }

    fn wrote(&mut self, cx: &mut Context<'_>, wrote: Poll<Result<usize>>) -> Poll<Result<usize>> {
        match wrote {
            Poll::Ready(result) => {
                if let (Some((_, out)), Ok(n)) = (&mut self.full, &result) {
                    *out += *n as u64;
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.waited(cx));
                Poll::Ready(Err(Error::new(
                    ErrorKind::TimedOut,
                    "the answers are not read",
                )))
            }
        }
    }

    /// Ready when the full socket was waited for long enough.
    fn waited(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (since, out) = *self.full.get_or_insert((Instant::now(), 0));
        self.unread.0.waits.store(true, Ordering::Release);
        let until = since + self.patience + Duration::from_secs(out / SLOWEST);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if alarm.deadline() != until {
            alarm.as_mut().reset(until);
        }
        alarm.as_mut().poll(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, from);
        self.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, from);
        self.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Who writes flushes when it has nothing more to write: all has gone out then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        if self.full.take().is_some() {
            self.unread.0.waits.store(false, Ordering::Release);
            self.unread.0.gone.notify_waiters();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn who_does_not_read_is_hung_up_on_and_who_reads_is_not() {
        for reads in [false, true] {
            let (near, mut far) = tokio::io::duplex(1_000);
            let unread = Unread::default();
            let mut stream = Impatient::new(near, unread.clone());
            stream.patience = Duration::from_millis(200);
            let reader = tokio::spawn(async move {
                let mut taken = 0;
                let mut some = [0; 500];
                while reads && let Ok(n @ 1..) = far.read(&mut some).await {
                    taken += n;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                if !reads {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
                taken
            });
            // Whoever answers the next request waits meanwhile.
            let (waits, answered) = (unread.clone(), Arc::new(AtomicBool::new(false)));
            let done = Arc::clone(&answered);
            unread.0.waits.store(true, Ordering::Release);
            tokio::spawn(async move {
                waits.none().await;
                done.store(true, Ordering::Release);
            });
            let wrote = async {
                stream.write_all(&[1; 50_000]).await?;
                stream.flush().await
            };
            let wrote = wrote.await;
            tokio::task::yield_now().await;
            assert_eq!(wrote.is_ok(), reads, "{wrote:?}");
            assert_eq!(answered.load(Ordering::Acquire), reads);
            drop(stream);
            if reads {
                assert_eq!(reader.await.unwrap(), 50_000);
            } else {
                assert_eq!(wrote.unwrap_err().kind(), ErrorKind::TimedOut);
            }
        }
    }
}
