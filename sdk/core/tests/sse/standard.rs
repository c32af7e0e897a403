//! The standard's algorithm for event streams (HTML, 9.2.6 "Interpreting an event stream"), taken literally: the
//! whole text at once, line by line, in the standard's own words. Slow, plain, and shared with the fuzzer; the parser
//! is measured by it.

/// An event as it would be dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatched {
    pub name: String,
    pub data: String,
    pub last_event_id: String,
}

/// All that a stream amounts to when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    pub events: Vec<Dispatched>,
    /// The event source's last event ID string.
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
}

#[derive(Default)]
struct Buffers {
    data: String,
    event_type: String,
    last_event_id: String,
}

/// Interprets a stream that has come to its end.
pub fn read(bytes: &[u8]) -> Stream {
    // "Streams must be decoded using the UTF-8 decode algorithm", which strips one leading BOM.
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut stream = Stream::default();
    let mut buffers = Buffers::default();
    for line in lines(text) {
        process_line(&line, &mut buffers, &mut stream);
    }
    // "Once the end of the file is reached, any pending data must be discarded."
    stream
}

/// "… with a CRLF character pair, a single LF not preceded by a CR, and a single CR not followed by a LF being the
/// ways in which a line can end." What has no end is no line.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                if characters.peek() == Some(&'\n') {
                    characters.next();
                }
                lines.push(std::mem::take(&mut line));
            }
            '\n' => lines.push(std::mem::take(&mut line)),
            other => line.push(other),
        }
    }
    lines
}

fn process_line(line: &str, buffers: &mut Buffers, stream: &mut Stream) {
    if line.is_empty() {
        // "If the line is empty: dispatch the event."
        dispatch(buffers, stream);
    } else if line.starts_with(':') {
        // "If the line starts with a COLON: ignore the line."
    } else if let Some((field, value)) = line.split_once(':') {
        // "If value starts with a SPACE character, remove it from value."
        process_field(field, value.strip_prefix(' ').unwrap_or(value), buffers, stream);
    } else {
        // "Otherwise: the whole line as the field name, and the empty string as the field value."
        process_field(line, "", buffers, stream);
    }
}

fn process_field(field: &str, value: &str, buffers: &mut Buffers, stream: &mut Stream) {
    match field {
        "event" => buffers.event_type = value.to_owned(),
        "data" => {
            buffers.data.push_str(value);
            buffers.data.push('\n');
        }
        "id" if !value.contains('\0') => buffers.last_event_id = value.to_owned(),
        // "If the field value consists of only ASCII digits": none are no number, and one that no integer of ours
        // holds is as good as none.
        "retry" if value.chars().all(|character| character.is_ascii_digit()) => {
            stream.reconnection_time = value.parse().ok().or(stream.reconnection_time);
        }
        _ => {}
    }
}

fn dispatch(buffers: &mut Buffers, stream: &mut Stream) {
    // 1. "Set the last event ID string of the event source to the value of the last event ID buffer."
    stream.last_event_id = buffers.last_event_id.clone();
    // 2. "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string
    //    and return."
    if buffers.data.is_empty() {
        buffers.event_type.clear();
        return;
    }
    // 3. "If the data buffer's last character is a LF, then remove the last character."
    if buffers.data.ends_with('\n') {
        buffers.data.pop();
    }
    // 4. and 5. A `message`, unless the event type buffer says otherwise.
    let name = if buffers.event_type.is_empty() { "message" } else { &buffers.event_type };
    stream.events.push(Dispatched {
        name: name.to_owned(),
        data: buffers.data.clone(),
        last_event_id: stream.last_event_id.clone(),
    });
    // 6. "Set the data buffer and the event type buffer to the empty string."
    buffers.data.clear();
    buffers.event_type.clear();
}
