//! Settings of librdkafka that load code, run a command or name a file to be written are refused, whichever command is
//! given them and however, before librdkafka sees them.

mod support;

use std::path::Path;
use std::process::Command;

use support::standings;

const CANARY: &str = "canary-settings-71";

/// Every command that takes librdkafka settings, in a form that is right but for them.
fn commands(dir: &Path) -> Vec<Vec<String>> {
    std::fs::write(dir.join("in.rec"), "").unwrap();
    let topic = "kafka://127.0.0.1:1/t";
    let recording = dir.join("in.rec").display().to_string();
    [
        &[
            "run",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            "stdout",
        ][..],
        &[
            "run",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            topic,
            "--lineage",
            topic,
        ],
        &[
            "verify",
            "--queries",
            "queries",
            "--source",
            topic,
            "--sink",
            topic,
        ],
        &["load", "record", "--source", topic, "--out", "/dev/null"],
        &["load", "replay", &recording, "--to", topic],
        &["dead-letter", "list", topic],
        &["dead-letter", "show", topic, "1"],
        &["dead-letter", "replay", "--from", topic, "--to", topic],
    ]
    .map(|words| words.iter().map(|w| (*w).to_owned()).collect())
    .into()
}

/// It ends with exit code 2 and says the name, why, and not the value.
fn refused(mut command: Command, name: &str) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {text}");
    let told = format!("the Kafka setting `{name}` is not taken: it ");
    assert!(text.contains(&told), "{command:?}: {text}");
    assert!(!text.contains(CANARY), "{command:?}: {text}");
}

#[test]
fn they_are_refused_by_every_command_however_they_are_given() {
    let dir = tempfile::tempdir().unwrap();
    let setting = |name: &str| format!("{name}=/{CANARY}");
    for words in commands(dir.path()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for name in ["plugin.library.paths", "sasl.kerberos.kinit.cmd", "debug"] {
            let setting = setting(name);
            let mut by_flag = standings(&words);
            by_flag.args(["--kafka-property", &setting]);
            refused(by_flag, name);
            let mut by_environment = standings(&words);
            by_environment.env("STANDINGS_KAFKA_PROPERTY", &setting);
            refused(by_environment, name);
            let file = dir.path().join("standings.toml");
            let text = format!("kafka-property = \"{setting}\"\n");
            std::fs::write(&file, text).unwrap();
            let mut by_file = standings(&words);
            by_file.arg("--config").arg(&file);
            refused(by_file, name);
            if !["run", "verify"].contains(&words[0]) {
                continue;
            }
            let properties = dir.path().join("kafka.properties");
            std::fs::write(&properties, format!("# secrets\n {setting}\n")).unwrap();
            let mut by_properties = standings(&words);
            by_properties.arg("--kafka-properties").arg(&properties);
            refused(by_properties, name);
        }
    }
}

/// A library whose code says that it ran.
#[test]
fn no_library_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let (code, library) = (dir.path().join("ran.c"), dir.path().join("ran.so"));
    let text = "#include <stdio.h>\n#include <stdlib.h>\n\
         __attribute__((constructor)) static void run(void) { fclose(fopen(getenv(\"RAN\"), \"w\")); }\n\
         int conf_init(void *c, void **o, char *e, unsigned long n) { return 0; }\n";
    std::fs::write(&code, text).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &code]);
    assert!(compiler.status().unwrap().success());
    let ran = dir.path().join("ran");
    for name in [
        "plugin.library.paths",
        "ssl.providers",
        "ssl.engine.location",
    ] {
        for topic in ["file:/dev/null", "kafka://127.0.0.1:1/t"] {
            let mut run = standings(&["check", "--", "run", "--queries", "queries"]);
            run.args(["--source", topic, "--sink", "kafka://127.0.0.1:1/changes"])
                .args(["--kafka-property", &format!("{name}={}", library.display())])
                .env("RAN", &ran);
            refused(run, name);
            assert!(!ran.exists(), "{name} loaded a library");
        }
    }
}
