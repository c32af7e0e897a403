//! Where a stream's lines end, and messages read where they lie. Most of a busy stream is these, so their payloads are not copied, and
//! nothing is made of their lines.

use bytes::Bytes;

use crate::{Record, ServerFrame, limits};

use super::{decode::record, header::Words};

/// Reads the messages with which a stream goes on, as far as they are of one topic, follow each other, and are written as
/// [`encode`](super::encode) writes most: an id, the header, a payload in one line, line ends that are LF. Their payloads share the
/// stream's memory. What was read is taken off it. `None`, and nothing is taken, where it goes on with anything else: that is for a parser of
/// streams, and for [`decode`](super::decode).
///
/// ```
/// use bytes::Bytes;
/// use everwire_protocol::{ServerFrame, event};
///
/// let mut stream = Bytes::from("id: k3x9-18\ndata: 0 18 1700000000000 json\ndata: {}\n\nid: k3x9-19\nda");
/// let Some(ServerFrame::Messages { records, .. }) = event::decode_messages(&mut stream) else { panic!() };
/// assert_eq!(records[0].payload.data, "{}");
/// assert_eq!(stream, "id: k3x9-19\nda");
/// assert_eq!(event::decode_messages(&mut stream), None);
/// ```
pub fn decode_messages(stream: &mut Bytes) -> Option<ServerFrame> {
    let (mut records, mut read, mut topic) = (Vec::new(), 0, None);
    while let Some((alias, length)) = plain(stream, read, &mut records) {
        let goes_on = match &records[..] {
            [.., last, next] => topic == Some(alias) && next.offset == last.offset + 1,
            _ => true,
        };
        if !goes_on {
            records.pop();
            break;
        }
        read += length;
        topic = Some(alias);
    }
    let _ = stream.split_to(read);
    topic.map(|alias| ServerFrame::Messages { alias, records })
}

/// Appends the message that begins there. Returns its topic's alias, and how long its event is.
fn plain(stream: &Bytes, start: usize, records: &mut Vec<Record>) -> Option<(u32, usize)> {
    let mut at = start;
    line(stream, &mut at, b"id: ")?;
    let header = line(stream, &mut at, b"data: ")?;
    let payload = line(stream, &mut at, b"data: ")?;
    let (end, length) = (at - 1, at + 1 - start);
    if stream.get(at) != Some(&b'\n') || length > limits::EVENT_BYTES {
        return None;
    }
    let mut words = Words::new(std::str::from_utf8(header).ok()?);
    let alias = record(&mut words, stream.slice(end - payload.len()..end), records).ok()?;
    Some((alias, length))
}

/// What the line there has behind its field's name. Goes on behind its end.
fn line<'a>(stream: &'a [u8], at: &mut usize, name: &[u8]) -> Option<&'a [u8]> {
    let rest = stream.get(*at..)?.strip_prefix(name)?;
    let value = rest.get(..line_end(rest)?)?;
    *at += name.len() + value.len() + 1;
    (rest.get(value.len()) == Some(&b'\n')).then_some(value)
}

/// Where the first CR or LF is. Eight bytes at a time: most lines are payloads, and long.
#[must_use]
pub fn line_end(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, bytes) in words.iter().enumerate() {
        let word = u64::from_ne_bytes(*bytes);
        // Whether any byte is below 16, as both are, and little else in a text.
        let may_end = word.wrapping_sub(16 * EACH) & !word & (0x80 * EACH) != 0;
        if may_end && let Some(end) = bytes.iter().position(is_end) {
            return Some(8 * place + end);
        }
    }
    rest.iter().position(is_end).map(|end| 8 * words.len() + end)
}
