//! Reads a `text/event-stream` as a stranger's client would: written from the WHATWG text for well-formed input,
//! apart from the project's own parser.
//!
//! It must not know what the events mean.

/// One dispatched event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `event:`, empty for a message.
    pub name: String,
    /// The `data:` lines, joined.
    pub data: String,
    /// The last event id at its dispatch.
    pub id: String,
    /// The reconnection time that it set.
    pub retry: Option<u64>,
}

impl Event {
    /// The words of the first line of data.
    pub fn header(&self) -> Vec<&str> {
        self.data.lines().next().unwrap_or_default().split(' ').collect()
    }

    /// The data after its first line.
    pub fn payload(&self) -> &str {
        self.data.split_once('\n').map_or("", |(_, payload)| payload)
    }
}

/// Takes lines, gives events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    data: Option<String>,
    id: String,
}

impl Parser {
    /// Takes bytes as they come; returns the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                events.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches('\r')));
            } else {
                self.line.push(*byte);
            }
        }
        events
    }

    /// Takes one line; returns the event that it completes.
    pub fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let data = self.data.take()?;
            return Some(Event { data, id: self.id.clone(), ..event });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.id),
            "retry" => self.event.retry = value.parse().ok(),
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                none => *none = Some(value.to_owned()),
            },
            // A comment, or a field that means nothing.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_in_whatever_pieces_they_come() {
        let text = "retry: 500\nevent: a.b\nid: x-1\ndata: 0 1\n\n: comment\ndata: 0 2\r\ndata: {\"n\": 1}\ndata:  b\n\nid: x-9\ndata: cut";
        let whole = Parser::default().push(text.as_bytes());
        let mut parser = Parser::default();
        let pieces: Vec<Event> = text.bytes().flat_map(|byte| parser.push(&[byte])).collect();
        assert_eq!(whole, pieces);
        let first = Event { name: "a.b".into(), data: "0 1".into(), id: "x-1".into(), retry: Some(500) };
        let second = Event { data: "0 2\n{\"n\": 1}\n b".into(), id: "x-1".into(), ..Event::default() };
        assert_eq!(whole, [first, second.clone()]);
        assert_eq!((second.header(), second.payload()), (vec!["0", "2"], "{\"n\": 1}\n b"));
    }
}
