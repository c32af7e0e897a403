//! The rounds: every server on every transport, one after another, again and again; then many idle connections.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use everwire_load::{
    dialect::{Server, Transport},
    process::{Process, raise_file_limit},
    report::{Phase, Report},
};

use super::servers::{Places, Running};

/// What is compared.
const ROWS: [(Server, Transport); 5] = [
    (Server::Everwire, Transport::Websocket),
    (Server::Nchan, Transport::Websocket),
    (Server::Socketio, Transport::Websocket),
    (Server::Everwire, Transport::Sse),
    (Server::Nchan, Transport::Sse),
];
/// Idle connections that are held, if the system lets a process have so many files.
const HELD: u64 = 20_000;
/// Files that a server has open beside its connections.
const OTHER_FILES: u64 = 64;

/// How much is done.
pub struct Plan {
    pub connections: usize,
    pub rounds: usize,
    pub bursts: u32,
    pub paced: u64,
    pub hold: u64,
    pub only: String,
}

/// One server on one transport: the medians of its rounds.
#[derive(Clone, Debug)]
pub struct Row {
    pub server: Server,
    pub transport: Transport,
    pub connects: f64,
    pub idle_bytes: f64,
    pub used_bytes: f64,
    /// Of all bursts of all rounds.
    pub burst_rate: f64,
    pub burst_rates: (f64, f64),
    pub burst_cpu: f64,
    pub paced_cpu: f64,
    pub paced_p50: f64,
    pub paced_p99: f64,
    pub paced_p999: f64,
    pub lost: u64,
    pub repeated: u64,
    pub closed: usize,
}

/// Idle connections that were held.
#[derive(Clone, Debug)]
pub struct Held {
    pub connections: usize,
    pub seconds: f64,
    pub closed: usize,
    pub longest_silence: f64,
    pub bytes: f64,
    pub cpu_percent: f64,
    /// Most files that a process may have open.
    pub files: u64,
}

/// What a row is called.
pub fn name(server: Server, transport: Transport) -> String {
    let word = |value: Option<clap::builder::PossibleValue>| {
        value.map_or(String::new(), |v| v.get_name().to_owned())
    };
    format!("{} {}", word(server.to_possible_value()), word(transport.to_possible_value()))
}

/// Runs all rounds.
pub fn run(places: &Places, plan: &Plan) -> Result<Vec<Row>> {
    let rows: Vec<_> = ROWS.into_iter().filter(|(s, t)| name(*s, *t).starts_with(&plan.only)).collect();
    let mut reports = vec![Vec::new(); rows.len()];
    for round in 1..=plan.rounds {
        for ((server, transport), reports) in rows.iter().zip(&mut reports) {
            let running = Running::start(places, *server)?;
            let arguments = [
                ("--connections", plan.connections.to_string()),
                ("--bursts", plan.bursts.to_string()),
                ("--paced", plan.paced.to_string()),
            ];
            let report = finish(load(places, &running, *server, *transport, &arguments)?)?;
            let name = name(*server, *transport);
            let mut err = std::io::stderr();
            std::io::Write::write_fmt(&mut err, format_args!("round {round}, {name}\n{report}"))?;
            reports.push(report);
        }
    }
    Ok(rows
        .iter()
        .zip(&reports)
        .map(|((server, transport), reports)| row(*server, *transport, reports))
        .collect())
}

/// Holds as many idle connections as the system allows, half of them on each transport.
pub fn hold(places: &Places, plan: &Plan) -> Result<Option<Held>> {
    if plan.hold == 0 || !"everwire".starts_with(&plan.only) {
        return Ok(None);
    }
    let files = raise_file_limit();
    let connections = HELD.min(files.saturating_sub(OTHER_FILES)) / 2 * 2;
    let running = Running::start(places, Server::Everwire)?;
    let process = Process::new(running.pid())?;
    let before = process.usage()?;
    let half = (connections / 2).to_string();
    let arguments =
        [("--connections", half), ("--hold", plan.hold.to_string()), ("--per-address", "1000".to_owned())];
    let tools = [Transport::Websocket, Transport::Sse]
        .map(|transport| load(places, &running, Server::Everwire, transport, &arguments));
    let mut tools = tools.into_iter().collect::<Result<Vec<_>>>()?;
    // The most that it takes while they are there.
    let mut most = before.resident;
    let mut running_tools = true;
    while running_tools {
        std::thread::sleep(Duration::from_secs(1));
        most = most.max(process.usage()?.resident);
        running_tools = false;
        for tool in &mut tools {
            running_tools |= tool.try_wait()?.is_none();
        }
    }
    let reports = tools.into_iter().map(finish).collect::<Result<Vec<_>>>()?;
    let idle: Vec<_> = reports.iter().filter_map(|report| report.idle.clone()).collect();
    Ok(Some(Held {
        connections: connections as usize,
        seconds: idle.iter().map(|idle| idle.seconds).fold(f64::MAX, f64::min),
        closed: reports.iter().map(|report| report.closed).sum(),
        longest_silence: idle.iter().map(|idle| idle.longest_silence).fold(0.0, f64::max),
        bytes: most.saturating_sub(before.resident) as f64 / connections as f64,
        cpu_percent: idle.iter().filter_map(|idle| idle.cpu_percent).fold(0.0, f64::max),
        files,
    }))
}

fn load(
    places: &Places,
    running: &Running,
    server: Server,
    transport: Transport,
    arguments: &[(&str, String)],
) -> Result<Child> {
    let name = |value: Option<clap::builder::PossibleValue>| {
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    };
    let mut command = Command::new(&places.load);
    command.arg("--json");
    command.args(["--address", &running.address.to_string(), "--pid", &running.pid().to_string()]);
    command.args(["--server", &name(server.to_possible_value())]);
    command.args(["--transport", &name(transport.to_possible_value())]);
    command.args(arguments.iter().flat_map(|(name, value)| [*name, value.as_str()]));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().with_context(|| format!("starting {}", places.load.display()))
}

fn finish(tool: Child) -> Result<Report> {
    let output = tool.wait_with_output()?;
    if !output.status.success() {
        bail!("the load tool ended: {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("what the load tool printed")
}

fn row(server: Server, transport: Transport, reports: &[Report]) -> Row {
    let of = |value: fn(&Report) -> f64| median(reports.iter().map(value).collect());
    let paced = |value: fn(&Phase) -> f64| {
        median(reports.iter().filter_map(|r| r.paced.as_ref()).map(value).collect())
    };
    let bursts: Vec<&Phase> = reports.iter().flat_map(|report| &report.bursts).collect();
    let rates: Vec<f64> = bursts.iter().map(|burst| burst.deliveries_per_second).collect();
    let phases = || reports.iter().flat_map(|report| report.bursts.iter().chain(&report.paced));
    Row {
        server,
        transport,
        connects: of(|report| report.connects_per_second),
        idle_bytes: of(|report| report.idle_bytes.unwrap_or(f64::NAN)),
        used_bytes: of(|report| report.used_bytes.unwrap_or(f64::NAN)),
        burst_rates: rates
            .iter()
            .fold((f64::MAX, 0.0), |(low, high), rate| (low.min(*rate), high.max(*rate))),
        burst_rate: median(rates),
        burst_cpu: median(bursts.iter().filter_map(|burst| burst.cpu_per_delivery).collect()),
        paced_cpu: paced(|phase| phase.cpu_per_delivery.unwrap_or(f64::NAN)),
        paced_p50: paced(|phase| phase.p50),
        paced_p99: paced(|phase| phase.p99),
        paced_p999: paced(|phase| phase.p999),
        lost: phases().map(|phase| phase.lost).sum(),
        repeated: phases().map(|phase| phase.repeated).sum(),
        closed: reports.iter().map(|report| report.closed).sum(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 2.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
