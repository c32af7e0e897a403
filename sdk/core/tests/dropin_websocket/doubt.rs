//! Dead links, the network that goes and comes, and the page's life.

use super::*;

#[test]
fn what_cannot_begin_is_told_later_and_once_when_it_never_can() {
    let mut world = World::new(Config::default());
    let attempt = world.attempt();
    world.act(|machine, now| machine.handle_unable(now, attempt, false));
    assert!(world.events.is_empty());
    world.pass(Duration::ZERO);
    assert!(matches!(world.retry(), Retry::In(_)));
    world.pass(seconds(1));
    let attempt = world.attempt();
    world.act(|machine, now| machine.handle_unable(now, attempt, true));
    world.pass(seconds(60));
    assert_eq!((world.retry(), world.opened.len()), (Retry::Never, 2));
}

#[test]
fn invariant_6_silence_is_broken_by_the_heartbeat_and_then_is_a_dead_link() {
    let mut world = World::open(with_heartbeat(Some("ping")));
    let link = world.attempt();
    for _ in 0..3 {
        world.pass(seconds(20));
        world.pass(seconds(4));
        assert!(world.act(|machine, now| machine.handle_message(now, link)));
    }
    assert_eq!(world.sent, [(link, "ping"); 3]);
    assert_eq!(world.machine.poll_timeout().unwrap().1, TimerName::Heartbeat);
    world.pass(seconds(24));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    world.pass(seconds(1));
    assert_eq!((world.abandoned.len(), world.events.len()), (1, 2));
    assert!(matches!(world.retry(), Retry::In(_)));
}

#[test]
fn a_server_that_beats_by_itself_is_sent_nothing() {
    let mut world = World::open(with_heartbeat(None));
    let link = world.attempt();
    for _ in 0..3 {
        world.pass(seconds(24));
        world.act(|machine, now| machine.handle_message(now, link));
    }
    assert_eq!((world.sent.len(), world.machine.ready_state()), (0, ReadyState::Open));
    world.pass(seconds(25));
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
}

#[test]
fn on_waking_up_the_link_is_probed_and_has_three_seconds() {
    for wake in [WebSocket::handle_wakeup, WebSocket::handle_online] {
        let mut world = World::open(with_heartbeat(Some("ping")));
        let link = world.attempt();
        world.act(wake);
        world.act(wake);
        assert_eq!(world.sent, [(link, "ping")], "once");
        world.pass(seconds(2));
        world.act(|machine, now| machine.handle_message(now, link));
        world.pass(seconds(10));
        assert_eq!(world.machine.ready_state(), ReadyState::Open);
        world.act(wake);
        world.pass(Duration::from_millis(2_999));
        assert_eq!(world.machine.ready_state(), ReadyState::Open);
        world.pass(Duration::from_millis(1));
        assert_eq!(world.machine.ready_state(), ReadyState::Connecting);
    }
}

#[test]
fn a_timer_that_fired_late_gives_the_link_one_chance() {
    let mut world = World::open(with_heartbeat(Some("ping")));
    let link = world.attempt();
    world.sleep(seconds(3_600));
    assert_eq!(world.sent, [(link, "ping")]);
    world.act(|machine, now| machine.handle_message(now, link));
    world.pass(seconds(20));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);

    // Asleep while the answer was awaited: it may lie in the browser.
    world.sleep(seconds(3_600));
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    world.sleep(seconds(3_600));
    assert_eq!(world.machine.ready_state(), ReadyState::Connecting, "and only one");
}

#[test]
fn while_offline_nothing_is_tried_and_online_tries_at_once() {
    let mut world = World::new(Config::default());
    world.act(|machine, _| machine.handle_offline());
    world.lose();
    assert_eq!(world.retry(), Retry::WhenBack);
    assert_eq!(world.machine.poll_timeout(), None);
    world.pass(seconds(3_600));
    assert_eq!(world.opened.len(), 1);
    world.act(WebSocket::handle_online);
    assert_eq!(world.opened.len(), 2);

    let mut world = World::new(Config::default());
    world.lose();
    world.act(|machine, _| machine.handle_offline());
    assert_eq!(world.machine.poll_timeout(), None, "a wait that had begun is over too");
    world.act(WebSocket::handle_wakeup);
    assert_eq!(world.opened.len(), 1, "a page that is seen has no network by that");
}

#[test]
fn a_link_that_was_offline_is_probed_or_else_replaced() {
    let mut world = World::open(with_heartbeat(Some("ping")));
    world.act(|machine, _| machine.handle_offline());
    assert_eq!(world.machine.ready_state(), ReadyState::Open);
    world.act(WebSocket::handle_online);
    assert_eq!((world.sent.len(), world.abandoned.len()), (1, 0));

    let mut world = World::open(Config::default());
    world.act(WebSocket::handle_online);
    assert!(world.abandoned.is_empty(), "it never was offline");
    world.act(|machine, _| machine.handle_offline());
    world.act(WebSocket::handle_online);
    assert_eq!((world.abandoned.len(), world.retry()), (1, Retry::In(Duration::ZERO)));
    world.pass(Duration::ZERO);
    assert_eq!((world.opened.len(), world.machine.failures()), (2, 0));
}

#[test]
fn a_page_that_is_put_aside_holds_nothing_open() {
    let mut world = World::open(Config::default());
    world.act(WebSocket::handle_suspend);
    assert_eq!((world.abandoned.len(), world.retry()), (1, Retry::WhenBack));
    world.act(|machine, _| machine.send("later", 5)).unwrap();
    world.pass(seconds(3_600));
    assert_eq!(world.opened.len(), 1);
    world.act(WebSocket::handle_wakeup);
    let link = world.accept();
    assert_eq!(world.sent, [(link, "later")]);
}

#[test]
fn the_app_may_want_a_new_link_at_any_time() {
    let mut world = World::open(Config::default());
    world.act(WebSocket::reconnect);
    world.pass(Duration::ZERO);
    assert_eq!((world.opened.len(), world.abandoned.len()), (2, 1));
    world.lose();
    world.act(WebSocket::reconnect);
    assert_eq!(world.opened.len(), 3);
}

#[test]
fn a_configuration_of_zeroes_does_not_spin() {
    let heartbeat = Heartbeat { message: Some("x"), interval: Duration::ZERO, timeout: Duration::ZERO };
    let mut config = Config { heartbeat: Some(heartbeat), ..Config::default() };
    config.reconnect.connect_timeout = Duration::ZERO;
    config.reconnect.healthy_after = Duration::ZERO;
    let mut world = World::new(config);
    world.act(WebSocket::handle_timeout);
    world.act(WebSocket::handle_timeout);
    assert!(world.opened.len() < 40);
}
