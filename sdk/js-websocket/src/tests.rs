//! What crosses the border: inputs that are read, whatever is in them, and what follows from them, in its order.

use crate::{
    create, destroy, input, look,
    machine::{Input, Machine, Options, Output},
    next,
};

const FIRED: u8 = 4;
const RECONNECT: u8 = 5;
const SEND: u8 = 6;
const CLOSE: u8 = 7;
const OPENED: u8 = 8;
const UNABLE: u8 = 9;
const HEARD: u8 = 10;
const CLOSED: u8 = 11;

struct Host {
    machine: Machine,
    out: Output,
    clock: f64,
    hidden: bool,
}

impl Host {
    fn new(max_retries: f64, times: [f64; 5], messages: f64) -> Self {
        let options = Options { seed: 7.0, max_retries, times, pings: true, messages, bytes: f64::NAN };
        Self { machine: Machine::new(options), out: Output::NONE, clock: 1_000.0, hidden: false }
    }

    fn open() -> Self {
        let mut host = Self::new(f64::NAN, [f64::NAN; 5], 2.0);
        host.input(RECONNECT, 0, 0.0, false);
        assert_eq!(host.all().first(), Some(&4));
        host.input(OPENED, 0, 0.0, false);
        assert_eq!(host.all().first(), Some(&1));
        host
    }

    fn input(&mut self, what: u8, a: u32, b: f64, flag: bool) -> u8 {
        self.machine.read_clock(self.clock, self.clock);
        self.machine.handle(Input { what, a, b, flag })
    }

    fn next(&mut self) -> Option<(u8, f64, f64)> {
        self.machine.read_clock(self.clock, self.clock);
        let what = self.machine.next(self.hidden, &mut self.out);
        (what > 0).then_some((what, self.out.detail, self.out.more))
    }

    /// All that is to be done, without what goes with it.
    fn all(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.next()).map(|(what, ..)| what).collect()
    }

    fn look(&mut self) -> (u8, f64) {
        (self.machine.look(&mut self.out), self.out.detail)
    }
}

#[test]
fn what_waits_is_sent_in_its_order_before_the_open_is_told() {
    let mut host = Host::new(f64::NAN, [f64::NAN; 5], 2.0);
    host.input(RECONNECT, 0, 0.0, false);
    let sent =
        [(1, 10.0), (2, 5.0), (3, 1.0)].map(|(message, bytes)| host.input(SEND, message, bytes, false));
    assert_eq!((sent, host.look()), ([0, 0, 1], (0, 15.0)));
    assert_eq!(host.next().map(|(what, ..)| what), Some(4));
    host.all();
    host.input(OPENED, 0, 0.0, false);
    let told: Vec<_> =
        std::iter::from_fn(|| host.next()).take(3).map(|(what, detail, _)| (what, detail)).collect();
    assert_eq!((told[0], told[1], told[2].0), ((5, 1.0), (5, 2.0), 1));
    assert_eq!(host.look(), (1, 0.0));
}

#[test]
fn only_an_open_socket_is_heard() {
    let mut host = Host::new(f64::NAN, [f64::NAN; 5], 2.0);
    assert_eq!(host.input(HEARD, 0, 0.0, false), 0);
    let mut host = Host::open();
    assert_eq!(host.input(HEARD, 0, 0.0, false), 1);
    host.input(CLOSED, 1006, 0.0, false);
    assert_eq!(host.input(HEARD, 0, 0.0, false), 0);
}

#[test]
fn a_close_says_its_code_and_what_follows() {
    let mut host = Host::open();
    host.input(CLOSED, 1012, 0.0, true);
    let closed = std::iter::from_fn(|| host.next()).find(|(what, ..)| *what == 3);
    assert!(closed.is_some_and(|(_, code, wait)| code == 1012.0 && wait >= 0.0 && wait.is_finite()));
    assert_eq!(host.look().0, 0);

    let mut host = Host::open();
    host.input(CLOSED, 4001, 1.0, true);
    let closed = std::iter::from_fn(|| host.next()).find(|(what, ..)| *what == 3);
    assert!(closed.is_some_and(|(_, code, wait)| code == 4001.0 && wait.is_nan()));
    assert_eq!((host.look().0, host.input(SEND, 1, 1.0, false)), (3, 2));

    let mut host = Host::open();
    host.input(CLOSE, 3000, 0.0, false);
    assert_eq!((host.next().map(|(what, code, _)| (what, code)), host.look().0), (Some((6, 3000.0)), 2));
}

#[test]
fn the_number_of_retries_is_taken_as_it_is_meant() {
    for (given, most) in [(0.0, 0), (2.0, 2), (4_294_967_296.0, 40), (f64::INFINITY, 40), (f64::NAN, 40)] {
        let mut host = Host::new(given, [f64::NAN, 1.0, 1.0, f64::NAN, f64::NAN], 2.0);
        host.input(RECONNECT, 0, 0.0, false);
        let mut failures = 0;
        for attempt in 0..=40 {
            host.all();
            host.input(CLOSED, 1006, 0.0, false);
            host.all();
            failures = attempt;
            if host.look().0 == 3 {
                break;
            }
            host.clock += 10.0;
            host.input(FIRED, 0, 0.0, false);
        }
        assert_eq!(failures, most, "{given}");
    }
}

#[test]
fn a_page_that_nobody_sees_stops_trying_after_ten_failures() {
    let mut host = Host::new(f64::NAN, [f64::NAN; 5], 2.0);
    host.hidden = true;
    host.input(RECONNECT, 0, 0.0, false);
    let mut attempts = 0;
    while host.all().contains(&4) {
        attempts += 1;
        assert!(attempts <= 10);
        host.input(CLOSED, 1006, 0.0, false);
        host.all();
        host.clock += 60_000.0;
        host.input(FIRED, 0, 0.0, false);
    }
    assert_eq!(attempts, 10);
    host.hidden = false;
    host.input(2, 0, 0.0, false);
    assert_eq!(host.next().map(|(what, ..)| what), Some(4));
}

#[test]
fn a_number_is_used_again_and_what_is_gone_does_nothing() {
    let nan = f64::NAN;
    let new = || create(1.0, nan, nan, nan, nan, false, nan, nan, nan, nan);
    let connect = |machine| input(machine, 0.0, 0.0, RECONNECT, 0, 0.0, false);
    let (first, second) = (new(), new());
    assert_ne!(first, second);
    destroy(first);
    connect(first);
    assert_eq!((next(first, 0.0, 0.0, false), look(first)), (0, 3));
    connect(second);
    assert_eq!((next(second, 0.0, 0.0, false), look(second)), (4, 0));
    assert_eq!((new(), new()), (first, second + 1));
    for strange in [99, usize::MAX] {
        destroy(strange);
        assert_eq!(input(strange, 0.0, 0.0, SEND, 1, 1.0, false), 2);
        assert_eq!((next(strange, 0.0, 0.0, false), look(strange)), (0, 3));
    }
}

#[test]
fn no_input_is_too_strange() {
    let mut random = fastrand::Rng::with_seed(12);
    let number = |random: &mut fastrand::Rng| match random.u8(..7) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -1.0,
        3 => 1e300,
        _ => f64::from(random.u32(..70_000)),
    };
    for _ in 0..300 {
        let times = [(); 5].map(|()| number(&mut random));
        let mut host = Host::new(number(&mut random), times, number(&mut random));
        for _ in 0..60 {
            let what = random.u8(..14);
            host.clock += number(&mut random).clamp(-5.0, 1e12);
            host.hidden = random.bool();
            let a = if random.bool() { random.u32(..70_000) } else { random.u32(..) };
            let answer = host.input(what, a, number(&mut random), random.bool());
            assert!(answer <= 2);
            // Not always to the end: the app may do something in between.
            for _ in 0..random.usize(..9) {
                host.next();
            }
        }
        host.input(UNABLE, 0, 0.0, true);
        assert!(host.all().len() < 200, "there is an end to what follows");
    }
}
