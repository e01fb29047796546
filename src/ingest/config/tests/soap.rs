//! Services of SOAP, as they are right and as they are wrong.

use std::time::Duration;

use super::{Config, Kind, of};
use crate::config::{SecretAt, Soap, WsdlAt};
use crate::pages::paging::Paging;
use crate::soap::Version;
use crate::soap::security::Token;

/// The keys of the contract.
const USUAL: &str =
    "wsdl = \"a.wsdl\"\noperation = \"list\"\nenvelope = \"list.xml\"\nrows = \"$.page.sale[*]\"\n";

fn service(more: &str) -> Result<Config, String> {
    of(&format!(
        "to = \"kafka://k:1\"\n[sources.a]\ntype = \"soap\"\ntopic = \"t\"\nkey = [\"ID\"]\n{more}\n"
    ))
}

fn soap(more: &str) -> Soap {
    match service(more).unwrap().sources.remove(0).kind {
        Kind::Soap(soap) => *soap,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_service_is_asked_by() {
    let usual = soap(&format!(
        "{USUAL}cursor = \"//next\"\nversion = \"1.2\"\nusername = \"ana\"\npassword-file = \"pw\"\nevery = \"1m\""
    ));
    assert_eq!(usual.wsdl, Some(WsdlAt::File("dir/a.wsdl".into())));
    assert_eq!(
        (usual.version, &usual.paging),
        (Some(Version::V12), &Paging::Follow)
    );
    let password = SecretAt::File("dir/pw".into());
    assert_eq!(
        usual.user,
        Some(("ana".to_owned(), password, Token::Digest))
    );
    assert_eq!(
        (usual.lives, usual.addressing),
        (Some(Duration::from_secs(300)), true)
    );
    let counted = soap(
        "wsdl = \"https://h/x?wsdl\"\noperation = \"o\"\nenvelope = \"e\"\nrows = \"a/b\"\npaging = \"page\"\npage-size = 5\ntime = \"at\"\n\
         timestamp = \"off\"\naddressing = \"off\"\nusername = \"u\"\npassword = \"${ENV:STANDINGS_SECRET_P}\"\npassword-type = \"text\"\n\
         lists = [\"line\"]\ntls-cert = \"c\"\ntls-key = \"k\"\ntls-ca = \"/a\"\n[sources.a.names]\nid = \"ID\"",
    );
    assert_eq!(
        counted.wsdl,
        Some(WsdlAt::Url("https://h/x?wsdl".to_owned()))
    );
    assert_eq!(counted.paging, Paging::Page { first: 1, size: 5 });
    assert_eq!((counted.lives, counted.addressing), (None, false));
    assert!(matches!(
        counted.user,
        Some((_, SecretAt::Env(_), Token::Text))
    ));
    // By the name that the service has.
    assert_eq!(counted.id, ["id"]);
    let words = service(&format!(
        "{USUAL}username = \"ana\"\npassword-file = \"pw\""
    ))
    .unwrap();
    let words = words.sources[0].words();
    assert!(
        words.contains("list as a.wsdl says") && words.contains("a digest"),
        "{words}"
    );
}

/// What is wrong beside the usual, and a part of what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("rows = \"$.a\"\nenvelope = \"e\"", "`wsdl` is missing"),
    (
        "wsdl = \"a\"\nrows = \"$.a\"\nenvelope = \"e\"",
        "needs `operation`",
    ),
    (
        "wsdl = \"a\"\noperation = \"o\"\nrows = \"$.a\"",
        "needs `envelope`",
    ),
    (
        "wsdl = \"a\"\noperation = \"o\"\nenvelope = \"e\"",
        "`rows` is missing",
    ),
    (
        "url = \"https://h/x\"\nrows = \"$.a.@b\"\nenvelope = \"e\"",
        "leads to an attribute",
    ),
    (
        "url = \"https://h/x\"\nrows = \"a[1]\"\nenvelope = \"e\"",
        "a path is such as",
    ),
    (
        "url = \"ftp://h/x\"\nrows = \"a\"\nenvelope = \"e\"",
        "must be https://HOST/PATH",
    ),
    (
        "url = \"https://u:canary@h/x\"\nrows = \"a\"\nenvelope = \"e\"",
        "a user or a password",
    ),
    (
        "wsdl = \"https://u:canary@h/x\"\noperation = \"o\"\nrows = \"a\"\nenvelope = \"e\"",
        "a user or a password",
    ),
    ("USUALaction = \"a\\nb\"", "without quotes"),
    ("USUALversion = \"1.3\"", "allowed are 1.1, 1.2"),
    ("USUALpaging = \"cursor\"", "`cursor` is missing"),
    (
        "USUALpaging = \"page\"\ncursor = \"a\"",
        "belongs to paging",
    ),
    ("USUALpage-size = 5", "belongs to paging"),
    ("USUALfirst-page = 5", "belongs to paging"),
    ("USUALfirst-cursor = \"0\"", "belongs to `cursor`"),
    ("USUALid = [\"a\"]", "a row comes once"),
    ("USUALusername = \"a\"", "needs `password-file`"),
    ("USUALpassword-file = \"a\"", "needs `username`"),
    (
        "USUALusername = \"a\"\npassword = \"canary\"",
        "is a secret",
    ),
    ("USUALpassword-type = \"text\"", "belongs to `username`"),
    ("USUALtimestamp = \"soon\"", "from 1s to 1d"),
    ("USUALtls-cert = \"a\"", "needs `tls-key`"),
    ("USUALtls-key = \"a\"", "needs `tls-cert`"),
    ("USUALsignature = \"a\"", "X.509 signatures are not done"),
    (
        "USUALreliable-messaging = true",
        "WS-ReliableMessaging is not done",
    ),
    ("USUALmtom = true", "MTOM is not done"),
    ("USUALovelap = \"5m\"", "did you mean `overlap`?"),
];

#[test]
fn what_is_wrong_with_a_service() {
    for (more, said) in WRONG {
        let found = service(&more.replace("USUAL", USUAL)).unwrap_err();
        assert!(
            found.contains(said) && !found.contains("canary"),
            "{more}\n{found}\n  not: {said}"
        );
    }
}
