//! [`Reader`]: reads what comes out at the county as an integrator does, through a consumer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::ends::Ends;
use super::protocol::Inbox;
use super::reports::Reports;

/// Nothing comes for so long: nothing more will.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at what has come; times are taken at arrival, not at a look.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A consumer at the county, from here on. Dropping it ends it.
pub struct Reader {
    arrivals: Arc<Mutex<Arrivals>>,
    _task: JoinSet<()>,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    /// When report `n` came first.
    pub came: Vec<Option<Instant>>,
    /// Reports that have come.
    pub distinct: usize,
    /// Reports that came again.
    pub duplicates: usize,
    /// What is no report of this run.
    pub strange: usize,
    /// When anything came last.
    pub last: Option<Instant>,
}

impl Arrivals {
    fn take(&mut self, n: Option<usize>) {
        let now = Instant::now();
        self.last = Some(now);
        match n.and_then(|n| self.came.get_mut(n)) {
            Some(came @ None) => {
                *came = Some(now);
                self.distinct += 1;
            }
            Some(Some(_)) => self.duplicates += 1,
            None => self.strange += 1,
        }
    }

    /// The first that came at that time or later.
    pub fn first_after(&self, then: Instant) -> Option<Instant> {
        self.came.iter().flatten().filter(|came| **came >= then).min().copied()
    }

    /// When the last of the first `count` reports came; none while one is missing.
    pub fn all_of(&self, count: usize) -> Option<Instant> {
        let came = self.came.get(..count)?;
        came.iter().copied().collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// How many came in each `width` from then on, until the last.
    pub fn by(&self, width: Duration, then: Instant) -> Vec<usize> {
        let mut counts = Vec::new();
        for came in self.came.iter().flatten().filter(|came| **came >= then) {
            let which = ((*came - then).as_nanos() / width.as_nanos().max(1)) as usize;
            if counts.len() <= which {
                counts.resize(which + 1, 0);
            }
            if let Some(count) = counts.get_mut(which) {
                *count += 1;
            }
        }
        counts
    }

    /// Reports below `count` that have not come.
    pub fn missing(&self, count: usize) -> usize {
        self.came.iter().take(count).filter(|came| came.is_none()).count()
    }
}

impl Reader {
    /// Reads what comes from now on; reports below `count` are expected.
    pub async fn at_county(ends: &Ends, reports: &Arc<Reports>, count: usize) -> Self {
        let inbox = Inbox::at_county(ends).await;
        let arrivals = Arrivals { came: vec![None; count], ..Arrivals::default() };
        let arrivals = Arc::new(Mutex::new(arrivals));
        let mut task = JoinSet::new();
        task.spawn(read(inbox, Arc::clone(reports), Arc::clone(&arrivals)));
        Self { arrivals, _task: task }
    }

    /// What has come so far.
    pub fn so_far(&self) -> Arrivals {
        lock(&self.arrivals).clone()
    }

    /// How many reports have come.
    pub fn distinct(&self) -> usize {
        lock(&self.arrivals).distinct
    }

    /// Waits until so many different reports have come; false if nothing came for that long.
    pub async fn until(&self, count: usize, patience: Duration) -> bool {
        self.until_seen(patience, |arrivals| arrivals.distinct >= count).await
    }

    /// The same for anything else that can be seen.
    pub async fn until_seen(&self, patience: Duration, enough: impl Fn(&Arrivals) -> bool) -> bool {
        let began = Instant::now();
        loop {
            let idle = {
                let arrivals = lock(&self.arrivals);
                if enough(&arrivals) {
                    return true;
                }
                arrivals.last.unwrap_or(began).max(began).elapsed()
            };
            if idle > patience {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for all reports below `count`.
    ///
    /// # Errors
    /// Nothing comes any more, and some are missing.
    pub async fn all(&self, count: usize) -> Result<Arrivals, String> {
        match self.until(count, PATIENCE).await {
            true => Ok(self.so_far()),
            false => {
                let missing = self.so_far().missing(count);
                Err(format!("nothing for {PATIENCE:?}, and {missing} of {count} missing"))
            }
        }
    }
}

async fn read(mut inbox: Inbox, reports: Arc<Reports>, into: Arc<Mutex<Arrivals>>) {
    while let Some(body) = inbox.next().await {
        let n = reports.number_of(&body);
        lock(&into).take(n);
    }
}

fn lock(arrivals: &Mutex<Arrivals>) -> MutexGuard<'_, Arrivals> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_tell_what_is_missing_what_came_twice_and_what_is_not_ours() {
        let mut arrivals = Arrivals { came: vec![None; 3], ..Arrivals::default() };
        let before = Instant::now();
        for n in [Some(1), Some(0), Some(1), Some(7), None] {
            arrivals.take(n);
        }
        assert_eq!((arrivals.distinct, arrivals.duplicates, arrivals.strange), (2, 1, 2));
        assert_eq!((arrivals.missing(3), arrivals.missing(2)), (1, 0));
        assert_eq!(arrivals.all_of(3), None);
        assert_eq!(arrivals.all_of(2), arrivals.came[0]);
        assert_eq!(arrivals.first_after(before), arrivals.came[1]);
        assert_eq!(arrivals.first_after(Instant::now() + PATIENCE), None);
        assert_eq!(arrivals.by(PATIENCE, before), [2]);
        let tenth = Duration::from_millis(100);
        arrivals.came =
            vec![Some(before + tenth * 5 / 2), None, Some(before), Some(before + tenth)];
        assert_eq!(arrivals.by(tenth, before), [1, 1, 1]);
        assert_eq!(arrivals.by(tenth, before + tenth), [1, 1], "what came before does not count");
    }
}
