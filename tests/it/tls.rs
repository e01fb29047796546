//! Postgres over TLS: what `sslmode` trusts, that a certificate which is not trusted ends the run at once, and SCRAM.

use std::path::Path;

use crate::support::kafka::block;
use crate::support::postgres::{connect, database};
use crate::support::{self, Bed, service};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, and a certificate by it for `localhost`.
fn certificates() -> (String, String, String) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    (authority.pem(), server.pem(), key.serialize_pem())
}

/// Switches TLS on in the running server; plain connections go on as before.
fn switch_on(certificate: &str, key: &str) {
    block(async {
        let client = connect(&service("POSTGRES_URL")).await;
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let copy = format!(
                "COPY (SELECT unnest(string_to_array('{}', E'\\n'))) TO PROGRAM 'umask 077 && cat > {name}'",
                pem.trim()
            );
            client.batch_execute(&copy).await.unwrap();
        }
        client
            .batch_execute("ALTER SYSTEM SET ssl = on")
            .await
            .unwrap();
        client
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        for _ in 0..100 {
            if connect(&service("POSTGRES_URL"))
                .await
                .query_one("SHOW ssl", &[])
                .await
                .unwrap()
                .get::<_, &str>(0)
                == "on"
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("TLS did not come on");
    });
}

fn run(sink: &str, sales: &Path) -> (Option<i32>, String) {
    let source = format!("file:{}", sales.display());
    Bed::new("tls").source(source).sink(sink).ends(&[])
}

#[test]
fn the_certificate_is_checked_as_sslmode_says() {
    let (authority, certificate, key) = certificates();
    let dir = tempfile::tempdir().unwrap();
    let (trusted, other) = (dir.path().join("ca.pem"), dir.path().join("other.pem"));
    std::fs::write(&trusted, authority).unwrap();
    std::fs::write(&other, certificates().0).unwrap();
    let sales = dir.path().join("sales.ndjson");
    std::fs::write(
        &sales,
        r#"{"event_time":1769126400000,"city":"Porto","salesman_id":"S","amount":1}"#,
    )
    .unwrap();

    let url = database();
    let named = url.replace("127.0.0.1", "localhost");
    assert_ne!(url, named, "the test Postgres is reached by 127.0.0.1");
    let with = |url: &str, mode: &str, roots: &Path| {
        format!("{url}?sslmode={mode}&sslrootcert={}", roots.display())
    };
    // Before TLS is on, a mode that needs it is refused, and not waited for. (Another run may have switched it on.)
    let tls_is_on = block(async {
        let client = connect(&service("POSTGRES_URL")).await;
        client
            .query_one("SHOW ssl", &[])
            .await
            .unwrap()
            .get::<_, String>(0)
            == "on"
    });
    if !tls_is_on {
        let (code, text) = run(&with(&named, "verify-full", &trusted), &sales);
        assert!(
            code == Some(2) && text.contains("does not speak TLS"),
            "{code:?} {text}"
        );
    }
    switch_on(&certificate, &key);

    for sink in [
        with(&named, "verify-full", &trusted),
        with(&url, "verify-ca", &trusted),
        format!("{url}?sslmode=require"),
    ] {
        let (code, text) = run(&sink, &sales);
        assert_eq!(code, Some(0), "{sink}: {text}");
    }
    let encrypted = block(async {
        let client = connect(&url).await;
        client
            .query_one("SELECT count(*) FROM top_sales_per_city", &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    });
    assert_eq!(encrypted, 1);
    for sink in [
        with(&url, "verify-full", &trusted), // not this host's certificate
        with(&named, "verify-full", &other),
        with(&url, "verify-ca", &other),
    ] {
        let (code, text) = run(&sink, &sales);
        assert!(
            code == Some(2) && text.contains("certificate is not trusted"),
            "{sink}: {code:?} {text}"
        );
    }
    passwords(&named, &trusted, &sales);
}

/// SCRAM over verified TLS, bound to it; a wrong password is said in one line that does not hold it.
fn passwords(url: &str, trusted: &Path, sales: &Path) {
    let role = support::kafka::unique("scram");
    block(async {
        let client = connect(&service("POSTGRES_URL")).await;
        let commands = [
            format!(
                "SET password_encryption = 'scram-sha-256'; CREATE ROLE {role} LOGIN PASSWORD 'correct horse'"
            ),
            format!(
                r#"COPY (SELECT '') TO PROGRAM 'cat >/dev/null; sed -i "1i hostssl all {role} all scram-sha-256" pg_hba.conf'"#
            ),
            "SELECT pg_reload_conf()".to_owned(),
        ];
        for command in commands {
            client.batch_execute(&command).await.unwrap();
        }
        let own = connect(&url.replace("localhost", "127.0.0.1")).await;
        let make = format!("CREATE SCHEMA {role} AUTHORIZATION {role}");
        own.batch_execute(&make).await.unwrap();
    });
    let (_, place) = url.split_once('@').unwrap();
    let (host, base) = place.split_once('/').unwrap();
    let with = |password: &str| {
        format!(
            "postgres://{role}:{password}@{host}/{base}?sslmode=verify-full&channel_binding=require&sslrootcert={}\
             &options=-c%20search_path%3D{role}",
            trusted.display()
        )
    };
    let mut last = (None, String::new());
    // The server takes its changed file within a moment.
    for _ in 0..20 {
        last = run(&with("wr0ng"), sales);
        if last.0 != Some(0) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let (code, text) = last;
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(
        matches!(code, Some(1 | 2)) && errors.len() == 1,
        "{code:?} {text}"
    );
    assert!(
        errors[0].contains("password authentication failed") && !text.contains("wr0ng"),
        "{text}"
    );
    let (code, text) = run(&with("correct%20horse"), sales);
    assert_eq!(code, Some(0), "{text}");
}
