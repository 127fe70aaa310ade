//! [`trial`]: how many seeds it takes the oracle to catch a deliberate fault.
//!
//! Only in a build with `--cfg yizhan_mutants`, in which the core's own checks are off. A station
//! that panics does not count: that would not be the oracle's merit.

use std::time::{Duration, Instant};

use yizhan_core::mutant::{Mutant, breed};

use crate::county::{County, Size};
use crate::swarm::play_once;

/// Seeds tried at most for one mutant.
const SEEDS_MAX: u64 = 2_000;

/// What became of one mutant.
#[derive(Debug)]
pub struct Trial {
    /// Which.
    pub mutant: Mutant,
    /// Seeds that it took, the one that caught it included; `None` if it survived all.
    pub seeds: Option<u64>,
    /// The words of the oracle.
    pub fault: String,
    /// Seeds on the way in which a station panicked.
    pub panics: u64,
    /// How long it took.
    pub took: Duration,
}

/// Plays seeds until the oracle catches the mutant.
pub fn trial(mutant: Mutant) -> Trial {
    let began = Instant::now();
    let mut trial =
        Trial { mutant, seeds: None, fault: String::new(), panics: 0, took: Duration::ZERO };
    breed(Some(mutant));
    for seed in 1..=SEEDS_MAX {
        match faults(mutant, seed) {
            Ok(faults) => {
                let fault = faults.into_iter().next();
                // what fails without the mutant too is another matter
                if let Some(fault) = fault.filter(|_| is_good_without(mutant, seed)) {
                    (trial.seeds, trial.fault) = (Some(seed), fault);
                    break;
                }
            }
            Err(_) => trial.panics += 1,
        }
    }
    breed(None);
    trial.took = began.elapsed();
    trial
}

/// What the oracle of a seed's story says, or the clerk of a seed's county.
fn faults(mutant: Mutant, seed: u64) -> Result<Vec<String>, String> {
    if !mutant.is_of_matters() {
        return play_once(seed).map(|ending| ending.verdict.faults);
    }
    Ok(County::of(Size::small(seed))?.work(|_| ()))
}

fn is_good_without(mutant: Mutant, seed: u64) -> bool {
    breed(None);
    let good = faults(mutant, seed).is_ok_and(|faults| faults.is_empty());
    breed(Some(mutant));
    good
}
