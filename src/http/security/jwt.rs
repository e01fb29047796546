//! JSON web tokens (RFC 7519, 7515): checked with the keys of one issuer, and with nothing else.
//!
//! 1. The algorithm belongs to the key, never to the token: RSA keys verify RS256, P-256 keys ES256, Ed25519 keys
//!    EdDSA. `none` and shared secrets (HS…) do not exist here, so a public key cannot be used as a secret.
//! 2. Issuer, audience and expiry must be there and right.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Caller, Role};

/// How far clocks may differ, seconds.
const LEEWAY: i64 = 30;
/// The longest token.
pub(super) const LONGEST: usize = 8 << 10;

/// What a token must say.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) role_claim: String,
}

/// A public key, and with it an algorithm.
#[derive(Clone, Debug)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key of a set.
#[derive(Clone, Debug)]
pub(super) struct Jwk {
    pub(super) kid: Option<String>,
    public: Public,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// No key of this name, or none: a newer set may have it.
    UnknownKey,
    /// The token is wrong, and why.
    Wrong(&'static str),
    /// The token is right, and says nothing of a role that is known here.
    NoRole,
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The usable keys of a set: signature keys of the three kinds; others are passed over.
pub(super) fn keys(set: &[u8]) -> Result<Vec<Jwk>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(set).map_err(|e| format!("not a set of keys: {e}"))?;
    let keys: Vec<Jwk> = set.keys.iter().filter_map(key).collect();
    match keys.is_empty() {
        true => Err("no RSA, P-256 or Ed25519 key for signatures is in it".to_owned()),
        false => Ok(keys),
    }
}

fn key(value: &Value) -> Option<Jwk> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|u| u != "sig") {
        return None;
    }
    let bytes = |name: &str| decode(text(name)?);
    let (public, algorithm) = match (text("kty")?, text("crv")) {
        ("RSA", None) => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            // At least 2048 bits, which ring holds us to as well.
            (n.len() >= 256).then_some((Public::Rsa { n, e }, "RS256"))?
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let point = [&[4][..], &x, &y].concat();
            (point.len() == 65).then_some((Public::P256(point), "ES256"))?
        }
        ("OKP", Some("Ed25519")) => (Public::Ed25519(bytes("x")?), "EdDSA"),
        _ => return None,
    };
    if text("alg").is_some_and(|a| a != algorithm) {
        return None;
    }
    Some(Jwk {
        kid: text("kid").map(str::to_owned),
        public,
    })
}

impl Jwk {
    fn algorithm(&self) -> &'static str {
        match self.public {
            Public::Rsa { .. } => "RS256",
            Public::P256(_) => "ES256",
            Public::Ed25519(_) => "EdDSA",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.public {
            Public::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Public::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Public::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

/// Whose a token is. `now` is seconds since the Unix epoch.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: &Expected,
    now: i64,
) -> Result<Caller, Refused> {
    use Refused::Wrong;
    if token.len() > LONGEST {
        return Err(Wrong("the token is too long"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else {
        return Err(Wrong("the token has not three parts"));
    };
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).ok();
    let header = json(head).ok_or(Wrong("the token's header is no JSON"))?;
    let named = |name: &str| header.get(name).and_then(Value::as_str);
    let algorithm = named("alg").ok_or(Wrong("the token names no algorithm"))?;
    if !["RS256", "ES256", "EdDSA"].contains(&algorithm) {
        return Err(Wrong("the token's algorithm is not RS256, ES256 or EdDSA"));
    }
    if header.get("crit").is_some() {
        return Err(Wrong(
            "the token has critical extensions, which are not known here",
        ));
    }
    let signature = decode(signature).ok_or(Wrong("the token's signature is no base64url"))?;
    let fits = |k: &&Jwk| named("kid").is_none() || k.kid.as_deref() == named("kid");
    let candidates: Vec<&Jwk> = keys.iter().filter(fits).collect();
    if candidates.is_empty() {
        return Err(Refused::UnknownKey);
    }
    let message = &token.as_bytes()[..head.len() + 1 + body.len()];
    let signed = candidates
        .iter()
        .any(|k| k.algorithm() == algorithm && k.verifies(message, &signature));
    if !signed {
        return Err(Wrong("the token's signature is not right"));
    }
    let claims = json(body).ok_or(Wrong("the token's claims are no JSON"))?;
    check(&claims, expected, now)
}

fn check(claims: &Value, expected: &Expected, now: i64) -> Result<Caller, Refused> {
    use Refused::Wrong;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    // Times may have fractions.
    let time = |name: &str| {
        claims
            .get(name)
            .map(|v| v.as_f64().map(|t| t.floor() as i64))
    };
    if text("iss") != Some(&expected.issuer) {
        return Err(Wrong("the token is of another issuer"));
    }
    let is_ours = |v: &Value| v.as_str() == Some(&expected.audience);
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    };
    if !for_us {
        return Err(Wrong("the token is for another audience"));
    }
    match time("exp") {
        Some(Some(end)) if end.saturating_add(LEEWAY) > now => {}
        Some(Some(_)) => return Err(Wrong("the token has expired")),
        _ => return Err(Wrong("the token has no expiry")),
    }
    match time("nbf") {
        None => {}
        Some(Some(begin)) if begin.saturating_sub(LEEWAY) <= now => {}
        Some(_) => return Err(Wrong("the token is not valid yet")),
    }
    let roles: Vec<Role> = match claims.get(&expected.role_claim) {
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(Value::as_str)
            .filter_map(Role::named)
            .collect(),
        Some(Value::String(all)) => all.split_whitespace().filter_map(Role::named).collect(),
        _ => Vec::new(),
    };
    let role = roles.into_iter().max().ok_or(Refused::NoRole)?;
    let name: Arc<str> = match text("sub") {
        Some(subject) => format!("jwt:{}", subject.chars().take(128).collect::<String>()).into(),
        None => "jwt".into(),
    };
    Ok(Caller {
        name,
        role,
        rankings: None,
        reach: None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    fn expected() -> Expected {
        Expected {
            issuer: "https://id".to_owned(),
            audience: "standings".to_owned(),
            role_claim: "role".to_owned(),
        }
    }

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn claims() -> Value {
        json!({"iss": "https://id", "aud": ["x", "standings"], "exp": 1_000, "sub": "ana", "role": "read"})
    }

    #[test]
    fn claims_and_algorithms() {
        let random = SystemRandom::new();
        let ed =
            Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref())
                .unwrap();
        let ec_bytes =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ec =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec_bytes.as_ref(), &random)
                .unwrap();
        let b64 = |b: &[u8]| URL_SAFE_NO_PAD.encode(b);
        let point = ec.public_key().as_ref();
        let x = b64(ed.public_key().as_ref());
        let set = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "x": x},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(&point[1..33]), "y": b64(&point[33..])},
            {"kty": "oct", "kid": "shared", "k": "AAAA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "enc", "use": "enc", "x": x},
        ]});
        let keys = keys(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        let with_ed = |m: &[u8]| ed.sign(m).as_ref().to_vec();
        let with_ec = |m: &[u8]| ec.sign(&random, m).unwrap().as_ref().to_vec();
        let at = |token: &str, now| verify(token, &keys, &expected(), now);

        let token = signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(), with_ed);
        let caller = at(&token, 500).unwrap();
        assert_eq!((&*caller.name, caller.role), ("jwt:ana", Role::Read));
        let es = signed(&json!({"alg": "ES256"}), &claims(), with_ec);
        assert!(at(&es, 500).is_ok());
        assert!(at(&token, 1_029).is_ok());
        assert_eq!(
            at(&token, 1_030),
            Err(Refused::Wrong("the token has expired"))
        );

        // Algorithms: none, a shared secret that is the public key, another key's.
        let none = format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims()));
        assert!(at(&none, 500).is_err());
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, ed.public_key().as_ref());
        let hs = |m: &[u8]| ring::hmac::sign(&secret, m).as_ref().to_vec();
        assert!(
            at(
                &signed(&json!({"alg": "HS256", "kid": "ed"}), &claims(), hs),
                500
            )
            .is_err()
        );
        assert!(
            at(
                &signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(), hs),
                500
            )
            .is_err()
        );
        assert!(
            at(
                &signed(&json!({"alg": "ES256", "kid": "ed"}), &claims(), with_ed),
                500
            )
            .is_err()
        );
        let unknown = signed(&json!({"alg": "EdDSA", "kid": "new"}), &claims(), with_ed);
        assert_eq!(at(&unknown, 500), Err(Refused::UnknownKey));
        let critical = signed(
            &json!({"alg": "EdDSA", "kid": "ed", "crit": ["b64"]}),
            &claims(),
            with_ed,
        );
        assert!(at(&critical, 500).is_err());

        // Claims: each wrong in turn.
        for (name, value) in [
            ("iss", json!("https://other")),
            ("iss", Value::Null),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("exp", Value::Null),
            ("exp", json!("1000")),
            ("nbf", json!(600)),
            ("nbf", json!("soon")),
            ("role", json!("owner")),
            ("role", Value::Null),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            let token = signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims, with_ed);
            assert!(at(&token, 500).is_err(), "{name}: {value}");
        }
        let mut boss = claims();
        boss["role"] = json!(["read", "admin"]);
        let token = signed(&json!({"alg": "EdDSA", "kid": "ed"}), &boss, with_ed);
        assert_eq!(at(&token, 500).unwrap().role, Role::Admin);

        // A changed claim under the old signature.
        let parts: Vec<&str> = token.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], encode(&claims()), parts[2]);
        assert!(at(&forged, 500).is_err());
        for garbage in ["", ".", "..", "a.b.c", "....", &"x".repeat(LONGEST + 1)] {
            assert!(at(garbage, 500).is_err());
        }
    }

    #[test]
    fn the_example_of_the_standard() {
        // RFC 7515, A.2: a token by RS256, of the issuer joe, for no audience.
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT\
                 -SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQ\
                 OS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj\
                 8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                     c19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_\
                     lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvk\
                     SjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2\
                     w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let set = json!({"keys": [{"kty": "RSA", "n": n, "e": "AQAB"}]});
        let keys = keys(set.to_string().as_bytes()).unwrap();
        let joe = Expected {
            issuer: "joe".to_owned(),
            ..expected()
        };
        // The signature and the issuer are right; what comes next is not there.
        assert_eq!(
            verify(token, &keys, &joe, 0),
            Err(Refused::Wrong("the token is for another audience"))
        );
        let forged = token.replace("cC4h", "cC4i");
        assert_eq!(
            verify(&forged, &keys, &joe, 0),
            Err(Refused::Wrong("the token's signature is not right"))
        );
    }
}
