//! An endpoint with a script of faults.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::batch::Batch;
use crate::bucket::{Bucket, Rate};
use crate::feed::{Feed, Polled};
use crate::pages::paging::Paging;
use crate::pages::times::{Times, Written};

/// Answers one after the other, and notes what it was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Answer, Trouble>>,
    asked: Vec<String>,
    /// The tokens that were shown.
    shown: Vec<String>,
    /// Those that are given out, and what was sent for each.
    tokens: VecDeque<Result<Answer, Trouble>>,
    forms: Vec<String>,
}

impl Fetch for Script {
    fn get(&mut self, url: &str, token: Option<&str>) -> Result<Answer, Trouble> {
        self.asked.push(url.to_owned());
        self.shown.extend(token.map(str::to_owned));
        self.answers.pop_front().expect("an answer")
    }

    fn token(&mut self, form: &str) -> Result<Answer, Trouble> {
        self.forms.push(form.to_owned());
        self.tokens.pop_front().expect("a token")
    }
}

fn ok(body: &str) -> Result<Answer, Trouble> {
    Ok(Answer {
        status: 200,
        body: body.as_bytes().to_vec(),
        ..Answer::default()
    })
}

fn status(status: u16, retry_after: Option<&str>) -> Result<Answer, Trouble> {
    Ok(Answer {
        status,
        retry_after: retry_after.map(str::to_owned),
        ..Answer::default()
    })
}

fn feed(url: &str, answers: Vec<Result<Answer, Trouble>>) -> RestFeed<Script> {
    let settings = Settings {
        url: url.to_owned(),
        form: Form::Json(Path::parse("$.orders[*]").unwrap()),
        next: Next::Cursor(Path::parse("$.next").unwrap()),
        oauth: None,
    };
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
        ..Script::default()
    };
    let mut feed = super::feed(
        script,
        (settings, pages),
        Shape::default(),
        Clock::by_hand(),
    );
    feed.open(&Value::Null, &BTreeMap::new()).unwrap();
    feed
}

fn values(polled: Polled) -> Vec<String> {
    match polled {
        Polled::Batch(batch) => batch
            .records
            .into_iter()
            .map(|r| String::from_utf8(r.value).unwrap())
            .collect(),
        other => panic!("{other:?}"),
    }
}

const SINCE: &str = "https://api.example/orders?since={cursor}";

#[test]
fn pages_to_the_end_and_what_is_new_later() {
    let mut feed = feed(
        SINCE,
        vec![
            ok(r#"{"orders":[{"id":1},{"id":2.50}],"next":"a b&c"}"#),
            ok(r#"{"orders":[{"id":3}],"next":"a b&c"}"#),
            // The same page once more, with one that is new.
            ok(r#"{"orders":[{"id":3},{"id":4}],"next":"a b&c"}"#),
            ok(r#"{"orders":[{"id":3},{"id":4}],"next":null}"#),
        ],
    );
    assert_eq!(
        values(feed.poll().unwrap()),
        [r#"{"id":1}"#, r#"{"id":2.50}"#]
    );
    let second = feed.poll().unwrap();
    let Polled::Batch(batch) = &second else {
        panic!("{second:?}");
    };
    let cursor = batch.cursor.clone();
    assert_eq!(values(second), [r#"{"id":3}"#]);
    assert_eq!(feed.poll().unwrap(), Polled::Ended(Duration::from_secs(30)));
    // Killed here: what was under the cursor is known again.
    feed.open(&cursor, &BTreeMap::new()).unwrap();
    assert_eq!(values(feed.poll().unwrap()), [r#"{"id":4}"#]);
    assert_eq!(feed.poll().unwrap(), Polled::Ended(Duration::from_secs(30)));
    assert_eq!(feed.poll().unwrap(), Polled::Ended(Duration::from_secs(30)));
    let asked = ["", "a%20b%26c", "a%20b%26c", "a%20b%26c"];
    let asked: Vec<String> = asked
        .iter()
        .map(|c| format!("https://api.example/orders?since={c}"))
        .collect();
    assert_eq!(feed.endpoint.fetch.asked, asked);
}

#[test]
fn faults_of_an_endpoint() {
    let seconds = |n: u64| Some(Duration::from_secs(n));
    for (answer, is_later, after) in [
        (status(429, Some("7")), true, seconds(7)),
        (
            status(503, Some("Thu, 01 Jan 1970 01:00:09 GMT")),
            true,
            seconds(9),
        ),
        (status(500, None), true, None),
        (status(301, None), false, None),
        (status(401, None), false, None),
        (status(404, None), false, None),
        (ok("{\"orders\":{\"a\":1}}"), false, None),
        (ok("<html>"), false, None),
        (Err(Trouble::later("refused")), true, None),
    ] {
        match feed(SINCE, vec![answer.clone()]).poll().unwrap_err() {
            Trouble::Later { after: found, .. } => {
                assert!(is_later && found == after, "{answer:?} {found:?}")
            }
            Trouble::Broken(why) => assert!(!is_later, "{answer:?} {why}"),
        }
    }
}

#[test]
fn a_link_to_another_place_and_a_circle_break_it() {
    let lead = |next: &str| {
        let mut feed = feed(
            "https://api.example/orders",
            vec![
                ok(&format!(r#"{{"orders":[],"next":"{next}"}}"#)),
                ok("{\"orders\":[]}"),
            ],
        );
        feed.poll().unwrap();
        feed.poll()
            .map(|_| feed.endpoint.fetch.asked.last().unwrap().clone())
    };
    assert_eq!(
        lead("/orders?page=2").unwrap(),
        "https://api.example/orders?page=2"
    );
    assert_eq!(
        lead("https://api.example/orders?page=2").unwrap(),
        "https://api.example/orders?page=2"
    );
    for other in [
        "https://evil.example/x",
        "https://api.example.evil.example/x",
        "http://api.example/x",
        "//evil.example/x",
        "https://api.example@evil.example/",
        "file:///etc/passwd",
    ] {
        assert!(matches!(lead(other), Err(Trouble::Broken(_))), "{other}");
    }
    let page = |next: &str| ok(&format!(r#"{{"orders":[],"next":"{next}"}}"#));
    let mut circle = feed(SINCE, vec![page("a"), page("b"), page("a")]);
    circle.poll().unwrap();
    circle.poll().unwrap();
    let said = circle.poll().unwrap_err();
    assert!(said.why().contains("goes back"), "{said:?}");
}

#[test]
fn no_more_is_asked_than_the_rate_allows() {
    let mut feed = feed(
        SINCE,
        vec![
            ok(r#"{"orders":[],"next":"a"}"#),
            ok(r#"{"orders":[],"next":"b"}"#),
        ],
    );
    feed.bucket = Rate::parse("1/m").map(|rate| Bucket::new(rate, feed.clock.clone()));
    feed.poll().unwrap();
    let Polled::Idle(wait) = feed.poll().unwrap() else {
        panic!("it asked twice");
    };
    assert!(
        wait > Duration::from_secs(59) && wait <= Duration::from_secs(60),
        "{wait:?}"
    );
    feed.clock.sleep(wait);
    assert!(matches!(feed.poll(), Ok(Polled::Batch(_))));
}

/// A feed in another way than by cursor, with rows that are all of the answer.
fn other(
    url: &str,
    change: impl FnOnce(&mut RestFeed<Script>),
    answers: Vec<Result<Answer, Trouble>>,
) -> RestFeed<Script> {
    let mut feed = feed(url, answers);
    feed.endpoint.settings.form = Form::Json(Path::whole());
    feed.endpoint.settings.next = Next::Nowhere;
    feed.settings.id = vec!["id".to_owned()];
    change(&mut feed);
    feed.open(&Value::Null, &BTreeMap::new()).unwrap();
    feed
}

/// Reads to the end of a pass; what was written, with the cursor and the ledger behind it.
fn pass(
    feed: &mut RestFeed<Script>,
    ledger: &mut BTreeMap<String, String>,
) -> (Vec<String>, Value) {
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        match feed.poll().unwrap() {
            Polled::Batch(batch) => {
                for note in &batch.notes {
                    match &note.value {
                        Some(value) => drop(ledger.insert(note.key.clone(), value.clone())),
                        None => drop(ledger.remove(&note.key)),
                    }
                }
                cursor = batch.cursor.clone();
                all.extend(values(Polled::Batch(batch)));
                feed.committed().unwrap();
            }
            Polled::Ended(_) => return (all, cursor),
            Polled::Idle(_) => panic!("it waits"),
        }
    }
}

const PAGES: &str = "https://api.example/orders?page={page}&n={limit}";

fn by_page(feed: &mut RestFeed<Script>) {
    feed.settings.paging = Paging::Page { first: 1, size: 2 };
}

#[test]
fn pages_that_move_under_the_reader_lose_nothing_and_write_nothing_twice() {
    // While page 2 is asked for, a row comes in front: row 2 is on it once more, row 4 only on page 3. Then row 1 goes, and row 5 is
    // on no page that this pass asks for: the next pass finds it.
    let answers = vec![
        ok(r#"[{"id":1},{"id":2}]"#),
        ok(r#"[{"id":2},{"id":3}]"#),
        ok(r#"[{"id":4}]"#),
        ok(r#"[{"id":0},{"id":2}]"#),
        ok(r#"[{"id":3},{"id":4}]"#),
        ok(r#"[{"id":5}]"#),
    ];
    let mut feed = other(PAGES, by_page, answers);
    let mut ledger = BTreeMap::new();
    let (first, cursor) = pass(&mut feed, &mut ledger);
    assert_eq!(
        first,
        [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#, r#"{"id":4}"#]
    );
    // Killed between the passes.
    feed.open(&cursor, &ledger).unwrap();
    let (second, _) = pass(&mut feed, &mut ledger);
    assert_eq!(second, [r#"{"id":0}"#, r#"{"id":5}"#]);
    let asked: Vec<&str> = feed
        .endpoint
        .fetch
        .asked
        .iter()
        .map(|url| &url[32..])
        .collect();
    assert_eq!(
        asked,
        ["1&n=2", "2&n=2", "3&n=2", "1&n=2", "2&n=2", "3&n=2"]
    );
}

#[test]
fn a_row_that_changed_is_written_again_and_one_that_is_gone_is_forgotten() {
    let answers = vec![
        ok(r#"[{"id":1,"n":1}]"#),
        ok(r#"[{"id":1,"n":2}]"#),
        ok("[]"),
        ok("[]"),
        ok(r#"[{"id":1,"n":2}]"#),
    ];
    let mut feed = other(PAGES, by_page, answers);
    let mut ledger = BTreeMap::new();
    assert_eq!(pass(&mut feed, &mut ledger).0, [r#"{"id":1,"n":1}"#]);
    assert_eq!(pass(&mut feed, &mut ledger).0, [r#"{"id":1,"n":2}"#]);
    assert_eq!(ledger.len(), 1);
    pass(&mut feed, &mut ledger);
    assert!(ledger.is_empty(), "{ledger:?}");
    pass(&mut feed, &mut ledger);
    assert_eq!(pass(&mut feed, &mut ledger).0, [r#"{"id":1,"n":2}"#]);
}

#[test]
fn killed_in_the_middle_of_a_pass_it_goes_on_there() {
    let answers = vec![
        ok(r#"[{"id":1},{"id":2}]"#),
        ok(r#"[{"id":3},{"id":4}]"#),
        ok(r#"[{"id":3},{"id":4}]"#),
        ok("[]"),
        // Of a pass whose beginning it has not seen the end is none: all of it once more.
        ok(r#"[{"id":0},{"id":1}]"#),
        ok(r#"[{"id":2},{"id":3},{"id":4}]"#),
        ok("[]"),
    ];
    let mut feed = other(
        "https://h/x?o={offset}",
        |s| s.settings.paging = Paging::Offset { size: 0 },
        answers,
    );
    let Polled::Batch(first) = feed.poll().unwrap() else {
        panic!("no batch")
    };
    let notes = |batch: &Batch| -> BTreeMap<String, String> {
        let notes = batch.notes.iter();
        notes
            .map(|n| (n.key.clone(), n.value.clone().unwrap()))
            .collect()
    };
    // The second is polled, and its transaction is lost.
    feed.poll().unwrap();
    feed.open(&first.cursor, &notes(&first)).unwrap();
    let mut ledger = notes(&first);
    assert_eq!(
        pass(&mut feed, &mut ledger).0,
        [r#"{"id":3}"#, r#"{"id":4}"#, r#"{"id":0}"#]
    );
    let asked: Vec<&str> = feed
        .endpoint
        .fetch
        .asked
        .iter()
        .map(|url| &url[14..])
        .collect();
    assert_eq!(asked, ["0", "2", "2", "4", "0", "2", "5"]);
}

#[test]
fn a_page_that_comes_again_is_no_page() {
    let same = || ok(r#"[{"id":1},{"id":2}]"#);
    let mut feed = other(PAGES, by_page, vec![same(), same(), same(), same(), same()]);
    feed.poll().unwrap();
    // It may be that rows came in front: it is asked for once more, and passed over.
    assert!(matches!(feed.poll().unwrap(), Polled::Idle(_)));
    assert!(values(feed.poll().unwrap()).is_empty());
    assert!(matches!(feed.poll().unwrap(), Polled::Idle(_)));
    let said = feed.poll().unwrap_err();
    assert!(
        matches!(&said, Trouble::Broken(why) if why.contains("as those before it")),
        "{said:?}"
    );
}

#[test]
fn by_time_with_an_overlap_that_brings_what_came_late() {
    let row = |id: u32, at: &str| format!(r#"{{"id":{id},"at":"{at}"}}"#);
    let page = |rows: &[String]| ok(&format!("[{}]", rows.join(",")));
    let (a, b) = (
        row(1, "1970-01-01T00:10:00Z"),
        row(2, "1970-01-01T00:20:00Z"),
    );
    // It was made before the second, and could be seen only after it.
    let slow = row(3, "1970-01-01T00:19:30Z");
    let ahead = row(4, "2970-01-01T00:00:00Z");
    let answers = vec![
        page(&[a.clone(), b.clone()]),
        page(&[slow.clone(), b.clone()]),
        page(&[b.clone(), ahead.clone()]),
        page(&[]),
    ];
    let url = "https://h/x?since={since}";
    let by_time = |feed: &mut RestFeed<Script>| {
        feed.settings.paging = Paging::One;
        feed.settings.times = Some(Times {
            column: "at".to_owned(),
            written: Written::Rfc3339,
            overlap: Duration::from_secs(60),
            start: 1_000,
        });
    };
    let mut feed = other(url, by_time, answers);
    feed.clock.sleep(Duration::from_secs(3_600));
    let mut ledger = BTreeMap::new();
    let (first, cursor) = pass(&mut feed, &mut ledger);
    assert_eq!(first, [a, b]);
    // Of the first nothing has to be remembered: it cannot come again.
    assert_eq!(ledger.len(), 1);
    feed.open(&cursor, &ledger).unwrap();
    assert_eq!(pass(&mut feed, &mut ledger).0, [slow]);
    // A clock that is ahead moves it up to now, and not beyond.
    assert_eq!(pass(&mut feed, &mut ledger).0, [ahead]);
    pass(&mut feed, &mut ledger);
    let asked: Vec<&str> = feed
        .endpoint
        .fetch
        .asked
        .iter()
        .map(|url| &url[18..])
        .collect();
    let now = feed
        .clock
        .wall()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let last = template::encoded(&standings_model::time::format_rfc3339(now as i64 - 60_000));
    let moment = "1970-01-01T00%3A19%3A00Z";
    assert_eq!(
        asked,
        ["1970-01-01T00%3A00%3A01Z", moment, moment, last.as_str()]
    );
    // A column that is not there any more is said.
    feed.endpoint
        .fetch
        .answers
        .push_back(ok(r#"[{"id":9,"updated":"x"}]"#));
    let said = feed.poll().unwrap_err();
    assert!(
        matches!(&said, Trouble::Broken(why) if why.contains("`at`")),
        "{said:?}"
    );
}

#[test]
fn links_are_followed_at_their_origin_alone() {
    let linked = |body: &str, link: &str| {
        ok(body).map(|answer| Answer {
            links: vec![link.to_owned()],
            ..answer
        })
    };
    let by_link = |feed: &mut RestFeed<Script>| feed.endpoint.settings.next = Next::Link;
    let answers = vec![
        linked(r#"[{"id":1}]"#, "<?page=2>; rel=\"next\""),
        linked(r#"[{"id":2}]"#, "<https://h/x?page=1>; rel=\"prev\""),
        // Gone on from later: what the last page had is known.
        ok(r#"[{"id":2},{"id":3}]"#),
    ];
    let mut feed = other("https://h/x", by_link, answers);
    let mut ledger = BTreeMap::new();
    let (all, cursor) = pass(&mut feed, &mut ledger);
    assert_eq!(all, [r#"{"id":1}"#, r#"{"id":2}"#]);
    feed.open(&cursor, &ledger).unwrap();
    assert_eq!(values(feed.poll().unwrap()), [r#"{"id":3}"#]);
    assert_eq!(
        feed.endpoint.fetch.asked,
        ["https://h/x", "https://h/x?page=2", "https://h/x?page=2"]
    );
    let evil = linked("[]", "<https://evil.example/x>; rel=next");
    let mut feed = other("https://h/x", by_link, vec![evil]);
    feed.poll().unwrap();
    assert!(matches!(feed.poll(), Err(Trouble::Broken(_))));
}

#[test]
fn a_token_is_asked_for_anew_in_the_middle_of_a_pass() {
    let token = |name: &str, seconds: u32| {
        ok(&format!(
            r#"{{"access_token":"{name}","expires_in":{seconds}}}"#
        ))
    };
    let mut feed = other(
        PAGES,
        |feed| {
            by_page(feed);
            feed.endpoint.settings.oauth = Some(Some("orders read".to_owned()));
        },
        vec![
            ok(r#"[{"id":1},{"id":2}]"#),
            status(401, None),
            ok(r#"[{"id":3},{"id":4}]"#),
            ok("[]"),
            status(401, None),
            status(401, None),
        ],
    );
    feed.endpoint.fetch.tokens = vec![
        token("one", 3600),
        token("two", 100),
        token("three", 3600),
        token("four", 3600),
    ]
    .into();
    let next = |feed: &mut RestFeed<Script>| values(feed.poll().unwrap()).len();
    assert_eq!(next(&mut feed), 2);
    // It is not taken any more: another one, and the page once more.
    assert_eq!(next(&mut feed), 2);
    // Its time is over before it is refused.
    feed.clock.sleep(Duration::from_secs(71));
    feed.poll().unwrap();
    assert_eq!(feed.endpoint.fetch.shown, ["one", "one", "two", "three"]);
    assert_eq!(
        feed.endpoint.fetch.forms[0],
        "grant_type=client_credentials&scope=orders%20read"
    );
    assert!(matches!(feed.poll().unwrap(), Polled::Ended(_)));
    // A new one that is not taken either: somebody has to do something.
    let said = feed.poll().unwrap_err();
    assert!(
        matches!(&said, Trouble::Broken(why) if why.contains("credentials")),
        "{said:?}"
    );
}

#[test]
fn rows_of_lines_and_of_csv() {
    let mut feed = other(PAGES, by_page, vec![ok("id;n\n1;x\n2\n"), ok("")]);
    feed.endpoint.settings.form = Form::Csv(';');
    let Polled::Batch(batch) = feed.poll().unwrap() else {
        panic!("no batch")
    };
    assert_eq!(batch.records[0].value, br#"{"id":"1","n":"x"}"#);
    assert_eq!(
        (
            batch.letters[0].reason.as_str(),
            &batch.letters[0].record[..]
        ),
        ("malformed", &b"2"[..])
    );
    let mut feed = other(
        PAGES,
        by_page,
        vec![ok("{\"id\":1.0}\n\nno json\n"), ok("")],
    );
    feed.endpoint.settings.form = Form::Lines;
    let Polled::Batch(batch) = feed.poll().unwrap() else {
        panic!("no batch")
    };
    assert_eq!((batch.records.len(), batch.letters.len()), (1, 1));
    assert_eq!(batch.records[0].position, "1#0");
}

#[test]
fn a_letter_says_where_in_the_answer_it_was_and_which_column_has_no_value() {
    let page =
        r#"{"page":[{"orders":[{"id":{"no":1}}]},{"orders":[{"id":{"no":null}},7,{"x":1}]}]}"#;
    let made = feed("https://h/", vec![ok(page), ok("{}")]);
    let (mut settings, pages) = (made.endpoint.settings, made.settings);
    settings.form = Form::Json(Path::parse("$.page[*].orders[*]").unwrap());
    let script = made.endpoint.fetch;
    let shape = Shape {
        key: vec!["id.no".to_owned()],
        ..Shape::default()
    };
    let mut feed = super::feed(script, (settings, pages), shape, Clock::by_hand());
    feed.open(&Value::Null, &BTreeMap::new()).unwrap();
    let Polled::Batch(batch) = feed.poll().unwrap() else {
        panic!("no batch")
    };
    let letters: Vec<Value> = batch
        .letters
        .iter()
        .map(|l| serde_json::from_slice(&l.json("partner")).unwrap())
        .collect();
    let said: Vec<(&str, &str)> = letters
        .iter()
        .map(|l| (l["path"].as_str().unwrap(), l["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            ("$.page[1].orders[0].id.no", "no_key"),
            ("$.page[1].orders[1]", "malformed"),
            ("$.page[1].orders[2].id.no", "no_key"),
        ]
    );
    assert_eq!(batch.records.len(), 1);
}
