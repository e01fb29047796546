//! `'connector' = 'kafka'` and `'upsert-kafka'`: topics, where reading begins and ends, the client's settings.

use super::given::Given;
use super::properties;
use crate::error::{QueryError, Text};
use standings_model::table::{Connector, Startup};

pub(super) fn connector(text: Text<'_>, given: &Given) -> Result<Connector, QueryError> {
    let topics = match given.get("topic") {
        None => Vec::new(),
        Some(value) => {
            let topics: Vec<String> = value.text.split(';').map(|t| t.trim().to_owned()).collect();
            let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let is_name =
                |t: &String| t.len() <= 249 && t.chars().all(letter) && t != "." && t != "..";
            if let Some(wrong) = topics.iter().find(|t| !is_name(t)) {
                let allowed = "letters of ASCII, digits and . _ -, at most 249; several with `;` between them";
                return Err(text.error(value.at, format!("the topic `{wrong}`"), allowed));
            }
            topics
        }
    };
    let properties::Found { servers, settings } = properties::read(text, &given.properties)?;
    Ok(Connector::Kafka {
        topics,
        servers,
        properties: settings,
        start: start(text, given)?,
        bounded: bounded(text, given)?,
    })
}

fn start(text: Text<'_>, given: &Given) -> Result<Option<Startup>, QueryError> {
    let millis = given.get("scan.startup.timestamp-millis");
    let mode = given.get("scan.startup.mode");
    let named = mode.map(|v| v.text.to_ascii_lowercase());
    if let Some(value) = millis.filter(|_| named.as_deref() != Some("timestamp")) {
        let allowed = "'scan.startup.mode' = 'timestamp' beside it";
        return Err(text.error(value.at, "a time to begin at without that mode", allowed));
    }
    let Some(mode) = mode else {
        return Ok(None);
    };
    Ok(Some(match named.as_deref() {
        Some("latest-offset") => Startup::Latest,
        Some("timestamp") => {
            let at = millis.and_then(|v| v.text.parse().ok());
            let Some(at) = at else {
                let allowed = "'scan.startup.timestamp-millis' beside it";
                return Err(text.error(mode.at, "'timestamp' without a time", allowed));
            };
            Startup::Timestamp(at)
        }
        Some("earliest-offset") => Startup::Earliest,
        _ => {
            let found = format!("'scan.startup.mode' = '{}'", mode.text);
            let allowed = "'earliest-offset', 'latest-offset' or 'timestamp': where reading goes on is kept with the commit, \
                           not by a group";
            return Err(text.error(mode.at, found, allowed));
        }
    }))
}

fn bounded(text: Text<'_>, given: &Given) -> Result<bool, QueryError> {
    let Some(mode) = given.get("scan.bounded.mode") else {
        return Ok(false);
    };
    match mode.text.to_ascii_lowercase().as_str() {
        "latest-offset" => Ok(true),
        "unbounded" => Ok(false),
        other => {
            let found = format!("'scan.bounded.mode' = '{other}'");
            let allowed = "'latest-offset': it ends at what is there at the start; or 'unbounded'";
            Err(text.error(mode.at, found, allowed))
        }
    }
}
