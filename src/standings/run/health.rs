//! `standings health`: asks a running process how it is. For containers without a shell or curl.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use standings_edge::ask::Asker;
use standings_model::duration::parse_some_duration;
use standings_model::error::codes;
use standings_process::exit::{self, Failure};

/// `standings health`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings health --http http://127.0.0.1:8080            whether its workers move
  standings health --http http://127.0.0.1:8080 --ready    whether its sinks are open

Exit codes: 0 yes, 1 no or no answer, 2 wrong usage.")]
pub struct HealthArgs {
    /// Where the process serves HTTP.
    #[arg(
        long,
        env = "STANDINGS_HEALTH_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub http: String,
    /// Ask /readyz instead of /healthz.
    #[arg(long)]
    pub ready: bool,
    /// How long to wait for the answer.
    #[arg(long, value_name = "D", default_value = "3s", value_parser = parse_some_duration)]
    pub timeout: Duration,
    /// PEM file of the authority to trust, for https.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// Runs `standings health`.
pub fn run(args: &HealthArgs) -> Result<(), Failure> {
    if !args.http.starts_with("http://") && !args.http.starts_with("https://") {
        let wrong = format!(
            "--http {}: give a URL such as http://127.0.0.1:8080",
            args.http
        );
        return Err(Failure::of(&codes::line::FLAGS, wrong));
    }
    let path = if args.ready { "readyz" } else { "healthz" };
    let url = format!("{}/{path}", args.http.trim_end_matches('/'));
    let asker = Asker::new(args.timeout, args.ca.as_deref())
        .map_err(|e| Failure::of(&codes::line::FILE, e.to_string()))?;
    match asker.get(&url, None) {
        Ok((200, text)) => {
            exit::say(text.trim_end());
            Ok(())
        }
        Ok((status, text)) => Err(Failure::of(
            &codes::http::UNWELL,
            format!("{url}: {status}: {}", text.trim_end()),
        )),
        Err(problem) => Err(Failure::of(
            &codes::http::UNWELL,
            format!("{url}: {problem}"),
        )),
    }
}
