//! What each session and the relay want done, and the messages between them.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_core::{
    Closed, Event, Output, Transport,
    protocol::{ServerFrame, binary},
    relay::{Announcement, FromTab, RelayOutput, TabEnd, TabName},
};

use super::{Link, World};

impl World {
    pub(super) fn step_tabs(&mut self) -> bool {
        let mut busy = false;
        for index in 0..self.tabs.len() {
            if self.tabs[index].hangs {
                continue;
            }
            while let Some(output) = self.tabs[index].session.poll_output() {
                busy = true;
                self.tab_output(index, output);
            }
            while let Some(data) = self.tabs[index].link.as_mut().and_then(|link| link.inbox.pop_front()) {
                busy = true;
                let tab = &mut self.tabs[index];
                let Some(link) = &mut tab.link else { break };
                match link.end.handle_message(self.now, &mut tab.session, data) {
                    Ok(Some(answer)) => self.say(index, answer),
                    Ok(None) => {}
                    Err(_) => tab.link = None,
                }
            }
        }
        busy
    }

    fn tab_output(&mut self, index: usize, output: Output) {
        match output {
            Output::Open { attempt, transport: Transport::Tab, .. } => {
                let link = Link { end: TabEnd::new(attempt), at: None, inbox: VecDeque::new() };
                self.tabs[index].link = Some(link);
                self.answer(index);
            }
            Output::Open { attempt, .. } => {
                self.tabs[index].alone = Some(attempt);
            }
            Output::Send { data, .. } => self.say(index, TabEnd::send(data)),
            Output::Close { attempt, .. } => {
                if self.tabs[index].link.as_ref().is_some_and(|link| link.end.attempt() == attempt) {
                    self.say(index, FromTab::Closed.encode());
                    self.tabs[index].link = None;
                } else {
                    self.tabs[index].alone = None;
                }
            }
            Output::Event(event) => {
                if let Event::Messages { subscription, records, .. } = &event {
                    let bytes = records.iter().map(|record| record.payload.data.len()).sum();
                    let (now, count) = (self.now, records.len());
                    self.tabs[index].session.consumed(now, *subscription, count, bytes);
                }
                self.tabs[index].events.push_back(event);
            }
            output => panic!("{output:?}"),
        }
    }

    /// The leader hears that a tab wants a link.
    fn answer(&mut self, index: usize) {
        let (Some(leader), Some(link)) = (&mut self.leader, &mut self.tabs[index].link) else { return };
        link.at = leader.relay.open().map(|id| (self.reigns, id));
    }

    fn say(&mut self, index: usize, data: Bytes) {
        let at = self.tabs[index].link.as_ref().and_then(|link| link.at);
        if let (Some(leader), Some((reign, id))) = (&mut self.leader, at)
            && reign == self.reigns
        {
            leader.relay.handle_message(self.now, &mut leader.session, id, data);
        }
    }

    pub(super) fn step_leader(&mut self) -> bool {
        let Some(leader) = &mut self.leader else { return false };
        let mut busy = false;
        while let Some(output) = leader.session.poll_output() {
            busy = true;
            match output {
                Output::Open { attempt, .. } => {
                    leader.socket = Some(attempt);
                    if self.network {
                        leader.session.handle_opened(self.now, attempt);
                    } else {
                        leader.session.handle_closed(self.now, attempt, Closed::Network);
                    }
                }
                Output::Send { attempt, mut data } => {
                    let mut frames = Vec::new();
                    while let Some(frame) = binary::decode_client(&mut data).unwrap() {
                        self.server.handle(frame, &mut frames);
                    }
                    self.server.pull(&mut frames);
                    for frame in frames {
                        leader.session.handle_message(self.now, attempt, encoded(&frame));
                    }
                }
                Output::Close { .. } => self.server.lost(),
                Output::Event(event) => leader.events.push(event),
                output => panic!("{output:?}"),
            }
        }
        for event in std::mem::take(&mut leader.events) {
            busy = true;
            leader.relay.handle_event(self.now, &mut leader.session, event);
        }
        while let Some(output) = leader.relay.poll_output() {
            busy = true;
            match output {
                RelayOutput::Announce => {
                    leader.announced += 1;
                    let name = Announcement::Leader { leader: TabName([self.reigns as u8; 16]) };
                    assert_eq!(Announcement::decode(name.encode()), Ok(name));
                    for tab in &mut self.tabs {
                        let reign = tab.link.as_ref().and_then(|link| link.at).map(|(reign, _)| reign);
                        if reign == Some(self.reigns) || tab.hangs {
                            continue;
                        }
                        match &mut tab.link {
                            Some(link) if link.at.is_none() => {
                                link.at = leader.relay.open().map(|id| (self.reigns, id));
                            }
                            _ => tab.session.handle_leader(self.now),
                        }
                    }
                }
                RelayOutput::Send { tab, data } => {
                    let at = Some((self.reigns, tab));
                    let links = self.tabs.iter_mut().filter_map(|tab| tab.link.as_mut());
                    if let Some(link) = links.into_iter().find(|link| link.at == at) {
                        link.inbox.push_back(data);
                    }
                }
                RelayOutput::Close { .. } => {}
            }
        }
        busy
    }
}

pub(super) fn encoded(frame: &ServerFrame) -> Bytes {
    let mut out = Vec::new();
    binary::encode_server(frame, &mut out);
    out.into()
}
