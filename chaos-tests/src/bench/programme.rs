//! [`Programme`]: works to be done one after the other, ours and peers' in turn.
//!
//! This machine's disk and neighbours change by the hour, so the two figures of a ratio are taken
//! minutes apart, never in two halves of a programme.

use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::peer::Peer;
use super::report;
use super::results::Results;
use super::work::Work;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Everything is tried once, and small: does it still work?
    pub quick: bool,
    /// Times that each work is done where a median is asked for.
    pub runs: usize,
    /// The larger of the two backlogs.
    pub long_backlog: usize,
}

impl Scale {
    fn of(self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    fn seconds(self, full: f64, quick: f64) -> f64 {
        if self.quick { quick } else { full }
    }

    fn throughput(self, peer: Peer, size: usize) -> Work {
        let count = match peer {
            Peer::Nats(setup) if setup.always => self.of(20_000, 3_000),
            _ => self.of(100_000, 20_000) * 400 / size.max(400),
        };
        Work::Throughput { count, size, publishers: 1, window: 256, real: false }
    }

    fn outage(self, black_hole: bool) -> Work {
        Work::Outage { black_hole, down: self.seconds(20.0, 3.0), rate: 1_000.0 }
    }

    fn thin(self, kbit: f64, backlog: usize) -> Work {
        Work::Thin { kbit, backlog: self.of(backlog, backlog / 5), traced: false }
    }

    fn answers(self, alone: bool) -> Work {
        Work::Answers { count: self.of(2_000, 300), size: 400, alone }
    }

    fn latency(self) -> Work {
        Work::Latency { count: self.of(2_000, 400), size: 400, rate: 200.0 }
    }

    fn kill(self) -> Work {
        Work::Kill { count: self.of(100_000, 30_000) }
    }
}

/// What is done, in order.
#[derive(Debug, Clone, Default)]
pub struct Programme {
    works: Vec<(Peer, Work)>,
}

impl Programme {
    /// All that the summary's rows need.
    pub fn of_summary(scale: Scale) -> Self {
        use Peer::Yizhan as Ours;
        let mut this = Self::default();
        let times = scale.runs;
        for _ in 0..times {
            for peer in
                [Ours, Peer::NATS, Peer::BARE, Peer::SYNCED, Peer::NATS_ALWAYS, Peer::Rabbit]
            {
                this.then(peer, scale.throughput(peer, 400));
            }
            this.then(Ours, scale.throughput(Ours, 4096));
            this.then(Peer::NATS, scale.throughput(Peer::NATS, 4096));
            for peer in [Ours, Peer::NATS_ALWAYS, Peer::BARE, Peer::SYNCED] {
                this.then(peer, scale.answers(false));
                this.then(peer, scale.latency());
            }
            this.then(Ours, scale.answers(true));
            let (publishers, count) = (128, 5_000);
            let flood = Work::Throughput { count, size: 400, publishers, window: 1, real: true };
            this.then(Ours, flood);
        }
        for _ in 0..times {
            this.then(Ours, scale.kill());
            this.then(Peer::Mosquitto, scale.kill());
            for (kbit, backlog) in [(256.0, 2_000), (50.0, 500), (9.6, 100)] {
                this.then(Ours, scale.thin(kbit, backlog));
            }
        }
        let (kbit, backlog) = (256.0, scale.of(2_000, 400));
        this.then(Ours, Work::Thin { kbit, backlog, traced: true });
        for black_hole in [false, true] {
            for _ in 0..times {
                for peer in [Ours, Peer::NATS_DURABLE, Peer::Rabbit, Peer::Mosquitto] {
                    this.then(peer, scale.outage(black_hole));
                }
                // refused, it takes half a minute to come back
                if black_hole {
                    this.then(Peer::NATS, scale.outage(black_hole));
                }
            }
        }
        let (cuts, down) = (scale.of(20, 4), scale.seconds(5.0, 2.0));
        this.then(Ours, Work::Heals { cuts, down, rate: 100.0 });
        for _ in 0..times {
            this.then(Ours, Work::Backlog { count: 10_000, long: false });
        }
        this.then(Ours, Work::Backlog { count: scale.long_backlog, long: true });
        let (count, runs) = (scale.of(25_000, 5_000), 7 * times);
        this.then(Ours, Work::Trust { count, size: 400, runs });
        this.then(Ours, Work::Traces { count, size: 400, runs });
        this.then(Ours, Work::Idle { seconds: scale.seconds(60.0, 5.0) });
        this
    }

    /// All that both we and a peer can do, with all peers.
    pub fn of_peers(scale: Scale, peers: &[Peer]) -> Self {
        let mut this = Self::default();
        let all = || std::iter::once(Peer::Yizhan).chain(peers.iter().copied());
        for _ in 0..scale.runs {
            for size in [400, 4096] {
                all().for_each(|peer| this.then(peer, scale.throughput(peer, size)));
            }
            for work in [scale.answers(false), scale.latency()] {
                all().for_each(|peer| this.then(peer, work.clone()));
            }
        }
        let rest = [
            scale.outage(false),
            scale.outage(true),
            scale.kill(),
            scale.thin(256.0, 2_000),
            scale.thin(50.0, 500),
        ];
        for work in rest {
            all().for_each(|peer| this.then(peer, work.clone()));
        }
        this
    }

    fn then(&mut self, peer: Peer, work: Work) {
        self.works.push((peer, work));
    }

    /// Does all of it; works of peers whose program is not on this machine are left out, and that is
    /// said. What fails is a result too: nobody's failure hides in an average.
    ///
    /// # Errors
    /// Results cannot be written down.
    pub async fn play(mut self, dir: &Path) -> Result<Results, String> {
        self.works.retain(|(peer, _)| peer.is_here());
        for peer in Peer::ALL.into_iter().filter(|peer| !peer.is_here()) {
            println!("{peer:<19} left out: {} not found on PATH", peer.program());
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}");
        let bar = ProgressBar::new(self.works.len() as u64);
        bar.set_style(style.map_err(|why| why.to_string())?);
        let mut results = Results::default();
        for (peer, work) in self.works {
            let name = work.name();
            bar.set_message(format!("{peer} {work:?}"));
            let began = Instant::now();
            // a chain that does not come up panics with words of its own
            let played = tokio::spawn(work.play(peer)).await;
            let played = played.unwrap_or_else(|why| Err(why.to_string()));
            let result = played.unwrap_or_else(
                |why| json!({"scenario": name, "peer": peer.to_string(), "error": why}),
            );
            report::keep(dir, &result)?;
            let line = report::line(&result, began.elapsed());
            if bar.is_hidden() {
                println!("{line}")
            } else {
                bar.println(line)
            }
            results.add(result);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(results)
    }
}
