//! Held against published vectors, and against what others would try.

use super::*;

/// A line of a file.
fn line(id: &str, hashes: &str, tokens: &str) -> String {
    format!("{id} {hashes:0<64} {tokens:0<128}\n")
}

fn masked(keys: &Keys, how: Method, value: &[u8]) -> String {
    let mut out = Vec::new();
    keys.mask(how, value, &mut out);
    String::from_utf8(out).unwrap()
}

/// RFC 4231, test case 2: a key that is shorter than the block, filled with zeros, is the same key.
#[test]
fn a_hash_is_hmac_sha_256() {
    let jefe = "4a656665";
    let keys = Keys::parse(&line("00000001", jefe, "")).unwrap();
    assert_eq!(
        masked(&keys, Method::Hash, b"what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

/// Held against another implementation: Python's `cryptography`, `AESSIV(bytes(range(64))).encrypt(b"ana@example.com", [])`.
#[test]
fn a_token_is_aes_siv_with_the_id_in_front() {
    let key: String = (0..64).map(|n| format!("{n:02x}")).collect();
    let keys = Keys::parse(&line("00c0ffee", "", &key)).unwrap();
    let token = masked(&keys, Method::Tokenize, b"ana@example.com");
    assert_eq!(token, TOKEN);
    assert_eq!(keys.unmask(&token).unwrap(), b"ana@example.com");
}
const TOKEN: &str = "00c0ffee.C9PVPq2ZvPVQNugzavtvZCsICrMWVzgm9z1MWPQNRg";

#[test]
fn tokens_of_older_keys_are_read_and_those_of_the_first_made() {
    let (old, new) = (line("aaaaaaaa", "01", "02"), line("bbbbbbbb", "03", "04"));
    let before = Keys::parse(&old).unwrap();
    let both = Keys::parse(&format!("# of June\n{new}\n{old}")).unwrap();
    let token = masked(&before, Method::Tokenize, "São".as_bytes());
    assert_eq!(both.unmask(&token).unwrap(), "São".as_bytes());
    assert!(masked(&both, Method::Tokenize, b"x").starts_with("bbbbbbbb."));
    assert_eq!(both.ids().collect::<Vec<_>>(), ["bbbbbbbb", "aaaaaaaa"]);
    let new_token = masked(&both, Method::Tokenize, b"x");
    let refused = before.unmask(&new_token).unwrap_err();
    assert_eq!(refused, TokenError::OtherKey("bbbbbbbb".to_owned()));
}

#[test]
fn values_of_every_length_come_back_and_no_other_token_does() {
    let keys = Keys::parse(&line("aaaaaaaa", "01", "02")).unwrap();
    for length in [0, 1, 15, 16, 17, 1000, 100_000] {
        let value: Vec<u8> = (0..length).map(|n| (n * 7 % 256) as u8).collect();
        let token = masked(&keys, Method::Tokenize, &value);
        assert_eq!(keys.unmask(&token).unwrap(), value, "{length}");
        let shorter = &token[..token.len() - 2];
        assert!(keys.unmask(shorter).is_err(), "{length}");
    }
    let token = masked(&keys, Method::Tokenize, b"secret");
    let at = token.len() - 3;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
    assert_eq!(keys.unmask(&forged), Err(TokenError::Forged));
    for no in [
        "",
        "x",
        "aaaaaaaa",
        "AAAAAAAA.x",
        "aaaaaaaa.=",
        "aaaaaaa.AAAA",
        "aaaaaaaa.\u{e9}",
    ] {
        assert_eq!(keys.unmask(no), Err(TokenError::Form), "{no}");
    }
    assert_eq!(keys.unmask("aaaaaaaa."), Err(TokenError::Forged));
    assert_eq!(masked(&keys, Method::Redact, b"secret"), REDACTED);
}

#[test]
fn what_is_no_key_is_not_shown() {
    let fine = line("aaaaaaaa", "01", "02");
    for (text, error) in [
        ("", KeyError::Empty),
        ("# nothing\n\n", KeyError::Empty),
        ("hunter2", KeyError::Line(1)),
        (&format!("{fine}hunter2 hunter2 hunter2"), KeyError::Line(2)),
        (&fine.replace("aaaaaaaa", "aaaaaaag"), KeyError::Line(1)),
        (&fine.replace("aaaaaaaa", "AAAAAAAA"), KeyError::Line(1)),
        (&format!("{} x", fine.trim()), KeyError::Line(1)),
        (&fine[..fine.len() - 3], KeyError::Line(1)),
        (&format!("{fine}{fine}"), KeyError::Twice(2)),
    ] {
        let found = Keys::parse(text).unwrap_err();
        assert_eq!(found, error);
        assert!(!found.to_string().contains("hunter2"));
    }
    let keys = Keys::parse(&fine).unwrap();
    assert_eq!(format!("{keys:?}"), r#"["aaaaaaaa"]"#);
}
