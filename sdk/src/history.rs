//! A topic's history, page by page, without subscribing: asks for the next page when it is polled for one. Knows
//! how pages follow each other, and not how they are asked for.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use everwire_protocol::HistoryRange;
use futures::{Stream, stream::FusedStream};

use crate::{Client, Error, Page, event::Decode};

/// The pages of a topic's history: a [`Stream`] that ends with the log's end, or with the first error. Made by
/// [`Client::history_pages`](crate::Client::history_pages).
///
/// From [`HistoryRange::Before`] it goes back, page by page, each one oldest message first; from
/// [`HistoryRange::After`] it goes forward. It keeps its client alive.
#[must_use = "nothing is asked for until it is polled"]
pub struct History<T> {
    client: Client,
    topic: String,
    limit: u32,
    decode: Decode<T>,
    /// What to ask for next; none at the end.
    next: Option<HistoryRange>,
    asked: Option<Asked<T>>,
}

type Asked<T> = Pin<Box<dyn Future<Output = Result<Page<T>, Error>>>>;

impl<T> History<T> {
    pub(crate) fn new(
        client: &Client,
        topic: &str,
        range: HistoryRange,
        limit: u32,
        decode: Decode<T>,
    ) -> Self {
        let (client, topic) = (client.clone(), topic.to_owned());
        Self { client, topic, limit, decode, next: Some(range), asked: None }
    }
}

impl<T: 'static> Stream for History<T> {
    type Item = Result<Page<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let me = &mut *self;
        let Some(range) = me.next else { return Poll::Ready(None) };
        let asked = me
            .asked
            .get_or_insert_with(|| Box::pin(me.client.history_with(&me.topic, range, me.limit, me.decode)));
        let Poll::Ready(answer) = asked.as_mut().poll(context) else { return Poll::Pending };
        me.asked = None;
        me.next = answer.as_ref().ok().and_then(|page| following(range, page));
        Poll::Ready(Some(answer))
    }
}

impl<T: 'static> FusedStream for History<T> {
    fn is_terminated(&self) -> bool {
        self.next.is_none()
    }
}

/// What to ask for after a page.
fn following<T>(range: HistoryRange, page: &Page<T>) -> Option<HistoryRange> {
    if !page.more {
        return None;
    }
    Some(match range {
        HistoryRange::Before(_) => HistoryRange::Before(page.messages.first()?.offset),
        HistoryRange::After(_) => HistoryRange::After(page.messages.last()?.offset),
    })
}
