//! The vectors that the three publish, or that anybody can compute (`openssl dgst -sha256 -hmac …`), and what must be refused.

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn secrets(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|s| s.as_bytes().to_vec()).collect()
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
#[test]
fn github() {
    let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let of = |header: Option<&str>, body: &[u8], secret: &[&str]| {
        Form::GitHub.check(header, body, &secrets(secret), at(0))
    };
    let secret = ["It's a Secret to Everybody"];
    let found = of(Some(header), b"Hello, World!", &secret).unwrap();
    assert_eq!(found, header["sha256=".len()..]);
    assert!(of(Some(header), b"Hello, World!", &["old", secret[0]]).is_ok());
    assert_eq!(
        of(Some(header), b"Hello, World?", &secret),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        of(Some(header), b"Hello, World!", &["another"]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        of(Some(header), b"Hello, World!", &[]),
        Err(Unsigned::Wrong)
    );
    assert_eq!(
        of(None, b"", &secret),
        Err(Unsigned::Missing("X-Hub-Signature-256"))
    );
    for wrong in [
        "",
        "757107",
        "sha1=757107",
        "sha256=75710",
        "sha256=zz",
        "sha256=é",
    ] {
        assert_eq!(
            of(Some(wrong), b"", &secret),
            Err(Unsigned::Form("X-Hub-Signature-256")),
            "{wrong}"
        );
    }
    assert_eq!(of(Some("sha256="), b"", &secret), Err(Unsigned::Wrong));
}

/// <https://docs.stripe.com/webhooks/signature>: `t.body`, and a tolerance of five minutes.
#[test]
fn stripe() {
    let body = br#"{"id":"evt_1","object":"event","created":1769126400}"#;
    let right = "cd101c5cb7f4728bd8edadd004754122fd20897a64a9a6eaa74d30f8690e5906";
    let of = |header: &str, now: u64| {
        Form::Stripe.check(
            Some(header),
            body,
            &secrets(&["whsec_test_secret"]),
            at(now),
        )
    };
    let now = 1_769_126_400;
    let header = format!("t={now},v1={right}");
    assert_eq!(of(&header, now), Ok(right.to_owned()));
    assert!(of(&header, now + 300).is_ok() && of(&header, now - 300).is_ok());
    assert_eq!(of(&header, now + 301), Err(Unsigned::Time));
    assert_eq!(of(&header, now - 301), Err(Unsigned::Time));
    // While secrets change there are two; v0 is of tests, and counts for nothing.
    let several = format!("t={now}, v1={}, v1={right}, v0=00", "00".repeat(32));
    assert!(of(&several, now).is_ok());
    assert_eq!(
        of(&format!("t={now},v0={right}"), now),
        Err(Unsigned::Form("Stripe-Signature"))
    );
    // Another time is another signature.
    assert_eq!(
        of(&format!("t={},v1={right}", now + 1), now),
        Err(Unsigned::Wrong)
    );
    assert!(of(&format!("v1={right}"), now).is_err());
}

/// <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>
#[test]
fn shopify() {
    let body = br#"{"id":820982911946154508,"email":"jon@example.com"}"#;
    let header = "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6/QLMo8=";
    let of = |header: &str, secret: &str| {
        Form::Shopify.check(Some(header), body, &secrets(&[secret]), at(0))
    };
    assert!(of(header, "hush").is_ok());
    assert_eq!(of(header, "hush2"), Err(Unsigned::Wrong));
    assert_eq!(
        of("!", "hush"),
        Err(Unsigned::Form("X-Shopify-Hmac-Sha256"))
    );
}
