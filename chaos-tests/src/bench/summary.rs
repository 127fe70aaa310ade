//! The rows that must be reached: one for each figure of the table.

use std::fs;
use std::path::Path;

use super::goal::{Goal, Row};
use super::peer::Peer;
use super::results::{Results, Which};

/// Figures of peers as they were recorded on 23 Nov 2026, on a machine of the same kind. They stand
/// in for those that are not measured in the same run, and a row says which of the two it has.
mod recorded {
    /// Reports a second over three RabbitMQ shovels, the best peer that takes custody on disk.
    pub(super) const RABBIT_PER_S: f64 = 7_380.0;
    /// Seconds from a heal to the end of a backlog of 20,000: mosquitto, refused.
    pub(super) const REFUSED_BACKLOG_S: f64 = 1.9;
    /// The same for a black hole: NATS by default.
    pub(super) const BLACK_HOLE_BACKLOG_S: f64 = 0.48;
    /// Seconds from a heal to the first report, refused: RabbitMQ.
    pub(super) const FIRST_S: f64 = 0.21;
    /// Seconds from a restart of the township to the first report: mosquitto.
    pub(super) const KILL_FIRST_S: f64 = 0.5;
    /// Bytes on the wire for a byte of payload: NATS with S2.
    pub(super) const WIRE: f64 = 0.39;
    /// Seconds of an urgent message on a second connection: mosquitto and RabbitMQ.
    pub(super) const URGENT_S: [f64; 3] = [2.2, 2.0, 3.5];
    /// NATS leaf with one stream, MiB and percent of a core.
    pub(super) const IDLE_MIB: f64 = 5.4;
    pub(super) const IDLE_PERCENT: f64 = 0.18;
}

const fn all(scenario: &str) -> Which<'_> {
    Which { scenario, with: &[] }
}

/// 400 B, one publisher.
const PLAIN: Which<'_> =
    Which { scenario: "throughput", with: &[("size", 400.0), ("publishers", 1.0)] };

/// With all three stations at work.
const ANSWERS: Which<'_> = Which { scenario: "answers", with: &[("alone", 0.0)] };

/// Judges all of it.
pub fn rows(results: &Results) -> Vec<Row> {
    let mut rows = speed(results);
    rows.extend(least(results));
    rows.extend(outages(results));
    rows.extend(thin(results));
    rows.extend(cost(results));
    rows
}

/// Beside a peer's figure of this run, or the recorded one where there is none.
fn beside(name: &str, ours: Option<f64>, measured: Option<f64>, recorded: f64, goal: Goal) -> Row {
    let which = if measured.is_some() { "measured" } else { "recorded" };
    Row::judged(format!("{name}, {which}"), ours, measured.or(Some(recorded)), goal)
}

fn speed(results: &Results) -> Vec<Row> {
    let (plain, per_s) = (PLAIN, "end_to_end_per_s");
    let ours = results.ours(plain, per_s);
    let nats = |which, figure| results.of_peer(Peer::NATS, which, figure);
    let always = |which, figure| results.of_peer(Peer::NATS_ALWAYS, which, figure);
    let large = Which { scenario: "throughput", with: &[("size", 4096.0)] };
    let alone = Which { scenario: "answers", with: &[("alone", 1.0)] };
    let latency = all("latency");
    let cpu = "cpu_s_per_100k";
    let no_slower = |name, which, figure| {
        let (ours, peer) = (results.ours(which, figure), always(which, figure));
        Row::judged(name, ours, peer, Goal::TimesAtMost(1.0))
    };
    vec![
        Row::judged(
            "400 B end to end, 1/s; NATS",
            ours,
            nats(plain, per_s),
            Goal::TimesAtLeast(1.2),
        ),
        Row::judged(
            "400 B end to end, 1/s; NATS always",
            ours,
            always(plain, per_s),
            Goal::TimesAtLeast(20.0),
        ),
        beside(
            "400 B end to end, 1/s; RabbitMQ",
            ours,
            results.of_peer(Peer::Rabbit, plain, per_s),
            recorded::RABBIT_PER_S,
            Goal::TimesAtLeast(8.0),
        ),
        Row::judged(
            "4 KiB end to end, 1/s; NATS",
            results.ours(large, per_s),
            nats(large, per_s),
            Goal::Shown,
        ),
        Row::judged(
            "TLS and seals, 400 B end to end, 1/s; without them",
            results.ours(all("trust"), "with_per_s"),
            results.ours(all("trust"), "without_per_s"),
            Goal::TimesAtLeast(0.8),
        ),
        Row::judged(
            "traces at the default share, 400 B end to end, 1/s; without",
            results.ours(all("traces"), "with_per_s"),
            results.ours(all("traces"), "without_per_s"),
            Goal::TimesAtLeast(0.95),
        ),
        Row::judged(
            "CPU s per 100,000, nodes and buses; NATS",
            results.ours(plain, cpu),
            nats(plain, cpu),
            Goal::TimesAtMost(1.5),
        ),
        no_slower("answer, one open, p50 ms; NATS always", ANSWERS, "p50_ms"),
        Row::judged(
            "answer, p50 ms, the township away; NATS always, whole",
            results.ours(alone, "p50_ms"),
            always(ANSWERS, "p50_ms"),
            Goal::Shown,
        ),
        no_slower("end to end at 200/s, p50 ms; NATS always", latency, "p50_ms"),
        no_slower("end to end at 200/s, p99 ms; NATS always", latency, "p99_ms"),
    ]
}

/// Beside what our buses need with next to nothing between them.
fn least(results: &Results) -> Vec<Row> {
    let row = |name, what, bare, which, figure| {
        let peer = results.of_peer(bare, which, figure);
        Row::judged(format!("{name}; {what}"), results.ours(which, figure), peer, Goal::Shown)
    };
    let mut rows =
        vec![row("CPU s per 100,000", "buses alone", Peer::BARE, PLAIN, "cpu_s_per_100k")];
    for (bare, what) in [(Peer::BARE, "bare buses"), (Peer::SYNCED, "bare buses and files")] {
        rows.extend([
            row("400 B end to end, 1/s", what, bare, PLAIN, "end_to_end_per_s"),
            row("answer, one open, p50 ms", what, bare, ANSWERS, "p50_ms"),
            row("end to end at 200/s, p50 ms", what, bare, all("latency"), "p50_ms"),
            row("end to end at 200/s, p99 ms", what, bare, all("latency"), "p99_ms"),
        ]);
    }
    rows
}

fn outages(results: &Results) -> Vec<Row> {
    let heals = all("heals");
    let mut rows = vec![
        beside(
            "refused: heal to first, median s; RabbitMQ",
            results.ours(heals, "first_median_s"),
            results.of_peer(Peer::Rabbit, REFUSED, "heal_to_first_s"),
            recorded::FIRST_S,
            Goal::AtMost(0.5),
        ),
        Row::judged(
            "refused: heal to first, most of all cuts, s",
            // those of the cuts of 20 s are among them
            results
                .most(heals, "first_max_s")
                .zip(results.most(REFUSED, "heal_to_first_s"))
                .map(|(short, long)| short.max(long)),
            None,
            Goal::AtMost(1.2),
        ),
    ];
    let ways = [
        ("refused", REFUSED, recorded::REFUSED_BACKLOG_S),
        ("black hole", BLACK_HOLE, recorded::BLACK_HOLE_BACKLOG_S),
    ];
    for (name, which, recorded) in ways {
        let done = "heal_to_backlog_s";
        let peers = [Peer::NATS, Peer::NATS_DURABLE, Peer::Rabbit, Peer::Mosquitto];
        let measured = peers.iter().filter_map(|peer| results.of_peer(*peer, which, done));
        // whoever was best, then or now
        let best = measured.reduce(f64::min).filter(|best| *best <= recorded);
        rows.push(beside(
            &format!("{name}: heal to backlog done, s; best"),
            results.ours(which, done),
            best,
            recorded,
            Goal::TimesAtMost(1.0),
        ));
        rows.push(Row::judged(
            format!("{name}: lost and doubled"),
            unfaithful(results, which),
            None,
            Goal::AtMost(0.0),
        ));
    }
    let kill = all("kill");
    rows.push(beside(
        "kill -9, township: restart to first, s; mosquitto",
        results.ours(kill, "restart_to_first_s"),
        results.of_peer(Peer::Mosquitto, kill, "restart_to_first_s"),
        recorded::KILL_FIRST_S,
        Goal::AtMost(1.0),
    ));
    rows.push(Row::judged(
        "kill -9 of the township: lost and doubled",
        unfaithful(results, kill),
        None,
        Goal::AtMost(0.0),
    ));
    rows
}

const REFUSED: Which<'_> = Which { scenario: "outage", with: &[("black_hole", 0.0)] };
const BLACK_HOLE: Which<'_> = Which { scenario: "outage", with: &[("black_hole", 1.0)] };

/// In the worst run.
fn unfaithful(results: &Results, which: Which<'_>) -> Option<f64> {
    Some(results.most(which, "lost")? + results.most(which, "duplicates")?)
}

fn thin(results: &Results) -> Vec<Row> {
    let lines = [256.0, 50.0, 9.6].map(|kbit| [("kbit_per_s", kbit), ("traced", 0.0)]);
    let [wide, _, narrow] = lines.each_ref().map(|with| Which { scenario: "thin", with });
    let traced = Which { scenario: "thin", with: &[("traced", 1.0)] };
    let wire = |name: &str, which, goal| {
        let ours = results.ours(which, "wire_per_payload");
        Row::judged(name, ours, Some(recorded::WIRE), goal)
    };
    let mut rows = vec![
        wire("256 kbit/s: wire/payload; NATS S2, recorded", wide, Goal::AtMost(0.28)),
        wire("256 kbit/s, traced: wire/payload; NATS S2, recorded", traced, Goal::Shown),
        Row::judged(
            "256 kbit/s: first byte to last durable / line time",
            results.ours(wide, "drain_per_line"),
            None,
            Goal::AtMost(1.10),
        ),
    ];
    for ((with, most), recorded) in lines.iter().zip([0.8, 1.2, 3.0]).zip(recorded::URGENT_S) {
        let which = Which { scenario: "thin", with };
        let kbit = with.first().map_or(0.0, |(_, kbit)| *kbit);
        rows.push(Row::judged(
            format!("{kbit} kbit/s: slowest flash, s; best peer, recorded"),
            results.ours(which, "flash_max_s"),
            Some(recorded),
            Goal::AtMost(most),
        ));
    }
    rows.push(Row::judged(
        "9.6 kbit/s: first byte to last durable / line time",
        results.ours(narrow, "drain_per_line"),
        None,
        Goal::AtMost(1.15),
    ));
    rows
}

fn cost(results: &Results) -> Vec<Row> {
    let many = Which { scenario: "throughput", with: &[("publishers", 128.0)] };
    let short = Which { scenario: "backlog", with: &[("long", 0.0)] };
    let long = Which { scenario: "backlog", with: &[("long", 1.0)] };
    let idle = all("idle");
    vec![
        Row::judged(
            "written to disk / payload and hop, 128 publishers, real calls",
            results.ours(many, "written_per_payload_and_hop"),
            None,
            Goal::AtMost(1.5),
        ),
        Row::judged(
            "drain with the long backlog, 1/s; with 10,000",
            results.ours(long, "drain_per_s"),
            results.ours(short, "drain_per_s"),
            Goal::TimesAtLeast(0.9),
        ),
        Row::judged(
            "restart with the long backlog, s; with 10,000",
            results.ours(long, "restart_s"),
            results.ours(short, "restart_s"),
            Goal::AtMost(1.0),
        ),
        Row::judged(
            "village's memory, the long backlog queued, MiB; 10,000",
            results.ours(long, "filled_mib"),
            results.ours(short, "filled_mib"),
            Goal::Shown,
        ),
        Row::judged(
            "village's memory, the long backlog drained, MiB; 10,000",
            results.ours(long, "draining_mib"),
            results.ours(short, "draining_mib"),
            Goal::Shown,
        ),
        Row::judged(
            "idle village node, PSS MiB; NATS leaf, recorded",
            results.ours(idle, "node_pss_mib"),
            Some(recorded::IDLE_MIB),
            Goal::AtMost(12.0),
        ),
        Row::judged(
            "idle village node, % of a core; NATS leaf, recorded",
            results.ours(idle, "node_cpu_percent"),
            Some(recorded::IDLE_PERCENT),
            Goal::AtMost(0.1),
        ),
    ]
}

/// Writes `<dir>/summary.json`.
///
/// # Errors
/// The file cannot be written.
pub fn keep(dir: &Path, rows: &[Row]) -> Result<(), String> {
    let path = dir.join("summary.json");
    let text = serde_json::to_string_pretty(rows).map_err(|why| why.to_string())?;
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&path, text + "\n"))
        .map_err(|why| format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_row_is_there_before_anything_was_measured_and_none_is_ok() {
        let rows = rows(&Results::default());
        assert_eq!(rows.len(), 42);
        assert!(rows.iter().all(|row| !row.ok && row.ours.is_none()));
        let wide: Vec<_> = rows.iter().filter(|row| row.row.chars().count() > 61).collect();
        assert!(wide.is_empty(), "{wide:?}");
    }

    #[test]
    fn a_row_says_whether_its_peer_was_measured_or_is_as_recorded() {
        let row = |results: &Results| {
            let mut rows = rows(results).into_iter();
            rows.find(|row| row.row.contains("end to end, 1/s; RabbitMQ")).unwrap()
        };
        let mut results = Results::default();
        let recorded = row(&results);
        assert!(recorded.row.ends_with(", recorded") && recorded.peer == Some(7_380.0));
        results.add(serde_json::json!({
            "scenario": "throughput", "peer": "rabbitmq", "size": 400, "publishers": 1,
            "end_to_end_per_s": 6_000.0,
        }));
        let measured = row(&results);
        assert!(measured.row.ends_with(", measured") && measured.peer == Some(6_000.0));
    }

    #[test]
    fn the_file_has_the_members_that_are_promised() {
        let dir = tempfile::tempdir().unwrap();
        keep(dir.path(), &rows(&Results::default())).unwrap();
        let text = std::fs::read(dir.path().join("summary.json")).unwrap();
        let rows: Vec<Value> = serde_json::from_slice(&text).unwrap();
        let members: Vec<_> = rows[0].as_object().unwrap().keys().collect();
        assert_eq!(members, ["row", "ours", "peer", "ratio", "goal", "ok"]);
    }
}
