//! Listens and answers, on threads of its own.
//!
//! 1. A connection that says nothing, or nothing whole, or does not read what it is answered, is closed (`unread`).
//! 2. There are so many at the same time, of one address a share of them; a probe is answered even then (`places`).
//! 3. Every request passes the gate.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::places::{Admission, Places};
use super::problem::Problem;
use super::security::{Gate, HttpArgs, LARGEST_HEAD, Peer, guard};
use super::unread::{Impatient, Unread};
use super::watch::Shown;
use super::{api, events, openapi, page, probes, public, sources};
use crate::error::{AddressProblem, HttpError};
use standings_model::plan::Ranking;
use standings_process::exit::Failure;

/// How long a request's head may take, and how long a connection may be silent between two.
const HEAD: Duration = Duration::from_secs(15);
/// How long the beginning of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A port that is taken, not yet served.
pub struct Listening {
    listener: TcpListener,
    gate: Gate,
}

/// Takes the address of process `process`: the port and the process's number added, so that the processes of one
/// machine do not meet. Port 0 is any free one.
/// `rankings` are those that are served: `--http-public` names some of them.
pub fn listen(
    address: &str,
    process: usize,
    args: &HttpArgs,
    rankings: &[Ranking],
) -> Result<Listening, Failure> {
    let wrong = |source: AddressProblem| HttpError::Address {
        address: address.to_owned(),
        source,
    };
    let with_host = match address.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => address.to_owned(),
    };
    let mut found = with_host.to_socket_addrs().map_err(|e| wrong(e.into()))?;
    let mut at = found.next().ok_or_else(|| wrong(AddressProblem::NoHost))?;
    if at.port() != 0 {
        let port = usize::from(at.port()) + process;
        at.set_port(u16::try_from(port).map_err(|_| wrong(AddressProblem::Port))?);
    }
    let gate = Gate::open(args, address, at, rankings)?;
    let listener = TcpListener::bind(at).map_err(|e| wrong(e.into()))?;
    let set = listener.set_nonblocking(true);
    set.map_err(|e| wrong(e.into()))?;
    Ok(Listening { listener, gate })
}

impl Listening {
    /// Where.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(self.listener.local_addr().map_err(HttpError::Local)?)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self.gate.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// Serves until the process ends, on one thread: an engine's other cores are for its workers.
    pub fn serve(self, shown: Arc<Shown>) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(HttpError::Serving)?;
        std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                if let Err(e) = runtime.block_on(self.accept(shown)) {
                    tracing::error!(event = "http_ended", problem = %e, "HTTP is served no more");
                }
            })
            .map_err(HttpError::Serving)?;
        Ok(())
    }

    /// Accepts connections in the present runtime, for ever.
    pub async fn accept(self, shown: Arc<Shown>) -> std::io::Result<()> {
        let gate = Arc::new(self.gate);
        let routes = routes(shown, Arc::clone(&gate));
        let tls = move || gate.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
        accept(self.listener, tls, routes).await
    }

    /// The same for what `standings ingest` tells: its sources, metrics and probes.
    pub async fn accept_sources(self, board: standings_ingest::told::Board) -> std::io::Result<()> {
        let gate = Arc::new(self.gate);
        let routes = sources::routes(board, Arc::clone(&gate));
        let tls = move || gate.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
        accept(self.listener, tls, routes).await
    }
}

/// Takes connections for ever, and answers each by the routes.
pub(super) async fn accept(
    listener: TcpListener,
    tls: impl Fn() -> Option<TlsAcceptor>,
    routes: Router,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Places::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(problem) => {
                // Out of file descriptors, or the other side has gone already.
                tracing::debug!(event = "http_not_accepted", %problem);
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        // Events are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let admission = places.admit(peer.ip());
        let (routes, peer) = (routes.clone(), Peer(peer.ip()));
        let tls = tls();
        tokio::spawn(async move {
            match admission {
                Admission::Place(_place) => serve(stream, tls, routes, peer, false).await,
                Admission::Lobby(waiting) => tokio::select! {
                    () = serve(stream, tls, routes, peer, true) => {}
                    () = waiting.over() => {}
                },
            }
        });
    }
}

/// Serves one connection, after the beginning of TLS where there is TLS.
async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    routes: Router,
    peer: Peer,
    in_lobby: bool,
) {
    let unread = Unread::default();
    let stream = Impatient::new(stream, unread.clone());
    let Some(tls) = tls else {
        return connection(stream, unread, routes, peer, in_lobby).await;
    };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        connection(stream, unread, routes, peer, in_lobby).await;
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    unread: Unread,
    routes: Router,
    peer: Peer,
    in_lobby: bool,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let (routes, unread) = (routes.clone(), unread.clone());
        async move {
            let path = request.uri().path();
            if in_lobby && !probes::PATHS.contains(&path) {
                return Ok(too_many().answer(path));
            }
            unread.none().await;
            routes.oneshot(request).await
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD)
        .keep_alive(!in_lobby)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(problem) = served {
        tracing::trace!(event = "http_connection", %problem);
    }
}

/// What those are told who find no place.
fn too_many() -> Problem {
    Problem {
        retry_after: Some(10),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many connections, from this address or in all; try again later",
        )
    }
}

fn routes(shown: Arc<Shown>, gate: Arc<Gate>) -> Router {
    let guarded = from_fn_with_state((gate, Some(Arc::clone(&shown))), guard);
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::asset))
        .merge(api_routes())
        .route("/embed/{*rest}", get(public::serve))
        .route("/rankings/{*rest}", get(public::serve))
        .merge(openapi::routes(&shown))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .fallback(|| async { Problem::not_found("nothing is at this path") })
        .layer(guarded)
        .with_state(shown)
}

fn api_routes() -> Router<Arc<Shown>> {
    use api::sources as feeding;
    use api::{changes, letters, position, process, rows, runs, search, series, watermarks};
    let ranking = Router::new()
        .route("/search", get(search::search))
        .route("/changes", get(changes::changes))
        .route("/keys/{*rest}", get(rows::history))
        .route("/windows", get(rows::windows))
        .route("/windows/{start}", get(rows::rows))
        .route("/windows/{start}/series", get(series::series))
        .route("/windows/{start}/positions", get(position::positions))
        .route("/windows/{start}/keys/{*rest}", get(position::of_key))
        .route("/windows/{start}/{end}", get(rows::rows))
        .route("/windows/{start}/{end}/series", get(series::series))
        .route("/windows/{start}/{end}/positions", get(position::positions))
        .route("/windows/{start}/{end}/keys/{*rest}", get(position::of_key));
    Router::new()
        .route("/api/v1/sales/city", get(rows::sales_by_city))
        .route("/api/v1/salesmen/top", get(rows::top_salesmen))
        .route("/api/v1/salesmen/{id}/history", get(rows::salesman))
        .route("/api/v1/rankings", get(rows::rankings))
        .nest("/api/v1/rankings/{name}", ranking)
        .route("/api/v1/dead-letters", get(letters::letters))
        .route("/api/v1/watermarks", get(watermarks::watermarks))
        .route("/api/v1/process", get(process::process))
        .route("/api/v1/runs", get(runs::runs))
        .route("/api/v1/sources", get(feeding::sources))
        .route("/api/v1/events", get(events::events))
}
