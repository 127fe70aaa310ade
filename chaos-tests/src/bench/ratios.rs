//! What peers do beside us, figure by figure.

use super::goal::short;
use super::peer::Peer;
use super::results::{Results, Which};

/// Figures worth a line: what it is, of which results, and its name there.
const FIGURES: [(&str, Which<'_>, &str); 16] = [
    ("400 B end to end, 1/s", SMALL, "end_to_end_per_s"),
    ("400 B answered, 1/s", SMALL, "ack_per_s"),
    ("CPU s per 100,000", SMALL, "cpu_s_per_100k"),
    ("4 KiB end to end, 1/s", LARGE, "end_to_end_per_s"),
    ("answer, one open, p50 ms", with("answers", &[]), "p50_ms"),
    ("answer, one open, p99 ms", with("answers", &[]), "p99_ms"),
    ("end to end at 200/s, p50 ms", with("latency", &[]), "p50_ms"),
    ("end to end at 200/s, p99 ms", with("latency", &[]), "p99_ms"),
    ("refused: heal to first, s", REFUSED, "heal_to_first_s"),
    ("refused: heal to backlog done, s", REFUSED, "heal_to_backlog_s"),
    ("black hole: heal to backlog done, s", BLACK_HOLE, "heal_to_backlog_s"),
    ("kill -9: restart to first, s", with("kill", &[]), "restart_to_first_s"),
    ("kill -9: lost", with("kill", &[]), "lost"),
    ("kill -9: doubled", with("kill", &[]), "duplicates"),
    ("256 kbit/s: wire/payload", with("thin", &[("kbit_per_s", 256.0)]), "wire_per_payload"),
    ("50 kbit/s: wire/payload", with("thin", &[("kbit_per_s", 50.0)]), "wire_per_payload"),
];

const SMALL: Which<'_> = with("throughput", &[("size", 400.0)]);
const LARGE: Which<'_> = with("throughput", &[("size", 4096.0)]);
const REFUSED: Which<'_> = with("outage", &[("black_hole", 0.0)]);
const BLACK_HOLE: Which<'_> = with("outage", &[("black_hole", 1.0)]);

const fn with<'a>(scenario: &'a str, with: &'a [(&'a str, f64)]) -> Which<'a> {
    Which { scenario, with }
}

/// What stands in the column of a peer whose program is not on this machine.
const NOT_FOUND: &str = "not found on PATH";

/// Our figure, then each peer's and how many times ours is that; of a peer that is not here, that.
pub fn table(results: &Results, peers: &[Peer], is_here: impl Fn(Peer) -> bool) -> String {
    let mut text = format!("{:<36} {:>9}", "median (ours is so many times that)", "yizhan");
    for peer in peers {
        text += &format!("  {peer:>19}");
    }
    text.push('\n');
    for (name, which, figure) in FIGURES {
        let ours = results.ours(which, figure);
        text += &format!("{name:<36} {:>9}", short(ours));
        for peer in peers {
            if !is_here(*peer) {
                text += &format!("  {NOT_FOUND:>19}");
                continue;
            }
            let theirs = results.of_peer(*peer, which, figure);
            let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
            let ratio = ratio.filter(|ratio| ratio.is_finite()); // of nothing lost to nothing lost
            let both = format!("{} ({} x)", short(theirs), short(ratio));
            text += &format!("  {both:>19}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ratio_is_ours_to_theirs() {
        let mut results = Results::default();
        for (peer, p50) in [("yizhan", 1.0), ("nats", 4.0)] {
            results.add(json!({"scenario": "answers", "peer": peer, "p50_ms": p50}));
        }
        let table = table(&results, &[Peer::NATS], |_| true);
        assert!(table.contains("4.00 (0.25 x)"), "{table}");
        assert!(table.contains("- (- x)"), "{table}");
    }
    #[test]
    fn a_peer_that_is_not_here_has_no_figures_and_the_table_says_why() {
        let mut results = Results::default();
        results.add(json!({"scenario": "answers", "peer": "yizhan", "p50_ms": 1.0}));
        let peers = [Peer::NATS, Peer::Rabbit];
        let table = table(&results, &peers, |peer| peer != Peer::Rabbit);
        assert!(table.contains("rabbitmq") && table.contains("not found on PATH"), "{table}");
        assert!(!table.lines().skip(1).any(|line| line.ends_with("x)")), "{table}");
    }
}
