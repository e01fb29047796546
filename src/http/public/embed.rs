//! A ranking alone, as a page that can stand in a frame: `GET /embed/{name}`, and what it follows.
//!
//! 1. The page holds no row and no name: it is the same for every ranking, and asks for its own by its address.
//! 2. It follows the face, which is sent when it is another, each second at most. `beat` in between says that the server is there.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::policy;
use crate::openapi;
use crate::params::{self, Params};
use crate::places::{Admission, Place, Places};
use crate::problem::Problem;
use crate::security::{Framed, Opened};
use crate::stage::{FRESH, Face};
use crate::watch::Shown;

/// What the page may load: what comes from this server.
const LOADS: &str =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:";
/// Who may follow faces at the same time, of one address half of them. They are none of those who follow with a key.
static WATCHERS: LazyLock<Arc<Places>> = LazyLock::new(|| Places::of(500));
/// Looks between two beats.
const BEAT: u32 = 5;

/// `GET /embed/{name}`.
#[utoipa::path(
    get,
    path = "/embed/{name}",
    tag = "public",
    summary = "One ranking as a page for a frame",
    description = "The newest window of one ranking, live, for a frame of another page (`--http-frame`). Of a ranking that \
                   `--http-public` names it needs no credentials.",
    params(("name" = String, Path, description = "Ranking"), openapi::Looks),
    responses((status = 200, description = "A page of HTML", body = String, content_type = "text/html"), openapi::Refusals),
    security((), ("key" = []), ("token" = []))
)]
pub(crate) fn page(
    shown: &Arc<Shown>,
    opened: &Opened,
    query: Option<&str>,
) -> Result<Response, Problem> {
    params::ranking(&shown.plan, &opened.subject.ranking)?;
    super::picture::Look::of(&Params::read(query, &["limit", "theme"])?)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::CONTENT_SECURITY_POLICY,
            policy(LOADS, &opened.frames),
        ),
    ];
    let mut response = (headers, include_str!("../page/embed.html")).into_response();
    if &*opened.frames != "'none'" {
        response.extensions_mut().insert(Framed);
    }
    Ok(response)
}

/// `GET /embed/{name}/events`.
#[utoipa::path(
    get,
    path = "/embed/{name}/events",
    tag = "public",
    summary = "What the page for a frame follows",
    description = "`rows`: the ranking's shape, its newest window and the first 25 rows of it, each second at most and only when \
                   something changed; `beat`: nothing did, `{\"live\":false}` if that is not known.",
    params(("name" = String, Path, description = "Ranking")),
    responses((status = 200, description = "Server-sent events: rows, beat", body = openapi::ServerSentEvent, content_type = "text/event-stream"), openapi::Refusals),
    security((), ("key" = []), ("token" = []))
)]
pub(crate) async fn events(
    shown: &Arc<Shown>,
    opened: &Opened,
    query: Option<&str>,
) -> Result<Response, Problem> {
    Params::read(query, &[])?;
    let (number, _) = params::ranking(&shown.plan, &opened.subject.ranking)?;
    shown.has_rows()?;
    let Admission::Place(place) = WATCHERS.admit(opened.from) else {
        return Err(Problem {
            retry_after: Some(30),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many look at public rankings, from this address or in all; try again later",
            )
        });
    };
    let mut tick = interval(FRESH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher {
        shown: Arc::clone(shown),
        number,
        tick,
        seen: None,
        quiet: 0,
        _place: place,
    };
    let events = stream::unfold(watcher, |mut watcher| async {
        let event = watcher.next().await;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(crate::events::stream(events))
}

/// One who looks.
struct Watcher {
    shown: Arc<Shown>,
    number: usize,
    tick: Interval,
    seen: Option<Arc<Face>>,
    /// Looks that found nothing new.
    quiet: u32,
    _place: Place,
}

impl Watcher {
    async fn next(&mut self) -> Event {
        loop {
            self.tick.tick().await;
            let face = self.shown.face(self.number).await;
            if let Ok(face) = &face
                && self.seen.as_ref().is_none_or(|s| s.text != face.text)
            {
                self.quiet = 0;
                self.seen = Some(Arc::clone(face));
                return Event::default().event("rows").data(&face.text);
            }
            self.quiet += 1;
            if self.quiet >= BEAT {
                self.quiet = 0;
                let live = face.is_ok();
                return Event::default()
                    .event("beat")
                    .data(format!("{{\"live\":{live}}}"));
            }
        }
    }
}
