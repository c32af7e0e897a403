//! What crosses the border: inputs that are read, whatever is in them, and what follows from them, in its order.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use crate::{
    create, destroy, input, look,
    machine::{Input, Machine, Output},
    next,
};

const RECONNECT: u8 = 5;
const PAUSE: u8 = 6;
const HEAD: u8 = 7;
const CHUNK: u8 = 8;
const REFUSED: u8 = 9;
const ENDED: u8 = 10;
const UNABLE: u8 = 11;

/// What the machine says next, as the host understands it.
#[derive(Debug, PartialEq)]
enum Told {
    Open,
    /// Its kind, and when it is tried again.
    Error(f64, f64),
    Request(f64),
    Abort(f64),
    Start(f64),
    Stop,
    Message(String, String, String),
}

struct Host {
    machine: Machine,
    out: Output,
    clock: f64,
    hidden: bool,
}

impl Host {
    fn new(max_retries: f64, times: [f64; 4], id: &[u8]) -> Self {
        let machine = Machine::new(7.0, max_retries, times, id);
        Self { machine, out: Output::NONE, clock: 1_000.0, hidden: false }
    }

    /// One that has just been told of its stream, the request 1.
    fn open() -> Self {
        let mut host = Self::new(f64::NAN, [f64::NAN; 4], b"");
        host.input(RECONNECT, 0, 0.0, false, b"");
        assert_eq!(host.all(), [Told::Request(1.0), Told::Start(60_000.0)]);
        assert!(host.input(HEAD, 1, 200.0, false, b"text/event-stream; charset=utf-8"));
        assert_eq!(host.all(), [Told::Open, Told::Start(5_000.0)]);
        host
    }

    fn input(&mut self, what: u8, request: u32, number: f64, flag: bool, bytes: &[u8]) -> bool {
        self.machine.read_clock(self.clock, self.clock);
        self.machine.handle(Input { what, request, number, flag, bytes: &mut bytes.to_vec() })
    }

    fn next(&mut self) -> Option<Told> {
        self.machine.read_clock(self.clock, self.clock);
        let what = self.machine.next(self.hidden, &mut self.out);
        let Output { detail, more, .. } = self.out;
        Some(match what {
            0 => return None,
            1 => Told::Open,
            2 => Told::Error(detail, more),
            3 => Told::Request(detail),
            4 => Told::Abort(detail),
            5 => Told::Start(detail),
            6 => Told::Stop,
            _ => {
                let text = String::from_utf8_lossy(self.out.text()).into_owned();
                let mut parts = text.splitn(3, '\n').map(str::to_owned);
                let mut part = || parts.next().unwrap();
                let (name, id) = (part(), part());
                Told::Message(name, part(), id)
            }
        })
    }

    fn all(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn look(&mut self) -> (u8, String) {
        let state = self.machine.look(&mut self.out);
        (state, String::from_utf8_lossy(self.out.text()).into_owned())
    }
}

fn message(data: &str, id: &str) -> Told {
    Told::Message("message".to_owned(), data.to_owned(), id.to_owned())
}

#[test]
fn each_event_goes_out_before_the_next_one_is_read() {
    let mut host = Host::open();
    host.input(CHUNK, 1, 0.0, false, b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n");
    assert_eq!((host.next(), host.look().1.as_str()), (Some(message("a", "1")), "1"));
    assert_eq!((host.next(), host.look().1.as_str()), (Some(message("b", "2")), "2"));
    // What the app wants in between is what counts: the rest is nobody's, and is asked for again.
    host.input(RECONNECT, 0, 0.0, false, b"");
    assert_eq!(host.look(), (0, "2".to_owned()));
    assert_eq!(host.all(), [Told::Abort(1.0), Told::Error(6.0, 0.0), Told::Start(0.0)]);
    host.machine.handle(Input { what: 4, request: 0, number: 0.0, flag: false, bytes: &mut Vec::new() });
    assert_eq!(host.next(), Some(Told::Request(2.0)));
}

#[test]
fn what_was_read_before_a_pause_still_comes() {
    let mut host = Host::open();
    host.input(CHUNK, 1, 0.0, false, b"data: a\n\ndata: b\n\ndata: c");
    assert_eq!(host.next(), Some(message("a", "")));
    host.input(PAUSE, 0, 0.0, true, b"");
    assert_eq!(host.all(), [message("b", "")]);
    host.input(PAUSE, 0, 0.0, false, b"");
    host.input(CHUNK, 1, 0.0, false, b"d\r\n\r\n");
    assert_eq!(host.all(), [message("cd", "")]);
}

#[test]
fn a_text_can_be_told_apart_whatever_is_in_it() {
    let mut host = Host::open();
    for (sent, name, data, id) in [
        (&b"event: \xff\nid: \xe2\x82\ndata\n\n"[..], "\u{fffd}", "", "\u{fffd}"),
        (b"data: one\ndata:\ndata: two\n\n", "message", "one\n\ntwo", "\u{fffd}"),
        ("event: é\nid: 漢\ndata:  🦀 \n\n".as_bytes(), "é", " 🦀 ", "漢"),
        (b"data: x\nid\n\n", "message", "x", ""),
    ] {
        for piece in sent.chunks(3) {
            host.input(CHUNK, 1, 0.0, false, piece);
            let told = host.all();
            if !told.is_empty() {
                let [name, data, id] = [name, data, id].map(str::to_owned);
                assert_eq!(told, [Told::Message(name, data, id)]);
            }
        }
        assert_eq!(host.look(), (1, id.to_owned()));
    }
}

#[test]
fn an_error_says_what_it_is_and_what_follows() {
    let never = |told: &[Told], kind| matches!(told, [.., Told::Error(found, more), Told::Stop] if *found == kind && more.is_nan());
    let again = |told: &[Told], kind, least: f64| match told {
        [.., Told::Error(found, more), Told::Start(delay)] => {
            *found == kind && more == delay && *more >= least
        }
        _ => false,
    };
    let asked = || {
        let mut host = Host::new(f64::NAN, [f64::NAN; 4], b"7");
        host.input(RECONNECT, 0, 0.0, false, b"");
        host.all();
        host
    };
    let mut host = asked();
    assert!(!host.input(HEAD, 1, 200.0, false, "text/event-stré".as_bytes()));
    host.input(REFUSED, 1, f64::NAN, false, b"");
    assert!(never(&host.all(), 3.0));
    assert_eq!(host.look(), (2, "7".to_owned()));

    let mut host = asked();
    assert!(!host.input(HEAD, 1, 503.0, false, b"text/event-stream"));
    host.input(REFUSED, 1, 2_000.0, true, b"");
    assert!(again(&host.all(), 3.0, 2_000.0));

    let mut host = asked();
    host.input(UNABLE, 1, 0.0, true, b"");
    assert!(never(&host.all(), 5.0));

    let mut host = asked();
    host.input(ENDED, 1, 0.0, false, b"");
    assert!(again(&host.all(), 0.0, 0.0));

    let mut host = Host::open();
    host.input(0, 0, 0.0, false, b"");
    host.input(CHUNK, 1, 0.0, false, b"id: 9\nretry: 1\ndata: x\n\ndata: y");
    host.input(ENDED, 1, 0.0, false, b"");
    assert_eq!(host.all(), [Told::Abort(1.0), Told::Error(0.0, f64::INFINITY), Told::Stop]);
}

#[test]
fn the_number_of_retries_is_taken_as_it_is_meant() {
    for (given, most) in [(0.0, 0), (2.0, 2), (4_294_967_296.0, 40), (f64::INFINITY, 40), (f64::NAN, 40)] {
        let mut host = Host::new(given, [f64::NAN, 1.0, 1.0, f64::NAN], b"");
        host.input(RECONNECT, 0, 0.0, false, b"");
        let mut failures = 0;
        for attempt in 1..=41 {
            host.all();
            host.input(ENDED, attempt, 0.0, false, b"");
            failures = attempt - 1;
            if host.look().0 == 2 {
                break;
            }
            host.clock += 10.0;
            host.input(4, 0, 0.0, false, b"");
        }
        assert_eq!(failures, most, "{given}");
    }
}

#[test]
fn a_page_that_nobody_sees_stops_trying_after_ten_failures() {
    let mut host = Host::new(f64::NAN, [f64::NAN; 4], b"");
    host.hidden = true;
    host.input(RECONNECT, 0, 0.0, false, b"");
    for attempt in 1.. {
        let told = host.all();
        if !told.contains(&Told::Request(attempt.into())) {
            assert_eq!((attempt, told), (11, vec![]));
            break;
        }
        host.input(ENDED, attempt, 0.0, false, b"");
        let told = host.all();
        assert!(matches!(told[..], [Told::Abort(_), Told::Error(..), ..]));
        host.clock += 60_000.0;
        host.input(4, 0, 0.0, false, b"");
    }
    host.hidden = false;
    host.input(2, 0, 0.0, false, b"");
    assert_eq!(host.next(), Some(Told::Request(11.0)));
}

#[test]
fn a_number_is_used_again_and_what_is_gone_does_nothing() {
    let new = || create(1.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN);
    let connect = |machine| input(machine, 0.0, 0.0, RECONNECT, 0, 0.0, false);
    let (first, second) = (new(), new());
    assert_ne!(first, second);
    destroy(first);
    connect(first);
    assert_eq!((next(first, 0.0, 0.0, false), look(first)), (0, 2));
    connect(second);
    assert_eq!((next(second, 0.0, 0.0, false), look(second)), (3, 0));
    assert_eq!((new(), new()), (first, second + 1));
    for strange in [99, usize::MAX] {
        destroy(strange);
        connect(strange);
        assert_eq!((next(strange, 0.0, 0.0, false), look(strange)), (0, 2));
    }
}

#[test]
fn no_input_is_too_strange() {
    let mut random = fastrand::Rng::with_seed(12);
    let number = |random: &mut fastrand::Rng| match random.u8(..8) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -1.0,
        3 => 1e300,
        4 => f64::from(random.u32(..70_000)),
        _ => 200.0,
    };
    for _ in 0..300 {
        let times = [(); 4].map(|()| number(&mut random));
        let mut host = Host::new(number(&mut random), times, if random.bool() { b"7" } else { b"\n\xff" });
        for _ in 0..60 {
            let what = random.u8(..14);
            let bytes: Vec<u8> = match random.u8(..4) {
                0 => b"text/event-stream".to_vec(),
                1 => b"id: 1\ndata: 2\n\ndata: 3\n\n".to_vec(),
                2 => vec![],
                _ => (0..random.usize(..60)).map(|_| random.u8(..)).collect(),
            };
            host.clock += number(&mut random).clamp(-5.0, 1e12);
            host.hidden = random.bool();
            host.input(what, random.u32(..4), number(&mut random), random.bool(), &bytes);
            // Not always to the end: the app may do something in between.
            for _ in 0..random.usize(..9) {
                host.next();
            }
        }
        assert!(host.all().len() < 200, "there is an end to what follows");
    }
}
