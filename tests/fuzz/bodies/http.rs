// What both ways of fuzzing do with HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What a server answers first; nothing if it hangs up.
pub fn ask(address: &str, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
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
