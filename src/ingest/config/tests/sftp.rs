//! Folders of servers, as they are right and as they are wrong.

use super::*;

const KEY: &str = "ssh-key-file = \"k\"";

fn of_path(path: &str, more: &str) -> Result<Sftp, String> {
    let text = format!(
        "to = \"kafka://k:1\"\n[sources.a]\ntype = \"files\"\npath = \"{path}\"\ntopic = \"t\"\n{more}\n"
    );
    let config = of(&text)?;
    let Kind::Files(files) = &config.sources[0].kind else {
        panic!("{config:?}");
    };
    match &files.place {
        Where::Sftp(sftp) => Ok((**sftp).clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_path_says_who_asks_whom_for_which_folder() {
    let cases = [
        ("sftp://ana@h/in", "h", 22, "/in", None),
        ("sftp://ana@h:2022/in/", "h", 2022, "/in", None),
        ("sftp://ana@h/", "h", 22, "/", None),
        ("sftp://ana@[::1]:22/in", "::1", 22, "/in", None),
        ("sftp://ana@[fe80::1]/in", "fe80::1", 22, "/in", None),
        ("sftp://ana@h/~/in/b", "h", 22, "in/b", None),
        ("sftp://ana@h/~", "h", 22, "", None),
        ("sftp://ana@h/in/*.csv", "h", 22, "/in", Some("*.csv")),
        (
            "sftp://ana@h/in/**/p-?.csv",
            "h",
            22,
            "/in",
            Some("**/p-?.csv"),
        ),
        ("sftp://ana@h/~/*", "h", 22, "", Some("*")),
    ];
    for (path, host, port, folder, pattern) in cases {
        let sftp = of_path(path, KEY).unwrap();
        let found = (
            &sftp.host[..],
            sftp.port,
            &sftp.folder[..],
            sftp.pattern.as_deref(),
        );
        assert_eq!(found, (host, port, folder, pattern), "{path}");
        assert_eq!(sftp.user, "ana");
    }
    // A name with an @, as some hosters give.
    let sftp = of_path("sftp://ana@shop.example@h/in", KEY).unwrap();
    assert_eq!((&sftp.user[..], &sftp.host[..]), ("ana@shop.example", "h"));
    assert_eq!(sftp.of("x/y.csv"), "/in/x/y.csv");
    let at = |path| of_path(path, KEY).unwrap();
    assert_eq!(at("sftp://ana@h/").of("y.csv"), "/y.csv");
    assert_eq!(at("sftp://ana@h/~").of("y.csv"), "y.csv");
    assert_eq!(at("sftp://ana@[::1]:23/in").address(), "[::1]:23");
}

#[test]
fn what_is_wrong_says_so() {
    let print = format!("SHA256:{}", "a".repeat(43));
    let cases = [
        ("sftp://h/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://ana@h", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://@h/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://ana@/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://ana@h:0/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        (
            "sftp://ana@h:99999/in",
            KEY,
            "must be sftp://USER@HOST/FOLDER",
        ),
        ("sftp://ana@[::1/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://ana@h x/in", KEY, "must be sftp://USER@HOST/FOLDER"),
        ("sftp://ana:hush@h/in", KEY, "password-file"),
        ("sftp://ana@h/in/../etc", KEY, "leads through"),
        ("sftp://ana@h/in//x", KEY, "leads through"),
        ("sftp://ana@h/in", "", "needs a proof"),
        (
            "sftp://ana@h/in",
            "password = \"hush\"",
            "stands nowhere in a file",
        ),
        (
            "sftp://ana@h/in",
            "ssh-key-file = \"k\"\npassword-file = \"p\"",
            "two proofs",
        ),
        (
            "sftp://ana@h/in",
            "password-file = \"p\"\npassphrase-file = \"q\"",
            "unlocks the key",
        ),
        (
            "sftp://ana@h/in",
            "ssh-key-file = \"k\"\nhost-key = \"MD5:00\"",
            "SHA256:",
        ),
        ("/in", "host-key = \"x\"", "stands only beside"),
        ("s3://b/in", "password-file = \"x\"", "stands only beside"),
    ];
    for (path, more, says) in cases {
        let said = of_path(path, more).unwrap_err();
        assert!(said.contains(says), "{path} {more}: {said}");
        assert!(!said.contains("hush"), "{said}");
    }
    let two = format!("{KEY}\nhost-key = [\"{print}\", \"{print}\"]\nknown-hosts = \"hosts\"");
    let sftp = of_path("sftp://ana@h/in", &two).unwrap();
    assert_eq!(sftp.host_keys.len(), 2);
    assert_eq!(sftp.known_hosts.as_deref(), Some(Path::new("dir/hosts")));
}

#[test]
fn who_the_server_is_and_who_asks_are_told_and_are_not_of_the_cursor() {
    let of = |more: &str| {
        let text = format!(
            "to = \"kafka://k:1\"\n[sources.a]\ntype = \"files\"\npath = \"sftp://ana@h/in\"\ntopic = \"t\"\n{more}\n"
        );
        super::of(&text).unwrap().sources.remove(0)
    };
    let (unknown, known) = (
        of(KEY),
        of("password-file = \"p\"\nknown-hosts = \"hosts\""),
    );
    assert_eq!(unknown.about().fingerprint(), known.about().fingerprint());
    let words = unknown.words();
    assert!(
        words.contains("of the server h:22, which is refused until `host-key` or `known-hosts` says who it is, as ana by a key"),
        "{words}"
    );
    assert!(
        known
            .words()
            .contains("known by dir/hosts, as ana by a password")
    );
}
