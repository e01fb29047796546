//! Server-sent events out of a byte stream that arrives in pieces.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `event:`; `message` where none is named.
    pub name: String,
    /// Its `data:` lines.
    pub data: String,
    /// Its `id:`.
    pub id: Option<String>,
}

/// Bytes of events that are not complete yet.
#[derive(Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
}

impl Parser {
    /// Takes the next bytes; the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|w| w == b"\n\n") {
            let block: Vec<u8> = self.rest.drain(..end + 2).collect();
            events.extend(event(&String::from_utf8_lossy(&block)));
        }
        events
    }
}

/// `None` for a block without data, such as a comment that keeps the line open.
fn event(block: &str) -> Option<Event> {
    let (mut name, mut data, mut id) = ("message", String::new(), None);
    for line in block.lines() {
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value,
            "data" => data.push_str(value),
            "id" => id = Some(value.to_owned()),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| Event {
        name: name.to_owned(),
        data,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_the_bytes_are_cut() {
        let stream =
            ": hello\n\nevent: commit\nid: 7\ndata: {\"city\":\"Évora\"}\n\ndata:1\n\nevent: open";
        let whole = Parser::default().push(stream.as_bytes());
        assert_eq!(whole.len(), 2);
        assert_eq!(
            whole[0],
            Event {
                name: "commit".to_owned(),
                data: "{\"city\":\"Évora\"}".to_owned(),
                id: Some("7".to_owned())
            }
        );
        assert_eq!(
            (whole[1].name.as_str(), whole[1].data.as_str()),
            ("message", "1")
        );
        for cut in 1..stream.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&stream.as_bytes()[..cut]);
            events.extend(parser.push(&stream.as_bytes()[cut..]));
            assert_eq!(events, whole, "cut at {cut}");
        }
    }
}
