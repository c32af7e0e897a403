//! The client as the app holds it.

use std::rc::Rc;

use everwire_core::{Failure, HistoryPage, Reason, State, Stats, Transport};
use everwire_protocol::{HistoryRange, Member, Payload, Topic};

use crate::{
    Builder, Error, History, Message, OutboxStream, Page, Publishing, Status, StatusStream, Subscribe,
    delivery::Question,
    driver::Driver,
    event::{Decode, raw},
    log::note,
    slot::slot,
};

/// A connection to an Everwire server that comes back by itself.
///
/// Cheap to clone: all clones are the same client. When the last one is dropped, or
/// [`close`](Self::close) is called on any, everything that it started ends: its transports are closed, its
/// timers and listeners removed, its streams yield `None`. Subscriptions and streams don't keep it open.
#[derive(Clone)]
pub struct Client(Rc<Handle>);

/// What the clones share. Its end is the client's end.
struct Handle(Rc<Driver>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Client {
    /// A client for the server at `url`: `https://example.com`, `wss://example.com`, with or without a path
    /// before `/v1`; `""` or a path alone stand for the page's own origin.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(driver: Rc<Driver>) -> Self {
        Self(Rc::new(Handle(driver)))
    }

    pub(crate) fn driver(&self) -> &Rc<Driver> {
        &self.0.0
    }

    /// A subscription to a topic, to be [opened](Subscribe::open); its messages' payloads as they are.
    pub fn subscribe_raw(&self, topic: &str) -> Subscribe<Payload> {
        self.subscribe_with(topic, raw)
    }

    pub(crate) fn subscribe_with<T>(&self, topic: &str, decode: Decode<T>) -> Subscribe<T> {
        Subscribe::new(self.driver(), topic, decode)
    }

    /// Publishes a payload as it is. See [`Publishing`].
    #[must_use = "dropping it sends it: nobody learns what became of it"]
    pub fn publish_raw(&self, topic: &str, payload: Payload) -> Publishing {
        Publishing::new(self.driver(), topic, Ok(payload))
    }

    /// A page of a topic's records, without subscribing; payloads as they are. `limit` is at most
    /// [`HISTORY`](crate::limits::HISTORY), and the server may send fewer.
    ///
    /// # Errors
    /// [`Error::BadTopic`]; [`Error::Refused`], also when no answer came in time; [`Error::Closed`].
    pub fn history_raw(
        &self,
        topic: &str,
        range: HistoryRange,
        limit: u32,
    ) -> impl Future<Output = Result<Page<Payload>, Error>> + use<> {
        self.history_with(topic, range, limit, raw)
    }

    /// A topic's history page by page, without subscribing; payloads as they are. From
    /// [`HistoryRange::Before`] it goes back, from [`HistoryRange::After`] forward. See [`History`].
    pub fn history_pages_raw(&self, topic: &str, range: HistoryRange, limit: u32) -> History<Payload> {
        History::new(self, topic, range, limit, raw)
    }

    pub(crate) fn history_with<T>(
        &self,
        topic: &str,
        range: HistoryRange,
        limit: u32,
        decode: Decode<T>,
    ) -> impl Future<Output = Result<Page<T>, Error>> + use<T> {
        let answer = Topic::new(topic).map(|topic| {
            let (filler, answer) = slot::<Result<HistoryPage, Failure>>();
            self.driver().input(|inner, now| {
                note!(now, "history", topic = topic.as_str(), limit = limit);
                let id = inner.session.history(now, topic, range, limit);
                inner.delivery.add_question(id, Question::History(filler));
            });
            answer
        });
        async move {
            let page = answer.map_err(|_| Error::BadTopic)?.await.ok_or(Error::Closed)??;
            let HistoryPage { epoch, records, more } = page;
            let messages = records.into_iter().map(|record| Message::new(record, epoch, decode)).collect();
            Ok(Page { messages, more })
        }
    }

    /// Who is on a topic, without subscribing.
    ///
    /// # Errors
    /// As [`history_raw`](Self::history_raw).
    pub fn presence(&self, topic: &str) -> impl Future<Output = Result<Vec<Member>, Error>> + use<> {
        let answer = Topic::new(topic).map(|topic| {
            let (filler, answer) = slot::<Result<Vec<Member>, Failure>>();
            self.driver().input(|inner, now| {
                note!(now, "presence", topic = topic.as_str());
                let id = inner.session.presence(now, topic);
                inner.delivery.add_question(id, Question::Presence(filler));
            });
            answer
        });
        async move { Ok(answer.map_err(|_| Error::BadTopic)?.await.ok_or(Error::Closed)??) }
    }

    /// What the connection is doing now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.driver().look(|inner| inner.delivery.status.now())
    }

    /// What the connection is doing: the present first, then each change.
    #[must_use]
    pub fn state(&self) -> StatusStream {
        self.driver().look(|inner| inner.delivery.status.read())
    }

    /// What has happened so far, in numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.driver().look(|inner| inner.session.stats())
    }

    /// How many messages gave way to newer ones of their key, over all subscriptions; see
    /// [`Subscribe::conflate`](crate::Subscribe::conflate).
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.driver().look(|inner| inner.delivery.conflated())
    }

    /// What becomes of publishes that earlier clients left in the store of
    /// [`Builder::persist_outbox`](crate::Builder::persist_outbox), from now on, and whether that store failed.
    #[must_use]
    pub fn outbox_events(&self) -> OutboxStream {
        self.driver().look(|inner| {
            let ended = inner.delivery.status.now().state == State::Closed;
            inner.delivery.news.read(ended)
        })
    }

    /// Uses these transports from now on, the preferred one first. When the present one isn't that, it is
    /// replaced at once, without loss or repeats.
    pub fn set_transports(&self, transports: impl Into<Vec<Transport>>) {
        let transports = transports.into();
        self.driver().input(|inner, now| {
            note!(now, "set transports", transports = transports.len());
            #[cfg(feature = "tabs")]
            let transports = inner.links.chosen(transports);
            inner.session.set_transports(now, transports);
        });
    }

    /// Cuts the connection now, and lets it come back by itself: to see that nothing is lost by it.
    pub fn cut(&self) {
        self.driver().input(|inner, now| {
            note!(now, "cut");
            inner.session.reconnect(now, Reason::Asked);
        });
    }

    /// Behaves as if the network were away, until called with `false`.
    pub fn go_offline(&self, offline: bool) {
        self.driver().keep_offline(offline);
    }

    /// Ends everything, for good: nothing reconnects after it. What is published and has no ack yet expires; where
    /// it is [kept](crate::Builder::persist_outbox), the next client sends it all the same.
    pub fn close(&self) {
        self.driver().close();
    }
}
