//! The tab that leads: the upstream session with its relay, driven in the order that the relay asks for.

use everwire_core::{
    Event, Session, State,
    relay::{Announcement, Relay, RelayOutput, TabName},
};

use everwire_protocol::Position;

use crate::{
    fault::Fault,
    life::name_of,
    tabs::{Step, Stood, channel::Way},
    world::{Happening, World, brief},
};

/// What the tab that leads has beside its upstream session.
#[derive(Debug)]
pub(crate) struct Leading {
    pub relay: Relay,
    name: TabName,
    pub ways: Vec<Way>,
    /// What the session told, for the relay.
    pub events: Vec<Event>,
}

impl Leading {
    /// The session told something. Notes where it is now.
    pub fn hear(&mut self, event: Event, session: &Session, stood: &mut Stood) {
        let place = match &event {
            Event::Subscribed { subscription, position, .. } | Event::Gap { subscription, position, .. } => {
                Some((*subscription, *position))
            }
            Event::Messages { subscription, epoch, records } => records
                .last()
                .map(|record| (*subscription, Position { epoch: *epoch, offset: record.offset })),
            _ => None,
        };
        if let Some((subscription, position)) = place
            && let Some(topic) = session.topic(subscription)
        {
            stood.at(topic, position);
        }
        self.events.push(event);
    }
}

impl World {
    /// The page leads from now on.
    pub(super) fn lead(&mut self, index: usize) -> Result<(), String> {
        let upstream = self.upstream_of(index);
        let now = self.time(upstream);
        let page = &self.tabs.pages[index];
        let mut config = page.config.clone();
        config.info = Some(name_of(&page.goes_by));
        let (id, name, seed) = (page.goes_by.clone(), page.name, self.rng.u64(..));
        let relay = Relay::new(now, name, id.clone());
        let leading = Leading { relay, name, ways: Vec::new(), events: Vec::new() };
        let most = config.outbox.messages;
        let session = Session::new(config, id.clone(), seed);
        self.clients[upstream].begin_to_lead(session, id, most, leading);
        self.clients[upstream].session.connect(now);
        self.report.reigns += 1;
        self.act(upstream)
    }

    /// The page leads no more, and says so.
    pub(super) fn step_down(&mut self, index: usize) -> Result<(), String> {
        if !self.leads(index) {
            return Ok(());
        }
        self.report.faults.count(Fault::StepDown);
        let upstream = self.upstream_of(index);
        let now = self.time(upstream);
        let client = &mut self.clients[upstream];
        if let Some(leading) = &mut client.leading {
            leading.relay.step_down();
            if leading.ways.iter().any(|way| way.page.0 != index) {
                client.session.handle_offline(now);
            }
        }
        client.close(now);
        self.act(upstream)?;
        self.end_reign(upstream);
        Ok(())
    }

    /// Nothing is left of the upstream session.
    pub(crate) fn end_reign(&mut self, upstream: usize) {
        self.report.add_stats(&self.clients[upstream].session.stats());
        let client = &mut self.clients[upstream];
        client.connections.clear();
        client.browsers.clear();
        (client.dead, client.leading) = (true, None);
        self.machines[upstream].set(self.now, None, 0);
    }

    /// A tab wants a link.
    pub(super) fn accept(&mut self, leader: usize, tab: TabName, number: u32) {
        let now = self.time(leader);
        let Some(index) = self.tabs.pages.iter().position(|page| page.name == tab) else { return };
        let (is_gone, own) = (!self.tabs.pages[index].shares, self.upstream_of(index) == leader);
        let up = self.pipe_between(index, if own { index } else { usize::MAX });
        let client = &mut self.clients[leader];
        let Some(leading) = &mut client.leading else { return };
        if leading.ways.iter().any(|way| way.number == number) {
            // It asked more than once.
            return;
        }
        // Its last one, of which it knows no more. Nobody looks for one of the page itself.
        if let Some(known) = leading.ways.iter().find(|way| way.page.1 == tab && !own) {
            leading.relay.close(now, &mut client.session, known.tab);
        }
        let Some(id) = leading.relay.open() else { return };
        leading.ways.push(Way { tab: id, page: (index, tab), number, inbox: [].into(), up });
        if is_gone {
            self.enter(1, Happening::Tabs(Step::Gone(leader, number)));
        }
    }

    /// A tab said something on a link.
    pub(super) fn heard_of_tab(&mut self, leader: usize, number: u32) -> Result<(), String> {
        let now = self.time(leader);
        let client = &mut self.clients[leader];
        if let Some(leading) = &mut client.leading
            && let Some(way) = leading.ways.iter_mut().find(|way| way.number == number)
            && let Some(data) = way.inbox.pop_front()
        {
            leading.relay.handle_message(now, &mut client.session, way.tab, data);
        }
        self.act(leader)
    }

    pub(super) fn tab_gone(&mut self, leader: usize, number: u32) -> Result<(), String> {
        let now = self.time(leader);
        let client = &mut self.clients[leader];
        if let Some(leading) = &mut client.leading
            && let Some(way) = leading.ways.iter().find(|way| way.number == number)
        {
            leading.relay.close(now, &mut client.session, way.tab);
        }
        self.act(leader)
    }

    /// Does what the upstream session and the relay want, and looks at their timers.
    pub(crate) fn act_upstream(&mut self, upstream: usize) -> Result<(), String> {
        let blame = |broken| format!("upstream {upstream}: {broken}");
        loop {
            let outputs = self.clients[upstream].outputs(self.now, &mut self.books).map_err(blame)?;
            for output in outputs {
                self.trace(|| format!("upstream {upstream}: {}", brief(&output)));
                self.carry(upstream, output)?;
            }
            let now = self.time(upstream);
            let client = &mut self.clients[upstream];
            let Some(leading) = &mut client.leading else { return Ok(()) };
            if leading.events.is_empty() {
                break;
            }
            for event in std::mem::take(&mut leading.events) {
                leading.relay.handle_event(now, &mut client.session, event);
            }
        }
        if !self.clients[upstream].closed && self.clients[upstream].session.state().state == State::Closed {
            return Err(blame("it ended for good, and nothing here is refused for good".to_owned()));
        }
        self.relay_outputs(upstream)?;
        let client = &self.clients[upstream];
        let relay = client.leading.as_ref().and_then(|leading| leading.relay.poll_timeout());
        let due = client.session.poll_timeout().into_iter().chain(relay).map(|(at, _)| at).min();
        let lateness = self.rng.u64(0..=self.schedule.timer_lateness);
        self.machines[upstream].set(self.now, due, lateness);
        Ok(())
    }

    fn relay_outputs(&mut self, upstream: usize) -> Result<(), String> {
        while let Some(leading) = &mut self.clients[upstream].leading
            && let Some(output) = leading.relay.poll_output()
        {
            match output {
                RelayOutput::Announce => {
                    let message = Announcement::Leader { leader: leading.name }.encode();
                    let index = upstream - self.schedule.clients;
                    self.announce(index, &message);
                    self.enter(0, Happening::Tabs(Step::Led(index)));
                }
                RelayOutput::Send { tab, data } => {
                    if let Some(way) = leading.ways.iter().find(|way| way.tab == tab) {
                        let (index, number) = (way.page.0, way.number);
                        self.say_to_tab(index, number, data)?;
                    }
                }
                RelayOutput::Close { tab } => leading.ways.retain(|way| way.tab != tab),
            }
        }
        Ok(())
    }

    /// A timer of the upstream session or of the relay fires.
    pub(crate) fn fire_upstream(&mut self, upstream: usize) -> Result<(), String> {
        let now = self.time(upstream);
        self.machines[upstream].fire();
        let client = &mut self.clients[upstream];
        if let Some(leading) = &mut client.leading
            && let Some((_, name)) = leading.relay.poll_timeout().filter(|(at, _)| *at <= now)
        {
            self.report.deadlines.count(name);
            leading.relay.handle_timeout(now, &client.session);
        }
        if let Some((_, name)) = client.session.poll_timeout().filter(|(at, _)| *at <= now) {
            self.report.deadlines.count(name);
            client.session.handle_timeout(now);
        }
        self.act(upstream)
    }
}
