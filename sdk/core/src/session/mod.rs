//! The session: what the app and the driver call.

use bytes::Bytes;
use everwire_protocol::{ClientId, HistoryRange, Position, PublishId, Topic};

use crate::{
    AttemptId, Closed, Config, HttpResponse, Output, Publish, PublishError, Reason, RequestId, StateChange,
    Stats, SubscribeError, SubscribeOptions, Time, TimerName, Transport,
};

/// The client's logical connection: a state machine that outlives its transports.
///
/// How to drive it, always in this order:
/// 1. call one method that takes the time (`handle_*`, or what the app asks);
/// 2. call [`poll_output`](Self::poll_output) until it gives `None`, and do what each output says;
/// 3. ask [`poll_timeout`](Self::poll_timeout), and see to it that
///    [`handle_timeout`](Self::handle_timeout) is called at that time, or later, unless 1 comes first.
///
/// Several calls of the app may be made before step 2: what they ask for then travels together.
/// Two sessions with the same configuration, client id, seed and inputs give the same outputs.
#[derive(Debug)]
pub struct Session {}

#[allow(missing_docs, unused_variables, clippy::todo)]
impl Session {
    /// A session that does nothing before [`connect`](Self::connect).
    ///
    /// `client_id` names this client across reconnects; `seed` is the source of its randomness, which
    /// spreads retries and protects nothing.
    #[must_use]
    pub fn new(config: Config, client_id: ClientId, seed: u64) -> Self {
        todo!()
    }

    /// Starts connecting. Does nothing when that was done before.
    pub fn connect(&mut self, now: Time) {
        todo!()
    }

    /// Starts reading a topic, now or once there is a link.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing has changed then.
    pub fn subscribe(
        &mut self,
        now: Time,
        topic: Topic,
        options: SubscribeOptions,
    ) -> Result<(), SubscribeError> {
        todo!()
    }

    /// Stops reading a topic: no event of it comes any more, except those that wait in the outputs.
    pub fn unsubscribe(&mut self, now: Time, topic: &Topic) {
        todo!()
    }

    /// The app has taken messages of a topic off its queue: so many, with so many bytes of payload
    /// together. A topic that is never reported on pauses at the limit of [`FlowConfig`](crate::FlowConfig).
    pub fn consumed(&mut self, now: Time, topic: &Topic, messages: usize, bytes: usize) {
        todo!()
    }

    /// Publishes, now or once there is a link. What becomes of it comes as
    /// [`Event::Published`](crate::Event::Published), once.
    ///
    /// Publishes take effect in the order of these calls. One that the server refuses for now (its rate limit)
    /// holds up those not sent yet; those on their way behind it may overtake it.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has been sent then, and no id was used up.
    pub fn publish(&mut self, now: Time, publish: Publish) -> Result<PublishId, PublishError> {
        todo!()
    }

    /// Asks for a page of history. The answer comes as [`Event::History`](crate::Event::History), always:
    /// without an answer of the server it is a failure after
    /// [`request_timeout`](Config::request_timeout). A question that a link took with it is asked again on the next.
    pub fn history(&mut self, now: Time, topic: Topic, range: HistoryRange, limit: u32) -> RequestId {
        todo!()
    }

    /// Asks who is on a topic. The answer comes as [`Event::Presence`](crate::Event::Presence), as with
    /// [`history`](Self::history).
    pub fn presence(&mut self, now: Time, topic: Topic) -> RequestId {
        todo!()
    }

    /// Chooses other transports. When the current one is not the new first choice, the link moves at once:
    /// the new one is opened beside, and takes over from the cursors with its welcome.
    pub fn set_transports(&mut self, now: Time, transports: Vec<Transport>) {
        todo!()
    }

    /// Cuts the link and connects again at once, without backoff. While offline or put aside it waits for that
    /// to end.
    pub fn reconnect(&mut self, now: Time, reason: Reason) {
        todo!()
    }

    /// Ends the session for good. Publishes without an ack expire, questions fail, the state becomes
    /// [`State::Closed`](crate::State::Closed); after those events there is nothing more, whatever comes in.
    pub fn close(&mut self, now: Time) {
        todo!()
    }

    /// The network is back: connects at once, or probes the link.
    pub fn handle_online(&mut self, now: Time) {
        todo!()
    }

    /// The network is away: closes the link, and tries nothing until [`handle_online`](Self::handle_online).
    pub fn handle_offline(&mut self, now: Time) {
        todo!()
    }

    /// The page is visible or running again (`visibilitychange`, `pageshow`, `resume`): probes the link, or
    /// connects at once.
    pub fn handle_wakeup(&mut self, now: Time) {
        todo!()
    }

    /// The page is put aside (`pagehide`, `freeze`): closes the link, and tries nothing until
    /// [`handle_wakeup`](Self::handle_wakeup).
    pub fn handle_suspend(&mut self, now: Time) {
        todo!()
    }

    /// The answer to [`Output::FetchToken`]: a token, none needed, or a failure.
    #[allow(clippy::result_unit_err)]
    pub fn handle_token(&mut self, now: Time, token: Result<Option<String>, ()>) {
        todo!()
    }

    /// A WebSocket is open, or an SSE request was answered with 200 and `text/event-stream`.
    pub fn handle_opened(&mut self, now: Time, attempt: AttemptId) {
        todo!()
    }

    /// A WebSocket message. A text message is handed in as its bytes, and is an error.
    pub fn handle_message(&mut self, now: Time, attempt: AttemptId, data: Bytes) {
        todo!()
    }

    /// Bytes of an SSE stream.
    pub fn handle_chunk(&mut self, now: Time, attempt: AttemptId, chunk: &[u8]) {
        todo!()
    }

    /// An event of a native `EventSource`: `message` or `everwire.…`.
    pub fn handle_event(&mut self, now: Time, attempt: AttemptId, name: &str, data: &str) {
        todo!()
    }

    /// The answer to a poll, whatever its status.
    pub fn handle_response(&mut self, now: Time, attempt: AttemptId, response: HttpResponse) {
        todo!()
    }

    /// A transport has ended, or never came to be.
    pub fn handle_closed(&mut self, now: Time, attempt: AttemptId, closed: Closed) {
        todo!()
    }

    /// The answer to an [`Output::Request`]; `None` when there was none.
    pub fn handle_reply(&mut self, now: Time, request: RequestId, response: Option<HttpResponse>) {
        todo!()
    }

    /// Time has passed: acts on every deadline that is due.
    pub fn handle_timeout(&mut self, now: Time) {
        todo!()
    }

    /// What to do next; `None` when there is nothing more until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and what for. Ask after the outputs are drained.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, TimerName)> {
        todo!()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        todo!()
    }

    /// The connection as the last [`Event::State`](crate::Event::State) told it.
    #[must_use]
    pub fn state(&self) -> StateChange {
        todo!()
    }

    /// What the app has been given of a topic: where a new subscription would go on. `None` before the first
    /// [`Event::Subscribed`](crate::Event::Subscribed).
    #[must_use]
    pub fn position(&self, topic: &Topic) -> Option<Position> {
        todo!()
    }
}
