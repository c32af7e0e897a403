//! A server of one log and one WebSocket at a time: it numbers what is published, once for each id, and sends it
//! to who reads.

use everwire_core::protocol::{
    About, ClientFrame, Code, From, GapReason, HistoryRange, Limits, Member, Payload, Position, PublishId,
    Record, ServerFrame, Topic,
};

#[derive(Default)]
pub struct Server {
    pub log: Vec<Record>,
    pub epoch: u32,
    /// The topics read, with what was last sent of each. There is but one log, and every topic shows it.
    readers: Vec<(Topic, u32, usize, bool)>,
    next_alias: u32,
    pub subscribes: usize,
    pub client_ids: Vec<String>,
    /// Acks are kept back, so that the client doesn't learn of them.
    pub mute_acks: bool,
}

impl Server {
    fn position(&self, offset: u64) -> Position {
        format!("e{}-{offset}", self.epoch).parse().unwrap()
    }

    /// How many topics are read on the connection.
    pub fn topics(&self) -> usize {
        self.readers.len()
    }

    /// The connection is gone.
    pub fn lost(&mut self) {
        self.readers.clear();
    }

    pub fn handle(&mut self, frame: ClientFrame, out: &mut Vec<ServerFrame>) {
        match frame {
            ClientFrame::Connect { client_id, .. } => {
                self.client_ids.push(client_id.to_string());
                out.push(ServerFrame::Welcome {
                    session: "s".into(),
                    heartbeat: 25_000,
                    limits: Limits { payload: 1_000, ..Limits::default() },
                    server: "test".into(),
                });
            }
            ClientFrame::Subscribe { topic, from, mode } => self.subscribe(topic, from, mode.presence, out),
            ClientFrame::Unsubscribe { topic } => self.readers.retain(|reader| reader.0 != topic),
            ClientFrame::Pause { topic } => self.set_paused(&topic, true),
            ClientFrame::Resume { topic } => self.set_paused(&topic, false),
            ClientFrame::Publish { topic, id, payload, key, ephemeral } => {
                if payload.data.as_ref() == b"refuse" {
                    let about = About::Publish(id);
                    let (code, message) = (Code::FORBIDDEN, "no".into());
                    out.push(ServerFrame::Error { about, code, message, retry_after: None });
                    return;
                }
                if ephemeral {
                    for (_, alias, ..) in self.readers.iter().filter(|reader| reader.0 == topic) {
                        let payload = payload.clone();
                        out.push(ServerFrame::Ephemeral { alias: *alias, time: 0, payload, from: None });
                    }
                    out.push(ServerFrame::Ack { id, position: None });
                    return;
                }
                let offset = self.offset_of(&id).unwrap_or_else(|| {
                    let offset = self.log.len() as u64 + 1;
                    self.log.push(Record { offset, time: 0, payload, key, from: None, id: Some(id.clone()) });
                    offset
                });
                if !self.mute_acks {
                    out.push(ServerFrame::Ack { id, position: Some(self.position(offset)) });
                }
            }
            ClientFrame::Presence { request, .. } => {
                out.push(ServerFrame::Presence { request, members: vec![member("ada")] });
            }
            ClientFrame::History { request, range, limit, .. } => {
                let from = match range {
                    HistoryRange::After(offset) => offset as usize,
                    HistoryRange::Before(_) => self.log.len().saturating_sub(limit as usize),
                };
                let records = self.log.iter().skip(from).take(limit as usize);
                let (epoch, records) = (self.position(0).epoch, records.cloned().collect());
                out.push(ServerFrame::History { request, epoch, records, more: false });
            }
            ClientFrame::Refresh { .. } => {}
            ClientFrame::Ping { nonce } => out.push(ServerFrame::Pong { nonce }),
        }
    }

    fn offset_of(&self, id: &PublishId) -> Option<u64> {
        self.log.iter().find(|record| record.id.as_ref() == Some(id)).map(|record| record.offset)
    }

    fn subscribe(&mut self, topic: Topic, from: From, presence: bool, out: &mut Vec<ServerFrame>) {
        if topic.as_str() == "secret" {
            let about = About::Topic(topic);
            out.push(ServerFrame::Error {
                about,
                code: Code::FORBIDDEN,
                message: "no".into(),
                retry_after: None,
            });
            return;
        }
        self.subscribes += 1;
        self.next_alias += 1;
        let (alias, top) = (self.next_alias, self.log.len());
        let (start, lost) = match from {
            From::Latest => (top, None),
            From::Earliest => (0, None),
            From::Last(n) => (top.saturating_sub(n as usize), None),
            From::Position(at) if at.epoch == self.position(0).epoch => (at.offset as usize, None),
            From::Position(at) => (0, Some(at.offset + 1)),
        };
        let position = self.position(start as u64);
        let recovered = matches!(from, From::Position(_)) && lost.is_none();
        out.push(ServerFrame::Subscribed { topic: topic.clone(), alias, position, recovered });
        if let Some(from) = lost {
            out.push(ServerFrame::Gap { alias, from, to: None, reason: GapReason::Epoch, position });
        }
        if presence {
            out.push(ServerFrame::Members { alias, members: vec![member("ada"), member("bob")] });
        }
        self.readers.push((topic, alias, start, false));
    }

    fn set_paused(&mut self, topic: &Topic, paused: bool) {
        for reader in self.readers.iter_mut().filter(|reader| reader.0 == *topic) {
            reader.3 = paused;
        }
    }

    /// A record of so many bytes comes from elsewhere.
    pub fn append(&mut self, bytes: usize) {
        let (offset, payload) = (self.log.len() as u64 + 1, Payload::text("x".repeat(bytes)));
        self.log.push(Record { offset, time: 0, payload, key: None, from: None, id: None });
    }

    /// Sends what readers lack.
    pub fn pull(&mut self, out: &mut Vec<ServerFrame>) {
        let log = &self.log;
        for (_, alias, sent, _) in self.readers.iter_mut().filter(|reader| !reader.3) {
            for records in log[*sent..].chunks(50) {
                out.push(ServerFrame::Messages { alias: *alias, records: records.to_vec() });
            }
            *sent = log.len();
        }
    }
}

fn member(id: &str) -> Member {
    Member { id: id.into(), subject: None, info: None }
}
