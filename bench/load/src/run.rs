//! A run: its phases one after another, on the same connections.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use crate::{
    dialect::Dialect,
    options::Options,
    process::{Process, Usage},
    publisher::{Press, Publisher},
    report::{Idle, Phase, Report},
    swarm::{Arrival, Swarm},
};

/// Deadline for all connections together, per thousand, and at least.
const CONNECT_EACH_THOUSAND: Duration = Duration::from_secs(20);
const CONNECT_LEAST: Duration = Duration::from_secs(30);

/// Runs all that the options ask for.
///
/// # Errors
/// When subscribers can't connect, or publishes are refused. What is lost on the way is in the report.
pub fn run(options: &Options) -> Result<Report> {
    let mut run = Run::begin(options)?;
    run.report.idle = run.hold(Duration::from_secs(options.hold))?;
    for _ in 0..options.bursts {
        let share = (options.burst as usize).div_ceil(usize::from(options.publishers));
        let burst = run.publish(move |publisher| publisher.burst(share))?;
        run.report.bursts.push(burst);
    }
    if options.paced > 0 {
        let (every, lasting) = (Duration::from_secs(1) / options.rate, Duration::from_secs(options.paced));
        run.report.paced = Some(run.publish(move |publisher| publisher.pace(every, lasting))?);
    }
    run.end()
}

struct Run<'a> {
    options: &'a Options,
    swarm: Swarm,
    publishers: Vec<Publisher>,
    process: Option<Process>,
    before: Option<Usage>,
    started: Instant,
    report: Report,
}

impl<'a> Run<'a> {
    fn begin(options: &'a Options) -> Result<Self> {
        let started = Instant::now();
        let dialect = Dialect::new(options.server, options.transport)?;
        let topics: Vec<String> = (0..options.topics).map(|number| format!("load:{number}")).collect();
        let process = options.pid.map(Process::new).transpose()?;
        let before = process.as_ref().map(Process::usage).transpose()?;

        let mut swarm = Swarm::new(dialect, topics.clone(), started)?;
        let thousands = options.connections.div_ceil(1_000) as u32;
        let ramp = options.connections as u64 / u64::from(options.ramp.max(1));
        let took = swarm.arrive(&Arrival {
            address: options.address,
            connections: options.connections,
            ramp: options.ramp,
            opening: options.opening as usize,
            per_address: options.per_address as usize,
            deadline: CONNECT_LEAST + CONNECT_EACH_THOUSAND * thousands + Duration::from_secs(ramp),
        })?;
        swarm.drive(Duration::from_secs(options.settle), |_| false)?;

        let payload = options.payload as usize;
        let press = Press { address: options.address, dialect, topics, payload, started };
        let report = Report {
            connections: options.connections,
            connects_per_second: options.connections as f64 / took.as_secs_f64(),
            ..Report::default()
        };
        let mut run = Self { options, swarm, publishers: Vec::new(), process, before, started, report };
        run.report.idle_bytes = run.bytes_per_connection()?;
        let publishers = (0..options.publishers).map(|number| Publisher::connect(&press, number));
        run.publishers = publishers.collect::<Result<_>>()?;
        Ok(run)
    }

    fn hold(&mut self, lasting: Duration) -> Result<Option<Idle>> {
        if lasting.is_zero() {
            return Ok(None);
        }
        self.swarm.begin_silence();
        let (before, began) = (self.usage()?, Instant::now());
        self.swarm.drive(lasting, |swarm| swarm.closed() > 0)?;
        let seconds = began.elapsed().as_secs_f64();
        let percent = |cpu: u64| cpu as f64 / 1e4 / seconds;
        let longest_silence = self.swarm.longest_silence() as f64 / 1e6;
        Ok(Some(Idle { seconds, longest_silence, cpu_percent: self.cpu_since(before)?.map(percent) }))
    }

    /// Lets every publisher do its work, and waits for what comes of it.
    fn publish(
        &mut self,
        work: impl Fn(&mut Publisher) -> Result<()> + Clone + Send + 'static,
    ) -> Result<Phase> {
        self.swarm.shared.tally.begin();
        let before = self.usage()?;
        let already: Vec<Vec<u32>> = self.publishers.iter().map(|p| p.sent().to_vec()).collect();
        let began = self.started.elapsed().as_micros() as u64;
        let threads: Vec<_> = std::mem::take(&mut self.publishers)
            .into_iter()
            .map(|mut publisher| {
                let work = work.clone();
                thread::spawn(move || work(&mut publisher).map(|()| publisher))
            })
            .collect();
        // Publishers have deadlines of their own.
        let all = Duration::MAX;
        self.swarm.drive(all, |_| threads.iter().all(thread::JoinHandle::is_finished))?;
        for thread in threads {
            self.publishers.push(thread.join().map_err(|_| anyhow!("a publisher panicked"))??);
        }
        let subscribers: Vec<u64> =
            (0..self.options.topics as usize).map(|topic| self.swarm.subscribers_of(topic)).collect();
        let new = |publisher: (&Publisher, &Vec<u32>)| -> u64 {
            let (publisher, already) = publisher;
            let sent = publisher.sent().iter().zip(already).map(|(sent, already)| u64::from(sent - already));
            sent.zip(&subscribers).map(|(sent, subscribers)| sent * subscribers).sum()
        };
        let expected: u64 = self.publishers.iter().zip(&already).map(new).sum();
        let patience = Duration::from_secs(self.options.patience);
        self.swarm.drive(patience, |swarm| {
            let tally = &swarm.shared.tally;
            tally.deliveries + tally.lost >= expected
        })?;
        let cpu = self.cpu_since(before)?;
        let sent = |publisher: u16, topic: usize| self.publishers[usize::from(publisher)].sent()[topic];
        let missing = self.swarm.missing(self.options.publishers, sent);
        Ok(Phase::new(&self.swarm.shared.tally, began, missing, cpu))
    }

    fn end(mut self) -> Result<Report> {
        self.swarm.drive(Duration::from_secs(self.options.settle), |_| false)?;
        self.report.used_bytes = self.bytes_per_connection()?;
        self.report.closed = self.swarm.closed();
        self.report.why = self.swarm.why();
        Ok(self.report)
    }

    fn usage(&self) -> Result<Option<Usage>> {
        self.process.as_ref().map(Process::usage).transpose()
    }

    fn cpu_since(&self, before: Option<Usage>) -> Result<Option<u64>> {
        let now = self.usage()?;
        Ok(now.zip(before).map(|(now, before)| now.cpu.saturating_sub(before.cpu)))
    }

    fn bytes_per_connection(&self) -> Result<Option<f64>> {
        let (Some(now), Some(before)) = (self.usage()?, self.before) else { return Ok(None) };
        let grown = now.resident.saturating_sub(before.resident);
        Ok(Some(grown as f64 / self.options.connections.max(1) as f64))
    }
}
