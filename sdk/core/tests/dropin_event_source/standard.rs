//! What the standard says.

use super::*;

#[test]
fn a_stream_that_ends_is_asked_for_again_from_its_last_id() {
    let mut world = World::new(Config::default());
    assert_eq!((world.machine.ready_state(), world.opened[0].1.as_str()), (ReadyState::Connecting, ""));
    world.accept();
    assert_eq!(
        (world.machine.ready_state(), &world.told[..]),
        (ReadyState::Open, &[EventSourceEvent::Open][..])
    );
    world.chunk("id: 7\ndata: a\n\nevent: x\ndata: b\n\nid: 8\ndata: cut off\n");
    world.lose();
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
    assert_eq!(world.failure().kind, FailureKind::Network);
    world.pass(seconds(1));
    assert_eq!(world.opened[1].1, "7", "the id of an event that was cut off never counts");
    world.accept();
    world.chunk("data: c\n\n");
    assert_eq!(world.events, [event("message", "a", "7"), event("x", "b", "7"), event("message", "c", "7")]);
}

#[test]
fn an_id_is_kept_reset_and_not_taken_with_a_null_in_it() {
    let mut world = World::open(Config::default());
    world.chunk("id: größe\ndata\n\nid: a\0b\ndata\n\n");
    assert_eq!(world.machine.last_event_id(), "größe".as_bytes());
    world.chunk("id\ndata\n\n");
    assert_eq!(world.machine.last_event_id(), b"", "an empty one takes it back");
}

#[test]
fn no_retry_comes_before_the_time_that_the_stream_has_set() {
    let mut world = World::open(Config::default());
    world.chunk("retry: 7000\n\n");
    world.lose();
    let Retry::In(wait) = world.failure().retry else { panic!("no retry") };
    assert!(wait >= seconds(7) && wait <= Duration::from_millis(7_500), "{wait:?}");
    // Nor does `online` cut that time short.
    world.act(|machine, _| machine.handle_offline());
    world.act(EventSource::handle_online);
    assert_eq!(world.machine.poll_timeout(), Some((world.now + seconds(7), TimerName::Retry)));
    world.pass(seconds(7));
    assert_eq!(world.opened.len(), 2);
    world.accept();
    world.chunk("retry: soon\n\n");
    world.lose();
    assert!(matches!(world.failure().retry, Retry::In(wait) if wait >= seconds(7)), "it is kept");
}

#[test]
fn a_server_that_ends_each_stream_and_says_when_to_come_back_has_not_failed() {
    let mut config = Config::default();
    config.reconnect.max_retries = Some(3);
    let mut world = World::open(config);
    for _ in 0..20 {
        world.chunk("retry: 1000\ndata: a\n\n");
        world.lose();
        let Retry::In(wait) = world.failure().retry else { panic!("{:?}", world.failure()) };
        assert!((1_000..=1_500).contains(&wait.as_millis()), "{wait:?}");
        world.pass(wait);
        world.accept();
    }
}

#[test]
fn any_other_status_or_type_is_the_end() {
    for code in [201, 204, 205, 301, 401, 404, 410, 429, 500, 503] {
        let mut world = World::new(Config::default());
        world.refuse(status(code), false);
        let failure = world.failure().clone();
        assert!(failure.is_fatal() && failure.kind == FailureKind::Refused(status(code)), "{code}");
        world.pass(seconds(3_600));
        world.act(EventSource::handle_online);
        world.act(EventSource::handle_wakeup);
        assert_eq!(
            (world.machine.ready_state(), world.opened.len(), world.told.len()),
            (ReadyState::Closed, 1, 1)
        );
    }
    for kind in [None, Some("text/html"), Some("text/event-streams"), Some("text/event-stream+json")] {
        let mut world = World::new(Config::default());
        let refusal = Refusal { status: 200, content_type: kind.map(Into::into), ..Refusal::default() };
        world.refuse(refusal, false);
        assert_eq!(world.machine.ready_state(), ReadyState::Closed, "{kind:?}");
    }
}

#[test]
fn the_type_is_taken_with_parameters_and_in_any_case() {
    for kind in [
        "text/event-stream",
        "text/event-stream;charset=utf-8",
        "TEXT/Event-Stream ; x=y",
        " text/event-stream",
    ] {
        let mut world = World::new(Config::default());
        let attempt = world.attempt();
        assert!(world.act(|machine, now| machine.handle_head(now, attempt, 200, Some(kind))), "{kind}");
    }
}

#[test]
fn a_network_error_is_always_retried_and_waits_grow() {
    let mut world = World::new(Config::default());
    for _ in 0..10 {
        world.lose();
        world.pass(seconds(20));
    }
    assert_eq!((world.opened.len(), world.machine.failures()), (11, 10));
    world.accept();
    world.pass(seconds(5));
    assert_eq!(world.machine.failures(), 0);
}

#[test]
fn invariant_8_what_is_given_up_and_closed_in_one_go_is_let_go_of() {
    let mut world = World::open(Config::default());
    let attempt = world.attempt();
    // As an app does from within an event: nothing is carried out in between.
    world.act(|machine, now| {
        machine.reconnect(now);
        machine.reconnect(now);
        machine.close();
    });
    assert!(world.closed.contains(&attempt), "{:?}", world.closed);
    assert!(world.told.is_empty() && world.opened.len() == 1);
}

#[test]
fn invariant_8_close_is_final_and_silent() {
    let mut world = World::open(Config::default());
    let attempt = world.attempt();
    world.act(|machine, _| machine.close());
    assert_eq!((world.machine.ready_state(), world.machine.poll_timeout()), (ReadyState::Closed, None));
    assert_eq!(world.closed, [attempt]);
    world.chunk_of(attempt, "data: late\n\n");
    world.act(|machine, now| machine.handle_closed(now, attempt));
    for wake in
        [EventSource::handle_online, EventSource::handle_wakeup, EventSource::reconnect, EventSource::connect]
    {
        world.act(wake);
    }
    assert!(world.told.is_empty() && world.events.is_empty() && world.opened.len() == 1);
}

#[test]
fn an_app_that_closes_amid_a_chunk_gets_no_more_of_it() {
    let mut world = World::open(Config::default());
    let (attempt, mut chunk) = (world.attempt(), &b"data: a\n\ndata: b\n\n"[..]);
    assert!(world.act(|machine, now| machine.handle_chunk(now, attempt, &mut chunk).is_some()));
    world.act(|machine, _| machine.close());
    assert!(world.act(|machine, now| machine.handle_chunk(now, attempt, &mut chunk).is_none()));
    assert!(chunk.is_empty());
}
