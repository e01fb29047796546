//! The flags of what is served over HTTP; the same for `run`, `demo` and `serve`.

use std::path::PathBuf;

use clap::Args;

use crate::forward::Elsewhere;
use crate::sight::Reach;

/// `--http…`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "HTTP")]
pub struct HttpArgs {
    /// Serve the live page, the API, /metrics, /healthz and /readyz here, such as 127.0.0.1:8080; process p of a
    /// cluster takes the port plus p. Addresses that others reach need keys or tokens.
    #[arg(long, env = "STANDINGS_HTTP", value_name = "ADDR")]
    pub http: Option<String>,
    /// A name by which this server may be asked, such as standings.example behind a proxy; repeat for several. Addresses and
    /// localhost always are. Without keys and tokens every other name is refused: its owner may have let it point here.
    #[arg(long, env = "STANDINGS_HTTP_HOST", value_name = "NAME")]
    pub http_host: Vec<String>,
    /// File of API keys, one `ROLE NAME sha256:HEX` a line, as `standings key new` prints it; read again when it changes.
    #[arg(long, env = "STANDINGS_HTTP_KEYS", value_name = "FILE")]
    pub http_keys: Option<PathBuf>,
    /// Take tokens that a key of this set signed: a file, or an https URL that is fetched from time to time.
    #[arg(long, env = "STANDINGS_HTTP_JWT_JWKS", value_name = "URL|FILE", requires_all = ["http_jwt_issuer", "http_jwt_audience"])]
    pub http_jwt_jwks: Option<String>,
    /// The `iss` that tokens must have.
    #[arg(long, env = "STANDINGS_HTTP_JWT_ISSUER", value_name = "ISS")]
    pub http_jwt_issuer: Option<String>,
    /// The `aud` that tokens must have.
    #[arg(long, env = "STANDINGS_HTTP_JWT_AUDIENCE", value_name = "AUD")]
    pub http_jwt_audience: Option<String>,
    /// The claim that holds the role: read or admin.
    #[arg(
        long,
        env = "STANDINGS_HTTP_JWT_ROLE_CLAIM",
        value_name = "CLAIM",
        default_value = "role"
    )]
    pub http_jwt_role_claim: String,
    /// How far the role read sees: what is ranked within a ranking's limit, or every key (positions, pages of all keys). Without
    /// it keys and tokens see the limit, unless the key's own line says `reach=all`; where neither are needed, all is seen.
    #[arg(long, env = "STANDINGS_HTTP_REACH", value_name = "REACH", value_enum)]
    pub http_reach: Option<Reach>,
    /// Certificate chain (PEM) for TLS; read again when it changes.
    #[arg(
        long,
        env = "STANDINGS_HTTP_TLS_CERT",
        value_name = "FILE",
        requires = "http_tls_key"
    )]
    pub http_tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(
        long,
        env = "STANDINGS_HTTP_TLS_KEY",
        value_name = "FILE",
        requires = "http_tls_cert"
    )]
    pub http_tls_key: Option<PathBuf>,
    /// Pages of this origin may read answers; repeat for several.
    #[arg(long, env = "STANDINGS_HTTP_CORS", value_name = "ORIGIN")]
    pub http_cors: Vec<String>,
    /// Open this ranking to everybody, without keys: as a page for a frame, /embed/RANKING, and as a picture, /rankings/RANKING.svg.
    /// Its newest window only, and nothing else; repeat for several.
    #[arg(long, env = "STANDINGS_HTTP_PUBLIC", value_name = "RANKING")]
    pub http_public: Vec<String>,
    /// Pages of this origin may show /embed/RANKING in a frame, such as https://intranet.example, or * for any; repeat for several.
    #[allow(
        rustdoc::bare_urls,
        reason = "this is the text of --help; there angle brackets would be shown"
    )]
    #[arg(long, env = "STANDINGS_HTTP_FRAME", value_name = "ORIGIN")]
    pub http_frame: Vec<String>,
    /// Where `standings ingest --http` tells of its sources, such as http://127.0.0.1:8081: the page shows them before the engine, and
    /// /api/v1/sources passes them on, with the caller's own key.
    #[allow(
        rustdoc::bare_urls,
        reason = "this is the text of --help; there angle brackets would be shown"
    )]
    #[arg(long, env = "STANDINGS_HTTP_SOURCES", value_name = "URL", value_parser = Elsewhere::ingest)]
    pub http_sources: Option<Elsewhere>,
    /// Requests a second of each client; 0 for no limit.
    #[arg(
        long,
        env = "STANDINGS_HTTP_RATE",
        value_name = "N",
        default_value_t = 200
    )]
    pub http_rate: u32,
    /// Rows of each ranking that are kept in memory for the page and the API, the newest windows' (about a kilobyte each
    /// with what is known of their past); `standings serve` asks the database instead.
    #[arg(
        long,
        env = "STANDINGS_HTTP_ROWS",
        value_name = "N",
        default_value_t = DEFAULT_ROWS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub http_rows: u32,
    /// Memory for positions: all keys of the windows that somebody asks for, in order. Windows asked for
    /// longest ago go first; 0 turns positions off.
    #[arg(
        long,
        env = "STANDINGS_HTTP_POSITIONS_BYTES",
        value_name = "BYTES",
        default_value_t = DEFAULT_POSITIONS_BYTES
    )]
    pub http_positions_bytes: usize,
}

/// Rows of a ranking in memory, unless another number is asked for.
pub const DEFAULT_ROWS: u32 = 50_000;

/// Memory for positions, unless another is asked for.
pub const DEFAULT_POSITIONS_BYTES: usize = 1 << 30;

impl HttpArgs {
    /// Whether a caller has to say who it is.
    pub(super) fn has_authentication(&self) -> bool {
        self.http_keys.is_some() || self.http_jwt_jwks.is_some()
    }
}
