//! Telemetry: this process's log, its metrics, and what the core's notices become.
//!
//! Promise: nothing here can hold up custody, and no secret or payload is logged.

mod count;
mod line;
mod notices;
pub mod spans;
mod sparing;

pub use count::{Counts, gauges, room, volume};
pub use notices::notices;
pub use sparing::{REFUSALS, Sparing};

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, format};

use yizhan_schemas::Code;

use self::line::Named;
use crate::clock;
use crate::config::LogFormat;

/// Upper bounds of time buckets, seconds: from a fast disk's sync to a link that was away a day.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 3600.0,
    86400.0,
];
/// Upper bounds of batch size buckets, records.
const RECORDS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 32.0, 128.0, 512.0, 2048.0];
/// Between two turns of counting what histograms were given: at 25,000 messages a second, 2 MB of
/// values wait.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up {0}: {1}")]
pub struct TelemetryError(&'static str, String);

/// Sets the process's log up: each line names the station. `RUST_LOG` chooses levels (default
/// `info`); it goes to standard error.
///
/// # Errors
/// It was set up before.
pub fn log(form: LogFormat, station: &Code) -> Result<(), TelemetryError> {
    use std::io::IsTerminal as _;
    let human = match form {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=error"));
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let station = station.to_string();
    let done = if human {
        let form = format().with_ansi(std::io::stderr().is_terminal());
        base.event_format(Named { station, form }).try_init()
    } else {
        let form = format().json().flatten_event(true);
        base.fmt_fields(JsonFields::new()).event_format(Named { station, form }).try_init()
    };
    done.map_err(|fault| TelemetryError("the log", fault.to_string()))
}

/// Sets the process's metrics up.
///
/// # Errors
/// They were set up before.
pub fn metrics() -> Result<PrometheusHandle, TelemetryError> {
    let handle = histograms()
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|fault| TelemetryError("the metrics", fault.to_string()))?;
    describe();
    metrics::gauge!("yizhan_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

fn histograms() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &RECORDS)
}

/// Counts what histograms were given into their buckets, for ever. The recorder keeps every single
/// value until then, or until somebody reads the metrics, and many a station has no such reader.
pub async fn upkeep<End>(metrics: PrometheusHandle) -> End {
    loop {
        // no event to wait for: values come at any time, and only their heap is bounded by this
        tokio::time::sleep_until(clock::beat_in(UPKEEP_EVERY)).await;
        metrics.run_upkeep();
    }
}

fn describe() {
    use metrics::{
        describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram,
    };
    counter!("yizhan_accepted_total", "Messages taken from publishers, by lane and family");
    counter!(
        "yizhan_answers_withheld_total",
        "Answers not given, for the bus would take them to another publisher"
    );
    counter!("yizhan_ingest_refused_total", "Requests on the bus that were not taken, by code");
    counter!("yizhan_custody_in_total", "Messages taken from a neighbour, by link and lane");
    counter!("yizhan_custody_out_total", "Legs durable at a neighbour, by link and lane");
    counter!("yizhan_delivered_total", "Messages surely in YZ_INBOX");
    counter!("yizhan_ended_total", "Legs that ended otherwise, by link and reason");
    counter!("yizhan_duplicates_suppressed_total", "Messages that came again, by link");
    counter!("yizhan_custody_gap_total", "Legs that a neighbour cannot give any more, by link");
    counter!("yizhan_quarantined_total", "Frames' records put aside, by link");
    counter!("yizhan_forbidden_total", "Messages that their origin may not send, by link");
    counter!("yizhan_policy_unheeded_total", "Changes of keys that could not be made here");
    counter!("yizhan_quarantine_unkept_total", "Of those put aside, not kept as files");
    gauge!("yizhan_quarantine_bytes", "Bytes of the files of what was put aside");
    counter!("yizhan_seals_signed_total", "Frames sealed with this station's key");
    counter!("yizhan_seals_refused_total", "Messages that no seal covers, by link and reason");
    counter!("yizhan_frames_refused_total", "Frames that were none, by link");
    counter!("yizhan_frames_dropped_total", "Frames beyond a neighbour's own room, by link");
    counter!("yizhan_link_muted_total", "Times that a child was not listened to, by link");
    counter!("yizhan_hellos_refused_total", "Hellos that opened no session, by link");
    counter!("yizhan_link_raw_bytes_total", "Bodies of records as they were, by link, bytes");
    counter!("yizhan_link_wire_bytes_total", "The same packed, in their frames, by link, bytes");
    counter!("yizhan_tls_renewals_total", "New certificates looked at, by how that came out");
    counter!("yizhan_tls_handshakes_failed_total", "HTTP connections that were not under TLS");
    counter!("yizhan_http_refused_total", "HTTP requests and connections refused, by code");
    counter!("yizhan_bus_refused_total", "What the bus's server refused somebody, by reason");
    counter!(
        "yizhan_bus_log_skipped_bytes_total",
        "Bytes of the bus's log that came too fast to be read"
    );
    counter!("yizhan_audit_lines_total", "Lines of the audit log written, by event");
    counter!("yizhan_audit_lost_total", "Deeds that came too fast to be written down");
    counter!("yizhan_audit_failures_total", "Times that the disk did not take the audit log");
    gauge!("yizhan_audit_seq", "Number of the audit log's last line");
    gauge!("yizhan_audit_bytes", "Bytes of the audit log");
    gauge!("yizhan_audit_full", "1 if audit.max_bytes is reached: little more is written");
    gauge!("yizhan_tls_certificate_ends_seconds", "When the certificate ends, since 1970");
    counter!("yizhan_resent_total", "Times that a lane was sent again, by link");
    counter!("yizhan_inbox_reopened_total", "Times that YZ_INBOX was opened anew");
    counter!("yizhan_inbox_full_total", "Times that YZ_INBOX was full");
    counter!("yizhan_inbox_lost_total", "Times that YZ_INBOX had lost what was surely synced");
    gauge!("yizhan_backlog_messages", "Legs owed, by link and lane");
    gauge!("yizhan_backlog_bytes", "Bytes of their messages, about, by link and lane");
    gauge!(
        "yizhan_backlog_oldest_seconds",
        "Age of the oldest leg owed, by link and lane; of those held before the start, since then"
    );
    gauge!("yizhan_delivery_rate_bytes", "Bytes a second that the link delivers, by link");
    gauge!(
        "yizhan_clock_offset_seconds",
        "How far the parent's wall clock was ahead of this one at the last hello, by link"
    );
    counter!(
        "yizhan_legs_taken_total",
        "Ledger: legs opened since the store was made, by link and lane"
    );
    counter!("yizhan_legs_handed_over_total", "Ledger: of these, durable at the other end");
    counter!(
        "yizhan_legs_ended_total",
        "Ledger: of these, ended otherwise; the rest is the backlog"
    );
    counter!("yizhan_outcomes_total", "Targets of this station's own messages, by how they ended");
    gauge!("yizhan_outcomes_open", "Targets of which this station does not know yet how they end");
    gauge!("yizhan_matters", "Incidents and cases under way here, by state");
    gauge!("yizhan_parked_messages", "Messages that wait for their subject or their hour");
    gauge!("yizhan_directives_awaited", "Directives from here whose answers are waited for");
    gauge!("yizhan_notes_owed", "Notes on others' messages that are to be told, by link");
    gauge!(
        "yizhan_two_hop_messages",
        "Legs handed over and still held for a refill, by link and lane"
    );
    counter!("yizhan_two_hop_short_total", "Legs given up before the hop beyond had them");
    counter!("yizhan_late_total", "Messages that came behind their successors, by link");
    counter!("yizhan_astray_total", "Receipts whose origin is no station known here");
    counter!("yizhan_full_total", "Messages not taken for want of room, to be sent again, by link");
    counter!("yizhan_catalogue_reads_total", "Times the catalogue was read, by outcome");
    counter!("yizhan_catalogue_changes_total", "Devices that a new catalogue changed, by what");
    gauge!("yizhan_catalogue_devices", "Devices in the catalogue, by kind");
    gauge!("yizhan_catalogue_devices_max", "The most that it may hold");
    gauge!("yizhan_catalogue_loudspeakers_here", "Loudspeakers that hang at this station");
    gauge!("yizhan_catalogue_bytes", "What the catalogue takes in memory, bytes");
    counter!("yizhan_roster_reads_total", "Times the roster was read, by outcome");
    gauge!("yizhan_roster_posts", "Posts in the roster");
    gauge!("yizhan_roster_posts_vacant", "Posts that nobody holds");
    gauge!("yizhan_roster_workers", "Grid workers in the roster");
    gauge!("yizhan_roster_entries_max", "The most posts and workers that it may hold");
    gauge!("yizhan_sessions_open", "Sessions that devices have open");
    gauge!("yizhan_sessions_max", "The most that may be open at once");
    counter!("yizhan_sessions_total", "Sessions asked for, by outcome");
    counter!("yizhan_sessions_closed_total", "Sessions that ended, by why");
    counter!("yizhan_attempts_total", "Commands that adapters were asked for, by result");
    gauge!("yizhan_link_up", "1 if a session stands, by link");
    gauge!("yizhan_link_full", "1 if the neighbour had no room for what was sent last, by link");
    gauge!("yizhan_round_trip_seconds", "Smoothed round trip, by link");
    gauge!("yizhan_spool_held_bytes", "Bytes that the custody log takes on disk");
    gauge!("yizhan_spool_max_bytes", "Most that it may take (spool.max_bytes)");
    gauge!("yizhan_disk_free_bytes", "Bytes free on the spool's volume");
    gauge!("yizhan_build_info", "1, with the version");
    gauge!("yizhan_spans_wanted", "1 if somebody collects spans of this station");
    counter!("yizhan_spans_exported_total", "Spans that a collector took");
    counter!("yizhan_spans_export_failures_total", "Times that a collector did not take spans");
    counter!("yizhan_spans_sent_up_total", "Spans given to the parent");
    counter!("yizhan_spans_sent_up_bytes_total", "Bytes of their batches");
    counter!("yizhan_spans_dropped_total", "Spans that nobody will see, by reason");
    histogram!("yizhan_commit_seconds", "Writing and syncing one commit");
    histogram!("yizhan_commit_batch_size", "Records in one commit");
    histogram!("yizhan_handover_seconds", "From being taken here to durable there, by link");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this process takes, bytes.
    fn resident_bytes() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    #[tokio::test(start_paused = true)]
    async fn what_histograms_are_given_takes_no_memory_though_nobody_reads_them() {
        let recorder = histograms().unwrap().build_recorder();
        let handle = recorder.handle();
        tokio::spawn(upkeep::<()>(handle.clone()));
        let commits = metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("yizhan_commit_seconds")
        });
        let before = resident_bytes();
        for _ in 0..100 {
            for _ in 0..50_000 {
                commits.record(0.003);
            }
            // the clock is paused: no time passes, and the other task has its turn
            tokio::time::sleep(UPKEEP_EVERY).await;
        }
        // 5,000,000 values of 16 bytes
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 20_000_000, "{grown} bytes");
        assert!(handle.render().contains("yizhan_commit_seconds_bucket{le=\"0.005\"} 5000000"));
    }
}
