//! Against sockets of our own: what goes to whom.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::*;

fn how(url: &str, private: bool, credentials: Credentials) -> How {
    How {
        url: url.to_owned(),
        private,
        credentials,
        headers: BTreeMap::new(),
        raw: None,
        tls: Tls::default(),
    }
}

fn secret(text: &'static str) -> Secret {
    Box::new(move || Ok(text.to_owned()))
}

/// Answers each connection with the next of these, and gives what it was sent.
fn server(answers: Vec<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for (answer, stream) in answers.into_iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let lower = line.to_ascii_lowercase();
                if let Some(n) = lower.strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                head += &line;
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = tell.send(head + &String::from_utf8_lossy(&body));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, told)
}

fn ok(body: &str, headers: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

#[test]
fn nothing_private_is_asked_unless_it_is_meant() {
    let ask = |url: &str| {
        let mut client = Client::new(how(url, false, Credentials::None)).unwrap();
        client.get(url, None)
    };
    let said = ask("http://127.0.0.1:9/").unwrap_err();
    assert!(said.why().contains("without TLS"), "{said:?}");
    for url in [
        "https://127.0.0.1:9/",
        "https://[::1]:9/",
        "https://localhost:9/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://0x7f.1/",
    ] {
        let said = ask(url).unwrap_err();
        assert!(
            matches!(&said, Trouble::Broken(why) if why.contains("private")),
            "{url}: {said:?}"
        );
    }
    let mut client = Client::new(how("https://a.example/x", false, Credentials::None)).unwrap();
    for other in [
        "https://b.example/x",
        "https://a.example.evil.example/x",
        "https://a.example:8443/x",
    ] {
        assert!(
            matches!(client.get(other, None), Err(Trouble::Broken(_))),
            "{other}"
        );
    }
    // The endpoint of tokens is asked by the same rule.
    let inside = Credentials::OAuth {
        url: "https://127.0.0.1:9/token".to_owned(),
        client: "c".to_owned(),
        secret: secret("s3cret"),
        in_form: false,
    };
    let mut client = Client::new(how("https://a.example/x", false, inside)).unwrap();
    let said = client.token("grant_type=client_credentials").unwrap_err();
    assert!(
        said.why().contains("private") && !said.why().contains("s3cret"),
        "{said:?}"
    );
}

/// Credentials at a server, the token that is asked with, and the header that says who asks.
type Case = (
    Box<dyn Fn(&str) -> Credentials>,
    Option<&'static str>,
    &'static str,
);

#[test]
fn who_asks_is_said_in_the_way_that_is_configured() {
    let oauth = |in_form| {
        move |url: &str| Credentials::OAuth {
            url: format!("{url}/token"),
            client: "shop 1".to_owned(),
            secret: secret("p:w"),
            in_form,
        }
    };
    let cases: Vec<Case> = vec![
        (
            Box::new(|_| Credentials::Bearer(secret("t1"))),
            None,
            "authorization: Bearer t1",
        ),
        (
            Box::new(|_| Credentials::Basic("ana".to_owned(), secret("pw"))),
            None,
            "authorization: Basic YW5hOnB3",
        ),
        (
            Box::new(|_| Credentials::Key("X-Api-Key".to_owned(), secret("k1"))),
            None,
            "x-api-key: k1",
        ),
        (
            Box::new(oauth(false)),
            Some("t2"),
            "authorization: Bearer t2",
        ),
    ];
    for (credentials, token, want) in cases {
        let (url, told) = server(vec![ok("[]", "Link: <?page=2>; rel=next\r\n")]);
        let mut client = Client::new(how(&url, true, credentials(&url))).unwrap();
        let answer = client.get(&format!("{url}/x"), token).unwrap();
        assert_eq!(answer.links, ["<?page=2>; rel=next"]);
        let head = told.recv().unwrap();
        assert!(
            head.to_ascii_lowercase()
                .contains(&want.to_ascii_lowercase()),
            "{head}"
        );
    }
    for (in_form, header, form) in [
        // "shop%201:p%3Aw", each encoded before they are joined.
        (false, "Basic c2hvcCUyMDE6cCUzQXc=", "\r\n\r\ngrant_type=x"),
        (
            true,
            "",
            "grant_type=x&client_id=shop%201&client_secret=p%3Aw",
        ),
    ] {
        let (url, told) = server(vec![ok("{}", "")]);
        let mut client =
            Client::new(how("https://a.example/", true, oauth(in_form)(&url))).unwrap();
        client.token("grant_type=x").unwrap();
        let asked = told.recv().unwrap();
        assert!(
            asked.starts_with("POST /token ") && asked.contains(form),
            "{asked}"
        );
        assert!(
            asked.contains(header) && asked.contains("authorization") != in_form,
            "{asked}"
        );
    }
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let (url, told) = server(vec![
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        ok("[]", ""),
    ]);
    let mut client = Client::new(how(&url, true, Credentials::Bearer(secret("t")))).unwrap();
    let answer = client.get(&format!("{url}/x"), None).unwrap();
    assert_eq!(
        (answer.status, answer.location.as_deref()),
        (302, Some("/elsewhere"))
    );
    assert!(told.recv().unwrap().starts_with("GET /x "));
    assert!(told.try_recv().is_err(), "it was followed");
}

/// Answers every request, and counts connections; `per`: requests that a connection is kept for, and whether it says so before it closes.
fn keeps(per: usize, says: bool) -> (String, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for asked in 0..per {
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 0 && line.trim() != "" {
                    line.clear();
                }
                if line.is_empty() {
                    break;
                }
                let closes = if says && asked + 1 == per {
                    "Connection: close\r\n"
                } else {
                    ""
                };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{closes}\r\n{{}}");
                let _ = stream.write_all(answer.as_bytes());
                let _ = tell.send(n);
            }
        }
    });
    (url, told)
}

#[test]
fn pages_that_follow_come_over_one_connection_and_a_closed_one_is_not_used() {
    for (per, says, want) in [
        (100, true, vec![0; 6]),
        (2, true, vec![0, 0, 1, 1, 2, 2]),
        (1, false, vec![0, 1, 2, 3, 4, 5]),
    ] {
        let (url, told) = keeps(per, says);
        let mut client = Client::new(how(&url, true, Credentials::None)).unwrap();
        for _ in 0..6 {
            let answer = client.get(&url, None).unwrap();
            assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
            // So long that what the server did is here: it is what a page takes to be written.
            std::thread::sleep(Duration::from_millis(20));
        }
        let found: Vec<usize> = told.try_iter().collect();
        assert_eq!(
            found, want,
            "{per} requests a connection, which it says: {says}"
        );
    }
}
