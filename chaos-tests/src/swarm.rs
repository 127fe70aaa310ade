//! [`play`]: one seed, twice: what the oracle says, and that both stories are the same.

use crate::figures::Figures;
use crate::plan::Plan;
use crate::world::World;

/// What became of one seed.
#[derive(Debug)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// What happened, in figures.
    pub figures: Figures,
    /// What must not be; empty if every promise held.
    pub faults: Vec<String>,
}

impl Played {
    /// What went wrong, with all that is needed to see it again.
    pub fn report(&self) -> String {
        format!(
            "seed {} fails:\n  {}\n  {:?}\n  replay: cargo run --release -p chaos-tests --bin sim \
             -- --seed {} --story",
            self.seed,
            self.faults.join("\n  "),
            Plan::of(self.seed),
            self.seed
        )
    }
}

/// Plays a seed twice.
pub fn play(seed: u64) -> Played {
    let tell = || World::of(Plan::of(seed), false).map(World::play);
    let (first, again) = match (tell(), tell()) {
        (Ok(first), Ok(again)) => (first, again),
        (Err(fault), _) | (_, Err(fault)) => {
            return Played { seed, figures: Figures::default(), faults: vec![fault] };
        }
    };
    let mut faults = first.verdict.faults.clone();
    if (first.hash, &first.figures) != (again.hash, &again.figures) {
        faults.push("the same seed told another story".to_owned());
    }
    Played { seed, figures: first.figures, faults }
}
