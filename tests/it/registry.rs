//! Records behind the id of their schema, from real Kafka, with a registry that is another's (franz-go's srfake, by
//! `deploy/registry/run`): with TLS and logins, while it is down, after a restart without it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::kafka::produce_keyed;
use crate::support::{Bed, free_port, http, until};

const SOON: Duration = Duration::from_secs(30);

/// A registry; it ends with this.
struct Served {
    child: Child,
    url: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(args: &[&str], schemas: &[String]) -> Served {
    let mut child = Command::new("deploy/registry/run")
        .args(args)
        .args(schemas)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    assert!(
        url.starts_with("http"),
        "no registry: Go is needed to build it"
    );
    Served {
        child,
        url: url.trim().to_owned(),
    }
}

fn long(out: &mut Vec<u8>, n: i64) {
    let mut n = ((n << 1) ^ (n >> 63)) as u64;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    long(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

/// 2026-01-23, and minutes of it.
fn at(minute: i64) -> i64 {
    1_769_126_400_000 + minute * 60_000
}

const CITY: &str = r#"{"type":"record","name":"shop.City","fields":[{"name":"name","type":"string"},{"name":"zip","type":"int"}]}"#;
const ONE: &str = r#"{"type":"record","name":"Sale","namespace":"shop","fields":[
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"place","type":["null","shop.City"]},
    {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}]}"#;
/// A field more, and the amount as a number of cents by another type.
const TWO: &str = r#"{"type":"record","name":"Sale","fields":[
    {"name":"note","type":{"type":"array","items":"string"}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"place","type":{"type":"record","name":"City","fields":[{"name":"name","type":"string"}]}},
    {"name":"amount","type":"long"}]}"#;

fn framed(id: u32) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&id.to_be_bytes());
    out
}

fn one(minute: i64, city: &str, cents: i16) -> Vec<u8> {
    let mut out = framed(1);
    long(&mut out, at(minute));
    long(&mut out, 1);
    text(&mut out, city);
    long(&mut out, 4000);
    long(&mut out, 2);
    out.extend_from_slice(&cents.to_be_bytes());
    out
}

fn two(minute: i64, city: &str, euros: i64) -> Vec<u8> {
    let mut out = framed(2);
    // A block that says its size, and its end.
    long(&mut out, -1);
    long(&mut out, 2);
    text(&mut out, "n");
    long(&mut out, 0);
    long(&mut out, at(minute));
    text(&mut out, city);
    long(&mut out, euros);
    out
}

/// The queries of a bed: a table by these options, and its cities by the day.
fn queries(bed: &Bed, options: &str) -> PathBuf {
    let folder = bed.path("queries");
    std::fs::create_dir_all(&folder).unwrap();
    let sql = format!(
        "CREATE TABLE orders (at TIMESTAMP_LTZ(3), place ROW<name STRING>, amount DECIMAL(12, 2), buyer STRING,
           WATERMARK FOR at AS at - INTERVAL '1' DAY) WITH ('connector' = 'kafka', {options});
         INSERT INTO cities SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place
           FROM (SELECT window_start, window_end, place.name AS city, buyer, SUM(amount) AS total
             FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' DAY))
             GROUP BY window_start, window_end, place.name, buyer)) WHERE place <= 20;"
    );
    std::fs::write(folder.join("orders.sql"), sql).unwrap();
    folder
}

fn schemas(folder: &Path) -> Vec<String> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    vec![
        format!("9:city:avro:{}", file("city.avsc", CITY)),
        format!("1:orders-value:avro:{}:shop.City=city", file("1.avsc", ONE)),
        format!("2:orders-value:avro:{}", file("2.avsc", TWO)),
        format!(
            "3:orders-key:avro:{}",
            file(
                "3.avsc",
                r#"{"type":"record","name":"K","fields":[{"name":"buyer","type":["null","string"]}]}"#
            )
        ),
    ]
}

/// What the changes come to: a city's total.
fn totals(bed: &Bed) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in bed.read("changes").lines() {
        let change: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(row) = change.get("row") {
            let of = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            rows.insert(format!("{} {}", of("city"), of("buyer")), of("total"));
        }
    }
    rows
}

fn want(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = all.iter();
    all.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

type Sent = Vec<(Option<Vec<u8>>, Vec<u8>)>;

fn values(all: Vec<Vec<u8>>) -> Sent {
    all.into_iter().map(|v| (None, v)).collect()
}

#[test]
fn schemas_of_every_record_over_tls_with_logins() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, server, client) = certificates(folder.path());
    let log = folder.path().join("asked").display().to_string();
    let auth = "Basic YW5hOmh1bnRlcjI=";
    let (cert, key) = server;
    let args = [
        "-cert", &cert, "-key", &key, "-ca", &ca, "-auth", auth, "-log", &log,
    ];
    let registry = serve(&args, &schemas(folder.path()));
    let url = registry.url.replace("127.0.0.1", "localhost");
    let bed = Bed::new("reg")
        .topic(3)
        .changes_file()
        .keep("--dead-letter", "dead");
    let options = |format: &str| {
        format!(
            "'{format}.url' = '{url}', '{format}.ssl.truststore.location' = '{ca}', '{format}.ssl.keystore.location' = '{client}',
             '{format}.basic-auth.credentials-source' = 'USER_INFO', '{format}.basic-auth.user-info' = '${{file:registry}}'"
        )
    };
    let all = format!(
        "'format' = 'avro-confluent', {}, 'key.format' = 'avro-registry', 'key.fields' = 'buyer',
         'value.fields-include' = 'EXCEPT_KEY', {}",
        options("avro-confluent"),
        options("key.avro-confluent"),
    );
    std::fs::write(folder.path().join("registry"), "ana:hunter2\n").unwrap();
    let secrets = folder.path().display().to_string();
    let bed = bed.flags(&["--secrets", &secrets, "-w", "2"]);
    let folder_of_queries = queries(&bed, &all);
    let bed = bed.queries(folder_of_queries);
    let mut key = framed(3);
    long(&mut key, 1);
    text(&mut key, "Ana");
    let mut cut = one(5, "Faro", 1);
    cut.pop();
    produce_keyed(
        bed.topic_name(),
        &[
            values(vec![
                one(1, "Lisbon", 1234),
                one(2, "Porto", -1),
                b"{\"at\":1}".to_vec(),
            ]),
            values(vec![
                two(3, "Lisbon", 7),
                [framed(77), vec![0]].concat(),
                cut,
            ]),
            vec![
                (Some(key), one(4, "Lisbon", 100)),
                (Some(framed(4)), one(4, "Lisbon", 100)),
            ],
        ],
    );
    let said = bed.to_end(&[]);
    assert_eq!(
        totals(&bed),
        want(&[
            ("Lisbon -", "19.34"),
            ("Porto -", "-0.01"),
            ("Lisbon Ana", "1.00")
        ]),
        "{said}"
    );
    let mut reasons: Vec<String> = bed
        .read("dead")
        .lines()
        .map(|l| {
            serde_json::from_str::<serde_json::Value>(l).unwrap()["reason"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "malformed",
            "not_framed",
            "unknown_schema",
            "unknown_schema"
        ]
    );
    let asked = std::fs::read_to_string(&log).unwrap();
    let mut asked: Vec<&str> = asked.lines().collect();
    asked.sort_unstable();
    let mut once = asked.clone();
    once.dedup();
    // Keys and values are two registries of one address.
    assert!(
        once.contains(&"GET /schemas/ids/1") && once.contains(&"GET /subjects/city/versions/1")
    );
    assert_eq!(asked, once, "each once");
    assert!(!said.contains("hunter2"));
    let drift: Vec<&str> = said
        .lines()
        .filter(|l| l.contains("schema_drift"))
        .collect();
    assert!(
        drift
            .iter()
            .any(|l| l.contains("retyped") && l.contains("amount")),
        "{drift:?}"
    );
}

#[test]
fn a_registry_that_is_down_makes_only_those_wait_who_need_it_and_a_restart_none() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let all = schemas(folder.path());
    let bed = Bed::new("down")
        .topic(2)
        .changes_file()
        .state()
        .http()
        .flags(&["--commit-interval", "50ms", "--snapshot-interval", "200ms"]);
    let options = format!("'format' = 'avro-registry', 'avro-registry.url' = 'http://{listen}'");
    let folder_of_queries = queries(&bed, &options);
    let bed = bed.queries(folder_of_queries);
    let registry = serve(&["-listen", &listen], &all);
    produce_keyed(
        bed.topic_name(),
        &[values(vec![one(1, "Lisbon", 100)]), Vec::new()],
    );
    let run = bed.start(&[]).ready();
    until("the first is ranked", SOON, || {
        totals(&bed) == want(&[("Lisbon -", "1.00")])
    });
    drop(registry);
    // Partition 1 needs an id that is not known.
    produce_keyed(
        bed.topic_name(),
        &[
            Vec::new(),
            values((0..300).map(|n| two(n % 60, "Porto", 1)).collect()),
        ],
    );
    until("it is waited for", SOON, || {
        run.log().contains("registry_waiting")
    });
    produce_keyed(
        bed.topic_name(),
        &[values(vec![one(2, "Lisbon", 200)]), Vec::new()],
    );
    until("the other partition goes on", SOON, || {
        totals(&bed) == want(&[("Lisbon -", "3.00")])
    });
    // What is over in a moment is no trouble.
    until("/readyz names it", SOON, || {
        let told = http::request("GET", bed.address(), "/readyz", "");
        told.is_ok_and(|(_, text)| text.contains("schema registry"))
    });
    assert!(
        bed.metrics().contains("standings_registry_waiting 1"),
        "{}",
        bed.metrics()
    );
    let registry = serve(&["-listen", &listen], &all);
    let both = want(&[("Lisbon -", "3.00"), ("Porto -", "300.00")]);
    until("it goes on with all", SOON, || totals(&bed) == both);
    assert!(bed.metrics().contains("standings_registry_waiting 0"));
    let before = bed.newest_snapshot();
    until("a snapshot has them", SOON, || {
        bed.newest_snapshot() > before + 1
    });
    drop(registry);
    run.kill();
    // Nobody is asked any more, and what came behind the snapshot is read once.
    produce_keyed(
        bed.topic_name(),
        &[
            values(vec![two(3, "Lisbon", 1)]),
            values(vec![one(3, "Porto", 100)]),
        ],
    );
    let said = bed.to_end(&[]);
    assert_eq!(
        totals(&bed),
        want(&[("Lisbon -", "4.00"), ("Porto -", "301.00")]),
        "{said}"
    );
    assert!(
        !said.contains("registry_waiting") && !said.contains("schema_drift"),
        "{said}"
    );
}

#[test]
fn json_behind_an_id_needs_no_registry() {
    let bed = Bed::new("jsr")
        .topic(1)
        .changes_file()
        .keep("--dead-letter", "dead");
    let folder_of_queries = queries(&bed, "'format' = 'json-schema-confluent'");
    let bed = bed.queries(folder_of_queries);
    let json = |n: u32, text: &str| [framed(n), text.as_bytes().to_vec()].concat();
    let sale = format!(
        r#"{{"at":{},"place":{{"name":"Faro"}},"amount":1.5}}"#,
        at(1)
    );
    produce_keyed(
        bed.topic_name(),
        &[values(vec![
            json(1, &sale),
            json(2, &sale),
            sale.clone().into_bytes(),
            json(3, "{"),
        ])],
    );
    bed.to_end(&[]);
    assert_eq!(totals(&bed), want(&[("Faro -", "3.00")]));
    let dead = bed.read("dead");
    assert!(
        dead.contains("not_framed") && dead.contains("malformed"),
        "{dead}"
    );
}

/// Letters of framed records are understood with the schemas that the table names, and go back as they were.
#[test]
fn framed_letters_are_shown_and_sent() {
    let bed = Bed::new("framed_letters").topic(1).changes_file();
    let folder = queries(
        &bed,
        "'format' = 'avro-confluent', 'avro-confluent.schemas-folder' = 'schemas'",
    );
    std::fs::create_dir(folder.join("schemas")).unwrap();
    std::fs::write(folder.join("schemas/2.avsc"), TWO).unwrap();
    let bed = bed.queries(&folder);
    let letter = |offset: u64, record: &[u8]| {
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, record);
        format!(
            r#"{{"reason":"check","check":"c","detail":"","table":"orders","partition":0,"offset":{offset},"record_base64":"{base64}"}}"#
        )
    };
    // A line end is one of its bytes, and no schema has the second's id.
    let good = two(1, "Fa\nro", 7);
    let unknown = [framed(77), good[5..].to_vec()].concat();
    bed.write("dead", &[letter(1, &good), letter(2, &unknown)]);
    let (dead, folder) = (bed.url("dead"), folder.display().to_string());
    let say = |args: &[&str]| {
        let output = crate::support::standings(args).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let show = |place: &str| say(&["dead-letter", "show", &dead, place, "--queries", &folder]).1;
    let shown = show("1");
    assert!(
        shown.contains("as a sale") && shown.contains("7.00"),
        "{shown}"
    );
    let shown = show("2");
    assert!(shown.contains("unknown_schema"), "{shown}");

    let replay = |to: &str| {
        let progress = bed.path("progress").display().to_string();
        let args = ["dead-letter", "replay", "--from", &dead, "--to", to];
        say(&[&args[..], &["--queries", &folder, "--progress", &progress]].concat())
    };
    let (code, said) = replay(&bed.url("lines"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no line of a file"), "{said}");
    let (code, said) = replay(&bed.source_url());
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("1 sent") && said.contains("unknown_schema"),
        "{said}"
    );
    bed.to_end(&[]);
    assert_eq!(totals(&bed), want(&[("Fa\nro -", "7.00")]));
}

/// An authority, a server's certificate and key, and a client's in one file.
fn certificates(folder: &Path) -> (String, (String, String), String) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = || rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = key();
    let authority = params.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let sign = || {
        let own = key();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&own, &issuer).unwrap().pem();
        (certificate, own.serialize_pem())
    };
    let (server, server_key) = sign();
    let (client, client_key) = sign();
    (
        write("ca.pem", &authority),
        (
            write("server.pem", &server),
            write("server.key", &server_key),
        ),
        write("client.pem", &(client + &client_key)),
    )
}
