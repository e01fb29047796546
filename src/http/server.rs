//! Listens and answers, on a thread of its own.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::watch::Shown;
use super::{api, events, page, probes};
use crate::run::exit::Failure;

/// A port that is taken, not yet served.
pub struct Listening(TcpListener);

/// Takes the address of process `process`: the port and the process's number added, so that the processes of one
/// machine do not meet. Port 0 is any free one.
pub fn listen(address: &str, process: usize) -> Result<Listening, Failure> {
    let wrong = |e: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "--http {address}: {e}; give a free address such as 127.0.0.1:8080"
        ))
    };
    let with_host = match address.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => address.to_owned(),
    };
    let mut found = with_host.to_socket_addrs().map_err(|e| wrong(&e))?;
    let mut at = found.next().ok_or_else(|| wrong(&"no such host"))?;
    if at.port() != 0 {
        let port = usize::from(at.port()) + process;
        at.set_port(u16::try_from(port).map_err(|_| wrong(&"the port is too large"))?);
    }
    let listener = TcpListener::bind(at).map_err(|e| wrong(&e))?;
    listener.set_nonblocking(true).map_err(|e| wrong(&e))?;
    Ok(Listening(listener))
}

impl Listening {
    /// Where.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.0
            .local_addr()
            .map_err(|e| Failure::failed(format!("--http: {e}")))
    }

    /// Serves until the process ends.
    pub fn serve(self, shown: Arc<Shown>) -> Result<(), Failure> {
        let failed = |e: std::io::Error| Failure::failed(format!("cannot serve HTTP: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(self.0).map_err(failed)?
        };
        std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                if let Err(e) =
                    runtime.block_on(async { axum::serve(listener, routes(shown)).await })
                {
                    tracing::error!(event = "http_ended", problem = %e);
                }
            })
            .map_err(failed)?;
        Ok(())
    }
}

fn routes(shown: Arc<Shown>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::asset))
        .route("/api/v1/sales/city", get(api::sales_by_city))
        .route("/api/v1/salesmen/top", get(api::top_salesmen))
        .route("/api/v1/rankings", get(api::rankings))
        .route("/api/v1/rankings/{name}/windows", get(api::windows))
        .route("/api/v1/rankings/{name}/windows/{start}", get(api::rows))
        .route("/api/v1/events", get(events::events))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .with_state(shown)
}
