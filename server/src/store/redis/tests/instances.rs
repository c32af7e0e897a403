//! Several instances over one Redis: what one takes in, the others have.

use super::*;
use crate::store::contract;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_in_a_cluster_where_no_script_may_leave_its_slot() {
    let factory = InRedis::in_a_cluster().await;
    contract::what_was_published_comes_back_as_it_was(&factory).await;
    contract::invariant_4_a_repeated_key_appends_nothing_and_gets_the_first_position(&factory).await;
    contract::invariant_5_keys_are_forgotten_by_count_and_by_age(&factory).await;
    contract::invariant_1_a_cursor_that_is_of_no_use_gets_a_gap_and_goes_on(&factory).await;
    contract::history_pages_lie_on_either_side_of_an_offset(&factory).await;
    contract::a_reader_at_the_tail_gets_everything_while_others_publish(&factory).await;
    contract::ephemeral_messages_reach_who_is_there_and_are_not_logged(&factory).await;
    contract::retention_by_pattern_count_bytes_and_age_hold_together(&factory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_takes_in_readers_of_another_get_for_one_message_whatever_their_number() {
    const READERS: usize = 50;
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(Reader::start(&there, "a", From::Latest).await);
    }
    let before = scripts_run(&server);
    for n in 0..200 {
        append(&here, "a", &n.to_string()).await;
    }
    let all = join_all(readers.iter_mut().map(|reader| reader.texts(200))).await;
    assert!(all.into_iter().all(|texts| texts == numbers(0..200)));
    let run = scripts_run(&server) - before;
    // 200 appends, and comparisons now and then; one read for each reader would be 10,000.
    assert!((200..300).contains(&run), "{run} scripts");
    // Who comes later and further back reads a range.
    let mut late = Reader::start(&there, "a", From::Earliest).await;
    assert_eq!(late.texts(200).await, numbers(0..200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_moves_between_instances_at_every_record_misses_and_repeats_nothing() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let _others =
        [Reader::start(&here, "a", From::Latest).await, Reader::start(&there, "a", From::Latest).await];
    let publishing = async {
        for n in 0..300 {
            // A publisher moves too; its order is that of its acknowledgements.
            append(if n % 3 == 0 { &here } else { &there }, "a", &n.to_string()).await;
        }
    };
    let moving = async {
        let mut cursor = Reader::start(&here, "a", From::Earliest).await.cursor;
        let mut got = Vec::new();
        while got.len() < 300 {
            let store = if got.len() % 2 == 0 { &here } else { &there };
            let mut reader = Reader::start(store, "a", From::Position(cursor)).await;
            let Read::Batch(batch) = reader.next().await else { panic!("a gap after {}", got.len()) };
            for entry in batch.entries {
                got.push(String::from_utf8(entry.record.payload.data.to_vec()).expect("text"));
            }
            cursor = reader.cursor;
        }
        got
    };
    let (got, ()) = futures::future::join(moving, publishing).await;
    assert_eq!(got, numbers(0..300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publishes_of_many_are_under_way_at_once_and_each_keeps_its_order() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let publisher = |name: usize| {
        let (here, there) = (&here, &there);
        async move {
            for n in 0..50 {
                let store = if (name + n).is_multiple_of(2) { here } else { there };
                append(store, "a", &format!("{name}.{n}")).await;
            }
        }
    };
    let mut reader = Reader::start(&here, "a", From::Latest).await;
    let (texts, _) = futures::future::join(reader.texts(1_000), join_all((0..20).map(publisher))).await;
    for name in 0..20 {
        let of_one: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{name}."))).collect();
        let expected: Vec<_> = (0..50).map(|n| format!("{name}.{n}")).collect();
        assert!(of_one.into_iter().eq(expected.iter()), "invariant 3");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ephemeral_messages_reach_readers_of_all_instances_once() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let a = topic("a");
    let readers =
        [Reader::start(&here, "a", From::Latest).await, Reader::start(&there, "a", From::Latest).await];
    for n in 0..20 {
        let message = Ephemeral { time: now(), payload: Payload::text(n.to_string()), from: None };
        here.send_ephemeral(&a, message).await.expect("sends");
    }
    for reader in readers {
        let mut got = Vec::new();
        let mut number = 0;
        until("all came", || {
            let (messages, next) = reader.store.read_ephemeral(&a, number);
            number = next;
            got.extend(messages.into_iter().map(|m| m.payload));
            got.len() >= 20
        })
        .await;
        assert_eq!(got, (0..20).map(|n| Payload::text(n.to_string())).collect::<Vec<_>>());
    }
}

fn visitor(name: &str) -> Visitor {
    let client_id = ClientId::new(name).expect("a client id");
    Visitor { client_id, subject: None, info: Some(name.into()) }
}

async fn open_present(server: &RedisServer) -> (RedisStore, Presence) {
    let (store, presence) = (open(server).await, Presence::new(0, fastrand::u64(..)));
    store.share_presence(&presence);
    (store, presence)
}

fn names(presence: &Presence) -> Vec<String> {
    let (members, _) = presence.members(&topic("a"), 10_000);
    let mut names: Vec<_> =
        members.iter().map(|m| m.info.as_deref().unwrap_or_default().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_known_to_all_instances_and_those_of_a_dead_one_go_after_its_time() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let (here, at_here) = open_present(&server).await;
    let (there, at_there) = open_present(&server).await;
    let a = topic("a");
    assert_eq!(at_here.join(&a, &visitor("ada")), Ok(true));
    // Who asks is told, whether it reads the topic or not.
    let asked = async || {
        there.list_members(&a).await.expect("lists");
        names(&at_there)
    };
    let mut ada = Vec::new();
    while ada.is_empty() {
        ada = asked().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(ada, ["ada"]);
    let reader = Reader::start(&there, "a", From::Latest).await;
    let (_, cursor) = at_there.members(&a, 10_000);
    assert_eq!(at_here.join(&a, &visitor("bob")), Ok(true));
    until("bob is known there", || names(&at_there) == ["ada", "bob"]).await;
    assert!(reader.wakeup.take().contains(0), "its readers are told");
    assert!(at_here.leave(now(), &a, &visitor("bob"), true));
    until("bob is gone there", || names(&at_there) == ["ada"]).await;
    let Some((News::Changes(changes), _)) = at_there.news(&a, cursor) else { panic!("changes") };
    assert_eq!(changes.len(), 2);

    // A Redis that forgot it all is told again.
    server.kill();
    server.restart();
    until("all are back", || here.health().is_ok() && there.health().is_ok()).await;
    assert_eq!(at_there.join(&a, &visitor("eve")), Ok(true));
    here.list_members(&a).await.expect("lists");
    until("both know both", || names(&at_here) == ["ada", "eve"] && names(&at_there) == ["ada", "eve"]).await;

    // As a crash does: nobody says goodbye.
    drop(here);
    drop(at_here);
    until("ada's instance is taken for dead", || names(&at_there) == ["eve"]).await;
    let left = server.ask(&["HLEN", &Names::new("test").members(&a)]).expect("counts");
    assert_eq!(left, Value::Int(1), "and its members are dropped from Redis too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_down_at_one_instance_is_taken_once_at_any() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    assert_eq!(here.put_once("x", b"value".to_vec(), 60_000).await, Ok(true));
    assert_eq!(there.take_once("x").await, Ok(Some(b"value".to_vec())));
    assert_eq!(here.take_once("x").await, Ok(None));
    assert_eq!(here.put_once("y", b"value".to_vec(), 1).await, Ok(true));
    until("it is too old", || server.ask(&["EXISTS", &Names::new("test").once("y")]) == Ok(Value::Int(0)))
        .await;
    assert_eq!(there.take_once("y").await, Ok(None));
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_and_not_repeated() {
    for url in ["", "http://x", "redis://:secret@host:port"] {
        let options = RedisOptions { url: url.to_owned().into(), prefix: "x".into() };
        let error = options.check().expect_err("is refused");
        assert!(!error.to_string().contains("secret") && !format!("{options:?}").contains("secret"));
    }
}
