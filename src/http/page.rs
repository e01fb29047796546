//! The live page's files, inside the binary: nothing is fetched from elsewhere, and nothing is built for it.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Only what comes from this server runs or loads in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Every file under `/page/`: its name, its type, its text.
macro_rules! files {
    ($($name:literal: $kind:expr),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("page/", $name)))),*]
    };
}

const FILES: &[(&str, &str, &str)] = files![
    "theme.js": SCRIPT,
    "main.js": SCRIPT,
    "dom.js": SCRIPT,
    "text.js": SCRIPT,
    "api.js": SCRIPT,
    "stream.js": SCRIPT,
    "state.js": SCRIPT,
    "place.js": SCRIPT,
    "board.js": SCRIPT,
    "motion.js": SCRIPT,
    "news.js": SCRIPT,
    "carry.js": SCRIPT,
    "demo.js": SCRIPT,
    "spark.js": SCRIPT,
    "share.js": SCRIPT,
    "windows.js": SCRIPT,
    "search.js": SCRIPT,
    "panel.js": SCRIPT,
    "why.js": SCRIPT,
    "health.js": SCRIPT,
    "tabs.js": SCRIPT,
    "flow.js": SCRIPT,
    "feeds.js": SCRIPT,
    "base.css": STYLE,
    "board.css": STYLE,
    "panel.css": STYLE,
    "embed.js": SCRIPT,
    "embed.css": STYLE,
];

/// What a page of its own loads, and the live page does not.
#[cfg(test)]
const APART: [&str; 2] = ["embed.js", "embed.css"];

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}

/// `GET /`.
pub(super) async fn index() -> Response {
    file("text/html; charset=utf-8", include_str!("page/index.html"))
}

/// `GET /page/{name}`.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => file(kind, text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_are_there_and_all_of_them() {
        let index = include_str!("page/index.html");
        let embed = include_str!("page/embed.html");
        for (name, _, _) in FILES {
            let page = if APART.contains(name) { embed } else { index };
            assert!(
                page.contains(&format!("page/{name}\"")),
                "{name} is in no page"
            );
        }
        for named in index.split("\"page/").chain(embed.split("\"../page/")) {
            if let Some(name) = named.split('"').next().filter(|n| !n.contains('<')) {
                assert!(FILES.iter().any(|(n, _, _)| *n == name), "{name}");
            }
        }
    }

    #[test]
    fn the_whole_page_stays_light() {
        let all: usize = FILES.iter().map(|(_, _, text)| text.len()).sum();
        let all =
            all + include_str!("page/index.html").len() + include_str!("page/embed.html").len();
        assert!(all <= 150 * 1024, "{all} bytes");
    }
}
