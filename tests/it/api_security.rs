//! Who is let in: keys, tokens, roles, origins, rates, TLS; and that others are not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::calls::{call, get, over};
use crate::support::{self, Running, free_port, standings, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// A demo with some flags, and its address.
fn demo(more: &[&str]) -> (Running, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let child = standings(&["demo", "--rate", "50", "-w", "1", "--http", &address])
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    (Running(child), address)
}

fn ready(address: &str) {
    until("ready", Duration::from_secs(30), || {
        support::http::request("GET", address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
}

/// A new key and its line.
fn new_key(role: &str) -> (String, String) {
    let out = standings(&[
        "key",
        "new",
        "--role",
        role,
        "--name",
        &format!("test-{role}"),
    ])
    .output()
    .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let last = |line: &str| {
        text.lines()
            .find_map(|l| l.strip_prefix(line))
            .unwrap()
            .trim()
            .to_owned()
    };
    (last("key (shown only now):"), last("line for --http-keys:"))
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn token(header: Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(&header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[test]
fn keys_tokens_and_roles() {
    let dir = tempfile::tempdir().unwrap();
    let (reader, reader_line) = new_key("read");
    let (boss, boss_line) = new_key("admin");
    let keys = dir.path().join("keys");
    std::fs::write(&keys, format!("# test\n{reader_line}\n{boss_line}\n")).unwrap();
    let random = SystemRandom::new();
    let pair = || {
        let bytes = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Ed25519KeyPair::from_pkcs8(bytes.as_ref()).unwrap()
    };
    let set = |pair: &Ed25519KeyPair, kid: &str| {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}]}).to_string()
    };
    let (first, second) = (pair(), pair());
    let jwks = dir.path().join("jwks.json");
    std::fs::write(&jwks, set(&first, "one")).unwrap();
    let (_demo, address) = demo(&[
        "--http-keys",
        keys.to_str().unwrap(),
        "--http-jwt-jwks",
        jwks.to_str().unwrap(),
        "--http-jwt-issuer",
        "https://id.example",
        "--http-jwt-audience",
        "standings",
        "--http-rate",
        "0",
    ]);
    ready(&address);

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    let claims = |role: &str| json!({"iss": "https://id.example", "aud": "standings", "exp": now + 600, "sub": "ana", "role": role});
    let with = |pair: &Ed25519KeyPair, kid: &str, claims: &Value| {
        token(json!({"alg": "EdDSA", "kid": kid}), claims, |m| {
            pair.sign(m).as_ref().to_vec()
        })
    };
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, first.public_key().as_ref());
    let hs = |m: &[u8]| ring::hmac::sign(&secret, m).as_ref().to_vec();
    let changed = |name: &str, value: Value| {
        let mut c = claims("read");
        c[name] = value;
        c
    };
    let bearer = |secret: &str| vec![("Authorization".to_owned(), format!("Bearer {secret}"))];
    let api_key = |secret: &str| vec![("X-API-Key".to_owned(), secret.to_owned())];
    // Who asks; what they get of rows, and of what is for administrators.
    type Headers = Vec<(String, String)>;
    let matrix: Vec<(&str, Headers, u16, u16)> = vec![
        ("nobody", vec![], 401, 401),
        ("a wrong key", api_key("standings_AAAA"), 401, 401),
        (
            "the key's hash",
            api_key(reader_line.rsplit(':').next().unwrap()),
            401,
            401,
        ),
        ("an empty key", api_key(""), 401, 401),
        ("a reader", api_key(&reader), 200, 403),
        ("a reader, as bearer", bearer(&reader), 200, 403),
        ("an administrator", bearer(&boss), 200, 200),
        (
            "another scheme",
            vec![("Authorization".to_owned(), format!("Basic {reader}"))],
            401,
            401,
        ),
        (
            "a token",
            bearer(&with(&first, "one", &claims("read"))),
            200,
            403,
        ),
        (
            "an administrator's token",
            bearer(&with(&first, "one", &claims("admin"))),
            200,
            200,
        ),
        (
            "an unknown role",
            bearer(&with(&first, "one", &claims("owner"))),
            403,
            403,
        ),
        (
            "an expired token",
            bearer(&with(&first, "one", &changed("exp", json!(now - 60)))),
            401,
            401,
        ),
        (
            "no expiry",
            bearer(&with(&first, "one", &changed("exp", Value::Null))),
            401,
            401,
        ),
        (
            "not yet",
            bearer(&with(&first, "one", &changed("nbf", json!(now + 300)))),
            401,
            401,
        ),
        (
            "another audience",
            bearer(&with(&first, "one", &changed("aud", json!("other")))),
            401,
            401,
        ),
        (
            "another issuer",
            bearer(&with(&first, "one", &changed("iss", json!("https://x")))),
            401,
            401,
        ),
        (
            "another's signature",
            bearer(&with(&second, "one", &claims("admin"))),
            401,
            401,
        ),
        (
            "an unknown key's",
            bearer(&with(&second, "two", &claims("admin"))),
            401,
            401,
        ),
        (
            "alg none",
            bearer(&format!(
                "{}.{}.",
                encode(&json!({"alg": "none"})),
                encode(&claims("admin"))
            )),
            401,
            401,
        ),
        (
            "the public key as a secret",
            bearer(&token(
                json!({"alg": "HS256", "kid": "one"}),
                &claims("admin"),
                hs,
            )),
            401,
            401,
        ),
        (
            "the same, named EdDSA",
            bearer(&token(
                json!({"alg": "EdDSA", "kid": "one"}),
                &claims("admin"),
                hs,
            )),
            401,
            401,
        ),
    ];
    for (who, headers, rows, process) in &matrix {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        for (path, want) in [
            ("/api/v1/sales/city", rows),
            ("/api/v1/process", process),
            ("/metrics", rows),
        ] {
            let answer = call(&address, "GET", path, &headers);
            assert_eq!(answer.status, *want, "{who}: {path}: {answer:?}");
            if *want == 401 {
                assert_eq!(
                    answer.headers["www-authenticate"],
                    "Bearer realm=\"standings\""
                );
                assert!(
                    !answer.headers.contains_key("standings-commit"),
                    "{who} learns nothing"
                );
            }
            if *want >= 400 {
                answer.problem(*want);
            }
        }
    }
    // What needs nobody's name, and what is not there for anybody.
    for path in ["/", "/healthz", "/readyz", "/docs/", "/api/v1/openapi.json"] {
        assert_eq!(get(&address, path).status, 200, "{path}");
    }
    for path in [
        "/api/v1/events",
        "/api/v1/rankings/top_salesmen/changes",
        "/api/v1/unknown",
        "/api/v1/process?x=1",
    ] {
        assert_eq!(get(&address, path).status, 401, "{path}");
    }
    let process = call(&address, "GET", "/api/v1/process", &[("X-API-Key", &boss)]).json();
    assert_eq!(process["configuration"]["http_jwt_audience"], "standings");
    assert!(
        !process.to_string().contains(&boss) && !process.to_string().contains(&boss_line[20..])
    );

    // New keys in the files are taken; what was taken out is not.
    std::thread::sleep(Duration::from_millis(1100));
    std::fs::write(&jwks, set(&second, "two")).unwrap();
    std::fs::write(&keys, &boss_line).unwrap();
    let two = with(&second, "two", &claims("read"));
    until("the new set of keys", Duration::from_secs(10), || {
        call(
            &address,
            "GET",
            "/api/v1/rankings",
            &[("Authorization", &format!("Bearer {two}"))],
        )
        .status
            == 200
    });
    until("the reader's key is gone", Duration::from_secs(10), || {
        call(
            &address,
            "GET",
            "/api/v1/rankings",
            &[("X-API-Key", &reader)],
        )
        .status
            == 401
    });
    assert_eq!(
        call(&address, "GET", "/api/v1/rankings", &[("X-API-Key", &boss)]).status,
        200
    );
}

/// A demo with these flags is wrong usage, and says this.
pub(super) fn is_refused(flags: &[&str], part: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_standings"))
        .args(["demo", "--for", "1s"])
        .args(flags)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.code() == Some(2) && text.contains(part),
        "{flags:?}: {text}"
    );
}

#[test]
fn an_address_that_others_reach_needs_authentication() {
    for (flags, part) in [
        (&["--http", "0.0.0.0:0"][..], "--http-keys"),
        (&["--http", ":0"], "--http-keys"),
        (
            &["--http", "127.0.0.1:0", "--http-keys", "/nowhere/keys"],
            "--http-keys /nowhere/keys",
        ),
        (
            &["--http", "127.0.0.1:0", "--http-jwt-jwks", "x"],
            "--http-jwt-issuer",
        ),
        (
            &["--http", "127.0.0.1:0", "--http-cors", "*"],
            "--http-cors *",
        ),
        (
            &["--http", "127.0.0.1:0", "--http-tls-cert", "x"],
            "--http-tls-key",
        ),
        (
            &[
                "--http",
                "127.0.0.1:0",
                "--http-jwt-jwks",
                "http://id.example/keys",
                "--http-jwt-issuer",
                "i",
                "--http-jwt-audience",
                "a",
            ],
            "https",
        ),
    ] {
        is_refused(flags, part);
    }
}

#[test]
fn rates_and_origins() {
    let (_demo, address) = demo(&["--http-rate", "5", "--http-cors", "https://wall.example"]);
    ready(&address);
    std::thread::sleep(Duration::from_secs(2));
    let answers: Vec<_> = (0..40).map(|_| get(&address, "/api/v1/rankings")).collect();
    let refused = answers.iter().filter(|a| a.status == 429).count();
    assert!(
        (10..=30).contains(&refused),
        "ten at once and five a second: {refused} of 40 refused"
    );
    let last = answers.iter().rfind(|a| a.status == 429).unwrap();
    last.problem(429);
    assert!(last.headers["retry-after"].parse::<u64>().unwrap() >= 1);

    std::thread::sleep(Duration::from_secs(2));
    let ours = [("Origin", "https://wall.example")];
    let theirs = [("Origin", "https://elsewhere.example")];
    let allowed = call(&address, "GET", "/api/v1/rankings", &ours);
    assert_eq!(
        allowed.headers["access-control-allow-origin"],
        "https://wall.example"
    );
    assert!(allowed.headers["vary"].contains("origin"));
    let other = call(&address, "GET", "/api/v1/rankings", &theirs);
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    let asks = ("Access-Control-Request-Method", "GET");
    let before = call(&address, "OPTIONS", "/api/v1/rankings", &[ours[0], asks]);
    assert_eq!(before.status, 204);
    assert!(before.headers["access-control-allow-headers"].contains("authorization"));
    assert_eq!(
        call(&address, "OPTIONS", "/api/v1/rankings", &[theirs[0], asks]).status,
        405
    );
}

/// An authority, and a certificate by it for `localhost`, written to the files.
fn certify(certificate: &Path, key: &Path) -> Arc<rustls::ClientConfig> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let own = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&own, &authority).unwrap();
    std::fs::write(certificate, server.pem()).unwrap();
    std::fs::write(key, own.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn over_tls(address: &str, config: &Arc<rustls::ClientConfig>, path: &str) -> std::io::Result<u16> {
    let stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connection =
        rustls::ClientConnection::new(Arc::clone(config), name).map_err(std::io::Error::other)?;
    let tls = rustls::StreamOwned::new(connection, stream);
    let answer = over(tls, "localhost", "GET", path, &[])?;
    assert!(
        answer.headers.contains_key("strict-transport-security"),
        "{answer:?}"
    );
    Ok(answer.status)
}

#[test]
fn tls_takes_a_new_certificate_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let first = certify(&certificate, &key);
    let (_demo, address) = demo(&[
        "--http-tls-cert",
        certificate.to_str().unwrap(),
        "--http-tls-key",
        key.to_str().unwrap(),
    ]);
    until("TLS", Duration::from_secs(30), || {
        over_tls(&address, &first, "/readyz").is_ok_and(|s| s == 200)
    });
    assert_eq!(over_tls(&address, &first, "/api/v1/rankings").unwrap(), 200);
    assert!(support::http::request("GET", &address, "/healthz", "").is_err_or_not_200());

    // Half of a new pair: the old one holds on.
    let old_key = std::fs::read(&key).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let second = certify(&certificate, &key);
    let new_key = std::fs::read(&key).unwrap();
    std::fs::write(&key, old_key).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(over_tls(&address, &first, "/healthz").unwrap(), 200);
    std::fs::write(&key, new_key).unwrap();
    until("the new certificate", Duration::from_secs(10), || {
        over_tls(&address, &second, "/healthz").is_ok()
    });
    assert!(over_tls(&address, &first, "/healthz").is_err());
}

trait Plain {
    fn is_err_or_not_200(&self) -> bool;
}

impl Plain for std::io::Result<(u16, String)> {
    /// A server that speaks TLS has no answer to plain text.
    fn is_err_or_not_200(&self) -> bool {
        !matches!(self, Ok((200, _)))
    }
}

/// The issuer's keys by URL: first it does not answer as it should, and nobody is let in for that; then it does.
#[test]
fn keys_of_tokens_come_by_url() {
    use std::io::{Read, Write};
    use std::sync::Mutex;

    let bytes = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(bytes.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "one", "x": x}]});
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let answer = Arc::new(Mutex::new((503, String::new())));
    let asked = Arc::new(Mutex::new(0));
    let (answers, counted) = (Arc::clone(&answer), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            *counted.lock().unwrap() += 1;
            let (status, body) = answers.lock().unwrap().clone();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let (_demo, address) = demo(&[
        "--http-jwt-jwks",
        &url,
        "--http-jwt-issuer",
        "https://id.example",
        "--http-jwt-audience",
        "standings",
    ]);
    ready(&address);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({"iss": "https://id.example", "aud": "standings", "exp": now + 600, "sub": "ana", "role": "read"});
    let bearer = |kid: &str| {
        let signed = token(json!({"alg": "EdDSA", "kid": kid}), &claims, |m| {
            pair.sign(m).as_ref().to_vec()
        });
        call(
            &address,
            "GET",
            "/api/v1/rankings",
            &[("Authorization", &format!("Bearer {signed}"))],
        )
        .status
    };
    assert_eq!(bearer("one"), 503);
    *answer.lock().unwrap() = (200, set.to_string());
    until("the keys are there", Duration::from_secs(10), || {
        bearer("one") == 200
    });
    // Keys that do not exist do not make it ask again and again.
    let before = *asked.lock().unwrap();
    for n in 0..20 {
        assert_eq!(bearer(&format!("none-{n}")), 401);
    }
    assert!(*asked.lock().unwrap() <= before + 1);
    assert_eq!(bearer("one"), 200);
}
