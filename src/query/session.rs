//! `SET 'key' = 'value'`: for the statements behind it in its file.

use super::error::{QueryError, Text};
use super::said;
use super::statement::WithOption;
use super::toml::nearest;
use standings_scalar::Zone;

/// What can be set, and what it does.
const KEYS: &[&str] = &["table.local-time-zone", said::TTL, said::PROVISIONAL];

/// A zone, and where it is said.
#[derive(Clone, Debug)]
struct Said {
    zone: String,
    file: String,
}

/// What the files of a folder have set.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The zone, and where it is said first.
    zone: Option<Said>,
    /// `--time-zone`, which beats it.
    given: Option<String>,
}

impl Session {
    /// Nothing is set but a zone that beats what files say.
    pub fn of(zone: Option<&str>) -> Self {
        Session {
            zone: None,
            given: zone.map(str::to_owned),
        }
    }

    /// Takes one setting.
    pub fn set(&mut self, text: Text<'_>, option: &WithOption) -> Result<(), QueryError> {
        let value = option.value.trim();
        let wrong = |allowed: &str| {
            let found = format!("SET '{}' = '{}'", option.key, option.value);
            Err(text.error(option.value_span, found, allowed))
        };
        match option.key.as_str() {
            "table.local-time-zone" => self.set_zone(text, option),
            // Each statement behind it has it.
            said::PROVISIONAL => match said::provisional(value) {
                Some(_) => Ok(()),
                None => wrong(said::PROVISIONALS),
            },
            said::TTL => match said::ttl(value) {
                Some(_) => Ok(()),
                None => wrong(said::TTLS),
            },
            other => {
                let near = nearest(other, KEYS.iter().copied());
                let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
                let list: Vec<String> = KEYS.iter().map(|k| format!("'{k}'")).collect();
                let allowed = format!("{near}What can be set is {}", list.join(", "));
                Err(text.error(option.key_span, format!("SET '{other}'"), allowed))
            }
        }
    }

    fn set_zone(&mut self, text: Text<'_>, option: &WithOption) -> Result<(), QueryError> {
        let value = option.value.trim();
        if Zone::named(value).is_none() {
            let found = format!("the zone '{}'", option.value);
            return Err(text.error(option.value_span, found, zones(value)));
        }
        match &self.zone {
            Some(other) if other.zone != value => {
                let found = format!("the zone '{value}', and '{}' in {}", other.zone, other.file);
                let allowed = "one zone: windows and rows of all rankings are in it";
                Err(text.error(option.value_span, found, allowed))
            }
            _ => {
                self.zone = Some(Said {
                    zone: value.to_owned(),
                    file: text.file.to_owned(),
                });
                Ok(())
            }
        }
    }

    /// The zone.
    pub fn zone(&self) -> Option<String> {
        let said = self.zone.as_ref().map(|said| &said.zone);
        self.given.as_ref().or(said).cloned()
    }
}

/// The name of a zone, such as `Europe/Lisbon`; an error says what was probably meant.
pub fn zone(name: &str) -> Result<String, String> {
    match Zone::named(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(format!("there is no zone '{name}'; {}", zones(name))),
    }
}

/// What was probably meant by a zone that there is not.
pub fn zones(name: &str) -> String {
    let names: Vec<String> = Zone::names().collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => {
            format!("did you mean '{near}'? A zone is named as in 'Europe/Lisbon', 'UTC'")
        }
        None => "a zone is named as in 'Europe/Lisbon', 'UTC'".to_owned(),
    }
}
