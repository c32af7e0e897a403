//! What the standard does not have: dead streams, the page's life, refusals that are retried.

use super::*;

#[test]
fn a_refusal_that_the_app_retries_is_tried_after_the_time_that_the_server_says() {
    let transient: Vec<u16> = (200..=599).filter(|code| status(*code).is_transient()).collect();
    let others = [408, 425, 429].into_iter().chain(500..=599);
    assert_eq!(transient, others.collect::<Vec<_>>());

    let mut world = World::new(Config::default());
    world.refuse(Refusal { retry_after: Some(seconds(30)), ..status(503) }, true);
    assert!(matches!(world.failure().retry, Retry::In(wait) if wait >= seconds(30)));
    world.pass(seconds(29));
    assert_eq!(world.opened.len(), 1);
    world.pass(seconds(2));
    assert_eq!(world.opened.len(), 2);
}

#[test]
fn it_starts_from_an_id_of_an_earlier_page() {
    let mut world = World::from_id(Config::default(), "größe-7");
    assert_eq!(world.opened[0].1, "größe-7");
    world.accept();
    world.chunk("data: a\n\n");
    assert_eq!(world.events, [event("message", "a", "größe-7")]);
    for bad in ["a\0b", "a\r\nb", "\n"] {
        assert_eq!(World::from_id(Config::default(), bad).opened[0].1, "", "{bad:?}");
    }
}

#[test]
fn an_attempt_that_hangs_is_given_up_and_what_it_says_later_is_ignored() {
    let mut world = World::new(Config::default());
    let first = world.attempt();
    world.pass(seconds(60));
    assert_eq!(
        (world.failure().kind.clone(), &world.closed[..]),
        (FailureKind::ConnectTimeout, &[first][..])
    );
    world.pass(seconds(1));
    // Invariant 11.
    assert!(!world.act(|machine, now| machine.handle_head(now, first, 200, Some("text/event-stream"))));
    world.act(|machine, now| machine.handle_refused(now, first, status(404), false));
    assert_eq!((world.machine.ready_state(), world.opened.len()), (ReadyState::Connecting, 2));
}

#[test]
fn invariant_6_a_stream_that_is_silent_for_too_long_is_dead() {
    let mut world = World::open(Config { heartbeat_timeout: Some(seconds(45)), ..Config::default() });
    for _ in 0..3 {
        world.pass(seconds(44));
        world.chunk(":");
    }
    assert_eq!(world.machine.poll_timeout().unwrap().1, TimerName::Heartbeat);
    world.pass(seconds(45));
    assert_eq!(world.failure().kind, FailureKind::Silent);
    assert_eq!(world.closed.len(), 1);

    // By default, as in the standard, silence means nothing.
    let mut world = World::open(Config::default());
    world.pass(seconds(86_400));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
}

#[test]
fn on_waking_up_a_second_request_takes_the_place_of_a_stream_that_stays_silent() {
    for wake in [EventSource::handle_wakeup, EventSource::handle_online] {
        let mut world = World::open(Config::default());
        let first = world.attempt();
        world.chunk("id: 7\ndata: a\n\ndata: half");
        world.act(wake);
        assert_eq!(world.opened.len(), 1, "just heard of, it is in no doubt");
        world.pass(seconds(10));
        world.act(wake);
        world.act(wake);
        assert_eq!((world.opened.len(), world.opened[1].1.as_str()), (2, "7"));
        let second = world.accept();
        assert_eq!(world.closed, [first]);
        world.chunk_of(first, "data: stale\n\n");
        world.chunk("data: b\n\n");
        assert_eq!(world.events, [event("message", "a", "7"), event("message", "b", "7")]);
        assert!(world.told.is_empty(), "the app is not bothered: {:?}", world.told);
        assert_eq!(world.attempt(), second);
        // The one that took over is no probe any more.
        world.pass(seconds(60));
        assert_eq!((world.machine.ready_state(), world.closed.len()), (ReadyState::Open, 1));
    }
}

#[test]
fn a_stream_that_speaks_up_keeps_its_place() {
    let mut world = World::open(Config::default());
    let first = world.attempt();
    world.chunk("id: 7\ndata: a\n\n");
    world.pass(seconds(10));
    world.act(EventSource::handle_wakeup);
    let second = world.attempt();
    world.chunk_of(first, ":\n");
    assert_eq!(world.closed, [second]);
    world.pass(seconds(60));
    assert_eq!((world.machine.ready_state(), world.told.len()), (ReadyState::Open, 0));
}

#[test]
fn a_stream_that_speaks_up_after_its_probe_has_failed_keeps_its_place_too() {
    let mut world = World::open(Config::default());
    let first = world.attempt();
    world.chunk("id: 7\ndata: a\n\n");
    world.pass(seconds(10));
    world.act(EventSource::handle_wakeup);
    world.lose();
    world.chunk_of(first, ":\n");
    world.pass(seconds(60));
    assert_eq!((world.machine.ready_state(), world.told.len()), (ReadyState::Open, 0));
}

#[test]
fn when_neither_is_heard_of_in_three_seconds_the_stream_is_dead() {
    for fails in [false, true] {
        let mut world = World::open(Config::default());
        world.chunk("id: 7\ndata: a\n\n");
        world.pass(seconds(10));
        world.act(EventSource::handle_wakeup);
        if fails {
            world.lose();
        }
        world.pass(Duration::from_millis(2_999));
        assert_eq!(world.machine.ready_state(), ReadyState::Open);
        world.pass(Duration::from_millis(1));
        assert_eq!(world.failure().kind, FailureKind::Silent);
        assert_eq!(world.closed.len(), 2);
    }
}

#[test]
fn a_probe_that_is_refused_says_that_the_network_works() {
    let mut world = World::open(Config::default());
    world.chunk("id: 7\ndata: a\n\n");
    world.pass(seconds(10));
    world.act(EventSource::handle_wakeup);
    world.refuse(status(429), false);
    world.pass(seconds(60));
    assert_eq!((world.machine.ready_state(), world.told.len()), (ReadyState::Open, 0));
}

#[test]
fn a_stream_without_ids_is_not_probed_since_that_would_lose_something() {
    let mut world = World::open(Config::default());
    world.chunk("data: a\n\n");
    world.pass(seconds(3_600));
    world.act(EventSource::handle_wakeup);
    assert_eq!(world.opened.len(), 1);
    let mut world = World::open(Config { probes: false, ..Config::default() });
    world.chunk("id: 7\ndata: a\n\n");
    world.pass(seconds(3_600));
    world.act(EventSource::handle_wakeup);
    assert_eq!(world.opened.len(), 1);
}

#[test]
fn a_timer_that_fired_late_gives_the_stream_one_chance() {
    let config = Config { heartbeat_timeout: Some(seconds(45)), ..Config::default() };
    let mut world = World::open(config);
    world.sleep(seconds(3_600));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    world.chunk(":\n");
    world.pass(seconds(44));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    world.sleep(seconds(3_600));
    world.pass(seconds(3));
    assert_eq!(world.failure().kind, FailureKind::Silent, "and only one");

    // With an id, it is asked for at once.
    let mut world = World::open(config);
    world.chunk("id: 7\ndata: a\n\n");
    world.sleep(seconds(3_600));
    assert_eq!(world.opened.len(), 2);
}

#[test]
fn while_offline_nothing_is_tried_and_online_tries_at_once() {
    let mut world = World::open(Config::default());
    world.act(|machine, _| machine.handle_offline());
    assert_eq!(world.machine.ready_state(), ReadyState::Open, "it may live on");
    world.lose();
    assert_eq!((world.failure().retry, world.machine.poll_timeout()), (Retry::WhenBack, None));
    world.act(EventSource::handle_online);
    assert_eq!(world.opened.len(), 2);
    world.act(|machine, _| machine.handle_offline());
    world.act(EventSource::handle_online);
    assert_eq!(world.failure().kind, FailureKind::Replaced, "an attempt on a network that is gone");
    world.pass(Duration::ZERO);
    assert_eq!(world.opened.len(), 3);
}

#[test]
fn a_page_that_is_put_aside_holds_nothing_open() {
    let mut world = World::open(Config::default());
    world.chunk("id: 7\ndata: a\n\n");
    world.act(EventSource::handle_suspend);
    assert_eq!((world.closed.len(), world.failure().retry), (1, Retry::WhenBack));
    world.pass(seconds(3_600));
    world.act(EventSource::handle_wakeup);
    assert_eq!(world.opened[1].1, "7");
}

#[test]
fn while_the_app_takes_nothing_silence_means_nothing() {
    let mut world = World::open(Config { heartbeat_timeout: Some(seconds(45)), ..Config::default() });
    world.chunk("id: 7\ndata: a\n\n");
    world.act(|machine, _| machine.handle_pause());
    world.pass(seconds(3_600));
    world.act(EventSource::handle_wakeup);
    assert_eq!((world.machine.ready_state(), world.opened.len()), (ReadyState::Open, 1));
    world.act(EventSource::handle_resume);
    world.pass(seconds(45));
    assert_eq!(world.failure().kind, FailureKind::Silent);
}

#[test]
fn invariant_12_an_event_beyond_all_bounds_is_the_end() {
    let mut world = World::open(Config { event_bytes: 100, ..Config::default() });
    world.chunk(&"data: 34567890\n".repeat(20));
    assert_eq!(world.failure(), &Failure { kind: FailureKind::TooLong, retry: Retry::Never });
    assert_eq!((world.machine.ready_state(), world.closed.len()), (ReadyState::Closed, 1));
    let mut world = World::open(Config { event_bytes: 100, ..Config::default() });
    world.chunk(&":".repeat(101));
    assert_eq!(world.machine.ready_state(), ReadyState::Closed);
}

#[test]
fn a_request_that_cannot_be_made_is_the_end_or_a_failure() {
    for fatal in [false, true] {
        let mut world = World::new(Config::default());
        let attempt = world.attempt();
        world.act(|machine, now| machine.handle_unable(now, attempt, fatal));
        assert_eq!((world.failure().kind.clone(), world.failure().is_fatal()), (FailureKind::Request, fatal));
    }
    let mut config = Config::default();
    config.reconnect.max_retries = Some(0);
    let mut world = World::new(config);
    world.lose();
    assert!(world.failure().is_fatal(), "no retries are wanted");
}
