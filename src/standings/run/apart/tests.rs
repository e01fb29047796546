//! What is refused as one place, and what is not.

use super::*;

fn refused(apart: &Apart, words: &[&str]) {
    let said = apart.check().expect_err("the same place twice").to_string();
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

fn lines(path: PathBuf) -> SinkUrl {
    let offsets = false;
    SinkUrl::File { path, offsets }
}

#[test]
fn objects_are_read_once_and_apart_from_snapshots() {
    let source = |all: &[&str]| {
        let urls = all.iter().map(|url| url.parse().expect("a source"));
        let urls: Vec<SourceUrl> = urls.collect();
        let all = urls.iter();
        all.fold(Apart::default(), |all, url| all.source("--source", url))
    };
    let two = ["s3://b/x/a.csv", "s3://b/x/b.csv"];
    assert!(source(&two).check().is_ok());
    refused(
        &source(&["s3://b/x/a.csv", "s3a://b/x/a.csv"]),
        &["the object s3://b/x/a.csv", "counted twice"],
    );
    let state: StateUrl = "s3://b/x".parse().expect("a store");
    assert!(source(&two).state(Some(&state)).check().is_ok());
    refused(
        &source(&["s3://b/x/a.csv", "s3://b/x/manifests/1.json"]).state(Some(&state)),
        &["--state s3://b/x", "which is for snapshots"],
    );
    let other: StateUrl = "s3://c".parse().expect("a store");
    let in_other = source(&["s3://b/manifests/1.json"]);
    assert!(in_other.state(Some(&other)).check().is_ok());
}

#[test]
fn a_file_is_the_same_by_any_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("sales"), "{}\n").expect("a file");
    std::fs::hard_link(at("sales"), at("hard")).expect("a link");
    std::os::unix::fs::symlink(at("sales"), at("soft")).expect("a link");
    std::os::unix::fs::symlink(dir.path(), at("folder")).expect("a link");
    std::os::unix::fs::symlink("none", at("dangling")).expect("a link");
    let source = || Apart::default().source("--source", &SourceUrl::File(at("sales").into()));
    for name in ["sales", "./sales", "hard", "soft", "folder/sales"] {
        let sink = lines(at(name));
        refused(
            &source().output("--late", Some(&sink)),
            &["--source file:", "--late file:", name, "written over"],
        );
    }
    let other = |name| lines(at(name));
    let two = Apart::default().sink("--sink", &other("none"));
    refused(
        &two.output("--late", Some(&other("dangling"))),
        &["--sink", "--late", "dangling", "two outputs"],
    );
    let null = lines("/dev/null".into());
    let many = source()
        .output("--late", Some(&null))
        .output("--dead-letter", Some(&null))
        .sink("--sink", &other("changes"));
    assert!(many.check().is_ok());
    let twice = source().source("--source", &SourceUrl::File(at("hard").into()));
    refused(&twice, &["counted twice"]);
}

#[test]
fn a_file_may_lie_beside_snapshots_and_not_among_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let state = StateUrl::File(dir.path().to_owned());
    let with = |name: &str| {
        let late = lines(dir.path().join(name));
        let apart = Apart::default().state(Some(&state));
        apart.output("--late", Some(&late)).check()
    };
    assert!(with("late.ndjson").is_ok());
    assert!(with("parts/late.ndjson").is_err());
    assert!(with(".").is_err());
}

#[test]
fn topics_and_tables() {
    let topic = |text: &str| text.parse::<SinkUrl>().expect("a URL");
    let source: SourceUrl = "kafka://a:1,localhost:2/sales".parse().expect("a URL");
    let with = |sink: &str| {
        let apart = Apart::default().source("--source", &source);
        apart.sink("--sink", &topic(sink)).check()
    };
    assert!(with("kafka://127.0.0.1:2/sales").is_err());
    assert!(with("kafka://B:1,A:1/sales").is_err());
    assert!(with("kafka://a:1/changes").is_ok());
    assert!(with("kafka://elsewhere:1/sales").is_ok());
    let pair = |one: &str, other: &str| {
        let apart = Apart::default().sink("--sink", &topic(one));
        apart.output("--late", Some(&topic(other))).check()
    };
    assert!(pair("kafka://a:1/changes", "kafka://a:1/changes-progress").is_err());
    assert!(pair("kafka://a:1/changes", "kafka://a:1/late").is_ok());
    let sinks = |one: &str, other: &str| {
        let apart = Apart::default().sink("--sink", &topic(one));
        apart.sink("--sink", &topic(other)).check()
    };
    assert!(sinks("postgres://u:x@h/d", "postgresql://u:y@h:5432/d").is_err());
    assert!(sinks("postgres://u@h/d", "postgres://u@h/e").is_ok());
    let other = "postgres://u@h/d?options=-csearch_path%3Ds2";
    assert!(sinks("postgres://u@h/d", other).is_ok());
}
