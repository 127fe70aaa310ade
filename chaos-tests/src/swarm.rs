//! [`play`]: one seed, twice: what the oracle says, and that both stories are the same.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::figures::Figures;
use crate::plan::Plan;
use crate::world::{Ending, World};

thread_local! {
    /// Where the last panic was, and its words.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

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

/// Keeps panics from the terminal: they are reported as faults of their seed.
pub fn hush() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().replace('\n', " ");
        PANIC.with(|last| *last.borrow_mut() = text);
    }));
}

/// Plays a seed once. A station that panics is a fault of its seed, not the end of the swarm.
///
/// # Errors
/// The plan makes no world, or a station panicked.
pub fn play_once(seed: u64) -> Result<Ending, String> {
    let story = || World::of(Plan::of(seed), false).map(World::play);
    catch_unwind(AssertUnwindSafe(story))
        .unwrap_or_else(|_| Err(format!("panic: {}", PANIC.with(|last| last.borrow().clone()))))
}

/// Plays a seed twice.
pub fn play(seed: u64) -> Played {
    let (first, again) = match (play_once(seed), play_once(seed)) {
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
