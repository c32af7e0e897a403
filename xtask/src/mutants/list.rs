//! The mistakes. Those of the client first, then those of the server: a switch between them costs a build.

use super::Mutant;

const READER: &str = "sdk/core/src/reader.rs";
const FEED: &str = "sdk/core/src/feed.rs";
const FEEDING: &str = "sdk/core/src/session/feeding.rs";
const OUTBOX: &str = "sdk/core/src/outbox.rs";
const ROUND: &str = "sdk/core/src/session/round.rs";
const LIVENESS: &str = "sdk/core/src/session/liveness.rs";
const LOG: &str = "server/src/log/topic.rs";
const SPAN: &str = "server/src/log/span.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "drop-the-dedup",
        file: READER,
        old: "        let repeats = records.iter().take_while(|record| record.offset <= cursor.offset).count();
        let rest = &records[repeats..];
        let fresh = rest
            .iter()
            .zip(cursor.offset.saturating_add(1)..=u64::MAX)
            .take_while(|(record, next)| record.offset == *next)
            .count();
        cursor.offset += fresh as u64;",
        new: "        let (repeats, rest) = (0, records);
        let first = rest.first().map_or(1, |record| record.offset.min(cursor.offset + 1));
        let fresh = rest
            .iter()
            .zip(first..=u64::MAX)
            .take_while(|(record, next)| record.offset == *next)
            .count();
        cursor.offset = cursor.offset.max(first - 1 + fresh as u64);",
        why: "what was delivered before is delivered again",
        breaks: "invariant 2",
    },
    Mutant {
        name: "commit-the-cursor-early",
        file: FEEDING,
        old: "            if !fresh.is_empty() {
                pauses +=",
        new: "            if !fresh.is_empty() && !reader.paused() {
                pauses +=",
        why: "the cursor moves past records that the app is never given",
        breaks: "invariant 1",
    },
    Mutant {
        name: "trust-the-answer-to-subscribe",
        file: READER,
        old: "        let cursor = *self.cursor.get_or_insert(position);",
        new: "        let cursor = *self.cursor.insert(position);",
        why: "the cursor moves by the server's word, without records and without a gap",
        breaks: "invariant 1",
    },
    Mutant {
        name: "resume-from-the-start-option",
        file: FEED,
        old: "        found.map_or(From::Latest, From::Position)",
        new: "        let _ = found;
        From::Latest",
        why: "a reconnect asks for what a new subscription asks for, and not from where the app is",
        breaks: "invariant 1",
    },
    Mutant {
        name: "swallow-a-gap",
        file: FEEDING,
        old: "                    told.push((reader.id, from, to));",
        new: "                    let _ = (from, to);",
        why: "the cursor moves over a gap that the app is never told of",
        breaks: "invariant 1",
    },
    Mutant {
        name: "forget-the-epoch",
        file: READER,
        old: "            GapVerdict::Tell { .. } => self.cursor = Some(position),",
        new: "            GapVerdict::Tell { .. } => {
                let epoch = self.cursor.map_or(position.epoch, |cursor| cursor.epoch);
                self.cursor = Some(Position { epoch, ..position });
            }",
        why: "after a gap the cursor stays in the life of the log that has ended",
        breaks: "invariant 1",
    },
    Mutant {
        name: "take-a-stale-attempts-frames",
        file: "sdk/core/src/session/transports.rs",
        old: "    pub fn handle_message(&mut self, now: Time, attempt: AttemptId, mut data: Bytes) {\n",
        new: "    pub fn handle_message(&mut self, now: Time, attempt: AttemptId, mut data: Bytes) {
        let there = self.links.iter().any(|link| link.id == attempt);
        let attempt = self.live.filter(|_| !there).unwrap_or(attempt);\n",
        why: "what an attempt says that was given up counts as if the present link had said it",
        breaks: "invariant 11",
    },
    Mutant {
        name: "forget-to-pause",
        file: READER,
        old: "        full && !std::mem::replace(&mut self.flow.full, true)",
        new: "        full && false",
        why: "what a slow app does not take piles up",
        breaks: "invariant 5",
    },
    Mutant {
        name: "send-again-with-a-new-id",
        file: OUTBOX,
        old: "        self.entries.iter_mut().for_each(|entry| entry.sent = false);",
        new: "        for entry in self.entries.iter_mut().filter(|entry| entry.sent) {
            entry.sent = false;
            entry.id = PublishId::new(&format!(\"{}x\", entry.id)).unwrap_or_else(|_| entry.id.clone());
        }",
        why: "a publish that took effect takes effect again",
        breaks: "invariant 4",
    },
    Mutant {
        name: "reorder-publishes-over-a-reconnect",
        file: OUTBOX,
        old: "        let entry = self.entries.iter_mut().find(|entry| !entry.sent)?;",
        new: "        let entry = self.entries.iter_mut().rev().find(|entry| !entry.sent)?;",
        why: "what waited for a link goes out newest first",
        breaks: "invariant 3",
    },
    Mutant {
        name: "drop-the-outbox-on-reconnect",
        file: ROUND,
        old: "        let gone = self.outbox.link_lost();\n        self.expired(gone);",
        new: "        self.outbox.clear();",
        why: "publishes go with the link that they were sent on, and nobody is told",
        breaks: "invariant 6",
    },
    Mutant {
        name: "do-not-send-again",
        file: OUTBOX,
        old: "        self.entries.iter_mut().for_each(|entry| entry.sent = false);",
        new: "",
        why: "a publish whose ack was lost with its link waits until it expires, and may never have taken effect",
        breaks: "invariant 4",
    },
    Mutant {
        name: "ack-when-sent",
        file: "sdk/core/src/session/sync.rs",
        old: "            while let Some(frame) = self.outbox.next_to_send() {\n",
        new: "            while let Some(frame) = self.outbox.next_to_send() {
                if let ClientFrame::Publish { id, .. } = &frame {
                    self.outbox.settle(id);
                    let outcome = crate::Outcome::Acked { position: None };
                    self.outputs.push_back(Output::Event(crate::Event::Published { id: id.clone(), outcome }));
                }\n",
        why: "the app is told that a publish took effect which was only sent",
        breaks: "invariant 4",
    },
    Mutant {
        name: "trust-a-silent-link",
        file: LIVENESS,
        old: "            self.timers.set(TimerName::Heartbeat, due);\n",
        new: "            let _ = due;\n",
        why: "a link that brings nothing any more is never given up",
        breaks: "invariant 6",
    },
    Mutant {
        name: "leave-a-timer-at-the-close",
        file: ROUND,
        old: "        self.transition(State::Closed, reason, transport, None);
        self.timers.clear();",
        new: "        self.transition(State::Closed, reason, transport, None);",
        why: "something is still due after close()",
        breaks: "invariant 8",
    },
    Mutant {
        name: "relay-publishes-under-another-id",
        file: "sdk/core/src/relay/frames.rs",
        old: "            session.forward(now, id.clone(), publish)\n",
        new: "            let other = PublishId::new(&format!(\"{id}x\")).unwrap_or_else(|_| id.clone());
            session.forward(now, other, publish)\n",
        why: "what a tab sends again over the next leader, or alone, takes effect again",
        breaks: "invariant 4",
    },
    Mutant {
        name: "server-forgets-its-keys",
        file: "server/src/log/keys.rs",
        old: "        self.offsets.get(&(from.cloned(), id.clone())).copied()",
        new: "        let _ = (from, id);\n        None",
        why: "a publish that comes again is appended again",
        breaks: "invariant 4",
    },
    Mutant {
        name: "server-forgets-the-epoch",
        file: SPAN,
        old: "        if position.epoch != self.epoch || position.offset >= self.next {",
        new: "        if position.offset >= self.next {",
        why: "a cursor of another life of the log is taken for one of this",
        breaks: "invariant 1",
    },
    Mutant {
        name: "server-skips-a-record",
        file: LOG,
        old: "        let skip = usize::try_from(after.offset + 1 - self.oldest()).unwrap_or(usize::MAX);",
        new: "        let skip = usize::try_from(after.offset + 1 - self.oldest()).unwrap_or(usize::MAX);
        let skip = skip + usize::from(self.entries.len() > skip + 1);",
        why: "readers that are behind never get one of the records",
        breaks: "invariant 1",
    },
    Mutant {
        name: "server-tells-too-wide-a-gap",
        file: SPAN,
        old: "        let go_on = self.at(self.oldest - 1);",
        new: "        let go_on = self.at(self.oldest.min(self.next - 1));",
        why: "a gap covers a record that is still kept",
        breaks: "invariant 1",
    },
];
