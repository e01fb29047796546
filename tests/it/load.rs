//! Generated load is deterministic, and every record of it is what its flags say.

use crate::support::{Bed, run};

#[test]
fn the_same_seed_gives_the_same_sales() {
    let bed = Bed::new("load").file("a.ndjson").changes_file();
    let bed = bed.keep("--dead-letter", "dead");
    let at = |name: &str| bed.path(name).display().to_string();
    let make = |seed: &str, out: &str| {
        let shares = [
            "--late-share",
            "0.01",
            "--refund-share",
            "0.05",
            "--broken-share",
            "0.02",
        ];
        let args = [
            "load",
            "generate",
            "--sales",
            "4000",
            "--salesmen",
            "500",
            "--seed",
            seed,
            "--out",
            out,
        ];
        run(&[&args[..], &shares[..]].concat());
    };
    make("5", &at("a.ndjson"));
    make("5", &at("b.ndjson.zst"));
    make("6", &at("c.ndjson"));
    let a = std::fs::read_to_string(at("a.ndjson")).unwrap();
    let b = zstd::decode_all(std::fs::File::open(at("b.ndjson.zst")).unwrap()).unwrap();
    assert_eq!(a.as_bytes(), b);
    assert_ne!(a, std::fs::read_to_string(at("c.ndjson")).unwrap());
    assert_eq!(a.lines().count(), 4000);
    assert!(a.contains("\"amount\":-") && a.contains("\"sale_id\":\"broken\""));

    bed.to_end(&[]);
    assert_eq!(
        bed.read("dead").lines().count(),
        a.matches("\"broken\"").count()
    );
    assert!(!bed.folded().is_empty());
}
