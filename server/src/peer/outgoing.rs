//! What a peer gives to its sink: frames, and batches of records that are encoded already.

use everwire_protocol::{Member, ServerFrame, binary};

use crate::log::Batch;

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A frame that is no `messages`.
    Frame(ServerFrame),
    /// Records of one topic.
    Messages {
        /// The topic's number.
        alias: u32,
        /// The records, straight from the log.
        batch: Batch,
    },
}

impl Outgoing {
    /// Appends it in the binary codec. Records are copied as they were encoded when they were appended.
    pub fn encode_binary(&self, out: &mut Vec<u8>) {
        match self {
            Self::Frame(frame) => binary::encode_server(frame, out),
            Self::Messages { alias, batch } => {
                let first = batch.entries.first().map_or(0, |entry| entry.record.offset);
                binary::encode_messages_header(*alias, first, batch.entries.len(), batch.bytes, out);
                batch.entries.iter().for_each(|entry| out.extend_from_slice(&entry.encoded));
            }
        }
    }

    /// The frame, for the other codecs. Payloads are shared, not copied.
    #[must_use]
    pub fn into_frame(self) -> ServerFrame {
        match self {
            Self::Frame(frame) => frame,
            Self::Messages { alias, batch } => {
                let records = batch.entries.iter().map(|entry| entry.record.clone()).collect();
                ServerFrame::Messages { alias, records }
            }
        }
    }

    /// Whether a client that waits for the answer of a poll wants to be told of this at once. Who is there is
    /// part of every answer where presence is asked for, so that alone is none: no such poll would ever be held.
    #[must_use]
    pub fn is_news(&self) -> bool {
        let begins = matches!(
            self,
            Self::Frame(
                ServerFrame::Welcome { .. }
                    | ServerFrame::Expires { .. }
                    | ServerFrame::Subscribed { .. }
                    | ServerFrame::Heartbeat
            )
        );
        !begins && !self.is_members()
    }

    /// Whether it says who is there.
    #[must_use]
    pub fn is_members(&self) -> bool {
        matches!(self, Self::Frame(ServerFrame::Members { .. }))
    }

    /// How many messages it carries.
    #[must_use]
    pub fn messages(&self) -> usize {
        match self {
            Self::Messages { batch, .. } => batch.entries.len(),
            Self::Frame(ServerFrame::Ephemeral { .. }) => 1,
            Self::Frame(_) => 0,
        }
    }
}

/// All of a pull as one message in the binary codec.
#[must_use]
pub fn encode_binary(outgoing: &[Outgoing]) -> Vec<u8> {
    let mut out = Vec::with_capacity(size(outgoing, 0));
    outgoing.iter().for_each(|o| o.encode_binary(&mut out));
    out
}

/// About how many bytes all of a pull takes, where each record takes so many beside its own: what is written in
/// one go should not grow on the way.
#[must_use]
pub fn size(outgoing: &[Outgoing], each: usize) -> usize {
    let bytes = outgoing.iter().map(|o| match o {
        Outgoing::Frame(frame) => weight(frame),
        Outgoing::Messages { batch, .. } => batch.bytes + 32 + each * batch.entries.len(),
    });
    bytes.sum()
}

/// About how many bytes a frame takes, to keep messages and queues within bounds.
pub(super) fn weight(frame: &ServerFrame) -> usize {
    let members = |members: &[Member]| -> usize {
        let info = |m: &Member| m.info.as_ref().map_or(0, |info| info.len());
        members.iter().map(|m| 48 + info(m)).sum()
    };
    64 + match frame {
        ServerFrame::History { records, .. } => records.iter().map(|r| 64 + r.payload.data.len()).sum(),
        ServerFrame::Members { members: list, .. } | ServerFrame::Presence { members: list, .. } => {
            members(list)
        }
        ServerFrame::Ephemeral { payload, .. } => payload.data.len(),
        ServerFrame::Error { message, .. } => message.len(),
        _ => 0,
    }
}
