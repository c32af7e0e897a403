//! The page: one table, the targets with what was found, and the notes that are written by hand.

use std::fmt::Write;

use everwire_load::dialect::{Server, Transport};

use super::rounds::{Held, Plan, Row, name};

/// Why the figures are as they are: written by hand, and part of the page.
const NOTES: &str = include_str!("notes.md");
/// Everwire's bound, and what stands for the first tries of others in the goals.
const IDLE_BYTES: f64 = 10.0 * 1024.0;
const BURST_RATIO: f64 = 3.0;
/// Heartbeats come within this, in seconds.
const HEARTBEAT: f64 = 25.0;

/// The whole page.
pub fn render(plan: &Plan, rows: &[Row], held: Option<&Held>) -> String {
    let mut page = String::from("# The server's performance\n\n");
    let rounds = if plan.rounds == 1 { "one round".to_owned() } else { format!("{} rounds", plan.rounds) };
    let _ = writeln!(
        page,
        "Written by `cargo xtask bench server`; do not edit. One run on {} cores that servers, subscribers and the \
         publisher share: {rounds}, each starting every server in turn, and the medians of them. {} subscribers of one topic, payloads of \
         120 bytes, published by `POST`, the same load tool ([bench/load](../bench/load)) for all. **Burst**: 100 publishes back to \
         back, {} times a round. **Paced**: 10 publishes a second for {} s. CPU is the server's process alone, user and system, so it has \
         the kernel's sending in it; memory is resident and grown since the start, per connection.\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        plan.connections,
        plan.bursts,
        plan.paced
    );
    table(&mut page, rows);
    goals(&mut page, rows, held);
    page + NOTES
}

/// What is worth printing after a run: the notes are known.
pub fn without_notes(page: &str) -> &str {
    page.strip_suffix(NOTES).unwrap_or(page)
}

fn table(page: &mut String, rows: &[Row]) {
    page.push_str(
        "| server, transport | connects/s | burst: deliveries/s (least–most) | CPU µs | paced: CPU µs | p50 | p99 | p99.9 ms | idle KiB | KiB in the end | lost, repeated, closed |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let _ = writeln!(
            page,
            "| {} | {:.0} | {:.0} ({:.0}–{:.0}) | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {}, {}, {} |",
            name(row.server, row.transport),
            row.connects,
            row.burst_rate,
            row.burst_rates.0,
            row.burst_rates.1,
            row.burst_cpu,
            row.paced_cpu,
            row.paced_p50,
            row.paced_p99,
            row.paced_p999,
            row.idle_bytes / 1024.0,
            row.used_bytes / 1024.0,
            row.lost,
            row.repeated,
            row.closed
        );
    }
    page.push('\n');
}

fn goals(page: &mut String, rows: &[Row], held: Option<&Held>) {
    page.push_str("| goal | found | |\n| --- | --- | --- |\n");
    let mut goal = |what: String, found: String, met: bool| {
        let _ = writeln!(page, "| {what} | {found} | {} |", if met { "met" } else { "**not met**" });
    };
    let find = |server: Server, transport: Transport| {
        rows.iter().find(|row| row.server == server && row.transport == transport)
    };
    for transport in [Transport::Websocket, Transport::Sse] {
        let Some(mine) = find(Server::Everwire, transport) else { continue };
        let on = name(Server::Everwire, transport);
        if let Some(nchan) = find(Server::Nchan, transport) {
            let burst = mine.burst_rate / nchan.burst_rate;
            goal(
                format!("{on}: burst ≥ {BURST_RATIO} × nchan"),
                format!("{burst:.1} ×"),
                burst >= BURST_RATIO,
            );
            let cpu = mine.paced_cpu / nchan.paced_cpu;
            goal(format!("{on}: paced CPU per delivery ≤ nchan's"), format!("{cpu:.2} ×"), cpu <= 1.0);
            let late = mine.paced_p99 / nchan.paced_p99;
            goal(format!("{on}: paced p99 ≤ nchan's"), format!("{late:.2} ×"), late <= 1.0);
        }
        let idle = mine.idle_bytes;
        goal(
            format!("{on}: idle connection ≤ {:.0} KiB", IDLE_BYTES / 1024.0),
            format!("{:.1} KiB", idle / 1024.0),
            idle <= IDLE_BYTES,
        );
        let clean = mine.lost == 0 && mine.repeated == 0 && mine.closed == 0;
        goal(
            format!("{on}: nothing lost, repeated or closed"),
            format!("{}, {}, {}", mine.lost, mine.repeated, mine.closed),
            clean,
        );
    }
    if let Some(held) = held {
        goal(
            format!(
                "{} idle connections, half on each transport, for {:.0} s",
                held.connections, held.seconds
            ),
            format!(
                "{} closed, longest silence {:.1} s, {:.1} KiB each, CPU {:.1} %",
                held.closed,
                held.longest_silence,
                held.bytes / 1024.0,
                held.cpu_percent
            ),
            held.closed == 0 && held.longest_silence <= HEARTBEAT,
        );
        if held.connections < 20_000 {
            let _ = writeln!(
                page,
                "\nMore were not to be had: the system lets a process have {} files.",
                held.files
            );
        }
    }
    page.push('\n');
}
