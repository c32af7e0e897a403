//! The same client in a worker, which has no window, no document and no page life.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]

mod common;

use common::{Numbered, client, messages, numbers, publish, subscribed, topic};
use everwire::Transport;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn every_transport_works_in_a_worker() {
    // A tab needs other tabs.
    for transport in Transport::ALL.into_iter().filter(|transport| *transport != Transport::Tab) {
        let (client, topic) = (client(transport), topic("worker"));
        let mut room = client.subscribe::<Numbered>(&topic).open();
        subscribed(&mut room).await;
        publish(&client, &topic, 0..10).await;
        client.cut();
        publish(&client, &topic, 10..20).await;
        assert_eq!(numbers(messages(&mut room, 20).await), (0..20).collect::<Vec<_>>(), "{transport}");
    }
}
