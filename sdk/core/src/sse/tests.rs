//! Tables from the WHATWG text (HTML, 9.2.5 and 9.2.6), each cut at every place. Any stream at all is measured by the
//! standard's algorithm in `tests/sse`.

use proptest::prelude::*;

use super::{Parser, TooLong};

/// An event's name, data and id.
type Told = (String, String, String);

/// What a parser said of chunks: events, then the last id and the time.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    events: Vec<Told>,
    last_id: String,
    retry: Option<u64>,
    too_long: bool,
}

fn read_with<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut events = Vec::new();
    let mut too_long = false;
    'chunks: for mut chunk in chunks {
        loop {
            match parser.next_event(&mut chunk) {
                Ok(Some(event)) => {
                    events.push((
                        event.name().into_owned(),
                        event.data().into_owned(),
                        event.id().into_owned(),
                    ));
                }
                Ok(None) => break,
                Err(TooLong) => {
                    too_long = true;
                    break 'chunks;
                }
            }
        }
    }
    Read {
        events,
        last_id: String::from_utf8_lossy(parser.last_event_id()).into_owned(),
        retry: parser.retry(),
        too_long,
    }
}

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    read_with(Parser::new(), chunks)
}

struct Case {
    what: &'static str,
    stream: &'static [u8],
    events: &'static [(&'static str, &'static str, &'static str)],
    last_id: &'static str,
    retry: Option<u64>,
}

const fn case(
    what: &'static str,
    stream: &'static [u8],
    events: &'static [(&'static str, &'static str, &'static str)],
) -> Case {
    Case { what, stream, events, last_id: "", retry: None }
}

const fn with(case: Case, last_id: &'static str, retry: Option<u64>) -> Case {
    Case { last_id, retry, ..case }
}

const CASES: &[Case] = &[
    case(
        "the standard's stock example",
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        &[("message", "YHOO\n+2\n10", "")],
    ),
    with(
        case(
            "the standard's four blocks: an empty id resets, a block that is not ended is discarded",
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
            &[("message", "first event", "1"), ("message", "second event", "")],
        ),
        "",
        None,
    ),
    case(
        "the standard's empty data: two events, the block without an end is discarded",
        b"data\n\ndata\ndata\n\ndata:",
        &[("message", "", ""), ("message", "\n", "")],
    ),
    case(
        "the standard's one leading space",
        b"data:test\n\ndata: test\n\n",
        &[("message", "test", ""), ("message", "test", "")],
    ),
    case("more than one leading space stays", b"data:  x \n\n", &[("message", " x ", "")]),
    case("a tab is no space", b"data:\tx\n\n", &[("message", "\tx", "")]),
    case(
        "the standard's event names",
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: 1\n\n",
        &[("add", "73857293", ""), ("remove", "2153", ""), ("message", "1", "")],
    ),
    case(
        "an event without data is not dispatched, and its name is forgotten",
        b"event: x\n\ndata: y\n\n",
        &[("message", "y", "")],
    ),
    case("an empty name is none", b"event: x\nevent:\ndata: y\n\n", &[("message", "y", "")]),
    case("the last name counts", b"event: x\nevent: z\ndata: y\n\n", &[("z", "y", "")]),
    with(case("an event without data still commits its id", b"id: 5\n\n", &[]), "5", None),
    with(
        case(
            "an id without its dispatch is not committed",
            b"data: a\nid: 5\n\ndata: b\nid: 6\n",
            &[("message", "a", "5")],
        ),
        "5",
        None,
    ),
    with(
        case("an id without its dispatch, at the end of a line that has none", b"id: 5\n\nid: 6", &[]),
        "5",
        None,
    ),
    with(
        case(
            "an id stays until another comes",
            b"id: 5\ndata: a\n\ndata: b\n\n",
            &[("message", "a", "5"), ("message", "b", "5")],
        ),
        "5",
        None,
    ),
    with(
        case("an id with NUL is ignored", b"id: 5\n\nid: 6\0\ndata: a\n\n", &[("message", "a", "5")]),
        "5",
        None,
    ),
    with(
        case("an id may be any text", "id: é 1:2\ndata: a\n\n".as_bytes(), &[("message", "a", "é 1:2")]),
        "é 1:2",
        None,
    ),
    with(case("retry takes digits", b"retry: 1500\n\n", &[]), "", Some(1_500)),
    with(case("retry counts at once, without a dispatch", b"retry:3", &[]), "", None),
    with(
        case(
            "retry takes nothing but digits",
            b"retry: 7\nretry: 1s\nretry: -1\nretry: +1\nretry: 1.5\nretry:  2\nretry\nretry: 0x1\n",
            &[],
        ),
        "",
        Some(7),
    ),
    with(
        case("retry beyond all numbers is ignored", b"retry: 7\nretry: 99999999999999999999999\n", &[]),
        "",
        Some(7),
    ),
    case("fields are named exactly", b"Data: x\ndata : x\n data: x\ndatax: x\nDATA\n\n", &[]),
    case(
        "comments and unknown fields are passed over",
        b":\n: a: b\nfoo: bar\n:data: x\ndata: y\n\n",
        &[("message", "y", "")],
    ),
    case("only the first colon divides", b"data: a: b:c\n\n", &[("message", "a: b:c", "")]),
    case("CR ends lines", b"data: a\rdata: b\r\r", &[("message", "a\nb", "")]),
    case("CRLF ends lines", b"data: a\r\ndata: b\r\n\r\n", &[("message", "a\nb", "")]),
    case(
        "all ends mixed",
        b"data: a\r\rdata: b\n\ndata: c\r\n\r\ndata: d\n\r",
        &[("message", "a", ""), ("message", "b", ""), ("message", "c", ""), ("message", "d", "")],
    ),
    case(
        "CR LF LF is two ends",
        b"data: a\r\n\ndata: b\r\n\n",
        &[("message", "a", ""), ("message", "b", "")],
    ),
    case("LF CR is two ends", b"data: a\n\rdata: b\n\r", &[("message", "a", ""), ("message", "b", "")]),
    case("more blank lines change nothing", b"\n\n\ndata: a\n\n\n\r\r\n\n", &[("message", "a", "")]),
    case(
        "no other character ends a line",
        "data: a\u{2028}b\u{b}c\u{c}d\u{85}e\n\n".as_bytes(),
        &[("message", "a\u{2028}b\u{b}c\u{c}d\u{85}e", "")],
    ),
    case("one byte order mark is passed over", b"\xef\xbb\xbfdata: a\n\n", &[("message", "a", "")]),
    case(
        "a second byte order mark is not",
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        &[("message", "b", "")],
    ),
    case(
        "a byte order mark stands at the start only",
        b"data: a\n\n\xef\xbb\xbfdata: b\n\n",
        &[("message", "a", "")],
    ),
    case("half a byte order mark is none", b"\xef\xbbdata: a\n\ndata: b\n\n", &[("message", "b", "")]),
    case("a byte order mark before a comment", b"\xef\xbb\xbf:\ndata: a\n\n", &[("message", "a", "")]),
    case("malformed UTF-8 is replaced", b"data: a\xffb\xc3\n\n", &[("message", "a\u{fffd}b\u{fffd}", "")]),
    case(
        "each maximal part is replaced once",
        b"data: \xf0\x9f\x92|\xe2\x82|\xed\xa0\x80|\xc0\xaf\n\n",
        &[("message", "\u{fffd}|\u{fffd}|\u{fffd}\u{fffd}\u{fffd}|\u{fffd}\u{fffd}", "")],
    ),
    case("well-formed UTF-8 is kept", "event: ü\ndata: 💩é€\n\n".as_bytes(), &[("ü", "💩é€", "")]),
    case("NUL is data like any other", b"data: a\0b\n\n", &[("message", "a\0b", "")]),
    case("nothing", b"", &[]),
    case("what has no end", b"data: a\n", &[]),
];

fn expected(case: &Case) -> Read {
    let told = |(name, data, id): &(&str, &str, &str)| ((*name).into(), (*data).into(), (*id).into());
    Read {
        events: case.events.iter().map(told).collect(),
        last_id: case.last_id.into(),
        retry: case.retry,
        too_long: false,
    }
}

#[test]
fn streams_read_as_the_standard_says_wherever_they_are_cut() {
    for case in CASES {
        let expected = expected(case);
        let stream = case.stream;
        assert_eq!(read([stream]), expected, "{}", case.what);
        assert_eq!(read(stream.chunks(1)), expected, "{}, byte by byte", case.what);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(read(chunks), expected, "{}, cut at {first} and {second}", case.what);
            }
        }
    }
}

#[test]
fn the_cases_follow_each_other_on_one_parser_after_a_reset() {
    let mut parser = Parser::new();
    for case in CASES {
        parser.reset();
        let before = parser.last_event_id().to_owned();
        let mut stream = case.stream;
        let mut events = 0;
        while let Ok(Some(event)) = parser.next_event(&mut stream) {
            assert_eq!(event.data(), case.events[events].1, "{}", case.what);
            events += 1;
        }
        assert_eq!(events, case.events.len(), "{}", case.what);
        assert!([case.last_id.as_bytes(), &before].contains(&parser.last_event_id()), "{}", case.what);
    }
}

#[test]
fn an_id_of_an_event_that_was_cut_off_does_not_outlive_its_stream() {
    let mut parser = Parser::new();
    let mut chunk = &b"id: 1\ndata: a\n\nid: 2\ndata: cut"[..];
    while let Ok(Some(_)) = parser.next_event(&mut chunk) {}
    parser.reset();
    assert_eq!(parser.last_event_id(), b"1");
    let mut chunk = &b"data: b\n\n"[..];
    let event = parser.next_event(&mut chunk);
    assert_eq!(
        event.map(|event| event.map(|event| (event.data, event.id))),
        Ok(Some((&b"b"[..], &b"1"[..])))
    );
}

#[test]
fn invariant_12_an_event_beyond_the_limit_is_an_error_at_any_cut() {
    let streams: [(&[u8], bool); 7] = [
        (b"data: 12345\n\n", false),
        (b"data: 123456\n\n", true),
        (b"data: 1\ndata: 2\ndata: 3\ndata: 4\ndata: 5\ndata: 6\n\n", false),
        (b"data: 1\ndata: 2\ndata: 3\ndata: 4\ndata: 5\ndata: 6\ndata: 7\n\n", true),
        (b"data: 123456", true),
        (b": comment, and it has no end", true),
        (b"data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\ndata: 6\n\ndata: 7\n\n", false),
    ];
    for (stream, too_long) in streams {
        let limited = || Parser::with_limit(11);
        assert_eq!(read_with(limited(), [stream]).too_long, too_long, "{stream:?}");
        assert_eq!(read_with(limited(), stream.chunks(1)).too_long, too_long, "{stream:?}");
    }
    let mut parser = Parser::with_limit(1);
    assert_eq!(parser.next_event(&mut &b"too long"[..]), Err(TooLong));
    assert_eq!(parser.next_event(&mut &b"\n\n"[..]), Err(TooLong), "it stays one");
    parser.reset();
    assert_eq!(parser.next_event(&mut &b"\n\n"[..]), Ok(None));
}

proptest! {
    #[test]
    fn invariant_12_no_bytes_panic(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20),
        limit in 0..60_usize,
    ) {
        read_with(Parser::with_limit(limit), chunks.iter().map(Vec::as_slice));
    }
}
