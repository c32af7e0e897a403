//! What crosses the border: inputs that are read, whatever is in them, and records that can be read back.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use everwire_core::protocol::{Limits, Member, Payload, Position, Record, ServerFrame, binary};

use crate::{
    columns,
    input::Input,
    machine::{Machine, Options},
    records,
    writer::Writer,
};

/// Reads what was written, as the host does.
struct Reader(Vec<u8>, usize);

impl Reader {
    fn number(&mut self) -> f64 {
        self.1 += 8;
        f64::from_le_bytes(self.0[self.1 - 8..self.1].try_into().unwrap())
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.number();
        (length >= 0.0).then(|| self.raw(length as usize))
    }

    fn raw(&mut self, length: usize) -> Vec<u8> {
        self.1 += length;
        self.0[self.1 - length..self.1].to_vec()
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.bytes().unwrap()).unwrap()
    }

    fn column(&mut self, length: usize) -> Vec<usize> {
        (0..length).map(|_| self.number() as usize).collect()
    }

    fn ended(&self) -> bool {
        self.1 == self.0.len()
    }
}

struct Host {
    machine: Machine,
    out: Writer,
    clock: f64,
}

impl Host {
    fn new(transports: &[u8]) -> Self {
        let options = Options {
            seed: 7,
            has_token: false,
            times: [f64::NAN; 6],
            worked: f64::NAN,
            age: f64::NAN,
            transports,
            client_id: b"me",
            info: None,
        };
        Self { machine: Machine::new(options).unwrap(), out: Writer::new(), clock: 1_000.0 }
    }

    fn input(&mut self, what: u8, numbers: [f64; 3], bytes: &[u8], hidden: bool) -> Reader {
        let [a, b, c] = numbers;
        self.clock += 10.0;
        self.out.begin();
        self.machine.read_clock(self.clock, self.clock);
        self.machine.handle(Input { what, a, b, c, bytes: bytes.to_vec() }, &mut self.out);
        self.machine.settle(hidden, &mut self.out);
        self.out.finish();
        let mut reader = Reader(self.out.written().to_vec(), 0);
        assert_eq!(reader.number() as usize, reader.0.len());
        reader
    }

    fn frames(&mut self, frames: &[ServerFrame]) -> Reader {
        let mut data = Vec::new();
        frames.iter().for_each(|frame| binary::encode_server(frame, &mut data));
        self.input(7, [1.0, 0.0, 0.0], &data, false)
    }
}

fn record(offset: u64, payload: Payload) -> Record {
    Record { offset, time: 1_700_000_000_000 + offset, payload, key: None, from: None, id: None }
}

#[test]
fn a_message_crosses_in_columns_and_an_answer_stands_before_all_else() {
    let mut host = Host::new(&[0]);
    let mut out = host.input(0, [0.0; 3], b"", false);
    assert_eq!((out.number(), out.number()), (f64::from(records::STATE), 0.0));
    out.column(5);
    // The state once more, with the transport.
    assert_eq!((out.number(), out.number(), out.number()), (f64::from(records::STATE), 0.0, 0.0));
    out.column(4);
    assert_eq!((out.number(), out.number(), out.number()), (f64::from(records::OPEN), 1.0, 0.0));
    assert_eq!(out.text(), "/v1/ws");

    let mut out = host.input(14, [1.0, 0.0, 0.0], b"last:5\nroom", false);
    assert_eq!((out.number(), out.number()), (f64::from(records::TAKEN), 1.0));
    let mut out = host.input(6, [1.0, 0.0, 0.0], b"", false);
    assert_eq!((out.number(), out.number()), (f64::from(records::SEND), 1.0));
    assert!(out.bytes().is_some_and(|sent| sent.windows(4).any(|word| word == b"room")));

    let position = Position { epoch: "k3x9".parse().unwrap(), offset: 16 };
    let member = Member { id: "m1".into(), subject: None, info: Some("Ada".into()) };
    let mut out = host.frames(&[
        ServerFrame::Welcome {
            session: "s".into(),
            heartbeat: 25_000,
            limits: Limits::default(),
            server: "e".into(),
        },
        ServerFrame::Subscribed { topic: "room".parse().unwrap(), alias: 3, position, recovered: false },
        ServerFrame::Messages {
            alias: 3,
            records: vec![record(17, Payload::json("1")), record(18, Payload::json("2"))],
        },
        ServerFrame::Join { alias: 3, member },
    ]);
    assert_eq!(
        (out.number(), out.number(), out.number(), out.number()),
        (f64::from(records::STATE), 1.0, 0.0, 1.0)
    );
    out.column(3);
    assert_eq!((out.number(), out.number()), (f64::from(records::SUBSCRIBED), 1.0));
    assert_eq!((out.text().as_str(), out.number(), out.number()), ("k3x9", 16.0, 0.0));
    assert_eq!((out.number(), out.number()), (f64::from(records::MESSAGES), 1.0));
    assert_eq!(out.column(5), [2, 17, 2, 4, 2], "nothing is said about any of them");
    assert_eq!((out.number(), out.number()), (1_700_000_000_017.0, 1_700_000_000_018.0));
    assert_eq!(out.column(2), [2, 4]);
    assert_eq!(out.text(), "[1,2]k3x9");
    assert_eq!(out.number(), 0.0, "all are JSON");
    assert_eq!((out.number(), out.number()), (f64::from(records::JOIN), 1.0));
    assert_eq!((out.text().as_str(), out.bytes(), out.text().as_str()), ("m1", None, "Ada"));
}

#[test]
fn columns_are_cut_where_the_messages_end_whatever_the_text() {
    let mut all = vec![
        record(1, Payload::json("\"naïve 🦀\"")),
        record(2, Payload::bytes(vec![0, 255])),
        record(3, Payload::text("漢字")),
        record(4, Payload::json("")),
    ];
    all[0].payload.data = "\"naïve 🦀\"".into();
    all[2].key = Some("clé 🔑".into());
    all[3].from = Some("ada".into());
    // A server that passes on what is no UTF-8.
    all.push(Record {
        payload: Payload { data: vec![b'"', 0xff].into(), ..Payload::json("") },
        ..record(5, Payload::json(""))
    });
    let mut writer = Writer::new();
    columns::write(&mut writer, "e".parse().unwrap(), &all);
    let mut out = Reader(writer.written().to_vec(), 0);
    assert_eq!(out.column(5), [5, 1, 23, 1, 5]);
    out.column(5);
    let (ends, about) = (out.column(5), [out.column(5), out.column(5), out.column(5)]);
    let text: Vec<u16> = out.text().encode_utf16().collect();
    let piece = |start: usize, end: usize| String::from_utf16(&text[start..end]).unwrap();
    let mut start = 0;
    for (end, payload) in ends.iter().zip(["\"naïve 🦀\"", "", "漢字", "", ""]) {
        assert_eq!(piece(start + 1, *end), payload);
        start = *end;
    }
    assert_eq!(piece(start, start + 1), "]");
    assert_eq!(
        (piece(start + 1, about[0][2]), piece(about[1][2], about[2][2])),
        ("clé 🔑".into(), "".into())
    );
    assert_eq!((piece(about[0][3], about[1][3]), piece(about[2][4], text.len())), ("ada".into(), "e".into()));
    assert_eq!((out.number(), out.raw(5)), (1.0, vec![0, 2, 1, 0, 0]));
    assert_eq!((out.bytes(), out.ended()), (Some(vec![0, 255]), true));
}

#[test]
fn what_is_refused_says_why_and_takes_nothing() {
    let mut host = Host::new(&[]);
    for (what, numbers, bytes, code) in [
        (14, [0.0; 3], &b"latest\nno topic"[..], "bad_topic"),
        (14, [0.0; 3], b"yesterday\nroom", "bad_option"),
        (14, [0.0; 3], b"room", "bad_option"),
        (19, [0.0, 2.0, -1.0], b"! 1", "bad_topic"),
        (19, [0.0, 900.0, 900.0], b"", "bad_topic"),
        (19, [1.0, 4.0, -1.0], b"room\xff", "encode"),
        (20, [f64::NAN; 3], b"\xff", "bad_topic"),
        (21, [0.0; 3], b"", "bad_topic"),
    ] {
        let mut out = host.input(what, numbers, bytes, false);
        assert_eq!((out.number(), out.text().as_str()), (f64::from(records::REFUSED), code));
    }
    host.input(24, [0.0; 3], b"", false);
    let mut out = host.input(19, [0.0, 4.0, -1.0], b"room1", false);
    assert_eq!((out.number(), out.text().as_str()), (f64::from(records::REFUSED), "closed"));
}

#[test]
fn a_page_that_nobody_sees_stops_trying_after_ten_failures() {
    let mut host = Host::new(&[0]);
    host.input(0, [0.0; 3], b"", true);
    let mut attempt = 1.0;
    let state = loop {
        assert!(attempt <= 10.0);
        host.input(11, [attempt, 0.0, 0.0], b"", true);
        if host.machine.session.state().state == everwire_core::State::Offline {
            break host.machine.session.state();
        }
        host.clock += 60_000.0;
        host.input(1, [0.0; 3], b"", true);
        attempt += 1.0;
    };
    assert_eq!((state.reason, attempt), (everwire_core::Reason::Suspended, 10.0));
}

#[test]
fn invariant_12_no_input_is_too_strange() {
    let mut random = fastrand::Rng::with_seed(12);
    for _ in 0..200 {
        let mut host = Host::new(&[0, 1, 2, 3, 4, 5, 6, 255]);
        for _ in 0..40 {
            let what = random.u8(..28);
            let number = |random: &mut fastrand::Rng| match random.u8(..8) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => -1.0,
                3 => 1e300,
                4 => f64::from(random.u32(..70_000)),
                _ => f64::from(random.u8(..4)),
            };
            let numbers = [number(&mut random), number(&mut random), number(&mut random)];
            let bytes: Vec<u8> = match random.u8(..4) {
                0 => b"latest\nroom".to_vec(),
                1 => b"everwire.welcome\n1".to_vec(),
                2 => vec![],
                _ => (0..random.usize(..60)).map(|_| random.u8(..)).collect(),
            };
            host.input(what, numbers, &bytes, random.bool());
        }
    }
}
