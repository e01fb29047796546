//! An endpoint with a script of faults.

use std::collections::VecDeque;

use super::*;

/// Answers one after the other, and notes what it was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Answer, Trouble>>,
    asked: Vec<String>,
}

impl Fetch for Script {
    fn get(&mut self, url: &str) -> Result<Answer, Trouble> {
        self.asked.push(url.to_owned());
        self.answers.pop_front().expect("an answer")
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
        rows: Path::parse("$.orders[*]").unwrap(),
        cursor: Some(Path::parse("$.next").unwrap()),
        every: Duration::from_secs(30),
        rate: None,
    };
    let script = Script {
        answers: answers.into(),
        asked: Vec::new(),
    };
    let mut feed = RestFeed::new(script, settings, Shape::default(), Clock::by_hand());
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
    assert_eq!(feed.fetch.asked, asked);
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
            .map(|_| feed.fetch.asked.last().unwrap().clone())
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
