//! Links that come and go, what waits for them, and the end.

use super::*;

#[test]
fn a_lost_link_comes_back_and_the_app_hears_of_each_step() {
    let mut world = World::new(Config::default());
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
    world.accept();
    assert_eq!(
        (world.machine.ready_state(), &world.events[..]),
        (ReadyState::Open, &[WebSocketEvent::Open][..])
    );
    world.lose();
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
    let Retry::In(wait) = world.retry() else { panic!("no retry") };
    assert!(wait <= Duration::from_millis(500), "{wait:?}");
    assert_eq!(world.machine.poll_timeout(), Some((world.now + wait, TimerName::Retry)));
    world.pass(wait);
    assert_eq!(world.opened.len(), 2);
    world.accept();
    let told = [WebSocketEvent::Open, WebSocketEvent::Error, abnormal(Retry::In(wait)), WebSocketEvent::Open];
    assert_eq!(world.events, told);
}

#[test]
fn a_clean_close_of_the_server_is_no_error_and_is_followed_by_a_retry() {
    let mut world = World::open(Config::default());
    let attempt = world.attempt();
    world.act(|machine, now| machine.handle_closed(now, attempt, 1001, "going away".into(), true, false));
    assert!(
        matches!(&world.events[..], [WebSocketEvent::Close(close)] if close.code == 1001 && close.reason == "going away"
            && close.was_clean && matches!(close.retry, Retry::In(_)))
    );
}

#[test]
fn waits_grow_with_each_failure_and_are_forgotten_by_a_healthy_link() {
    let mut world = World::new(Config::default());
    let mut longest = Duration::ZERO;
    for _ in 0..8 {
        world.lose();
        let Retry::In(wait) = world.retry() else { panic!("no retry") };
        longest = longest.max(wait);
        world.pass(wait);
    }
    assert!(longest > seconds(2) && longest <= seconds(20), "{longest:?}");
    assert_eq!((world.machine.failures(), world.opened.len()), (8, 9));
    world.accept();
    world.pass(seconds(4));
    assert_eq!(world.machine.failures(), 8, "not yet healthy");
    world.pass(seconds(1));
    assert_eq!(world.machine.failures(), 0);
}

#[test]
fn what_is_sent_without_a_link_waits_in_order_and_within_limits() {
    let mut world = World::new(Config { outbox_messages: 3, outbox_bytes: 10, ..Config::default() });
    assert_eq!(world.act(|machine, _| machine.send("one", 3)), Ok(()));
    assert_eq!(world.act(|machine, _| machine.send("eleven bytes", 12)), Err(SendError::Full));
    assert_eq!(world.act(|machine, _| machine.send("two", 3)), Ok(()));
    assert_eq!(world.act(|machine, _| machine.send("three", 4)), Ok(()));
    assert_eq!(world.act(|machine, _| machine.send("", 0)), Err(SendError::Full), "by count");
    assert_eq!((world.machine.buffered(), world.sent.len()), (10, 0));
    let link = world.accept();
    world.act(|machine, _| machine.send("four", 4)).unwrap();
    assert_eq!(world.sent, [(link, "one"), (link, "two"), (link, "three"), (link, "four")]);
    assert_eq!(world.machine.buffered(), 0);
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let mut world = World::new(Config::default());
    let first = world.attempt();
    world.pass(Duration::from_millis(9_999));
    assert_eq!(world.machine.poll_timeout().unwrap().1, TimerName::Connect);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.abandoned, [first]);
    world.pass(seconds(1));
    assert_eq!(world.opened.len(), 2);
    // Invariant 11: what the old one says now changes nothing.
    world.act(|machine, now| machine.handle_opened(now, first));
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
    assert!(!world.act(|machine, now| machine.handle_message(now, first)));
}

#[test]
fn after_its_last_retry_it_is_closed() {
    let mut config = Config::default();
    config.reconnect.max_retries = Some(2);
    let mut world = World::new(config);
    world.act(|machine, _| machine.send("never", 5)).unwrap();
    for _ in 0..3 {
        world.lose();
        world.pass(seconds(30));
    }
    assert_eq!((world.opened.len(), world.retry()), (3, Retry::Never));
    assert_eq!(world.machine.ready_state(), ReadyState::Closed);
    assert_eq!(world.machine.poll_timeout(), None);
    assert_eq!(world.machine.buffered(), 5, "as the standard has it");
    assert_eq!(world.act(|machine, _| machine.send("more", 4)), Err(SendError::Closed));
}

#[test]
fn a_fatal_close_is_the_last() {
    let mut world = World::open(Config::default());
    let attempt = world.attempt();
    world.act(|machine, now| machine.handle_closed(now, attempt, 4001, "who are you".into(), true, true));
    assert_eq!((world.retry(), world.machine.ready_state()), (Retry::Never, ReadyState::Closed));
}

#[test]
fn invariant_8_close_is_final() {
    // With a link: the other side is told, and its answer is the end.
    let mut world = World::open(Config::default());
    let link = world.attempt();
    world.act(|machine, now| machine.close(now, Some(4_000), "enough")).unwrap();
    assert_eq!(world.closed, [(link, Some(4_000), "enough".to_owned())]);
    assert_eq!(world.machine.ready_state(), ReadyState::Closing);
    assert!(!world.act(|machine, now| machine.handle_message(now, link)), "no more messages");
    world.act(|machine, now| machine.handle_closed(now, link, 4_000, "enough".into(), true, false));
    assert_eq!((world.retry(), world.events.len()), (Retry::Never, 1));

    // Without an answer: a deadline.
    let mut world = World::open(Config::default());
    world.act(|machine, now| machine.close(now, None, "")).unwrap();
    assert_eq!(world.machine.poll_timeout(), Some((world.now + seconds(10), TimerName::Close)));
    world.pass(seconds(10));
    assert_eq!((world.retry(), world.abandoned.len()), (Retry::Never, 1));

    // Without a link: at once, but not from within.
    for lost in [false, true] {
        let mut world = World::new(Config::default());
        if lost {
            world.lose();
        }
        world.events.clear();
        world.act(|machine, now| machine.close(now, None, "")).unwrap();
        assert!(world.events.is_empty());
        world.pass(Duration::ZERO);
        assert_eq!(world.events, [WebSocketEvent::Error, abnormal(Retry::Never)]);
        for wake in
            [WebSocket::handle_online, WebSocket::handle_wakeup, WebSocket::reconnect, WebSocket::connect]
        {
            world.act(wake);
        }
        world.pass(seconds(3_600));
        assert_eq!((world.opened.len(), world.events.len()), (1, 2));
    }
}

#[test]
fn invariant_8_what_is_given_up_and_closed_in_one_go_is_let_go_of() {
    let mut world = World::open(Config::default());
    let link = world.attempt();
    // As an app does from within an event: nothing is carried out in between.
    world.act(|machine, now| {
        machine.reconnect(now);
        machine.reconnect(now);
        machine.close(now, None, "").unwrap();
    });
    assert!(world.abandoned.contains(&link) && world.opened.len() == 1, "{:?}", world.abandoned);
}

#[test]
fn codes_and_reasons_are_those_of_the_standard() {
    let mut world = World::open(Config::default());
    for code in [0, 999, 1001, 1005, 1006, 2999, 5000] {
        let result = world.act(|machine, now| machine.close(now, Some(code), ""));
        assert_eq!(result, Err(CloseError::Code), "{code}");
    }
    let long = "é".repeat(62);
    assert_eq!(world.act(|machine, now| machine.close(now, Some(1000), &long)), Err(CloseError::Reason));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    assert_eq!(world.act(|machine, now| machine.close(now, Some(1000), &long[..122])), Ok(()));
}
