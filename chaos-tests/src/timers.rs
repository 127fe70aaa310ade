//! [`Timers`]: when each station of a simulation wants to be woken, in virtual time.

use std::collections::BTreeSet;

/// At most one time for each station.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeSet<(u64, usize)>,
    of: Vec<Option<u64>>,
}

impl Timers {
    /// None set, for so many stations.
    pub fn new(stations: usize) -> Self {
        Self { due: BTreeSet::new(), of: vec![None; stations] }
    }

    /// Sets a station's time, in the place of the one before.
    pub fn set(&mut self, host: usize, at_us: Option<u64>) {
        let Some(timer) = self.of.get_mut(host).filter(|timer| **timer != at_us) else { return };
        if let Some(before) = std::mem::replace(timer, at_us) {
            self.due.remove(&(before, host));
        }
        self.due.extend(at_us.map(|at_us| (at_us, host)));
    }

    /// The first of all.
    pub fn first_us(&self) -> Option<u64> {
        self.due.first().map(|(at_us, _)| *at_us)
    }

    /// Takes the first, if it is due by then: whose it is.
    pub fn pop_by(&mut self, at_us: u64) -> Option<usize> {
        let (_, host) = self.due.first().copied().filter(|(due, _)| *due <= at_us)?;
        self.set(host, None);
        Some(host)
    }
}
