//! Settings of librdkafka that nobody may give, wherever they are written: those that make the client do more than read
//! and write a topic.
//!
//! Who may write a settings file, or one variable of the environment, is not always who may run programs as this user.
//! So what loads code, runs a command or names a file to be written is refused by its name, before librdkafka sees it:
//! some of it is done as soon as it is set.

/// What a setting's name is, or begins with.
enum Name {
    Is(&'static str),
    Begins(&'static str),
}

use Name::{Begins, Is};

/// Names, what they would do, and what to write instead. Read from librdkafka's own list (`CONFIGURATION.md` and the
/// hidden entries of `rdkafka_conf.c`), version 2.12.
const REFUSED: [(Name, &str, &str); 10] = [
    (
        Is("plugin.library.paths"),
        "it loads a library and runs its code",
        "leave it out; nothing here needs a plugin",
    ),
    (
        Begins("sasl.kerberos."),
        "it becomes part of a shell command that is run",
        "log in with sasl.mechanism=SCRAM-SHA-512 or PLAIN, or with a client certificate",
    ),
    (
        Begins("ssl.engine."),
        "it loads a library and runs its code",
        "give key and certificate with ssl.key.location and ssl.certificate.location",
    ),
    (
        Begins("ssl_engine"),
        "it is an address in memory",
        "give key and certificate with ssl.key.location and ssl.certificate.location",
    ),
    (
        Is("ssl.providers"),
        "it loads a library and runs its code",
        "leave it out; what the built-in provider cannot read, convert with openssl",
    ),
    (
        Begins("ssl.keylog."),
        "it names a file that the keys of connections are written to",
        "leave it out",
    ),
    (
        Begins("offset.store."),
        "it names a file that is written",
        "leave it out; offsets are kept with the commit",
    ),
    (
        Is("debug"),
        "it writes what is sent and received to the log, records too",
        "use --log debug",
    ),
    (
        Begins("test."),
        "it replaces the brokers by one inside the process",
        "use standings demo",
    ),
    (Begins("ut_"), "it is an address in memory", "leave it out"),
];

/// A setting that is not taken. Its value, which may be a secret, is nowhere in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Kafka setting `{name}` is not taken: {why}; {instead}")]
pub struct NotTaken {
    name: String,
    why: &'static str,
    instead: &'static str,
}

/// Refuses a setting by its name, with the reason and what to do instead; of its value nothing is said.
pub fn allowed(name: &str) -> Result<(), NotTaken> {
    let name = name.trim();
    let plain = name.to_ascii_lowercase();
    let is_meant = |refused: &Name| match refused {
        Is(whole) => plain == *whole,
        Begins(start) => plain.starts_with(start),
    };
    match REFUSED.iter().find(|(refused, _, _)| is_meant(refused)) {
        Some((_, why, instead)) => Err(NotTaken {
            name: name.to_owned(),
            why,
            instead,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn what_loads_code_runs_a_command_or_writes_a_file_is_refused() {
        for name in [
            "plugin.library.paths",
            "PLUGIN.library.paths ",
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.principal",
            "sasl.kerberos.keytab",
            "sasl.kerberos.service.name",
            "ssl.engine.location",
            "ssl.engine.id",
            "ssl_engine_callback_data",
            "ssl.providers",
            "ssl.keylog.file",
            "offset.store.path",
            "offset.store.method",
            "debug",
            "test.mock.num.brokers",
            "ut_handle_ProduceResponse",
        ] {
            let said = allowed(name).unwrap_err().to_string();
            assert!(said.contains(name.trim()) && said.contains("; "), "{said}");
        }
    }

    #[test]
    fn what_connects_and_tunes_is_taken() {
        for name in [
            "security.protocol",
            "sasl.mechanism",
            "sasl.username",
            "sasl.password",
            "sasl.oauthbearer.config",
            "ssl.ca.location",
            "ssl.key.location",
            "ssl.certificate.pem",
            "fetch.min.bytes",
            "client.id",
            "log_level",
        ] {
            assert_eq!(allowed(name), Ok(()), "{name}");
        }
    }
}
