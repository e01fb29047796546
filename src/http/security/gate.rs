//! Every request passes here before it reaches a handler, and every answer on its way back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cors::Cors;
use super::host::Hosts;
use super::jwks::Issuer;
use super::jwt::{Expected, Refused};
use super::keys::Keys;
use super::public::{Framed, Public, Subject, is_here};
use super::rate::{Client, Rate};
use super::{Caller, HttpArgs, Role, Tls, head};
use crate::error::HttpError;
use crate::problem::Problem;
use crate::sight::{Reach, Shows, Sight};
use crate::watch::Shown;
use crate::{api, probes};
use standings_model::plan::Ranking;
use standings_process::exit::Failure;

/// The largest body of a request; none is read.
const LARGEST_BODY: u64 = 64 << 10;

/// What is checked.
#[derive(Debug)]
pub(crate) struct Gate {
    keys: Option<Keys>,
    issuer: Option<Issuer>,
    rate: Option<Rate>,
    cors: Cors,
    hosts: Hosts,
    public: Public,
    /// `--http-reach`.
    reach: Option<Reach>,
    pub(crate) tls: Option<Tls>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Gate {
    /// As the flags say, for an address that is listened at, and as `--http` writes it; `rankings` are those that are served.
    pub(crate) fn open(
        args: &HttpArgs,
        address: &str,
        at: SocketAddr,
        rankings: &[Ranking],
    ) -> Result<Self, Failure> {
        let served: Vec<&str> = rankings.iter().map(|r| r.name.as_str()).collect();
        if !at.ip().to_canonical().is_loopback() && !args.has_authentication() {
            return Err(HttpError::Open { at }.into());
        }
        let keys = args.http_keys.as_deref().map(Keys::open).transpose()?;
        let issuer = match &args.http_jwt_jwks {
            None => None,
            Some(source) => {
                let missing = || HttpError::AnyToken;
                let expected = Expected {
                    issuer: args.http_jwt_issuer.clone().ok_or_else(missing)?,
                    audience: args.http_jwt_audience.clone().ok_or_else(missing)?,
                    role_claim: args.http_jwt_role_claim.clone(),
                };
                Some(Issuer::open(source, expected)?)
            }
        };
        let tls = match (&args.http_tls_cert, &args.http_tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::open(certificate, key)?),
            _ => None,
        };
        Ok(Gate {
            keys,
            issuer,
            rate: (args.http_rate > 0).then(|| Rate::new(args.http_rate)),
            cors: Cors::new(&args.http_cors)?,
            hosts: Hosts::new(address, &args.http_host, !args.has_authentication())?,
            public: Public::new(&args.http_public, &args.http_frame, &served)?,
            reach: args.http_reach,
            tls,
        })
    }

    /// Whose request it is; `None` if it says nothing.
    async fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        if self.keys.is_none() && self.issuer.is_none() {
            return Ok(Some(Caller {
                name: "".into(),
                role: Role::Admin,
                rankings: None,
                // Who needs no key has no other way to see it.
                reach: Some(self.reach.unwrap_or(Reach::All)),
            }));
        }
        let Some(secret) = credential(headers)? else {
            return Ok(None);
        };
        let unauthorized = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, detail);
        if let Some(caller) = self.keys.as_ref().and_then(|k| k.caller(secret)) {
            return Ok(Some(caller));
        }
        match &self.issuer {
            Some(issuer) if secret.contains('.') => {
                match issuer.caller(secret).await.map_err(Problem::unavailable)? {
                    Ok(caller) => Ok(Some(caller)),
                    Err(Refused::UnknownKey) => Err(unauthorized(
                        "the token is signed by a key that is not known",
                    )),
                    Err(Refused::Wrong(why)) => Err(unauthorized(why)),
                    Err(Refused::NoRole) => Err(Problem::new(
                        StatusCode::FORBIDDEN,
                        "the token gives no role that is known here: read or admin",
                    )),
                }
            }
            _ => Err(unauthorized("the key is not known")),
        }
    }

    /// Lets a request in, or says why not.
    async fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        peer: Option<Peer>,
    ) -> Result<Sight, Problem> {
        let needed = self.needed(path);
        let found = match needed {
            None => Ok(None),
            Some(_) => self.caller(headers).await,
        };
        let is_probe = probes::PATHS.contains(&path);
        if let Some(rate) = self.rate.as_ref().filter(|_| !is_probe) {
            let address = peer.map_or(IpAddr::from([127, 0, 0, 1]), |p| p.0);
            let client = match &found {
                Ok(Some(caller)) if !caller.name.is_empty() => {
                    Client::Name(Arc::clone(&caller.name))
                }
                _ => Client::at(address),
            };
            rate.take(client, Instant::now())
                .map_err(|seconds| Problem {
                    retry_after: Some(seconds),
                    ..Problem::new(
                        StatusCode::TOO_MANY_REQUESTS,
                        "more requests a second than --http-rate allows",
                    )
                })?;
        }
        let mut sight = Sight::ALL;
        if let Some(needed) = needed {
            let caller = found?.ok_or_else(|| {
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "say who asks: `Authorization: Bearer KEY-OR-TOKEN`, or `X-API-Key: KEY`",
                )
            })?;
            if caller.role < needed {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "this needs the role admin",
                ));
            }
            sight = self.sight(&caller, path)?;
        }
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length
            .and_then(|v| v.to_str().ok())
            .and_then(|t| t.parse::<u64>().ok());
        if length.is_some_and(|n| n > LARGEST_BODY) {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a body of more than {LARGEST_BODY} bytes"),
            ));
        }
        Ok(sight)
    }

    /// What a caller sees of rankings; a path that shows others is refused.
    fn sight(&self, caller: &Caller, path: &str) -> Result<Sight, Problem> {
        let reach = match caller.role {
            Role::Admin => caller.reach.or(Some(Reach::All)),
            Role::Read => caller.reach.or(self.reach),
        };
        let sight = Sight {
            rankings: caller.rankings.clone(),
            reach: reach.unwrap_or(Reach::Limit),
        };
        let Some(rankings) = &sight.rankings else {
            return Ok(sight);
        };
        let shows = match Subject::of(path) {
            Some(subject) => Shows::One(subject.ranking),
            None => Shows::of(path),
        };
        let may = match &shows {
            Shows::None => true,
            Shows::One(ranking) => sight.holds(ranking),
            Shows::All => false,
        };
        match may {
            true => Ok(sight),
            false => Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!("this key is for the rankings {rankings} alone"),
            )),
        }
    }

    /// What a path needs: the page's files, the probes and the API's description hold no data, and a public ranking is everybody's.
    fn needed(&self, path: &str) -> Option<Role> {
        match path {
            "/api/v1/openapi.json" => None,
            "/api/v1/process" | "/api/v1/runs" => Some(Role::Admin),
            "/metrics" => Some(Role::Read),
            _ if path == "/api" || path.starts_with("/api/") => Some(Role::Read),
            _ if is_here(path) => {
                let is_public = Subject::of(path).is_some_and(|s| self.public.holds(&s.ranking));
                (!is_public).then_some(Role::Read)
            }
            _ => None,
        }
    }

    fn finish(&self, request: &HeaderMap, response: &mut Response) {
        self.cors.mark(request, response.headers_mut());
        let framed = response.extensions_mut().remove::<Framed>().is_some();
        let headers = response.headers_mut();
        // Who may frame an answer stands in its policy; this header knows nobody or all.
        if !framed {
            let nobody = HeaderValue::from_static("DENY");
            headers.entry(header::X_FRAME_OPTIONS).or_insert(nobody);
        }
        let usual = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            (header::CACHE_CONTROL, "no-store"),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ];
        for (name, value) in usual {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            let name = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(name, HeaderValue::from_static("cross-origin"));
        }
        if self.tls.is_some() {
            let year = HeaderValue::from_static("max-age=31536000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
    }
}

/// The key or token that a request shows.
fn credential(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let wrong = |detail| Problem::new(StatusCode::UNAUTHORIZED, detail);
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value
            .to_str()
            .map_err(|_| wrong("the authorization is no ASCII text"))?;
        let bearer = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, secret) = bearer.ok_or_else(|| wrong("the only scheme here is Bearer"))?;
        return Ok(Some(secret.trim()));
    }
    match headers.get("x-api-key") {
        None => Ok(None),
        Some(value) => Ok(Some(
            value
                .to_str()
                .map_err(|_| wrong("the key is no ASCII text"))?,
        )),
    }
}

/// The way in and out.
pub(crate) async fn guard(
    State((gate, shown)): State<(Arc<Gate>, Option<Arc<Shown>>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let peer = request.extensions().get::<Peer>().copied();
    let is_api = path == "/api" || path.starts_with("/api/");
    if let Some(subject) = Subject::of(&path) {
        let from = peer.map_or(IpAddr::from([127, 0, 0, 1]), |p| p.0);
        let opened = gate.public.opened(subject, from);
        request.extensions_mut().insert(opened);
    }
    let meant = head::check(&request)
        .and_then(|()| gate.hosts.check(request.version(), request.uri(), &headers));
    let (mut response, admitted) = match meant.err() {
        Some(problem) => (problem.into_response(), false),
        None => match gate.cors.preflight(request.method(), &headers) {
            Some(response) => (response, false),
            None => match gate.admit(&path, &headers, peer).await {
                Ok(sight) => {
                    request.extensions_mut().insert(sight);
                    (next.run(request).await, true)
                }
                Err(problem) => (problem.into_response(), false),
            },
        },
    };
    let problem = response.extensions_mut().remove::<Problem>();
    let status = response.status();
    if let Some(problem) = problem {
        response = problem.answer(&path);
    } else if (is_api || is_here(&path)) && (status.is_client_error() || status.is_server_error()) {
        // What the router itself refuses.
        let detail = match status {
            StatusCode::METHOD_NOT_ALLOWED => "this path takes GET and HEAD only",
            StatusCode::BAD_REQUEST => "the path is not UTF-8, percent-encoded",
            _ => "refused",
        };
        let allow = response.headers_mut().remove(header::ALLOW);
        response = Problem::new(status, detail).answer(&path);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if let Some(shown) = shown {
        if admitted && is_api && !response.headers().contains_key(api::COMMIT) {
            let as_of = shown.board.view(|view| view.as_of().clone());
            api::mark(&mut response, &as_of);
        }
        if shown.database.is_some() {
            tell_behind(&mut response, shown.board.view(|view| view.as_of().commit));
        }
    }
    gate.finish(&headers, &mut response);
    response
}

/// Says of an answer that it is of an older commit than the newest that is known.
fn tell_behind(response: &mut Response, newest: u64) {
    let commit = response.headers().get(api::COMMIT);
    let commit = commit
        .and_then(|c| c.to_str().ok())
        .and_then(|c| c.parse::<u64>().ok());
    if let Some(behind) = commit
        .and_then(|c| newest.checked_sub(c))
        .filter(|n| *n > 0)
    {
        let headers = response.headers_mut();
        headers.insert(api::BEHIND, HeaderValue::from(behind));
    }
}
