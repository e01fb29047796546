//! Statements without a name: parsed, bound and executed by one message.
//!
//! ```text
//! named:   PREPARE s1 ──► connection      EXECUTE s1 ──► the same connection, or `s1` is not there, or another's
//! unnamed: the whole statement, each time, to whatever connection there is
//! ```
//!
//! 1. Nothing is left on a connection that a later statement needs: a pooler may give each transaction another one
//!    (PgBouncer with `pool_mode=transaction`), on which others' statements may have the same names.
//! 2. Only what is written again and again on a connection of our own is prepared (the sink's rows). Whether it is our own,
//!    [`is_pooled`] says, of each connection anew.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, GenericClient, Row};

/// A parameter whose type is known without asking the server.
pub trait Parameter: ToSql + Sync {
    /// The type.
    fn of_type(&self) -> Type;
    /// The value.
    fn value(&self) -> &(dyn ToSql + Sync);
}

macro_rules! parameters {
    ($($own:ty => $theirs:ident,)*) => {
        $(impl Parameter for $own {
            fn of_type(&self) -> Type {
                Type::$theirs
            }

            fn value(&self) -> &(dyn ToSql + Sync) {
                self
            }
        })*
    };
}

parameters! {
    i64 => INT8,
    String => TEXT,
    Option<String> => TEXT,
    &str => TEXT,
    &[&str] => TEXT_ARRAY,
}

/// Values with their types, as the client takes them.
pub fn typed<'a>(parameters: &'a [&dyn Parameter]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    let typed = parameters.iter().map(|p| (p.value(), p.of_type()));
    typed.collect()
}

/// What a connection or a transaction is asked without a name.
#[expect(
    async_fn_in_trait,
    reason = "only our own crates call it, and wait for it on the spot"
)]
pub trait Unnamed: GenericClient {
    /// All rows.
    async fn ask(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Vec<Row>, Error> {
        self.query_typed(sql, &typed(parameters)).await
    }

    /// Exactly one row.
    async fn ask_one(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<Row, Error> {
        self.query_typed_one(sql, &typed(parameters)).await
    }

    /// One row, or none.
    async fn ask_opt(
        &self,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> Result<Option<Row>, Error> {
        self.query_typed_opt(sql, &typed(parameters)).await
    }

    /// How many rows it was done to.
    async fn tell(&self, sql: &str, parameters: &[&dyn Parameter]) -> Result<u64, Error> {
        self.execute_typed(sql, &typed(parameters)).await
    }
}

impl<C: GenericClient> Unnamed for C {}

/// Whether a pooler stands between: then what answers is not the process that let this client in. A server names its own
/// process when it lets a client in, for cancelling; a pooler, whose server connections change, makes a number up.
pub async fn is_pooled(client: &Client) -> Result<bool, Error> {
    let answers: i32 = client.ask_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    Ok(named_process(client).await != Some(answers))
}

/// `CancelRequest`, the code by which the protocol knows it.
const CANCEL: [u8; 4] = 80_877_102_u32.to_be_bytes();

/// The number of the server's process, as it was named when this client was let in. The client keeps it to itself, and
/// only writes it to where a statement is to be cancelled: here, that is nowhere.
async fn named_process(client: &Client) -> Option<i32> {
    let nowhere = Nowhere::default();
    let token = client.cancel_token();
    token.cancel_query_raw(nowhere.clone(), Plain).await.ok()?;
    let written = nowhere.0.lock().unwrap_or_else(PoisonError::into_inner);
    // Code, process, key; before it its length, and the question whether to speak TLS where that is asked.
    let (code, rest) = written.last_chunk::<12>()?.split_first_chunk::<4>()?;
    let (process, _) = rest.split_first_chunk::<4>()?;
    (*code == CANCEL).then(|| i32::from_be_bytes(*process))
}

/// Takes what is written, and says yes to whatever is asked.
#[derive(Clone, Default)]
struct Nowhere(Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Nowhere {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Nowhere {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        some: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(some);
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Nowhere {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// No TLS, where it is asked for: nothing leaves this process.
struct Plain;

impl TlsConnect<Nowhere> for Plain {
    type Stream = Nowhere;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Nowhere>>;

    fn connect(self, stream: Nowhere) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}
