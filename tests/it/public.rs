//! A ranking for everybody (`--http-public`): what strangers are given of it, and that they are given nothing else.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use crate::support::calls::{call, follow, get};
use crate::support::{self, Running, free_port, standings, until};

/// Cities that would be markup, if anybody took them for that.
const CITIES: [&str; 3] = [
    "</text><script>alert(1)</script>",
    "A & B ]]>",
    "\u{202e}Lisbon\u{1}",
];

struct Server {
    _run: Running,
    address: String,
    key: String,
    _dir: tempfile::TempDir,
}

/// A run over a file that waits for more, for those who have a key.
fn server(more: &[&str]) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let sales: String = CITIES
        .iter()
        .enumerate()
        .map(|(i, city)| {
            serde_json::json!({
                "sale_id": format!("p-{i}"), "event_time": "2026-01-23T10:15:00Z", "city": city,
                "salesman_id": format!("S{i}"), "salesman_name": "Secret Person", "amount": format!("{}.50", 3000 - i),
            })
            .to_string()
                + "\n"
        })
        .collect();
    std::fs::write(path("sales.ndjson"), sales).unwrap();
    let made = standings(&["key", "new", "--name", "own"])
        .output()
        .unwrap();
    let made = String::from_utf8(made.stdout).unwrap();
    let after = |what: &str| {
        made.lines()
            .find_map(|l| l.strip_prefix(what))
            .unwrap()
            .trim()
            .to_owned()
    };
    std::fs::write(path("keys"), after("line for --http-keys:")).unwrap();
    std::fs::set_permissions(path("keys"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let source = format!("file:{}", path("sales.ndjson"));
    let sink = format!("file:{}", path("changes"));
    let run = standings(&[
        "run",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &sink,
    ])
    .args(["--http", &address, "--http-keys", &path("keys")])
    .args(more)
    .stdout(Stdio::null())
    .spawn()
    .unwrap();
    let server = Server {
        _run: Running(run),
        address,
        key: after("key (shown only now):"),
        _dir: dir,
    };
    until("ready", Duration::from_secs(30), || {
        support::http::request("GET", &server.address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
    server
}

const CITY: &str = "top_sales_per_city";

#[test]
fn strangers_see_the_public_ranking_and_nothing_else() {
    let server = server(&["--http-public", CITY, "--http-rate", "0"]);
    let address = &server.address;
    let svg = format!("/rankings/{CITY}.svg");
    until("three cities", Duration::from_secs(30), || {
        get(address, &svg).body.contains("3,000.50")
    });

    // All that a stranger may ask, and all that looks as if it were that.
    for path in [
        svg.clone(),
        format!("{svg}?limit=2&theme=dark"),
        format!("/embed/{CITY}"),
        "/embed/top_sales%5Fper_city".to_owned(),
        "/page/embed.js".to_owned(),
    ] {
        assert_eq!(get(address, &path).status, 200, "{path}");
    }
    for path in [
        "/rankings/top_salesmen.svg".to_owned(),
        "/embed/top_salesmen".to_owned(),
        "/embed/top_salesmen/events".to_owned(),
        "/rankings/none.svg".to_owned(),
        "/embed/none".to_owned(),
        "/rankings/".to_owned(),
        format!("/rankings/{CITY}"),
        format!("/rankings/{CITY}/windows"),
        format!("/rankings/top_salesmen.svg/../{CITY}.svg"),
        format!("/embed/{CITY}/../top_salesmen"),
        format!("/embed/{CITY}%2f..%2ftop_salesmen"),
        format!("/embed/{CITY}/events/"),
        format!("/embed/{CITY}%00"),
        format!("/embed/{}", CITY.to_uppercase()),
        format!("/api/v1/rankings/{CITY}/windows"),
        format!("/api/v1/rankings/{CITY}/search?q=a"),
        format!("/api/v1/rankings/{CITY}/changes"),
        format!("/api/v1/rankings/{CITY}/windows/2026-01-23T00:00:00Z/series"),
        "/api/v1/rankings".to_owned(),
        "/api/v1/events".to_owned(),
        "/api/v1/sales/city".to_owned(),
        "/metrics".to_owned(),
    ] {
        let answer = get(address, &path);
        answer.problem(401);
        assert!(
            !answer.body.contains("top_salesmen,")
                && !answer.headers.contains_key("standings-commit"),
            "{path}: which there are is not told: {answer:?}"
        );
    }
    // Who has a key sees every ranking so.
    for path in ["/rankings/top_salesmen.svg", "/embed/top_salesmen"] {
        assert_eq!(
            call(address, "GET", path, &[("X-API-Key", &server.key)]).status,
            200,
            "{path}"
        );
    }
    let unknown = call(
        address,
        "GET",
        "/rankings/none.svg",
        &[("X-API-Key", &server.key)],
    );
    assert!(unknown.problem(404).contains("top_salesmen"), "{unknown:?}");
    // No key in an address, and no other parameter.
    for query in [
        "key=standings_AAAA",
        "limit=26",
        "limit=1&limit=2",
        "theme=%3Cscript%3E",
        "at=1",
    ] {
        let refused = get(address, &format!("{svg}?{query}")).problem(400);
        assert!(!refused.contains("standings_AAAA"), "{refused}");
        get(address, &format!("/embed/{CITY}?{query}")).problem(400);
    }
    for method in ["POST", "PUT", "DELETE"] {
        call(address, method, &svg, &[]).problem(405);
    }
    let head = call(address, "HEAD", &svg, &[]);
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
}

#[test]
fn a_picture_runs_nothing_and_names_stay_text() {
    let server = server(&["--http-public", CITY]);
    let path = format!("/rankings/{CITY}.svg");
    until("three cities", Duration::from_secs(30), || {
        get(&server.address, &path).body.contains("2,998.50")
    });
    let answer = get(&server.address, &path);
    assert_eq!(
        answer.headers["content-type"],
        "image/svg+xml; charset=utf-8"
    );
    let policy = &answer.headers["content-security-policy"];
    assert_eq!(
        policy,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(
        answer.headers["cross-origin-resource-policy"],
        "cross-origin"
    );
    assert_eq!(answer.headers["cache-control"], "public, max-age=1");
    for part in [
        "&lt;/text&gt;&lt;script&gt;",
        "A &amp; B ]]&gt;",
        "\u{fffd}Lisbon\u{fffd}",
        "3,000.50",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    for part in ["<script", "\u{202e}", "\u{1}", "Secret"] {
        assert!(!answer.body.contains(part), "{part:?}: {}", answer.body);
    }
    // What needs a key is not kept by what is between, and no page elsewhere may load it.
    let own = call(
        &server.address,
        "GET",
        "/rankings/top_salesmen.svg",
        &[("X-API-Key", &server.key)],
    );
    assert_eq!(own.headers["cache-control"], "no-store");
    assert_eq!(own.headers["cross-origin-resource-policy"], "same-origin");
}

#[test]
fn who_may_frame_it_is_who_the_flag_names() {
    let closed = server(&["--http-public", CITY]);
    let page = get(&closed.address, &format!("/embed/{CITY}"));
    assert!(
        page.headers["content-security-policy"].contains("frame-ancestors 'none'"),
        "{page:?}"
    );
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert!(!page.body.contains("Lisbon"), "the page holds no row");

    let open = server(&[
        "--http-public",
        CITY,
        "--http-frame",
        "https://intranet.example",
        "--http-frame",
        "http://127.0.0.1:9",
    ]);
    let page = get(&open.address, &format!("/embed/{CITY}"));
    let policy = &page.headers["content-security-policy"];
    assert!(
        policy.contains("frame-ancestors https://intranet.example http://127.0.0.1:9;"),
        "{policy}"
    );
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(
        !page.headers.contains_key("x-frame-options"),
        "it would forbid what the policy allows"
    );
    // The live page is in no frame, whoever may have this one.
    let whole = get(&open.address, "/");
    assert!(whole.headers["content-security-policy"].contains("frame-ancestors 'none'"));
    assert_eq!(whole.headers["x-frame-options"], "DENY");
}

#[test]
fn what_the_page_follows_is_the_newest_window_without_offsets() {
    let server = server(&["--http-public", CITY]);
    let mut seen = Vec::new();
    let path = format!("/embed/{CITY}/events");
    follow(
        &server.address,
        &path,
        &[],
        Duration::from_secs(20),
        |(name, id, data)| {
            assert_eq!(id, None);
            if name == "rows" && data["rows"].as_array().unwrap().len() == CITIES.len() {
                seen.push(data);
                return false;
            }
            true
        },
    );
    let face = &seen[0];
    assert_eq!(face["ranking"]["name"], CITY);
    assert_eq!(face["rows"][0]["city"], CITIES[0]);
    let text = face.to_string();
    assert!(
        !text.contains("offset") && !text.contains("Secret"),
        "{text}"
    );
}

#[test]
fn a_crowd_of_strangers_leaves_places_to_those_with_a_key() {
    let server = server(&["--http-public", CITY, "--http-rate", "0"]);
    let path = format!("/embed/{CITY}/events");
    let open = || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
            server.address
        )
        .unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        (String::from_utf8_lossy(&start).into_owned(), stream)
    };
    let crowd: Vec<_> = (0..260).map(|_| open()).collect();
    let refused = crowd
        .iter()
        .filter(|(start, _)| start.ends_with("503"))
        .count();
    assert_eq!(refused, 10, "one address has half of the 500 places");
    let last = get(&server.address, &path);
    assert!(last.headers.contains_key("retry-after"), "{last:?}");
    last.problem(503);
    let rows = call(
        &server.address,
        "GET",
        "/api/v1/sales/city",
        &[("X-API-Key", &server.key)],
    );
    assert_eq!(rows.status, 200, "who has a key is served");
    assert_eq!(
        get(&server.address, &format!("/rankings/{CITY}.svg")).status,
        200
    );
    drop(crowd);
    until("the places are free again", Duration::from_secs(30), || {
        open().0.ends_with("200")
    });
}

#[test]
fn what_cannot_be_public_is_refused_at_the_start() {
    for (flags, part) in [
        (&["--http-public", "top_sales"][..], "there are: "),
        (&["--http-public", ""], "there are: "),
        (
            &["--http-frame", "intranet.example"],
            "--http-frame intranet.example",
        ),
        (
            &["--http-frame", "https://a.example; script-src *"],
            "write one origin",
        ),
        (
            &["--http", "0.0.0.0:0", "--http-public", CITY],
            "needs authentication",
        ),
    ] {
        crate::api_security::is_refused(flags, part);
    }
}
