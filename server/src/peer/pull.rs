//! The way out: what waits, then records and news of the topics that are ready, in turn.

use std::{sync::Arc, time::Duration};

use everwire_protocol::{Code, ServerFrame, limits};

use super::{
    Outgoing, Peer,
    outgoing::weight,
    subscription::{Subscription, Subscriptions},
};
use crate::{
    hub::Hub,
    log::{BatchLimit, Gap, Read},
    presence::{Change, News},
    store::{Store, StoreError},
};

/// With less room than this in a message, a topic that is ready waits for the next one.
const ROOM: usize = 1024;

/// How often a reader looks at topics that nothing marked, in milliseconds. The heartbeat's deadline
/// brings it here, so it needs none of its own.
const VERIFY: u64 = 40_000;

impl<S: Store> Peer<S> {
    /// What to send now: at most about [`limits::BATCH_BYTES`], more only where one frame alone is
    /// larger. Empty when there is nothing. Not cancel-safe: what it read is gone with it.
    pub async fn pull(&mut self, now: u64) -> Vec<Outgoing> {
        self.check_deadlines(now);
        self.depart_all(now);
        let mut out = Vec::new();
        let mut room = limits::BATCH_BYTES;
        while room > 0
            && let Some(frame) = self.queue.pop_front()
        {
            self.queued_bytes -= weight(&frame);
            room = room.saturating_sub(weight(&frame));
            out.push(Outgoing::Frame(frame));
        }
        if self.closing.is_none() && self.queue.is_empty() {
            self.subscriptions.ready.extend(self.wakeup.take());
            self.subscriptions.news.extend(self.wakeup.take_news());
            if now >= self.verified.saturating_add(VERIFY) {
                // A store that lost its tail marks nobody: only looking finds it out.
                self.verified = now;
                self.subscriptions.ready_all();
            }
            if let Err(error) = pull_topics(&self.hub, now, &mut self.subscriptions, &mut out, room).await {
                // The client comes back from its cursors: nothing is lost but time.
                self.close(error.code(), error.to_string());
            }
        }
        if out.is_empty() && self.welcomed && self.closing.is_none() && now >= self.heartbeat_at() {
            out.push(Outgoing::Frame(ServerFrame::Heartbeat));
        }
        if !out.is_empty() {
            self.last_sent = now;
            self.hub.counters.count_out(out.iter().map(|o| o.messages() as u64).sum());
            for outgoing in &out {
                if let Outgoing::Frame(ServerFrame::Error { code, .. }) = outgoing {
                    self.hub.counters.refusals.count(*code);
                }
            }
        }
        out
    }

    fn check_deadlines(&mut self, now: u64) {
        if !self.welcomed && self.closing.is_none() && now >= self.connect_by() {
            self.refuse(Code::TIMEOUT, "no connect frame came in time");
        }
        self.check_token(now);
        if now >= self.ends_at {
            self.close(Code::EXPIRED, "the connection reached its longest life");
        }
    }
}

async fn pull_topics<S: Store>(
    hub: &Arc<Hub<S>>,
    now: u64,
    subscriptions: &mut Subscriptions,
    out: &mut Vec<Outgoing>,
    mut room: usize,
) -> Result<(), StoreError> {
    while let Some(slot) = subscriptions.next_ready() {
        if room < ROOM {
            return Ok(());
        }
        let news = subscriptions.news.contains(slot);
        let Some(subscription) = subscriptions.at_mut(slot).filter(|s| !s.paused) else {
            subscriptions.ready.remove(slot);
            continue;
        };
        let before = out.len();
        let first = out.is_empty();
        let more = pull_records(hub, now, subscription, out, room).await?;
        if news {
            pull_news(hub, subscription, out);
            subscriptions.news.remove(slot);
        }
        let used = out[before..].iter().map(|o| match o {
            Outgoing::Messages { batch, .. } => batch.bytes + 32,
            Outgoing::Frame(frame) => weight(frame),
        });
        room = room.saturating_sub(used.sum());
        if !more {
            subscriptions.ready.remove(slot);
        }
        let stuck = more && out.len() == before;
        if stuck && !first {
            // The next record needs a message of its own: it keeps its turn.
            return Ok(());
        }
        subscriptions.pass_turn(slot);
    }
    Ok(())
}

/// Reads one batch; answers whether there is more.
async fn pull_records<S: Store>(
    hub: &Hub<S>,
    now: u64,
    subscription: &mut Subscription,
    out: &mut Vec<Outgoing>,
    room: usize,
) -> Result<bool, StoreError> {
    let limit = BatchLimit { bytes: room, ..BatchLimit::default() };
    match hub.store.read(&subscription.topic, subscription.cursor, limit).await? {
        Read::UpToDate => {
            subscription.live = true;
            Ok(false)
        }
        Read::Batch(batch) => {
            if batch.bytes > room && !out.is_empty() {
                return Ok(true);
            }
            subscription.cursor = batch.last;
            let more = batch.more;
            if subscription.live
                && let Some(first) = batch.entries.first()
            {
                let age = Duration::from_millis(now.saturating_sub(first.record.time));
                hub.counters.fan_out.observe(age);
            }
            subscription.live |= !more;
            out.push(Outgoing::Messages { alias: subscription.alias, batch });
            Ok(more)
        }
        Read::Gap(gap) => {
            hub.counters.count_gap(gap.reason);
            subscription.cursor = gap.position;
            out.push(Outgoing::Frame(gap_frame(subscription.alias, gap)));
            Ok(true)
        }
    }
}

/// What else happened on the topic: ephemeral messages, comings and goings.
fn pull_news<S: Store>(hub: &Hub<S>, subscription: &mut Subscription, out: &mut Vec<Outgoing>) {
    let alias = subscription.alias;
    let (messages, top) = hub.store.read_ephemeral(&subscription.topic, subscription.ephemeral);
    subscription.ephemeral = top;
    let ephemeral = |m: crate::store::Ephemeral| ServerFrame::Ephemeral {
        alias,
        time: m.time,
        payload: m.payload,
        from: m.from,
    };
    out.extend(messages.into_iter().map(ephemeral).map(Outgoing::Frame));

    let Some(seen) = subscription.presence else { return };
    let Some((news, newest)) = hub.presence.news(&subscription.topic, seen) else { return };
    subscription.presence = Some(newest);
    match news {
        News::Members(members) => out.push(Outgoing::Frame(ServerFrame::Members { alias, members })),
        News::Changes(changes) => out.extend(changes.into_iter().map(|change| {
            Outgoing::Frame(match change {
                Change::Join(member) => ServerFrame::Join { alias, member },
                Change::Leave(member) => ServerFrame::Leave { alias, member },
            })
        })),
    }
}

pub(super) fn gap_frame(alias: u32, gap: Gap) -> ServerFrame {
    ServerFrame::Gap { alias, from: gap.from, to: gap.to, reason: gap.reason, position: gap.position }
}
