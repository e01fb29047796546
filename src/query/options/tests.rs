//! Options: each is honoured or refused where it stands, and no secret is repeated.

use super::words::{OF_FORMAT, OF_TABLE};
use super::{FORMATS, Takes};
use crate::{QueryErrors, options_page, parse_table};
use standings_model::table::format::Encoding;
use standings_model::table::protobuf::Messages;
use standings_model::table::{Changelog, Connector, Table};

fn with(options: &str) -> Result<Table, String> {
    let sql = format!(
        "CREATE TABLE t (\n id STRING, at TIMESTAMP_LTZ(3), PRIMARY KEY (id) NOT ENFORCED\n) WITH (\n{options})"
    );
    parse_table("t.sql", &sql).map_err(|e| QueryErrors(vec![e]).render())
}

fn fine(options: &str) -> Table {
    with(options).unwrap_or_else(|shown| panic!("{options}\n{shown}"))
}

#[test]
fn what_is_no_option_is_refused_at_its_place() {
    for (options, place, words) in [
        ("'no.such.option' = 'x'", "4:1", "no.such.option"),
        (
            "'format' = 'json', 'json.ignore-parse-error' = 'true'",
            "4:20",
            "did you mean 'json.ignore-parse-errors'?",
        ),
        (
            "'format' = 'json', 'json.ignore-parse-errors' = 'true'",
            "4:49",
            "dead letter",
        ),
        ("'format' = 'josn'", "4:12", "did you mean 'json'?"),
        ("'format' = 'orc'", "4:12", "parquet"),
        ("'connector' = 'jdbc'", "4:15", "'kafka'"),
        ("'topic' = 'a'", "4:1", "'connector' = 'kafka'"),
        (
            "'connector' = 'filesystem', 'topic' = 'a'",
            "4:29",
            "'connector' = 'kafka'",
        ),
        ("'csv.header' = 'true'", "4:1", "'format' = 'csv'"),
        (
            "'format' = 'json', 'csv.header' = 'true'",
            "4:20",
            "whose format is json",
        ),
        (
            "'format' = 'csv', 'csv.header' = 'yes'",
            "4:34",
            "'true' or 'false'",
        ),
        (
            "'format' = 'csv', 'csv.field-delimiter' = 'ab'",
            "4:43",
            "one character",
        ),
        (
            "'format' = 'csv', 'csv.charset' = 'windows-1253x'",
            "4:35",
            "did you mean 'windows-1253'?",
        ),
        (
            "'format' = 'csv', 'csv.decimal-separator' = '5'",
            "4:45",
            "decimal-separator",
        ),
        ("'format' = 'json', 'format' = 'csv'", "4:20", "twice"),
        (
            "'connector' = 'kafka', 'format' = 'json', 'value.format' = 'json'",
            "4:43",
            "already",
        ),
        (
            "'connector' = 'kafka', 'scan.startup.mode' = 'group-offsets'",
            "4:46",
            "kept with the commit",
        ),
        (
            "'connector' = 'kafka', 'scan.startup.mode' = 'timestamp'",
            "4:46",
            "timestamp-millis",
        ),
        (
            "'connector' = 'kafka', 'key.format' = 'json'",
            "4:39",
            "'key.fields'",
        ),
        (
            "'connector' = 'kafka', 'key.fields' = 'id'",
            "4:39",
            "'key.format'",
        ),
        (
            "'connector' = 'kafka', 'key.format' = 'json', 'key.fields' = 'nothing'",
            "4:62",
            "`nothing`",
        ),
        (
            "'connector' = 'kafka', 'key.format' = 'raw', 'key.fields' = 'id', 'key.fields-prefix' = 'i'",
            "4:89",
            "EXCEPT_KEY",
        ),
        (
            "'connector' = 'kafka', 'topic-pattern' = 'a.*'",
            "4:24",
            "'topic' = 'a;b'",
        ),
        (
            "'connector' = 'kafka', 'properties.acks' = 'all'",
            "4:24",
            "only read",
        ),
        (
            "'connector' = 'kafka', 'properties.fetch.min.byte' = '1'",
            "4:24",
            "did you mean 'properties.fetch.min.bytes'?",
        ),
        (
            "'connector' = 'kafka', 'properties.security.protocol' = 'TLS'",
            "4:57",
            "'SASL_SSL'",
        ),
        (
            "'connector' = 'kafka', 'properties.ssl.truststore.location' = 'a.jks'",
            "4:63",
            "PEM",
        ),
        (
            "'connector' = 'kafka', 'properties.ssl.keystore.location' = 'a.jks'",
            "4:61",
            "PKCS12",
        ),
        (
            "'changelog' = 'upsert', 'delete.value' = 'x'",
            "4:42",
            "'delete.field'",
        ),
        ("'delete.field' = 'x'", "4:18", "'changelog' = 'upsert'"),
        (
            "'format' = 'debezium-json', 'changelog' = 'upsert'",
            "4:12",
            "says otherwise",
        ),
        (
            "'unit' = '${ENV:STANDINGS_SECRET_A}'",
            "4:1",
            "only what is a secret",
        ),
        (
            "'connector' = 'kafka', 'properties.client.id' = '${file:a}'",
            "4:24",
            "only what is a secret",
        ),
        ("'mask' = 'none:hash'", "4:10", "which is no column"),
    ] {
        let Err(shown) = with(options) else {
            panic!("accepted: {options}");
        };
        assert!(
            shown.contains(&format!("t.sql:{place}")),
            "{options}: wanted {place}\n{shown}"
        );
        let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "{options}: wanted {words}\n{shown}");
    }
}

#[test]
fn what_loads_code_or_writes_files_is_refused() {
    for name in [
        "plugin.library.paths",
        "ssl.engine.location",
        "ssl_engine_callback_data",
        "sasl.kerberos.kinit.cmd",
        "sasl.kerberos.service.name",
        "ssl.keylog.file",
        "ssl.providers",
        "debug",
        "interceptor.classes",
        "sasl.login.callback.handler.class",
        "offset.store.path",
        "test.mock.num.brokers",
    ] {
        let shown = with(&format!("'connector' = 'kafka', 'properties.{name}' = 'x'")).unwrap_err();
        assert!(
            shown.contains("which is not taken") && shown.contains("t.sql:4:24"),
            "{shown}"
        );
    }
}

#[test]
fn a_secret_is_never_repeated() {
    for (options, name) in [
        (
            "'connector' = 'kafka', 'properties.sasl.password' = 'hunter2'",
            "properties.sasl.password",
        ),
        (
            "'connector' = 'kafka', 'properties.sasl.password' = 'hunter2${ENV:STANDINGS_SECRET_A}'",
            "sasl.password",
        ),
        (
            "'connector' = 'kafka', 'properties.sasl.password' = '${ENV:HOME}'",
            "sasl.password",
        ),
        (
            "'connector' = 'kafka', 'properties.sasl.jaas.config' = 'x password=\"hunter2\";'",
            "sasl.jaas.config",
        ),
        (
            "'connector' = 'kafka', 'properties.ssl.keystore.key' = 'hunter2'",
            "ssl.keystore.key",
        ),
        (
            "'format' = 'avro-confluent', 'avro-confluent.basic-auth.user-info' = 'me:hunter2'",
            "user-info",
        ),
        (
            "'format' = 'avro-confluent', 'avro-confluent.bearer-auth.token' = 'hunter2'",
            "bearer-auth.token",
        ),
        (
            "'format' = 'avro-confluent', 'avro-confluent.url' = 'https://me:hunter2@host'",
            "avro-confluent.url",
        ),
        // Not of this table, and not even well formed; shown beside what is wrong.
        ("'json.some.token' = 'hunter2', 'no.such.option' = 'x'", ""),
        ("'a.secret' = 'hunter2' 'b'", ""),
        ("'a.password' = 'hunter2", ""),
    ] {
        let shown = with(options).unwrap_err();
        assert!(shown.contains(name), "{options}\n{shown}");
        assert!(!shown.contains("hunter2"), "{options}\n{shown}");
    }
    fine(
        "'format' = 'avro-confluent', 'avro-confluent.url' = 'https://${ENV:STANDINGS_SECRET_R}@host:8081'",
    );
    fine("'connector' = 'kafka', 'properties.sasl.jaas.config' = '${file:kafka/jaas}'");
}

#[test]
fn formats_are_found_by_all_of_their_names() {
    let protobuf = fine(
        "'format' = 'proto-registry', 'protobuf-confluent.url' = 'http://localhost:8081', 'protobuf-confluent.message-name' = 'shop.Order'",
    );
    let Encoding::Protobuf(of) = &protobuf.format.encoding else {
        panic!("{:?}", protobuf.format);
    };
    let message = Some("shop.Order".to_owned());
    assert_eq!(of.messages, Messages::Registered { message });
    assert!(protobuf.format.registry.is_some_and(|r| r.is_asked()));
    let avro = fine("'format' = 'avro'").format;
    assert_eq!((avro.encoding, avro.registry), (Encoding::Avro, None));
    let json = fine("'format' = 'json-registry'").format;
    assert!(matches!(json.encoding, Encoding::Json(_)) && !json.is_json());
    assert!(json.registry.is_some_and(|r| !r.is_asked()));
    let avro = fine(
        "'format' = 'avro-registry', 'avro-confluent.schema-registry.url' = 'http://localhost:8081'",
    );
    assert_eq!(avro.format.encoding, Encoding::Avro);
    let url = avro.format.registry.and_then(|r| r.url);
    assert_eq!(url.as_deref(), Some("http://localhost:8081"));
    for (format, changelog) in [
        ("debezium-json", Changelog::Debezium),
        ("maxwell-json", Changelog::Maxwell),
        ("canal-json", Changelog::Canal),
    ] {
        assert_eq!(fine(&format!("'format' = '{format}'")).changelog, changelog);
    }
    let upsert =
        fine("'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'");
    assert_eq!(upsert.changelog, Changelog::Upsert);
    assert_eq!(
        fine("'changelog' = 'upsert', 'delete.field' = 'gone'").changelog,
        Changelog::Upsert
    );
}

#[test]
fn words_of_java_are_those_of_the_client() {
    let table = fine(
        "'connector' = 'kafka', 'properties.ssl.keystore.location' = 'k.pem', 'properties.ssl.truststore.location' = 'ca.pem',
         'properties.security.protocol' = 'SASL_SSL', 'properties.request.timeout.ms' = '9',
         'properties.ssl.endpoint.identification.algorithm' = ''",
    );
    let Some(Connector::Kafka { properties, .. }) = table.connector else {
        panic!("no Kafka");
    };
    let mut have: Vec<String> = properties.iter().map(|(n, v)| format!("{n}={v}")).collect();
    have.sort();
    assert_eq!(
        have,
        [
            "security.protocol=sasl_ssl",
            "socket.timeout.ms=9",
            "ssl.ca.location=ca.pem",
            "ssl.certificate.location=k.pem",
            "ssl.endpoint.identification.algorithm=none",
            "ssl.key.location=k.pem",
        ]
    );
}

#[test]
fn the_list_names_no_option_twice_and_only_formats_that_there_are() {
    for (n, word) in OF_TABLE.iter().enumerate() {
        assert!(
            OF_TABLE[..n].iter().all(|other| other.name != word.name),
            "{}",
            word.name
        );
    }
    for (n, word) in OF_FORMAT.iter().enumerate() {
        for format in word.of {
            assert!(FORMATS.contains(format), "{format}");
            let twice = OF_FORMAT[..n]
                .iter()
                .any(|o| o.name == word.name && o.of.contains(format));
            assert!(!twice, "{format}.{}", word.name);
        }
        let one_of = matches!(word.takes, Takes::OneOf([]));
        assert!(!one_of && !word.of.is_empty(), "{}", word.name);
    }
}

/// The page has the lists as they are; `STANDINGS_UPDATE_DOCS=1` writes them into it.
#[test]
fn the_page_has_every_option() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- options -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of options -->").unwrap();
    let wanted = format!(
        "{before}<!-- options -->\n{}<!-- end of options -->{after}",
        options_page()
    );
    if std::env::var_os("STANDINGS_UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
        return;
    }
    assert!(
        page == wanted,
        "docs/tables.md is not what the lists say; STANDINGS_UPDATE_DOCS=1 writes it"
    );
}

#[test]
fn a_registry_is_asked_over_tls_by_one_login() {
    let avro = |more: &str| format!("'format' = 'avro-confluent', {more}");
    for (more, says) in [
        (
            "'avro-confluent.subject' = 's'",
            "'avro-confluent' without its schemas",
        ),
        (
            "'avro-confluent.url' = 'http://registry:8081'",
            "without TLS",
        ),
        (
            "'avro-confluent.url' = 'http://localhost.example:8081'",
            "without TLS",
        ),
        (
            "'avro-confluent.url' = 'http://127.0.0.1@registry:8081'",
            "with a secret",
        ),
        (
            "'avro-confluent.url' = 'https://r', 'avro-confluent.schemas-folder' = 's'",
            "one of them",
        ),
        (
            "'avro-confluent.schemas-folder' = 's', 'avro-confluent.bearer-auth.token' = '${ENV:STANDINGS_SECRET_T}'",
            "without a registry",
        ),
        (
            "'avro-confluent.url' = 'https://r', 'avro-confluent.basic-auth.credentials-source' = 'USER_INFO'",
            "'avro-confluent.basic-auth.user-info' beside it",
        ),
        (
            "'avro-confluent.url' = 'https://r', 'avro-confluent.basic-auth.credentials-source' = 'SASL_INHERIT'",
            "USER_INFO",
        ),
        (
            "'avro-confluent.url' = 'https://${ENV:STANDINGS_SECRET_U}@r', 'avro-confluent.bearer-auth.token' = '${ENV:STANDINGS_SECRET_T}'",
            "two logins",
        ),
        (
            "'avro-confluent.url' = 'https://r', 'avro-confluent.ssl.truststore.location' = 'a/trust.JKS'",
            "keytool",
        ),
        (
            "'avro-confluent.url' = 'https://r', 'avro-confluent.properties.x' = 'y'",
            "options of their own",
        ),
    ] {
        let shown = with(&avro(more)).unwrap_err();
        assert!(shown.contains(says), "{more}\n{shown}");
    }
    for more in [
        "'avro-confluent.url' = 'http://[::1]:8081'",
        "'avro-confluent.url' = 'http://LOCALHOST'",
        "'avro-confluent.schemas-folder' = 's'",
        "'avro-confluent.url' = 'https://r', 'avro-confluent.basic-auth.credentials-source' = 'USER_INFO',
         'avro-confluent.basic-auth.user-info' = '${file:registry}', 'avro-confluent.subject' = 's'",
    ] {
        fine(&avro(more));
    }
}

#[test]
fn masks_are_of_texts_that_are_read() {
    use standings_model::mask::Method::{Hash, Redact, Tokenize};
    let of = |columns: &str, options: &str| {
        let sql = format!("CREATE TABLE t (\n{columns}\n) WITH ('format' = 'json', {options})");
        parse_table("t.sql", &sql).map_err(|e| QueryErrors(vec![e]).render())
    };
    let columns = "id STRING, mail STRING, who ROW<name STRING, age INT>, n BIGINT, tags ARRAY<STRING>, \
        up AS UPPER(mail), `a:b` STRING, PRIMARY KEY (id) NOT ENFORCED";
    let table = of(columns, "'mask' = 'who.name:Tokenize; id:hash;mail; a:b'").unwrap();
    let masks = table.masking.columns.iter();
    let named: Vec<_> = masks
        .map(|(number, how)| (table.columns[*number].name.as_str(), *how))
        .collect();
    assert_eq!(
        named,
        [
            ("id", Hash),
            ("mail", Redact),
            ("a:b", Redact),
            ("who.name", Tokenize)
        ]
    );
    for (mask, words) in [
        ("mail:md5", "one of redact, hash, tokenize"),
        ("mial:hash", "did you mean `mail`?"),
        ("n:hash", "a STRING"),
        ("tags", "a STRING"),
        ("who", "which is not read from a field"),
        ("up:hash", "what is computed of it is masked with it"),
        ("id", "all keys would be one"),
        ("mail;mail:hash", "each column once"),
    ] {
        let shown = of(columns, &format!("'mask' = '{mask}'")).unwrap_err();
        assert!(shown.contains(words), "{mask}: wanted {words}\n{shown}");
    }
    let beside = "id STRING, k BYTES METADATA FROM 'key'";
    let shown = of(
        beside,
        "'connector' = 'kafka', 'topic' = 'a', 'mask' = 'id:hash'",
    )
    .unwrap_err();
    assert!(shown.contains("may stand in them"), "{shown}");
    let deleted = "id STRING, gone STRING, PRIMARY KEY (id) NOT ENFORCED";
    let options = "'changelog' = 'upsert', 'delete.field' = 'gone', 'mask' = 'gone'";
    let shown = of(deleted, options).unwrap_err();
    assert!(shown.contains("whether a row is gone"), "{shown}");
}
