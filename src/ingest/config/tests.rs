//! The file, as it is right and as it is wrong.

use std::path::Path;
use std::time::Duration;

use super::*;

fn of(text: &str) -> Result<Config, String> {
    read(Path::new("dir/ingest.toml"), text, None).map_err(|e| e.to_string())
}

const CONTRACT: &str = r#"
to = "kafka://localhost:9092"

[sources.inbox]
type = "files"
path = "/var/inbox"
format = "csv"
settle = "2s"
after = "move"
topic = "drops"
key = ["id"]

[sources.inbox.options]
"csv.field-delimiter" = ";"
csv.null-literal = "NULL"

[sources.inbox.types]
id = "BIGINT"

[sources.partner]
type = "rest"
url = "https://api.example/v2/orders?since={cursor}"
rows = "$.orders[*]"
cursor = "$.next"
every = "30s"
rate = "5/s"
topic = "orders"
key = ["id"]

[sources.hub]
type = "webhook"
signature = "github"
secret-file = "hub.secret"
topic = "events"
"#;

#[test]
fn the_example_of_the_contract() {
    let config = of(CONTRACT).unwrap();
    assert_eq!(config.brokers, "localhost:9092");
    let [inbox, partner, hub] = &config.sources[..] else {
        panic!("{config:?}");
    };
    let Kind::Files(files) = &inbox.kind else {
        panic!("{inbox:?}");
    };
    assert_eq!(
        (&inbox.topic[..], &inbox.dead_letter[..]),
        ("drops", "drops-dead-letter")
    );
    assert_eq!(files.settings.settle, Duration::from_secs(2));
    assert_eq!(files.after, After::Move);
    assert_eq!(files.table.columns.len(), 1);
    let standings_model::table::format::Encoding::Csv(csv) = &files.table.format.encoding else {
        panic!("{:?}", files.table.format);
    };
    assert_eq!(
        (csv.delimiter, csv.null.as_deref()),
        (Some(b';'), Some("NULL"))
    );
    let Kind::Rest(rest) = &partner.kind else {
        panic!("{partner:?}");
    };
    assert_eq!(rest.every, Duration::from_secs(30));
    let Kind::Webhook(webhook) = &hub.kind else {
        panic!("{hub:?}");
    };
    assert_eq!(webhook.path, "/ingest/hub");
    assert_eq!(webhook.id.as_deref(), Some("X-GitHub-Delivery"));
    assert_eq!(webhook.secrets, [SecretAt::File("dir/hub.secret".into())]);
    for source in &config.sources {
        assert!(source.words().contains(&source.topic), "{}", source.words());
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    let files = |more: &str| {
        format!(
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"files\"\npath = \"/in\"\ntopic = \"t\"\n{more}\n"
        )
    };
    for (text, said) in [
        (
            files("setle = \"2s\""),
            "ingest.toml:6: [sources.a] `setle` is not known; did you mean `settle`?",
        ),
        (files("after = \"mov\""), "did you mean `move`?"),
        (
            files("settle = 2"),
            "`settle` is an integer; a text is wanted",
        ),
        (files("settle = \"2\""), "`2` is not a duration"),
        (files("key = [1]"), "a list of texts is wanted"),
        (
            files("format = \"xml\""),
            "allowed are csv, json, parquet, avro",
        ),
        (
            files("format = \"csv\"\n[sources.a.options]\n\"csv.field-delimter\" = \";\""),
            "csv.field-delimiter",
        ),
        (files("[sources.a.options]\nheader = false"), "`csv.header`"),
        (files("partitions = 0"), "from 1 to 100000"),
        (files("topic2 = \"x\""), "did you mean `topic`?"),
        ("to = \"kafka://k:1\"\n".to_owned(), "there is no source"),
        (
            "[sources.a]\ntype = \"files\"\n".to_owned(),
            "`to` is missing",
        ),
        (
            "to = \"kafka://u:secret@k:1\"\n[sources.a]\n".to_owned(),
            "no place in a kafka:// URL",
        ),
        (
            "to = \"kafka://k:1\"\n[source.a]\n".to_owned(),
            "did you mean `sources`?",
        ),
        (
            "to = \"kafka://k:1\"\n[sources.\"a b\"]\ntype = \"files\"\n".to_owned(),
            "no name of a source",
        ),
        (
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"mysql-cdc\"\ntopic = \"t\"\n".to_owned(),
            "`url` is missing",
        ),
        (
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"file\"\n".to_owned(),
            "did you mean `files`?",
        ),
        (
            "to = \"kafka://k:1\"\n[sources.a\n".to_owned(),
            "ingest.toml:2",
        ),
    ] {
        let found = of(&text).unwrap_err();
        assert!(found.contains(said), "{found}\n  not: {said}");
    }
}

#[test]
fn no_secret_stands_in_the_file() {
    let hook = |more: &str| {
        format!("to = \"kafka://k:1\"\n[sources.a]\ntype = \"webhook\"\ntopic = \"t\"\n{more}\n")
    };
    let literal = of(&hook("signature = \"github\"\nsecret = \"canary\"")).unwrap_err();
    assert!(
        literal.contains("is a secret") && !literal.contains("canary"),
        "{literal}"
    );
    let env = of(&hook(
        "signature = \"stripe\"\nsecret = \"${ENV:STANDINGS_SECRET_HOOK}\"",
    ))
    .unwrap();
    let Kind::Webhook(webhook) = &env.sources[0].kind else {
        panic!();
    };
    assert_eq!(
        webhook.secrets,
        [SecretAt::Env("STANDINGS_SECRET_HOOK".to_owned())]
    );
    assert!(
        of(&hook("signature = \"github\""))
            .unwrap_err()
            .contains("needs a secret")
    );
    assert!(
        of(&hook("secret-file = \"x\""))
            .unwrap_err()
            .contains("without `signature`")
    );
    assert!(of(&hook("signature = \"github\"\nsecret = \"${ENV:HOME}\"")).is_err());
    let rest = |url: &str| {
        format!(
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"rest\"\ntopic = \"t\"\nurl = \"{url}\"\n"
        )
    };
    let user = of(&rest("https://u:canary@h/x")).unwrap_err();
    assert!(
        user.contains("password") && !user.contains("canary"),
        "{user}"
    );
    let query = of(&rest("https://h/x?api_key=canary&since={cursor}")).unwrap();
    let about = query.sources[0].about();
    assert!(
        !format!("{:?}", about.configuration).contains("canary"),
        "{about:?}"
    );
}

#[test]
fn the_line_says_where_to_and_the_topic_of_those_that_name_none() {
    let text = "[sources.a]\ntype = \"files\"\npath = \"in/*.csv\"\n";
    let config = read(Path::new("dir/x.toml"), text, Some("kafka://h:1,i:2/shop")).unwrap();
    assert_eq!(
        (&config.brokers[..], &config.sources[0].topic[..]),
        ("h:1,i:2", "shop")
    );
    let Kind::Files(files) = &config.sources[0].kind else {
        panic!();
    };
    let want = Where::Folder {
        root: "dir/in".into(),
        pattern: Some("*.csv".to_owned()),
    };
    assert_eq!(files.place, want);
    for wrong in [
        "localhost:9092",
        "kafka://",
        "kafka://h:1/a/b",
        "postgres://h/x",
    ] {
        assert!(
            read(Path::new("x.toml"), text, Some(wrong)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn what_a_cursor_depends_on_is_in_its_fingerprint() {
    let of = |more: &str, path: &str| {
        let text = format!(
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"files\"\npath = \"{path}\"\ntopic = \"t\"\n{more}\n"
        );
        of(&text).unwrap().sources[0].about().fingerprint()
    };
    assert_eq!(
        of("", "/in"),
        of("settle = \"5s\"\nafter = \"keep\"\npartitions = 3", "/in")
    );
    assert_ne!(of("", "/in"), of("", "/out"));
    assert_ne!(of("", "/in"), of("format = \"csv\"", "/in"));
}

mod apis;
mod sftp;
mod soap;
