// What both ways of fuzzing do with HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use standings_http::security::HttpArgs;
use standings_http::server;
use standings_http::watch::{About, Shown, Sources};
use standings_observe::live::Live;
use standings_observe::metrics::Metrics;
use standings_observe::objectives::ObjectiveArgs;

/// For an answer. Who has said all gets one, or is hung up on, at once; only a machine with other things to do takes longer,
/// and an answer that is not waited for is one that is not looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a server in this process, over the shipped queries, with nothing committed; its address.
pub fn serve() -> String {
    // As in every Rust program, but libFuzzer's begins in C: who hangs up early would end this process.
    // SAFETY: no handler is installed, and nothing here counts on the signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let plan = Arc::new(standings_query::load_shipped().unwrap());
    let args = HttpArgs::default();
    let listening = server::listen("127.0.0.1:0", 0, &args, &plan.rankings).unwrap();
    let address = listening.address().unwrap().to_string();
    let metrics = Metrics::new(Arc::new(Live::new(1)), ObjectiveArgs::default());
    let about = About {
        policy: None,
        idle_timeout: None,
        commits_here: true,
        workers: 1,
        rows: 10_000,
        positions_bytes: 1 << 20,
        configuration: Default::default(),
        sources: Sources::Nowhere,
    };
    let shown = Shown::new(plan, Arc::new(metrics), about);
    shown.set_ready();
    listening.serve(shown).unwrap();
    address
}

/// What a server answers first; nothing if it hangs up.
pub fn ask(address: &str, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut some = [0; 4096];
        if let Ok(n) = stream.read(&mut some) {
            answer.extend_from_slice(&some[..n]);
        }
    }
    answer
}

/// Whether any bytes were answered with 200.
pub fn check(address: &str, input: &[u8]) -> bool {
    let answer = ask(address, input);
    let line: Vec<u8> = answer.iter().copied().take_while(|b| *b != b'\r').collect();
    // Not ready yet or too many at once are said by 503; 500 would be a mistake of ours.
    assert!(
        !line.starts_with(b"HTTP/1.1 500"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    answer.starts_with(b"HTTP/1.1 200")
}
