//! An event stream of the server, as frames. It knows no session, and nothing of what the frames are for.

use bytes::{Buf, Bytes};
use everwire_protocol::{ServerFrame, event};

use crate::sse::Parser;

/// Reads one stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    parser: Parser,
}

/// The stream holds what can't be read. It is of no more use.
pub(crate) struct Malformed;

impl Stream {
    /// Reads on until a frame is complete; `None` when the chunk is used up. What was read is taken off it. Messages that lie in it
    /// whole, one behind the other, are one frame, and share its memory. Events that this version doesn't know are passed over.
    pub fn next_frame(&mut self, chunk: &mut Bytes) -> Result<Option<ServerFrame>, Malformed> {
        loop {
            if self.parser.is_between_events()
                && let Some(messages) = event::decode_messages(chunk)
            {
                return Ok(Some(messages));
            }
            let mut rest = &chunk[..];
            let event = self.parser.next_event(&mut rest).map_err(|_| Malformed)?;
            let (read, over) = (chunk.len() - rest.len(), event.is_none());
            let frame = event.map(|event| frame(event.name, event.data)).transpose()?.flatten();
            chunk.advance(read);
            if frame.is_some() || over {
                return Ok(frame);
            }
        }
    }
}

/// What an event stands for, if this version knows it.
pub(crate) fn frame(name: &[u8], data: &[u8]) -> Result<Option<ServerFrame>, Malformed> {
    match std::str::from_utf8(name) {
        Ok(name) => event::decode(name, data).map_err(|_| Malformed),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use everwire_protocol::Record;
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    /// What a stream says in the end: frames, messages one by one, and whether it can be read to its end.
    #[derive(Debug, Default, PartialEq)]
    struct Said {
        frames: Vec<ServerFrame>,
        malformed: bool,
    }

    impl Said {
        /// Whether to go on.
        fn take(&mut self, read: Result<Option<ServerFrame>, Malformed>) -> bool {
            match read {
                Ok(Some(ServerFrame::Messages { alias, records })) => {
                    let one = |record: Record| ServerFrame::Messages { alias, records: vec![record] };
                    self.frames.extend(records.into_iter().map(one));
                }
                Ok(Some(frame)) => self.frames.push(frame),
                Ok(None) => return false,
                Err(Malformed) => self.malformed = true,
            }
            !self.malformed
        }
    }

    fn read(text: &[u8], lengths: &[usize]) -> Said {
        let (mut said, mut stream, mut rest) = (Said::default(), Stream::default(), text);
        for length in lengths.iter().copied().cycle() {
            let (chunk, more) = rest.split_at(length.min(rest.len()));
            rest = more;
            let mut chunk = Bytes::copy_from_slice(chunk);
            while said.take(stream.next_frame(&mut chunk)) {}
            if said.malformed || rest.is_empty() {
                break;
            }
        }
        said
    }

    /// Event by event, as the parser of the standard cuts them.
    fn by_the_parser(text: &[u8]) -> Said {
        let (mut said, mut parser, mut rest) = (Said::default(), Parser::new(), text);
        loop {
            let Ok(Some(event)) = parser.next_event(&mut rest) else { return said };
            match frame(event.name, event.data) {
                Ok(None) => {}
                frame => {
                    if !said.take(frame) {
                        return said;
                    }
                }
            }
        }
    }

    /// Messages as a server writes them, nearly so, and all else.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let event =
            (1..4_u64, 0..2_u32, select(vec!["json", "text", "bytes", "json64", "json key=a%20b id=x"]))
                .prop_map(|(offset, alias, kind)| {
                    let payload =
                        if kind.contains('j') && !kind.contains('6') { "{\"a\":1}" } else { "YWI=" };
                    format!("id: e-{offset}\ndata: {alias} {offset} 5 {kind}\ndata: {payload}\n\n")
                        .into_bytes()
                });
        let part = select(vec![
            &b"\xef\xbb\xbf"[..],
            b"\r",
            b"\n",
            b"data: ",
            b"id: e-1\n",
            b"id: e-1\ndata: 0 1 5 json\ndata:{}\n\n",
            b"id: e-2\r\ndata: 0 2 5 json\r\ndata: {}\r\n\r\n",
            b"id: e-2\ndata: 0 2 5 json\ndata: {\rdata: }\n\n",
            b"id: e-2\ndata: 0 2 5 json\ndata: {\ndata: }\n\n",
            b"id: e-3\ndata: 0 3 5 text\ndata: \xff\n\n",
            b"id: e-3\nevent: everwire.heartbeat\ndata\n\n",
            b"event: everwire.later\ndata: x\n\n",
            b"event: everwire.gap\ndata: 0 4 6 evicted e-6\n\n",
            b"id: e-0\ndata: 0 0 5 json\ndata: {}\n\n",
        ])
        .prop_map(<[u8]>::to_vec);
        vec(prop_oneof![6 => event, 2 => part], 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn messages_that_are_taken_whole_are_what_the_parser_reads(text in stream(), lengths in vec(1..200_usize, 1..5)) {
            prop_assert_eq!(read(&text, &lengths), by_the_parser(&text));
        }
    }

    #[test]
    fn messages_that_follow_each_other_are_one_frame_and_share_the_chunk() {
        let mut chunk = Bytes::from(
            "event: everwire.later\ndata: x\n\nid: e-1\ndata: 0 1 5 json\ndata: 1\n\nid: e-2\ndata: 0 2 5 json\ndata: 22\n\nid: e-4\ndata: 0 4 5 json\ndata: 4\n\nid: e.f-5.1",
        );
        let (mut stream, whole) = (Stream::default(), chunk.as_ptr_range());
        let mut counts = Vec::new();
        while let Ok(Some(ServerFrame::Messages { records, .. })) = stream.next_frame(&mut chunk) {
            assert!(records.iter().all(|record| whole.contains(&record.payload.data.as_ptr())));
            counts.push(records.len());
        }
        assert_eq!((counts, chunk.len()), (vec![2, 1], 0));
    }
}
