//! APIs and masks, as they are right and as they are wrong.

use standings_model::mask::Method;

use super::{Config, Kind, of};
use crate::config::{Auth, Rest, SecretAt};
use crate::pages::paging::Paging;
use crate::rest::Next;
use crate::rest::body::Form;

fn api(more: &str) -> Result<Config, String> {
    of(&format!(
        "to = \"kafka://k:1\"\n[sources.a]\ntype = \"rest\"\ntopic = \"t\"\nkey = [\"ID\", \"c.n\"]\n{more}\n"
    ))
}

fn rest(more: &str) -> Rest {
    match api(more).unwrap().sources.remove(0).kind {
        Kind::Rest(rest) => *rest,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_times_and_who_asks() {
    let by_page = rest(
        "url = \"https://h/x?p={page}&n={limit}&t={since}\"\npaging = \"page\"\nfirst-page = 0\npage-size = 50\ntime = \"at\"\n\
         time-format = \"seconds\"\noverlap = \"10m\"\nstart = \"2026-01-01\"\nformat = \"csv\"\ndelimiter = \"\\\\t\"\n\
         user = \"ana\"\npassword-file = \"pw\"\n[sources.a.names]\nid = \"ID\"\ncustomer = \"c\"",
    );
    assert_eq!(by_page.paging, Paging::Page { first: 0, size: 50 });
    let times = by_page.times.unwrap();
    assert_eq!(
        (times.column.as_str(), times.start),
        ("at", 1_767_225_600_000)
    );
    // By the names that the endpoint has.
    assert_eq!(by_page.id, ["id", "customer.n"]);
    assert_eq!(by_page.form, Form::Csv('\t'));
    let basic = Auth::Basic {
        user: "ana".to_owned(),
        password: SecretAt::File("dir/pw".into()),
    };
    assert_eq!(by_page.auth, basic);
    let key = rest(
        "url = \"https://h/x\"\napi-key = \"${ENV:STANDINGS_SECRET_K}\"\npaging = \"link\"\nformat = \"ndjson\"",
    );
    assert_eq!((&key.next, &key.form), (&Next::Link, &Form::Lines));
    assert!(matches!(&key.auth, Auth::Key { header, .. } if header == "X-Api-Key"));
    let oauth = rest(
        "url = \"https://h/x\"\noauth-url = \"https://l/token\"\noauth-client = \"c\"\noauth-secret-file = \"s\"\noauth-credentials = \"form\"",
    );
    assert!(matches!(&oauth.auth, Auth::OAuth { in_form: true, .. }));
    assert!(
        oauth.words().contains("tokens of https://l"),
        "{}",
        oauth.words()
    );
}

/// What is wrong, and a part of what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("url = \"ftp://h/x\"", "must be https://HOST/PATH"),
    ("url = \"https://{cursor}.h/x\"", "a place in its host"),
    ("url = \"https://h/x\"\npaging = \"page\"", "has no {page}"),
    (
        "url = \"https://h/x?{page}\"\npaging = \"offset\"",
        "has no {offset}",
    ),
    (
        "url = \"https://h/x\"\npaging = \"cursor\"",
        "`cursor` is missing",
    ),
    (
        "url = \"https://h/x\"\npaging = \"pages\"",
        "did you mean `page`?",
    ),
    (
        "url = \"https://h/x\"\ncursor = \"$.n\"\npaging = \"link\"",
        "belongs to paging = \"cursor\"",
    ),
    (
        "url = \"https://h/x\"\nformat = \"csv\"\ncursor = \"$.n\"",
        "is a path in JSON",
    ),
    (
        "url = \"https://h/x\"\nformat = \"ndjson\"\nrows = \"$\"",
        "each line is a row",
    ),
    (
        "url = \"https://h/x\"\ndelimiter = \";\"",
        "belongs to format",
    ),
    (
        "url = \"https://h/x\"\nformat = \"csv\"\ndelimiter = \";;\"",
        "one character",
    ),
    ("url = \"https://h/x\"\ntime = \"at\"", "has no {since}"),
    ("url = \"https://h/x?{since}\"", "no `time`"),
    (
        "url = \"https://h/x?{since}\"\ntime = \"at\"\nstart = \"yesterday\"",
        "must be a date",
    ),
    (
        "url = \"https://h/x\"\noverlap = \"1m\"",
        "belongs to `time`",
    ),
    ("url = \"https://h/x\"\nid = [\"a\"]", "a row comes once"),
    ("url = \"https://h/x\"\npage-size = 5", "belongs to paging"),
    (
        "url = \"https://h/x\"\ntoken-file = \"a\"\nuser = \"b\"",
        "two credentials",
    ),
    ("url = \"https://h/x\"\ntoken = \"canary\"", "is a secret"),
    (
        "url = \"https://h/x\"\nuser = \"b\"",
        "needs `password-file`",
    ),
    (
        "url = \"https://h/x\"\napi-key-file = \"b\"\napi-key-header = \"Cookie\"",
        "the endpoint's own",
    ),
    (
        "url = \"https://h/x\"\noauth-url = \"http://l/t\"\noauth-client = \"c\"\noauth-secret-file = \"s\"",
        "must be https://",
    ),
    (
        "url = \"https://h/x\"\noauth-client = \"c\"",
        "needs `oauth-url`",
    ),
    (
        "url = \"https://h/x\"\noauth-scope = \"c\"",
        "belongs to `oauth-url`",
    ),
    (
        "url = \"https://h/x\"\n[sources.a.headers]\nAuthorization = \"Bearer canary\"",
        "credentials are",
    ),
    (
        "url = \"https://h/x\"\n[sources.a.headers]\nX = \"a\\nb: c\"",
        "in ASCII",
    ),
    (
        "url = \"https://h/x?c={cursor}\"\nraw = \"kept\"\n[sources.a.mask]\nm = \"redact\"",
        "what `mask` hides",
    ),
    (
        "url = \"https://h/x?c={cursor}\"\n[sources.a.mask]\nm = \"hash\"",
        "needs a key",
    ),
    (
        "url = \"https://h/x?c={cursor}\"\n[sources.a.mask]\nm = \"md5\"",
        "allowed are redact, hash, tokenize",
    ),
];

#[test]
fn what_is_wrong_with_an_api() {
    for (more, said) in WRONG {
        let found = api(more).unwrap_err();
        assert!(
            found.contains(said) && !found.contains("canary"),
            "{more}\n{found}\n  not: {said}"
        );
    }
}

#[test]
fn masks_and_whose_key() {
    let text = "to = \"kafka://k:1\"\nmask-key = \"all.key\"\n[sources.a]\ntype = \"files\"\npath = \"/in\"\ntopic = \"t\"\n\
                [sources.a.names]\n\"e-mail\" = \"mail\"\n[sources.a.mask]\nmail = \"hash\"\ncustomer.name = \"redact\"\n\
                [sources.b]\ntype = \"files\"\npath = \"/other\"\ntopic = \"t\"\nmask-key = \"own.key\"\n[sources.b.mask]\nx = \"tokenize\"\n";
    let config = of(text).unwrap();
    let [a, b] = &config.sources[..] else {
        panic!("{config:?}")
    };
    assert_eq!(
        a.mask_key.as_deref(),
        Some(std::path::Path::new("dir/all.key"))
    );
    assert_eq!(
        b.mask_key.as_deref(),
        Some(std::path::Path::new("dir/own.key"))
    );
    let masks: Vec<_> = a.shape.masks.columns.clone().into_iter().collect();
    assert_eq!(
        masks,
        [
            ("customer.name".to_owned(), Method::Redact),
            ("mail".to_owned(), Method::Hash)
        ]
    );
    // A file must have what is masked: else it stands there under another name.
    let Kind::Files(files) = &a.kind else {
        panic!("{a:?}")
    };
    let mapped: Vec<&str> = files.settings.mapped.iter().map(String::as_str).collect();
    assert_eq!(mapped, ["customer", "e-mail"]);
    assert!(
        a.words()
            .contains("masked: customer.name by redact, mail by hash"),
        "{}",
        a.words()
    );
}
