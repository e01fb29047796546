use std::io::{Read, Write};

use super::hello::tests::hello;
use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn hosts(n: usize) -> Vec<String> {
    let free: Vec<_> = (0..n)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    free.iter()
        .map(|l| l.local_addr().unwrap().to_string())
        .collect()
}

fn secret(text: &str) -> Trust {
    let secret = ClusterSecret::new(&text.parse().unwrap()).unwrap();
    Trust {
        secret: Some(Arc::new(secret)),
        ..Trust::default()
    }
}

type Met = Result<Option<Vec<Option<Wire>>>, Failure>;

fn start(own: Hello, hosts: &[String], trust: &Trust) -> std::thread::JoinHandle<Met> {
    let (hosts, trust) = (hosts.to_vec(), trust.clone());
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || connect(&own, &hosts, &trust, LIMIT, &stop))
}

/// What a process that comes alone is told.
fn told(own: Hello, hosts: &[String], trust: &Trust) -> Failure {
    let mut own_hosts = hosts.to_vec();
    own_hosts[own.process] = "127.0.0.1:0".to_owned();
    match start(own, &own_hosts, trust).join().unwrap() {
        Err(failure) => failure,
        Ok(_) => panic!("it was let in"),
    }
}

fn three(trust: &Trust) {
    let hosts = hosts(3);
    let mut threads = Vec::new();
    for process in [2, 0, 1] {
        threads.push((process, start(hello(process), &hosts, trust)));
        std::thread::sleep(Duration::from_millis(150));
    }
    threads.sort_by_key(|(p, _)| *p);
    let mut all: Vec<_> = threads
        .into_iter()
        .map(|(_, t)| t.join().unwrap().unwrap().unwrap())
        .collect();
    for (process, sockets) in all.iter_mut().enumerate() {
        for (peer, socket) in sockets.iter_mut().enumerate() {
            assert_eq!(socket.is_none(), peer == process);
            if let Some(socket) = socket {
                socket.write_all(&[process as u8, b'\n', 7]).unwrap();
            }
        }
    }
    for sockets in &mut all {
        for (peer, socket) in sockets.iter_mut().enumerate() {
            if let Some(socket) = socket {
                let mut got = [0; 3];
                socket.read_exact(&mut got).unwrap();
                assert_eq!(got, [peer as u8, b'\n', 7]);
            }
        }
    }
    // One that comes when all are there is told so.
    let late = told(hello(2), &hosts, trust);
    assert!(late.to_string().contains("complete and runs"), "{late}");
    // So is one of an older generation, and a stranger.
    let old = Hello {
        generation: 3,
        ..hello(1)
    };
    let old = told(old, &hosts, trust);
    assert!(old.to_string().contains("generation 3 and stops"), "{old}");
    let other = Hello {
        cluster: "d".to_owned(),
        ..hello(1)
    };
    let other = told(other, &hosts, trust);
    assert!(other.to_string().contains("cluster id"), "{other}");
    assert!(
        trust.is_proven() || !other.to_string().contains("cluster id c"),
        "{other}"
    );
}

#[test]
fn three_in_any_order_and_the_bytes_after_the_handshake_arrive() {
    three(&Trust::default());
}

#[test]
fn three_with_a_secret() {
    three(&secret("a secret of this cluster"));
}

#[test]
fn noise_does_no_harm() {
    let hosts = hosts(3);
    let trust = secret("a secret of this cluster");
    let threads: Vec<_> = (0..2).map(|p| start(hello(p), &hosts, &trust)).collect();
    std::thread::sleep(Duration::from_millis(200));
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"",
        b"{}\n",
        &[0xff; 100_000],
    ] {
        let mut socket = TcpStream::connect(&hosts[0]).unwrap();
        let _ = socket.write_all(noise);
    }
    let last = start(hello(2), &hosts, &trust);
    for thread in threads.into_iter().chain([last]) {
        assert!(thread.join().unwrap().unwrap().is_some());
    }
}

/// Silent ones, more than are heard at once, and one that speaks a byte a second.
#[test]
fn who_is_slow_holds_up_nobody() {
    let hosts = hosts(2);
    let trust = Trust::default();
    let first = start(hello_of_two(0), &hosts, &trust);
    std::thread::sleep(Duration::from_millis(200));
    let silent: Vec<_> = (0..80)
        .map(|_| TcpStream::connect(&hosts[0]).unwrap())
        .collect();
    let mut slow = TcpStream::connect(&hosts[0]).unwrap();
    let bytes = std::thread::spawn(move || {
        let started = Instant::now();
        while slow.write_all(b" ").is_ok() && started.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(500));
        }
        started.elapsed()
    });
    let started = Instant::now();
    let second = start(hello_of_two(1), &hosts, &trust);
    for thread in [first, second] {
        assert!(thread.join().unwrap().unwrap().is_some());
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    let heard_for = bytes.join().unwrap();
    assert!(
        heard_for < Duration::from_secs(4),
        "two seconds in all, not {heard_for:?}"
    );
    drop(silent);
}

fn hello_of_two(process: usize) -> Hello {
    Hello {
        processes: 2,
        ..hello(process)
    }
}

/// Neither one without the secret nor one with another ends what runs, whatever generation it says it is of; each is told
/// why. (That a process which shows the secret does end it is in `tests/it/strangers.rs`: it ends the process.)
#[test]
fn a_stranger_of_a_newer_generation_ends_nothing() {
    let newer = || Hello {
        generation: u64::MAX,
        ..hello_of_two(1)
    };
    let (ours, none) = (secret("a secret of this cluster"), Trust::default());
    for (own, other, word) in [
        (&ours, &none, "give every process the same --cluster-secret"),
        (
            &ours,
            &secret("a secret of another one"),
            "--cluster-secret is another one",
        ),
        (&none, &none, "nothing proves"),
        (&none, &ours, "does not show that it knows"),
    ] {
        let hosts = hosts(2);
        let both: Vec<_> = (0..2)
            .map(|p| start(hello_of_two(p), &hosts, own))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        let refused = told(newer(), &hosts, other);
        assert!(
            refused.exit() == 2 && refused.to_string().contains(word),
            "{refused}"
        );
        for thread in both {
            assert!(thread.join().unwrap().unwrap().is_some());
        }
    }
}

/// Asked to stop while it meets the others, a process meets those that have met it, and leaves alone.
#[test]
fn a_process_that_is_asked_to_stop_meets_those_that_are_coming() {
    let trust = secret("a secret of some length: 0123456789");
    let hosts = hosts(2);
    let stop = Arc::new(AtomicBool::new(false));
    let begin = |hosts: &[String]| {
        let (hosts, trust, stop) = (hosts.to_vec(), trust.clone(), Arc::clone(&stop));
        std::thread::spawn(move || connect(&hello(1), &hosts, &trust, LIMIT, &stop))
    };
    let first = begin(&hosts);
    std::thread::sleep(Duration::from_millis(100));
    stop.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(100));
    // The other has not heard of it yet.
    let other = start(hello(0), &hosts, &trust);
    assert!(first.join().unwrap().unwrap().is_some());
    assert!(other.join().unwrap().unwrap().is_some());
    // Of others, of which none comes.
    let hosts = self::hosts(2);
    assert!(begin(&hosts).join().unwrap().unwrap().is_none());
    stop.store(false, Ordering::Relaxed);
    let alone = begin(&hosts);
    std::thread::sleep(Duration::from_millis(50));
    stop.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    assert!(alone.join().unwrap().unwrap().is_none());
    assert!(asked.elapsed() >= LEAVES && asked.elapsed() < LEAVES * 5);
}
