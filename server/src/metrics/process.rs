//! The process itself, by the names that every Prometheus client library gives to these: they carry no prefix of
//! ours, so that dashboards know them.

use std::{
    fmt::Error,
    sync::{Mutex, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Asks the system when it is asked itself.
#[derive(Debug)]
pub struct Process {
    system: Mutex<System>,
    pid: Option<Pid>,
}

impl Default for Process {
    fn default() -> Self {
        Self { system: Mutex::new(System::new()), pid: sysinfo::get_current_pid().ok() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Some(pid) = self.pid else { return Ok(()) };
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let Some(process) = system.process(pid) else { return Ok(()) };
        let mut gauge = |name, help, unit: Option<&Unit>, value: u64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        let (bytes, seconds) = (Some(&Unit::Bytes), Some(&Unit::Seconds));
        gauge("process_resident_memory", "Memory of the process that is in RAM", bytes, process.memory())?;
        gauge("process_virtual_memory", "Address space of the process", bytes, process.virtual_memory())?;
        let started = process.start_time();
        gauge("process_start_time", "When the process began, since the Unix epoch", seconds, started)?;
        if let Some(open) = process.open_files() {
            gauge("process_open_fds", "Open files and sockets", None, open as u64)?;
        }
        if let Some(most) = process.open_files_limit() {
            gauge("process_max_fds", "Most open files and sockets", None, most as u64)?;
        }
        let cpu = ConstCounter::new(process.accumulated_cpu_time() as f64 / 1000.0);
        let help = "CPU time of the process, in the system and outside";
        cpu.encode(encoder.encode_descriptor("process_cpu", help, seconds, MetricType::Counter)?)
    }
}
