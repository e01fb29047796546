//! Against what Apache CXF with WSS4J answered (`tests/fixtures/soap`, captured), and a service with a script of faults.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::feed::{Feed, Polled};
use crate::pages::paging::Paging;

/// Of the captured requests.
const PASSWORD: &str = "segredo";

const TEMPLATE: &str =
    "<q:list xmlns:q=\"urn:sales\"><cursor>{cursor}</cursor><limit>2</limit></q:list>";

fn captured(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/soap");
    let path = PathBuf::from(folder).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Answers one after the other, and notes what it was asked.
struct Script {
    answers: VecDeque<Result<Answer, Trouble>>,
    asked: Vec<Request>,
    dice: u8,
}

impl Post for Script {
    fn target(&mut self) -> Result<Target, Trouble> {
        Ok(Target {
            url: "https://h.example/sales?a=1&b=2".to_owned(),
            action: "urn:sales/List".to_owned(),
        })
    }

    fn post(&mut self, request: &Request) -> Result<Answer, Trouble> {
        self.asked.push(request.clone());
        self.answers.pop_front().expect("an answer")
    }

    fn password(&mut self) -> Result<String, Trouble> {
        Ok(PASSWORD.to_owned())
    }

    fn random(&mut self) -> Result<[u8; 16], Trouble> {
        self.dice += 1;
        Ok([self.dice; 16])
    }
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Result<Answer, Trouble> {
    Ok(Answer {
        status,
        content_type: Some("text/xml; charset=UTF-8".to_owned()),
        body: body.into(),
        ..Answer::default()
    })
}

fn settings(template: &str, version: Version) -> Settings {
    Settings {
        template: Template::parse(template.as_bytes(), Some(version)).unwrap(),
        rows: Path::parse("$.page.sale[*]").unwrap(),
        cursor: Some(Path::parse("$.page.next_cursor").unwrap()),
        lists: BTreeSet::new(),
        user: Some(("ana <&".to_owned(), Token::Digest)),
        lives: Some(Duration::from_secs(300)),
        addressing: true,
    }
}

fn feed_of(version: Version, answers: Vec<Result<Answer, Trouble>>) -> SoapFeed<Script> {
    let pages = pages::Settings {
        paging: Paging::Follow,
        times: None,
        id: Vec::new(),
        start: String::new(),
        every: Duration::from_secs(30),
        rate: None,
    };
    let script = Script {
        answers: answers.into(),
        asked: Vec::new(),
        dice: 0,
    };
    let mut feed = feed(
        script,
        (settings(TEMPLATE, version), pages),
        Shape::default(),
        Clock::by_hand(),
    );
    feed.open(&Value::Null, &BTreeMap::new()).unwrap();
    feed
}

/// All rows; a fault that another attempt may heal is one that has been noted, and the page is asked for again.
fn all(feed: &mut SoapFeed<Script>, faults: &mut Vec<String>) -> Vec<String> {
    let (mut rows, mut cursor) = (Vec::new(), Value::Null);
    loop {
        match feed.poll() {
            Ok(Polled::Batch(batch)) => {
                assert!(batch.letters.is_empty(), "{:?}", batch.letters);
                cursor = batch.cursor;
                let values = batch.records.into_iter().map(|r| r.value);
                rows.extend(values.map(|value| String::from_utf8(value).unwrap()));
            }
            Ok(Polled::Ended(_)) => return rows,
            Ok(Polled::Idle(_)) => panic!("it waits"),
            Err(Trouble::Later { why, .. }) => {
                faults.push(why);
                feed.open(&cursor, &BTreeMap::new()).unwrap();
            }
            Err(Trouble::Broken(why)) => panic!("{why}"),
        }
    }
}

#[test]
fn the_captured_pages_of_both_versions() {
    for (version, name) in [(Version::V11, "soap11"), (Version::V12, "soap12")] {
        let pages = (0..5).map(|n| answer(200, captured(&format!("{name}-page{n}.response.xml"))));
        let mut feed = feed_of(version, pages.collect());
        let mut faults = Vec::new();
        let rows = all(&mut feed, &mut faults);
        assert!(
            faults.len() == 1 && faults[0].contains("database is busy"),
            "{faults:?}"
        );
        let ids: Vec<String> = rows
            .iter()
            .map(|row| {
                let row: Value = serde_json::from_str(row).unwrap();
                row["sale_id"].as_str().unwrap().to_owned()
            })
            .collect();
        let want: Vec<String> = (0..7).map(|n| format!("soap-{n}")).collect();
        assert_eq!(ids, want, "{name}");
        assert_eq!(
            rows[1],
            "{\"sale_id\":\"soap-1\",\"event_time\":\"2026-01-23T10:15:01.5Z\",\"city\":\"São <Paulo> & Co\",\"salesman_id\":\"S1\",\
             \"salesman_name\":\"Ana\",\"amount\":\"11.50\"}"
        );
        let asked = &feed.endpoint.post.asked;
        let kind = &asked[0].headers[0].1;
        match version {
            Version::V11 => assert_eq!(
                (kind.as_str(), asked[0].headers[1].1.as_str()),
                ("text/xml; charset=utf-8", "\"urn:sales/List\"")
            ),
            Version::V12 => assert_eq!(
                kind,
                "application/soap+xml; charset=utf-8; action=\"urn:sales/List\""
            ),
        }
        assert!(!asked[0].body.contains("cursor"), "{}", asked[0].body);
        assert!(
            asked[1].body.contains("<cursor>2</cursor><limit>2</limit>"),
            "{}",
            asked[1].body
        );
    }
}

/// Our envelope and the captured one have the same elements in the same order; what differs is what is new each time.
#[test]
fn an_envelope_is_the_captured_one_but_for_what_is_new() {
    for (version, name) in [
        (Version::V11, "soap11-page1"),
        (Version::V12, "soap12-page1"),
    ] {
        let mut service = feed_of(version, Vec::new()).endpoint;
        let page = Filling {
            cursor: "2",
            ..Filling::default()
        };
        let target = service.target().unwrap();
        let made = service.envelope(page, &target, PASSWORD).unwrap();
        let theirs = String::from_utf8(captured(&format!("{name}.request.xml"))).unwrap();
        fn names(element: &Element, out: &mut Vec<String>) {
            let attributes: BTreeSet<String> = element
                .attributes
                .iter()
                .map(|(n, v)| format!("{}{}={v}", n.space, n.local))
                .collect();
            out.push(format!(
                "{}{} {attributes:?}",
                element.name.space, element.name.local
            ));
            element.children().for_each(|child| names(child, out));
        }
        let of = |text: &str| {
            let mut all = Vec::new();
            names(&read(text, &Bounds::default()).unwrap(), &mut all);
            all
        };
        assert_eq!(of(&made), of(&theirs));
        assert!(
            made.contains("<wsse:Username>ana &lt;&amp;</wsse:Username>"),
            "{made}"
        );
        assert!(
            made.contains("https://h.example/sales?a=1&amp;b=2"),
            "{made}"
        );
        assert!(!made.contains(PASSWORD));
    }
}

#[test]
fn the_captured_refusals_break_it_and_show_no_secret() {
    for name in ["bad-password", "old", "nonce-replayed", "no-security"] {
        let mut feed = feed_of(
            Version::V11,
            vec![answer(
                500,
                captured(&format!("soap11-{name}.response.xml")),
            )],
        );
        let said = feed.poll().unwrap_err();
        assert!(
            matches!(&said, Trouble::Broken(why) if why.contains("SecurityError") && why.contains("clock")),
            "{name}: {said:?}"
        );
    }
    let old = answer(500, captured("soap11-old.response.xml")).map(|a| Answer {
        date: Some("Thu, 01 Jan 1970 03:00:00 GMT".to_owned()),
        ..a
    });
    let mut feed = feed_of(Version::V11, vec![old]);
    let said = feed.poll().unwrap_err();
    assert!(
        said.why().contains("behind that of the service"),
        "{said:?}"
    );
}

fn soap11(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn fault11(code: &str) -> String {
    soap11(&format!("<s:Fault><faultcode>{code}</faultcode><faultstring>why {PASSWORD}x \u{9b}1m</faultstring></s:Fault>").replace(&format!("{PASSWORD}x"), "not"))
}

fn fault12(code: &str, sub: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault><s:Code><s:Value>s:{code}</s:Value>\
         <s:Subcode><s:Value xmlns:a=\"http://www.w3.org/2005/08/addressing\">{sub}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en\">why</s:Text></s:Reason>\
         <s:Detail><a:RetryAfter xmlns:a=\"http://www.w3.org/2005/08/addressing\">7000</a:RetryAfter></s:Detail></s:Fault></s:Body></s:Envelope>"
    )
}

#[test]
fn faults_and_whose_they_are() {
    let seconds = |n| Some(Duration::from_secs(n));
    for (status, body, is_later, after, word) in [
        (500, fault11("s:Server"), true, None, "Server: why not"),
        (
            500,
            fault11("s:Server.Timeout"),
            true,
            None,
            "Server.Timeout",
        ),
        (500, fault11("Server"), true, None, "Server"),
        (200, fault11("s:Server"), true, None, "Server"),
        (500, fault11("s:Client"), false, None, "Client: why not"),
        (
            500,
            fault11("s:Client.Authentication"),
            false,
            None,
            "clock",
        ),
        (
            500,
            fault11("s:MustUnderstand"),
            false,
            None,
            "MustUnderstand",
        ),
        (
            500,
            fault11("s:VersionMismatch"),
            false,
            None,
            "VersionMismatch",
        ),
        (500, fault11("x:Other"), false, None, "Other"),
        (
            500,
            fault12("Receiver", "a:EndpointUnavailable"),
            true,
            seconds(7),
            "Receiver / EndpointUnavailable: why",
        ),
        (
            400,
            fault12("Sender", "n:SecurityError"),
            false,
            None,
            "clock",
        ),
        (
            500,
            fault12("DataEncodingUnknown", "n:x"),
            false,
            None,
            "DataEncodingUnknown",
        ),
        (
            500,
            "<html>busy</html>".to_owned(),
            true,
            None,
            "answered 500",
        ),
        (503, String::new(), true, None, "answered 503"),
        (404, "no such thing".to_owned(), false, None, "answered 404"),
        (401, String::new(), false, None, "credentials"),
        (200, "<html/>".to_owned(), false, None, "no envelope"),
        (
            200,
            soap11("<listResponse/>").replace("s:Body", "s:Bodies"),
            false,
            None,
            "no body",
        ),
        (
            200,
            "<!DOCTYPE x><x/>".to_owned(),
            false,
            None,
            "document type",
        ),
        (
            200,
            soap11("<x:EncryptedData xmlns:x='http://www.w3.org/2001/04/xmlenc#'/>"),
            false,
            None,
            "encrypted",
        ),
    ] {
        let said = feed_of(Version::V11, vec![answer(status, body.clone())])
            .poll()
            .unwrap_err();
        assert!(
            said.why().contains(word) && !said.why().contains('\u{9b}'),
            "{body}\n{said:?}"
        );
        match said {
            Trouble::Later { after: found, .. } => {
                assert!(is_later && found == after, "{body} {found:?}")
            }
            Trouble::Broken(why) => assert!(!is_later, "{body} {why}"),
        }
    }
    let parts = answer(200, "x").map(|a| Answer {
        content_type: Some("Multipart/Related; type=\"application/xop+xml\"".to_owned()),
        ..a
    });
    let said = feed_of(Version::V11, vec![parts]).poll().unwrap_err();
    assert!(
        matches!(&said, Trouble::Broken(why) if why.contains("MTOM")),
        "{said:?}"
    );
    let secret = fault11("s:Client").replace("why", PASSWORD);
    let said = feed_of(Version::V11, vec![answer(500, secret)])
        .poll()
        .unwrap_err();
    assert!(!said.why().contains(PASSWORD), "{said:?}");
}

#[test]
fn each_attempt_has_an_envelope_of_its_own() {
    let page = captured("soap11-page4.response.xml");
    let mut feed = feed_of(
        Version::V11,
        vec![
            answer(500, fault11("s:Server")),
            answer(500, fault11("s:Server")),
            answer(200, page),
        ],
    );
    for _ in 0..2 {
        assert!(matches!(feed.poll(), Err(Trouble::Later { .. })));
        feed.clock.sleep(Duration::from_secs(400));
        feed.open(&Value::Null, &BTreeMap::new()).unwrap();
    }
    feed.poll().unwrap();
    let mut seen = BTreeSet::new();
    for request in &feed.endpoint.post.asked {
        let of = |tag: &str| {
            let root = read(&request.body, &Bounds::default()).unwrap();
            Path::parse(&format!("//{tag}"))
                .unwrap()
                .find(&root)
                .iter()
                .map(|found| match found {
                    Found::Element(e) => e.text(),
                    Found::Attribute(a) => (*a).to_owned(),
                })
                .collect::<Vec<_>>()
        };
        for text in [of("Nonce"), of("MessageID"), of("Password")] {
            assert!(seen.insert(text.concat()), "{request:?}");
        }
        // Both moments are those of the attempt.
        let created = of("Created");
        assert!(
            created.len() == 2 && created[0] == created[1] && seen.insert(created[0].clone()),
            "{created:?}"
        );
    }
}

#[test]
fn rows_that_cannot_be_read_are_letters_and_those_beside_them_rows() {
    let page = soap11(
        "<r><page><sale><id>1</id></sale><sale><id>&#0;2</id></sale><sale/><sale xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='1'/>\
         <sale>5</sale><sale><id>6</id></sale></page></r>",
    );
    let mut feed = feed_of(Version::V11, vec![answer(200, page)]);
    let Polled::Batch(batch) = feed.poll().unwrap() else {
        panic!("no batch")
    };
    let rows: Vec<&str> = batch
        .records
        .iter()
        .map(|r| std::str::from_utf8(&r.value).unwrap())
        .collect();
    assert_eq!(rows, [r#"{"id":"1"}"#, r#"{"id":"6"}"#]);
    let letters: Vec<(&str, &str)> = batch
        .letters
        .iter()
        .map(|l| (std::str::from_utf8(&l.record).unwrap(), l.detail.as_str()))
        .collect();
    assert_eq!(letters[0].0, "<sale><id>&#0;2</id></sale>");
    assert!(letters[0].1.contains("XML does not know"), "{letters:?}");
    let paths = batch.letters.iter().map(|l| l.path.as_deref());
    let paths: Vec<&str> = paths.map(Option::unwrap_or_default).collect();
    let want = [1, 2, 3, 4].map(|n| format!("$.page.sale[{n}]"));
    assert_eq!(paths, want);
    assert_eq!(letters[1], ("<sale/>", "it has no columns"));
    assert_eq!(letters.len(), 4, "{letters:?}");
    // A cursor that cannot be read is not taken for none.
    let page = soap11("<r><page><next_cursor>&x;</next_cursor></page></r>");
    let said = feed_of(Version::V11, vec![answer(200, page)])
        .poll()
        .unwrap_err();
    assert!(said.why().contains("`cursor`"), "{said:?}");
}

#[test]
fn templates_as_they_are_right_and_wrong() {
    let of = |text: &str| Template::parse(text.as_bytes(), None);
    let space = Version::V12.space();
    let places = [("cursor", "a<&{limit}"), ("limit", "5"), ("username", "u")];
    for (text, want) in [
        (
            format!(
                "<s:Envelope xmlns:s='{space}'><s:Body><c>{{cursor}}</c><l>{{limit}}</l>{{x y}}</s:Body></s:Envelope>"
            ),
            "<H/><s:Body><c>a&lt;&amp;{limit}</c><l>5</l>{x y}</s:Body>",
        ),
        (
            format!(
                "<?xml version='1.0'?>\n<s:Envelope xmlns:s='{space}'><s:Header/><s:Body/></s:Envelope>"
            ),
            "<s:Header><H/></s:Header><s:Body/>",
        ),
        (
            format!(
                "<s:Envelope xmlns:s='{space}'><s:Header><own>{{username}}</own></s:Header><s:Body/></s:Envelope>"
            ),
            "<s:Header><own>u</own><H/></s:Header><s:Body/>",
        ),
    ] {
        let template = of(&text).unwrap();
        assert_eq!(template.version, Version::V12);
        let made = template.filled(&places, "<H/>");
        let plain = made.replace(
            &format!("<h:Header xmlns:h=\"{space}\"><H/></h:Header>"),
            "<H/>",
        );
        assert!(plain.contains(want), "{made}");
        assert!(read(&made, &Bounds::default()).is_ok(), "{made}");
    }
    // Without a cursor its element is left out, unless somebody says that it stays.
    let template = of(
        "<l><c>{cursor}</c><d><!-- stays -->{cursor}</d><e a='1'>{cursor}</e><f>x{cursor}</f></l>",
    )
    .unwrap();
    let made = template.filled(&[("cursor", "")], "");
    assert!(
        made.contains("<l><d><!-- stays --></d><e a='1'></e><f>x</f></l>"),
        "{made}"
    );
    assert!(!made.contains("Header"), "{made}");
    // Whatever a cursor is, it ends no comment.
    for cursor in ["a-->b", "--", "-", "2026-01-23"] {
        let template = of("<l><!--{cursor}--><c>{cursor}</c></l>").unwrap();
        let made = template.filled(&[("cursor", cursor)], "");
        let root = read(&made, &Bounds::default()).unwrap_or_else(|e| panic!("{e}: {made}"));
        assert_eq!(Path::parse("//c").unwrap().find(&root).len(), 1, "{made}");
        assert_eq!(
            made.contains(&format!("<c>{cursor}</c>")),
            cursor.len() > 5,
            "{made}"
        );
    }
    for (text, word) in [
        ("<a>", "no XML"),
        ("<a>{coursor}</a>", "known are cursor"),
        ("<?x{cursor}?><a/>", "processing instruction"),
        (
            "<a>&x{cursor}y;</a>",
            "a reference to what XML does not know",
        ),
        ("<a><![CDATA[{cursor}]]></a>", "CDATA"),
        ("<!DOCTYPE a><a/>", "document type"),
        ("<Envelope/>", "none of SOAP"),
        (
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'/>",
            "no Body",
        ),
        (
            "<a><d:Signature xmlns:d='http://www.w3.org/2000/09/xmldsig#'/></a>",
            "X.509 signature",
        ),
        (
            "<a><d:Sequence xmlns:d='http://docs.oasis-open.org/ws-rx/wsrm/200702'/></a>",
            "WS-ReliableMessaging",
        ),
        (
            "<a><d:Include xmlns:d='http://www.w3.org/2004/08/xop/include'/></a>",
            "MTOM",
        ),
        (
            "<a><d:EncryptedData xmlns:d='http://www.w3.org/2001/04/xmlenc#'/></a>",
            "encryption",
        ),
    ] {
        let said = of(text).unwrap_err();
        assert!(said.contains(word), "{text}: {said}");
    }
    let said = Template::parse(
        format!("<s:Envelope xmlns:s='{space}'><s:Body/></s:Envelope>").as_bytes(),
        Some(Version::V11),
    );
    assert!(said.unwrap_err().contains("of SOAP 1.2"));
}

#[test]
fn answers_in_other_encodings() {
    let text = soap11("<r><page><sale><city>São</city></sale></page></r>");
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin: Vec<u8> = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{text}")
        .chars()
        .map(|c| c as u8)
        .collect();
    for (body, header) in [
        (utf16, "text/xml"),
        (latin.clone(), "text/xml"),
        (latin, "text/xml; charset=ISO-8859-1"),
        (text.clone().into_bytes(), "application/soap+xml"),
    ] {
        let answer = Answer {
            status: 200,
            content_type: Some(header.to_owned()),
            body,
            ..Answer::default()
        };
        assert_eq!(
            all(
                &mut feed_of(Version::V11, vec![Ok(answer.clone()), Ok(answer)]),
                &mut Vec::new()
            ),
            ["{\"city\":\"São\"}"],
            "{header}"
        );
    }
}

#[test]
fn an_error_without_a_fault_is_no_end() {
    let asked = |body: &str| feed_of(Version::V11, vec![answer(200, soap11(body))]).poll();
    for body in [
        "<error>session expired</error>",
        "<listResponse><page/><Errors><e code='7'/></Errors></listResponse>",
    ] {
        let said = asked(body).unwrap_err();
        assert!(
            matches!(&said, Trouble::Later { why, .. } if why.contains("no rows") && !why.contains("session")),
            "{said:?}"
        );
    }
    for body in [
        "<listResponse><page/><errors/></listResponse>",
        "<listResponse><page/><error xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/></listResponse>",
    ] {
        assert!(matches!(asked(body), Ok(Polled::Ended(_))), "{body}");
    }
}
