//! Components in a real browser against the real server: nothing of a burst is lost, what goes away unsubscribes,
//! and another client goes on where the one before was.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is how a test fails")]

use std::cell::RefCell;

use everwire_leptos::{
    Client, ClientHandle, Entry, From, TopicHandle, TopicOptions, provide_client, use_connection,
    use_presence, use_topic,
};
use futures::future::{Either, join_all, select};
use gloo_timers::future::TimeoutFuture;
use leptos::{mount::mount_to, prelude::*, web_sys::HtmlElement};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn server() -> &'static str {
    match option_env!("EVERWIRE_TEST_SERVER") {
        Some(url) => url,
        None => panic!("EVERWIRE_TEST_SERVER was not set when this was compiled: run `cargo xtask test`"),
    }
}

fn client() -> Client {
    Client::builder(server()).connect()
}

/// A topic that no other test, and no other run against the same server, uses.
fn name(what: &str) -> String {
    format!("test:leptos:{what}:{}", (js_random() * 1e15) as u64)
}

fn js_random() -> f64 {
    leptos::web_sys::js_sys::Math::random()
}

/// Waits for a condition, with a deadline.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            TimeoutFuture::new(10).await;
        }
    };
    if let Either::Right(_) = select(Box::pin(met), TimeoutFuture::new(20_000)).await {
        panic!("nothing came of it in 20 s: {what}");
    }
}

async fn publish(client: &Client, topic: &str, numbers: std::ops::Range<u32>) {
    for result in join_all(numbers.map(|n| client.publish(topic, &n))).await {
        result.expect("an ack");
    }
}

/// Mounts what `view` makes into a place of its own; what `view` put aside is given back.
fn mount<V: IntoView + 'static, R: 'static>(
    view: impl FnOnce() -> (V, R) + 'static,
) -> (HtmlElement, R, impl FnOnce()) {
    let place: HtmlElement = {
        use leptos::wasm_bindgen::JsCast;
        document().create_element("div").expect("an element").unchecked_into()
    };
    document().body().expect("a body").append_child(&place).expect("appended");
    let aside = std::rc::Rc::new(RefCell::new(None));
    let handle = mount_to(place.clone(), {
        let aside = aside.clone();
        move || {
            let (view, given) = view();
            aside.replace(Some(given));
            view
        }
    });
    let given = aside.take().expect("the view was made");
    (place, given, move || drop(handle))
}

fn offsets<T: Send + Sync>(topic: TopicHandle<T>) -> Vec<u64> {
    untrack(|| topic.entries()).iter().filter_map(|entry| Some(entry.message()?.offset)).collect()
}

fn rows(topic: TopicHandle<u32>) -> impl IntoView {
    let row = |entry: std::sync::Arc<Entry<u32>>| match &*entry {
        Entry::Message { message, .. } => message.data.as_ref().map_or("?".into(), |n| n.to_string()),
        Entry::Gap { .. } => "gap".into(),
    };
    view! {
        <ul>
            <For each=move || topic.entries() key=|entry| entry.key() let:entry>
                <li>{row(entry)}</li>
            </For>
        </ul>
    }
}

fn drawn(place: &HtmlElement) -> usize {
    place.get_elements_by_tag_name("li").length() as usize
}

#[wasm_bindgen_test]
async fn a_burst_is_drawn_whole_and_in_order() {
    let (topic, writer) = (name("burst"), client());
    let read = topic.clone();
    let (place, list, _keep) = mount(move || {
        provide_client(client());
        let list = use_topic::<u32>(read, TopicOptions { from: From::Earliest, ..Default::default() });
        (rows(list), list)
    });
    publish(&writer, &topic, 0..600).await;
    until("600 rows", || drawn(&place) == 600).await;
    assert_eq!(offsets(list), (1..=600).collect::<Vec<_>>());
    assert_eq!(
        place.first_element_child().and_then(|ul| ul.last_element_child()).map(|li| li.inner_html()),
        Some("599".into())
    );
}

#[wasm_bindgen_test]
async fn what_is_kept_is_bounded() {
    let (topic, writer) = (name("bounded"), client());
    publish(&writer, &topic, 0..300).await;
    let read = topic.clone();
    let (place, list, _keep) = mount(move || {
        provide_client(client());
        let options = TopicOptions { from: From::Earliest, keep: 100, ..Default::default() };
        let list = use_topic::<u32>(read, options);
        (rows(list), list)
    });
    until("the newest hundred", || offsets(list).last() == Some(&300)).await;
    assert_eq!(offsets(list), (201..=300).collect::<Vec<_>>());
    assert_eq!(untrack(|| list.trimmed()), 200);
    until("a hundred rows", || drawn(&place) == 100).await;
}

#[wasm_bindgen_test]
async fn invariants_1_and_2_another_client_goes_on_where_the_one_before_was() {
    let (topic, writer) = (name("replaced"), client());
    publish(&writer, &topic, 0..20).await;
    let read = topic.clone();
    let (_place, (handle, list), _keep): (_, (ClientHandle, TopicHandle<u32>), _) = mount(move || {
        let handle = provide_client(client());
        let list = use_topic::<u32>(read, TopicOptions { from: From::Last(5), ..Default::default() });
        (rows(list), (handle, list))
    });
    until("the last five", || offsets(list).last() == Some(&20)).await;
    handle.replace(client());
    publish(&writer, &topic, 20..40).await;
    until("what followed", || offsets(list).last() == Some(&40)).await;
    assert_eq!(offsets(list), (16..=40).collect::<Vec<_>>());
}

#[wasm_bindgen_test]
async fn another_topic_begins_another_list() {
    let (one, other, writer) = (name("one"), name("other"), client());
    publish(&writer, &one, 0..3).await;
    publish(&writer, &other, 10..12).await;
    let first = one.clone();
    let (_place, (wanted, list), _keep): (_, (RwSignal<String>, TopicHandle<u32>), _) = mount(move || {
        provide_client(client());
        let wanted = RwSignal::new(first);
        let options = TopicOptions { from: From::Earliest, ..Default::default() };
        let list = use_topic::<u32>(Signal::derive(move || wanted.get()), options);
        (rows(list), (wanted, list))
    });
    until("the first topic", || offsets(list).len() == 3).await;
    wanted.set(other);
    until("the other topic", || offsets(list) == [1, 2]).await;
}

#[wasm_bindgen_test]
async fn a_component_that_goes_away_unsubscribes() {
    let (topic, other) = (name("gone"), client());
    let read = topic.clone();
    let (_place, members, unmount) = mount(move || {
        provide_client(client());
        let members = use_presence(read);
        (view! { <p>{move || members.with(Vec::len)}</p> }, members)
    });
    until("oneself", || members.try_with_untracked(Vec::len) == Some(1)).await;
    assert_eq!(other.presence(&topic).await.expect("an answer").len(), 1);
    unmount();
    // Its client went with it, in order: a clean end leaves at once, without the grace of a lost connection.
    let nobody = async {
        while !other.presence(&topic).await.expect("an answer").is_empty() {
            TimeoutFuture::new(50).await;
        }
    };
    if let Either::Right(_) = select(Box::pin(nobody), TimeoutFuture::new(8_000)).await {
        panic!("the member is still there");
    }
}

#[wasm_bindgen_test]
async fn the_connection_is_a_signal_and_each_change_is_told() {
    let (_place, (handle, seen), _keep) = mount(move || {
        let handle = provide_client(client());
        let seen = RwSignal::new(Vec::new());
        use_connection().on_change(move |status| seen.update(|seen| seen.push(status.state.as_str())));
        (view! { <p>{move || use_connection().status().state.as_str()}</p> }, (handle, seen))
    });
    until("connected", || seen.with_untracked(|seen| seen.last() == Some(&"connected"))).await;
    handle.get_untracked().go_offline(true);
    until("offline", || seen.with_untracked(|seen| seen.last() == Some(&"offline"))).await;
    handle.get_untracked().go_offline(false);
    until("connected again", || seen.with_untracked(|seen| seen.last() == Some(&"connected"))).await;
}
