//! What is sent to the HTTP server, which runs in this process over the shipped queries, with nothing committed.
#![no_main]
#![allow(dead_code)]

use std::sync::{Arc, LazyLock};

use standings::http::security::HttpArgs;
use standings::http::server;
use standings::http::watch::{About, Shown};
use standings::observe::live::Live;
use standings::observe::metrics::Metrics;
use standings::observe::objectives::ObjectiveArgs;

#[path = "../bodies/http.rs"]
mod body;

static ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let plan = Arc::new(standings::query::load_shipped().unwrap());
    let args = HttpArgs::default();
    let listening = server::listen("127.0.0.1:0", 0, &args).unwrap();
    let address = listening.address().unwrap().to_string();
    let metrics = Metrics::new(Arc::new(Live::new(1)), ObjectiveArgs::default());
    let about = About {
        policy: None,
        idle_timeout: None,
        commits_here: true,
        workers: 1,
        configuration: Default::default(),
    };
    let shown = Shown::new(plan, Arc::new(metrics), about);
    shown.set_ready();
    listening.serve(shown).unwrap();
    address
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::check(&ADDRESS, input);
});
