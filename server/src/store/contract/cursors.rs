//! What stores promise to readers that outlive their process.

use super::{Factory, append_all, keeping, now, roomy, topic};
use crate::store::Cursors;

pub async fn heads_are_where_the_logs_end<F: Factory>(factory: &F) {
    let store = factory.open(keeping(roomy())).await;
    let ends = [
        (topic("a"), append_all(&store, now(), "a", 3).await),
        (topic("b"), append_all(&store, now(), "b", 1).await),
    ];
    let mut heads = store.heads().await.expect("answers");
    heads.sort_by_key(|(topic, _)| topic.to_string());
    assert_eq!(heads, ends);
}

pub async fn cursors_are_kept_by_reader_and_topic<F: Factory>(factory: &F) {
    let store = factory.open(keeping(roomy())).await;
    let at = append_all(&store, now(), "a", 2).await;
    assert_eq!(store.cursors("x").await, Ok(None), "it was never there");
    store.keep_cursors("x", &[]).await.expect("is kept");
    assert_eq!(store.cursors("x").await, Ok(Some(Vec::new())), "it was there");
    let before = everwire_protocol::Position { offset: 1, ..at };
    store.keep_cursors("x", &[(topic("a"), before), (topic("b"), before)]).await.expect("is kept");
    store.keep_cursors("x", &[(topic("a"), at)]).await.expect("is kept");
    let mut kept = store.cursors("x").await.expect("answers").expect("was there");
    kept.sort_by_key(|(topic, _)| topic.to_string());
    assert_eq!(kept, [(topic("a"), at), (topic("b"), before)]);
    assert_eq!(store.cursors("y").await, Ok(None), "another reader is another one");
    assert_eq!(store.lease("x", "me", 10_000).await, Ok(true));
    assert_eq!(store.lease("x", "me", 10_000).await, Ok(true), "who has it keeps it");
}
