//! `'properties.*'`: the settings of the Kafka client, by Java's names, as librdkafka's.
//!
//! What is not in the list is refused: nobody has said what it would do here. What loads code, runs a command or names a
//! file to be written is in it as such.

use super::given::{plain, secret};
use crate::error::{QueryError, Text};
use crate::statement::WithOption;
use crate::toml::nearest;
use standings_model::table::secret::is_secret;

/// What a setting is here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    /// librdkafka has it by the same name.
    Same,
    /// librdkafka has it by this name.
    As(&'static str),
    /// It is not taken, and this stands in its place.
    Not(&'static str),
}

use Setting::{As, Not, Same};

const CLASS: &str = "leave it out: no code is loaded by a setting";
const KERBEROS: &str = "leave it out: it becomes part of a shell command; log in with SCRAM-SHA-512, PLAIN, OAUTHBEARER or a client certificate";
const ENGINE: &str = "leave it out: it loads a library; give key and certificate as PEM or PKCS12";
const GROUP: &str = "leave it out: partitions are assigned, not shared by a group";
const OFFSETS: &str = "leave it out: where reading goes on is kept with the commit";
const WRITTEN: &str = "leave it out: it names a file that is written";
const WRITER: &str = "leave it out: it is for writing, and an input is only read";

/// Names behind `properties.`; what ends with `.` is any name that begins so.
#[rustfmt::skip]
pub(super) const SETTINGS: &[(&str, Setting)] = &[
    ("bootstrap.servers", Same),
    ("client.id", Same),
    ("client.rack", Same),
    ("client.dns.lookup", Same),
    ("group.id", Same),
    ("connections.max.idle.ms", Same),
    ("metadata.max.age.ms", Same),
    ("reconnect.backoff.ms", Same),
    ("reconnect.backoff.max.ms", Same),
    ("retry.backoff.ms", Same),
    ("retry.backoff.max.ms", Same),
    ("request.timeout.ms", As("socket.timeout.ms")),
    ("socket.connection.setup.timeout.ms", Same),
    ("receive.buffer.bytes", As("socket.receive.buffer.bytes")),
    ("send.buffer.bytes", As("socket.send.buffer.bytes")),
    ("allow.auto.create.topics", Same),
    ("fetch.min.bytes", Same),
    ("fetch.max.bytes", Same),
    ("fetch.max.wait.ms", As("fetch.wait.max.ms")),
    ("max.partition.fetch.bytes", Same),
    ("check.crcs", Same),
    ("isolation.level", Same),
    ("security.protocol", Same),
    ("sasl.mechanism", Same),
    ("sasl.mechanisms", As("sasl.mechanism")),
    ("sasl.username", Same),
    ("sasl.password", Same),
    ("sasl.jaas.config", Same),
    ("sasl.oauthbearer.token.endpoint.url", Same),
    ("sasl.oauthbearer.client.id", Same),
    ("sasl.oauthbearer.client.secret", Same),
    ("sasl.oauthbearer.scope", Same),
    ("ssl.endpoint.identification.algorithm", Same),
    ("ssl.cipher.suites", Same),
    ("ssl.ca.location", Same),
    ("ssl.ca.pem", Same),
    ("ssl.certificate.location", Same),
    ("ssl.certificate.pem", Same),
    ("ssl.key.location", Same),
    ("ssl.key.pem", Same),
    ("ssl.key.password", Same),
    ("ssl.truststore.location", As("ssl.ca.location")),
    ("ssl.truststore.certificates", As("ssl.ca.pem")),
    ("ssl.truststore.type", Same),
    ("ssl.truststore.password", Not("a PEM file, which has none: 'properties.ssl.truststore.type' = 'PEM'")),
    ("ssl.keystore.location", Same),
    ("ssl.keystore.password", Same),
    ("ssl.keystore.type", Same),
    ("ssl.keystore.certificate.chain", As("ssl.certificate.pem")),
    ("ssl.keystore.key", As("ssl.key.pem")),
    ("ssl.protocol", Not("leave it out: TLS 1.2 and 1.3 are spoken")),
    ("ssl.enabled.protocols", Not("leave it out: TLS 1.2 and 1.3 are spoken")),
    ("ssl.provider", Not(CLASS)),
    ("ssl.providers", Not(CLASS)),
    ("ssl.engine.", Not(ENGINE)),
    ("ssl_engine", Not(ENGINE)),
    ("ssl.keylog.", Not(WRITTEN)),
    ("ssl.keymanager.algorithm", Not(CLASS)),
    ("ssl.trustmanager.algorithm", Not(CLASS)),
    ("ssl.secure.random.implementation", Not(CLASS)),
    ("security.providers", Not(CLASS)),
    ("sasl.kerberos.", Not(KERBEROS)),
    ("sasl.login.callback.handler.class", Not(CLASS)),
    ("sasl.client.callback.handler.class", Not(CLASS)),
    ("sasl.login.class", Not(CLASS)),
    ("plugin.library.paths", Not(CLASS)),
    ("interceptor.classes", Not(CLASS)),
    ("metric.reporters", Not(CLASS)),
    ("key.deserializer", Not("'key.format'")),
    ("value.deserializer", Not("'format'")),
    ("partition.assignment.strategy", Not(GROUP)),
    ("group.instance.id", Not(GROUP)),
    ("group.protocol", Not(GROUP)),
    ("session.timeout.ms", Not(GROUP)),
    ("heartbeat.interval.ms", Not(GROUP)),
    ("max.poll.interval.ms", Not(GROUP)),
    ("max.poll.records", Not("leave it out: what is in flight is bounded by bytes, --max-in-flight")),
    ("auto.offset.reset", Not("'scan.startup.mode'")),
    ("enable.auto.commit", Not(OFFSETS)),
    ("auto.commit.interval.ms", Not(OFFSETS)),
    ("enable.auto.offset.store", Not(OFFSETS)),
    ("commit.offsets.on.checkpoint", Not(OFFSETS)),
    ("offset.store.", Not(WRITTEN)),
    ("partition.discovery.interval.ms", Not("leave it out: partitions that come are noticed")),
    ("metadata.broker.list", Not("'properties.bootstrap.servers'")),
    ("exclude.internal.topics", Not("leave it out: topics are named")),
    ("debug", Not("--log debug: it writes records to the log")),
    ("test.", Not("leave it out: it puts a broker into the process")),
    ("acks", Not(WRITER)),
    ("retries", Not(WRITER)),
    ("batch.size", Not(WRITER)),
    ("linger.ms", Not(WRITER)),
    ("compression.type", Not(WRITER)),
    ("enable.idempotence", Not(WRITER)),
    ("transaction.timeout.ms", Not(WRITER)),
    ("transactional.id", Not(WRITER)),
];

/// What the settings come to.
#[derive(Debug)]
pub(super) struct Found {
    /// `bootstrap.servers`.
    pub(super) servers: Option<String>,
    /// The others, by librdkafka's names; secrets by where they are.
    pub(super) settings: Vec<(String, String)>,
}

/// Translates the settings.
pub(super) fn read(text: Text<'_>, given: &[WithOption]) -> Result<Found, QueryError> {
    let mut found = Found {
        servers: None,
        settings: Vec::new(),
    };
    for option in given {
        let name = option
            .key
            .strip_prefix("properties.")
            .unwrap_or(&option.key);
        let to = setting(text, option, name)?;
        value(text, option, name)?;
        match to {
            "bootstrap.servers" => found.servers = Some(option.value.clone()),
            "ssl.truststore.type" | "ssl.keystore.type" => {}
            _ => found
                .settings
                .push((to.to_owned(), translated(name, &option.value))),
        }
    }
    stores(text, given, &mut found.settings)?;
    Ok(found)
}

/// librdkafka's name of a setting.
fn setting<'o>(
    text: Text<'_>,
    option: &'o WithOption,
    name: &'o str,
) -> Result<&'o str, QueryError> {
    let plain = name.to_ascii_lowercase();
    let is = |known: &str| plain == known || known.ends_with('.') && plain.starts_with(known);
    let is_engine = plain.starts_with("ssl_engine");
    let known = SETTINGS
        .iter()
        .find(|(known, _)| is(known) || is_engine && *known == "ssl_engine");
    match known {
        Some((_, As(other))) => Ok(other),
        Some((known, Same)) => Ok(known),
        Some((_, Not(instead))) => {
            let found = format!("'{}', which is not taken", option.key);
            Err(text.error(option.key_span, found, *instead))
        }
        None => {
            let names = SETTINGS.iter().filter(|(_, s)| !matches!(s, Not(_)));
            let near = nearest(&plain, names.map(|(name, _)| *name));
            let near =
                near.map_or_else(String::new, |n| format!("did you mean 'properties.{n}'? "));
            let allowed = format!("{near}Settings that are taken are in docs/tables.md");
            Err(text.error(
                option.key_span,
                format!("the option '{}'", option.key),
                allowed,
            ))
        }
    }
}

/// Whether it is a secret's place, and has one; whether a word is one of those that there are.
fn value(text: Text<'_>, option: &WithOption, name: &str) -> Result<(), QueryError> {
    if is_secret(name) {
        return secret(text, option);
    }
    plain(text, option)?;
    let one_of: &[&str] = match name {
        "security.protocol" => &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        "sasl.mechanism" | "sasl.mechanisms" => {
            &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
        }
        "isolation.level" => &["read_committed", "read_uncommitted"],
        "ssl.truststore.type" => &["PEM"],
        "ssl.keystore.type" => &["PEM", "PKCS12"],
        "ssl.endpoint.identification.algorithm" => &["https", "none", ""],
        _ => return Ok(()),
    };
    let is = one_of
        .iter()
        .any(|one| one.eq_ignore_ascii_case(&option.value));
    if is {
        return Ok(());
    }
    let found = format!("'{}' = '{}'", option.key, option.value);
    let list: Vec<String> = one_of
        .iter()
        .filter(|o| !o.is_empty())
        .map(|o| format!("'{o}'"))
        .collect();
    let list = list.join(", ");
    let allowed = match (name, option.value.to_ascii_uppercase().as_str()) {
        ("ssl.truststore.type", _) => {
            "'PEM': keytool -exportcert -rfc -keystore store.jks -alias NAME -file ca.pem, \
             or openssl pkcs12 -in store.p12 -nokeys -out ca.pem"
                .to_owned()
        }
        ("ssl.keystore.type", "JKS") => {
            format!(
                "{list}: keytool -importkeystore -srckeystore store.jks -destkeystore store.p12 -deststoretype PKCS12"
            )
        }
        ("sasl.mechanism" | "sasl.mechanisms", "GSSAPI") => KERBEROS.to_owned(),
        _ => format!("one of {list}"),
    };
    Err(text.error(option.value_span, found, allowed))
}

/// A value in librdkafka's words.
fn translated(name: &str, value: &str) -> String {
    match name {
        // Java: no name is checked.
        "ssl.endpoint.identification.algorithm" if value.is_empty() => "none".to_owned(),
        "security.protocol" | "isolation.level" => value.to_ascii_lowercase(),
        _ => value.to_owned(),
    }
}

/// Stores are PEM, or of keys PKCS12; Java's own form is read by Java alone, and is what Java takes where nothing is said.
fn stores(
    text: Text<'_>,
    given: &[WithOption],
    settings: &mut Vec<(String, String)>,
) -> Result<(), QueryError> {
    let of = |name: &str| given.iter().find(|o| o.key == format!("properties.{name}"));
    let is = |name: &str, kind: &str| of(name).is_some_and(|o| o.value.eq_ignore_ascii_case(kind));
    if let Some(trust) = of("ssl.truststore.location")
        && !is("ssl.truststore.type", "PEM")
        && !is_pem(&trust.value)
    {
        let allowed =
            "'properties.ssl.truststore.type' = 'PEM' beside it, and a file of certificates in PEM";
        return Err(text.error(trust.value_span, "a truststore of Java's form", allowed));
    }
    let Some(keys) = of("ssl.keystore.location") else {
        return Ok(());
    };
    if is("ssl.keystore.type", "PEM") || is_pem(&keys.value) && of("ssl.keystore.type").is_none() {
        // One file with certificates and key is read for both.
        settings.retain(|(name, _)| name != "ssl.keystore.location");
        for name in ["ssl.certificate.location", "ssl.key.location"] {
            settings.push((name.to_owned(), keys.value.clone()));
        }
        return Ok(());
    }
    let plain = keys.value.to_ascii_lowercase();
    if is("ssl.keystore.type", "PKCS12") || plain.ends_with(".p12") || plain.ends_with(".pfx") {
        return Ok(());
    }
    let allowed = "'properties.ssl.keystore.type' = 'PKCS12' or 'PEM' beside it: keytool -importkeystore -srckeystore store.jks \
                   -destkeystore store.p12 -deststoretype PKCS12";
    Err(text.error(keys.value_span, "a keystore of Java's form", allowed))
}

fn is_pem(path: &str) -> bool {
    let plain = path.to_ascii_lowercase();
    plain.ends_with(".pem") || plain.ends_with(".crt")
}
