//! The endpoint that lies, spoken to in SOAP: it knows each envelope again, and looks at its moment and at the digest, which it makes by
//! its own hands. All lies are the endpoint's: what `pages` makes of them is the same in both languages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use standings_model::clock::Clock;
use standings_model::time::parse_rfc3339;

use super::api::{Endpoint, Way, pages};
use super::log::{Brokers, Client, Dice, Shared};
use super::play::{Outcome, Tally};
use crate::answer::Answer;
use crate::cursor::About;
use crate::feed::Trouble;
use crate::rest::Fetch;
use crate::row::Shape;
use crate::soap::envelope::Template;
use crate::soap::security::Token;
use crate::soap::{self, Post, Request, Settings, SoapFeed, Target};
use crate::state::State;
use crate::task::{How, Next, Task};
use crate::told::Told;
use crate::xml::path::Path;

const PASSWORD: &str = "p<&w";
/// So old an envelope may be, s.
const OLD: i64 = 300;

pub(super) struct Front {
    endpoint: Endpoint,
    password: &'static str,
}

/// What stands between two tags, whatever the attributes of the first.
fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let rest = text.split(&format!("<{tag}")).nth(1).unwrap_or("");
    let rest = rest.split_once('>').map_or("", |(_, rest)| rest);
    rest.split("</").next().unwrap_or("")
}

fn envelope(body: &str) -> Vec<u8> {
    format!("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>").into_bytes()
}

fn fault(code: &str) -> Answer {
    Answer {
        status: 500,
        body: envelope(&format!(
            "<s:Fault><faultcode xmlns:n=\"urn:n\">{code}</faultcode><faultstring>no</faultstring></s:Fault>"
        )),
        ..Answer::default()
    }
}

impl Front {
    /// Whether an envelope is a new one, of now, of one who knows the password.
    fn admits(&self, body: &str) -> bool {
        let mut shop = self.endpoint.shop.0.borrow_mut();
        let now = self
            .endpoint
            .clock
            .wall()
            .duration_since(SystemTime::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(0);
        let nonce = between(body, "wsse:Nonce");
        let created = between(body, "wsu:Created");
        let is_new = shop.envelopes.insert(nonce.to_owned())
            & shop
                .envelopes
                .insert(between(body, "a:MessageID").to_owned());
        let age = parse_rfc3339(created.as_bytes()).map(|ms| (now - ms) / 1_000);
        let is_of_now = age.is_some_and(|age| (0..OLD).contains(&age));
        shop.replays += u64::from(!is_new || !is_of_now);
        let mut text = STANDARD.decode(nonce).unwrap_or_default();
        text.extend(created.as_bytes());
        text.extend(PASSWORD.as_bytes());
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
        is_new && is_of_now && STANDARD.encode(digest) == between(body, "wsse:Password")
    }
}

impl Post for Front {
    fn target(&mut self) -> Result<Target, Trouble> {
        Ok(Target {
            url: "https://h/".to_owned(),
            action: "urn:list".to_owned(),
        })
    }

    fn post(&mut self, request: &Request) -> Result<Answer, Trouble> {
        let body = &request.body;
        if !self.admits(body) {
            return Ok(fault("n:SecurityError"));
        }
        let since = parse_rfc3339(between(body, "since").as_bytes());
        let since = since.map_or_else(
            || between(body, "since").to_owned(),
            |ms| (ms / 1_000).to_string(),
        );
        let url = match between(body, "page") {
            "" => format!("https://h/?c={}", between(body, "cursor")),
            page if since.is_empty() => format!("https://h/?page={page}"),
            page => format!("https://h/?since={since}&page={page}"),
        };
        let answer = self.endpoint.get(&url, None)?;
        if answer.status == 503 && self.endpoint.dice.0.borrow_mut().one_in(2) {
            return Ok(fault("s:Server.Busy"));
        }
        if answer.status != 200 {
            return Ok(answer);
        }
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let rows = json["rows"].as_array().into_iter().flatten();
        let rows =
            rows.map(|row| format!("<row><id>{}</id><at>{}</at></row>", row["id"], row["at"]));
        let next = match &json["next"] {
            Value::Null => String::new(),
            next => format!("<next>{next}</next>"),
        };
        let body = format!("<list>{}{next}</list>", rows.collect::<String>());
        Ok(Answer {
            body: envelope(&body),
            ..answer
        })
    }

    fn password(&mut self) -> Result<String, Trouble> {
        Ok(self.password.to_owned())
    }

    fn random(&mut self) -> Result<[u8; 16], Trouble> {
        let mut dice = self.endpoint.dice.0.borrow_mut();
        Ok(std::array::from_fn(|_| {
            u8::try_from(dice.roll(256)).unwrap_or(0)
        }))
    }
}

fn made(endpoint: Endpoint, way: Way, password: &'static str, clock: Clock) -> SoapFeed<Front> {
    let template = match way {
        Way::GoesOn => "<list><cursor>{cursor}</cursor></list>",
        Way::ByPage => "<list><page>{page}</page></list>",
        Way::ByTime => "<list><since>{since}</since><page>{page}</page></list>",
    };
    let settings = Settings {
        template: Template::parse(template.as_bytes(), None).expect("a template"),
        rows: Path::parse("$.list.row[*]").expect("a path"),
        cursor: (way == Way::GoesOn).then(|| Path::parse("$.list.next").expect("a path")),
        lists: BTreeSet::new(),
        user: Some(("ana".to_owned(), Token::Digest)),
        lives: Some(Duration::from_secs(300)),
        addressing: true,
    };
    let front = Front { endpoint, password };
    soap::feed(front, (settings, pages(way)), Shape::default(), clock)
}

/// A service as a source, with the right password.
pub(super) fn feed(endpoint: Endpoint, way: Way, clock: Clock) -> SoapFeed<Front> {
    made(endpoint, way, PASSWORD, clock)
}

/// With a wrong password a source is broken, and stays so: nobody waits for what cannot get well.
pub(super) fn refused(seed: u64) -> Outcome {
    let brokers = Shared::new(Brokers::default());
    let dice = Shared::new(Dice(seed ^ 0x50a9));
    let clock = Clock::by_hand();
    clock.sleep(Duration::from_secs(1_000));
    let told = Told::new("s", "soap", "t", SystemTime::UNIX_EPOCH);
    let endpoint = Endpoint {
        shop: Shared::new(Default::default()),
        dice: dice.clone(),
        clock: clock.clone(),
        way: Way::GoesOn,
    };
    let feed = made(endpoint, Way::GoesOn, "another", clock.clone());
    let about = About {
        name: "s".to_owned(),
        configuration: BTreeMap::new(),
    };
    let how = How {
        once: false,
        adopt: false,
    };
    let log = Client::new(&brokers, &dice);
    let mut task = Task::new(about, how, feed, log, told.clone(), clock.clone(), seed);
    for _ in 0..6 {
        match task.turn() {
            Next::Now => {}
            Next::After(wait) => clock.sleep(wait),
            Next::Ended(end) => return Err(format!("it ended: {end:?}")),
        }
    }
    match told.now().state {
        State::Broken(_) => Ok(Tally::default()),
        other => Err(format!("with a wrong password it is {other}")),
    }
}
