//! [`Cost`]: what the processes of a chain used, as the kernel counts it.

use std::fs;

use serde::Serialize;

use super::chain::{Chain, Part};

/// The kernel's clock tick, which `/proc` counts in: 100 a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Used since the processes began.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Cost {
    /// Processor seconds of the nodes, or of a peer's servers.
    pub node_cpu_s: f64,
    /// Processor seconds of our nodes' buses.
    pub bus_cpu_s: f64,
    /// Most memory of one node, MiB.
    pub node_peak_mib: f64,
    /// Most memory of one bus, MiB.
    pub bus_peak_mib: f64,
    /// Bytes that the nodes had written to disk.
    pub node_written_bytes: f64,
}

impl Cost {
    /// Used so far.
    pub fn of(chain: &Chain) -> Self {
        let (nodes, buses) = (chain.pids(Part::Node), chain.pids(Part::Bus));
        let sum = |pids: &[u32], of: fn(u32) -> f64| pids.iter().map(|pid| of(*pid)).sum();
        let most = |pids: &[u32]| pids.iter().map(|pid| peak_mib(*pid)).fold(0.0, f64::max);
        Self {
            node_cpu_s: sum(&nodes, cpu_s),
            bus_cpu_s: sum(&buses, cpu_s),
            node_peak_mib: most(&nodes),
            bus_peak_mib: most(&buses),
            node_written_bytes: sum(&nodes, written_bytes),
        }
    }

    /// Used since then; peaks are those of now.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            node_cpu_s: self.node_cpu_s - before.node_cpu_s,
            bus_cpu_s: self.bus_cpu_s - before.bus_cpu_s,
            node_written_bytes: self.node_written_bytes - before.node_written_bytes,
            ..self
        }
    }
}

/// Processor seconds of a process: fields 14 and 15 of its `stat` (proc(5)).
fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// Seconds on a processor of the threads that a process has now, to the nanosecond; `stat` counts
/// in ticks, which is too rough for a process that rests.
pub fn exact_cpu_s(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}

/// Memory that is this process's own, and its share of what it shares, MiB.
pub fn pss_mib(pid: u32) -> f64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:") / 1024.0
}

/// The most memory that this process ever had, MiB.
pub fn peak_mib(pid: u32) -> f64 {
    field(&format!("/proc/{pid}/status"), "VmHWM:") / 1024.0
}

fn written_bytes(pid: u32) -> f64 {
    field(&format!("/proc/{pid}/io"), "write_bytes:")
}

/// The number behind a name in a file of `/proc`.
fn field(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
