//! Reconciliation 对账: parent and child compare what crossed their link, day by day, and name what
//! they do not agree on.
//!
//! Promise: a day is compared only where both ends remember all of it, from their own journals; a
//! difference is narrowed to ids; nothing of it is on the way of a message. What is compared is
//! remembered, so that a day that nothing happened to is not read twice.
//!
//! | module | noun |
//! |---|---|
//! | `ids` | a set of messages, and its digest |
//! | `books` | what crossed each link on a day |
//! | `compare` | the two ends of a link |

mod books;
mod compare;
mod ids;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use metrics::describe_gauge as gauge;
use tokio::sync::Mutex;
use tokio::time::Instant;
use yizhan_core::link::Link;
use yizhan_schemas::Code;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::query::{Ask, FINDINGS_MAX, Finding, GAPS_MAX, Part, State, Told};
use yizhan_topology::Topology;

use self::books::{Books, Ledger};
use self::compare::{Comparison, for_those_below};
use crate::clock;
use crate::journal::Journal;
use crate::query::Asker;

/// Days that are remembered as they were read.
const DAYS_MAX: usize = 4;
/// Parts of a day are told out of what was read this long ago, whatever came since.
const STEADY: Duration = Duration::from_secs(10);
/// Children that are compared at once.
const AT_ONCE_MAX: usize = 8;
/// How long the daily comparison may take with all children.
const DAILY_WITHIN: Duration = Duration::from_secs(50);
/// The daily comparison is made this long after midnight in Beijing at the earliest, and within as
/// much again, each station at a time of its own.
const DAILY_AFTER_MS: u64 = 3_600_000;
/// Whether it is time is looked at so often; a child that was dark is asked again after this.
const DAILY_LOOK: Duration = Duration::from_secs(600);

/// Days as they were read, and when.
type Days = BTreeMap<Day, (Arc<Books>, Instant)>;

/// Compares this station's days with those of its neighbours. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    here: Code,
    topology: Arc<Topology>,
    journal: Journal,
    asker: Asker,
    read: Arc<Mutex<Days>>,
}

impl Reconciler {
    /// A reconciler out of this journal.
    pub fn new(here: Code, topology: Arc<Topology>, journal: Journal, asker: Asker) -> Self {
        Self { here, topology, journal, asker, read: Arc::default() }
    }

    /// What the parent is told of the link to it.
    pub async fn tell_day(&self, day: Day) -> Told {
        Told::Day(self.books(day, Duration::ZERO).await.tell_day())
    }

    /// What the parent is told of a part of it.
    pub async fn tell_part(&self, part: &Part) -> Told {
        Told::Part(self.books(part.day, STEADY).await.tell_part(part))
    }

    /// What is found when a day is compared at each link below this station; of one station's links
    /// only, or of all.
    pub async fn findings(&self, day: Day, only: Option<&Code>, within: Duration) -> Vec<Finding> {
        let deadline = Instant::now() + within;
        let mut children: Vec<Code> = self.topology.children(&self.here).to_vec();
        children
            .retain(|child| only.is_none_or(|only| *only == self.here || only.is_within(child)));
        let each = children.into_iter().map(|child| async move {
            let (own, below) = tokio::join!(
                self.with_child(&child, day, only, deadline),
                self.below(&child, day, only, within)
            );
            own.into_iter().chain(below).collect::<Vec<Finding>>()
        });
        let found: Vec<Vec<Finding>> = stream::iter(each).buffered(AT_ONCE_MAX).collect().await;
        let mut all: Vec<Finding> = found.into_iter().flatten().collect();
        all.truncate(FINDINGS_MAX);
        all
    }

    /// The link to a child, if it is one that is asked for.
    async fn with_child(
        &self,
        child: &Code,
        day: Day,
        only: Option<&Code>,
        deadline: Instant,
    ) -> Option<Finding> {
        if only.is_some_and(|only| *only != self.here && only != child) {
            return None;
        }
        let books = self.books(day, STEADY).await;
        let finding = Finding::of(self.here.clone(), child.clone(), State::Agreed);
        let (asker, journal) = (&self.asker, &self.journal);
        let comparison = Comparison { asker, journal, day, deadline, finding, asks: 0 };
        let none = Ledger::new();
        let mine = books.children.get(child).unwrap_or(&none);
        let finding = comparison.run(mine, books.whole).await;
        note(&finding);
        Some(finding)
    }

    /// The links below a child, by its word.
    async fn below(
        &self,
        child: &Code,
        day: Day,
        only: Option<&Code>,
        within: Duration,
    ) -> Vec<Finding> {
        let links = || {
            let stations = self.topology.stations().map(|station| &station.code);
            let below = stations.filter(|code| child.is_above(code));
            below.filter_map(|code| Some((self.topology.parent(code)?.clone(), code.clone())))
        };
        let fits =
            |parent: &Code, code: &Code| only.is_none_or(|only| only == parent || only == code);
        if !links().any(|(parent, code)| fits(&parent, &code)) {
            return Vec::new();
        }
        let ask = Ask::Findings(day, only.cloned());
        match self.asker.ask(&Link::Down(child.clone()), ask, for_those_below(within)).await {
            Ok(Told::Findings(mut told)) => {
                // a child speaks for its own subtree only
                told.retain(|it| it.parent.is_within(child) && it.parent.is_above(&it.child));
                told
            }
            other => {
                let why = other.err().map_or_else(String::new, |silence| silence.to_string());
                let dark = |(parent, code)| {
                    Finding::of(parent, code, State::Dark).because(format!("{child}: {why}"))
                };
                links().filter(|(parent, code)| fits(parent, code)).map(dark).collect()
            }
        }
    }

    /// What the parent is told of the links below this station; how much of it fits.
    pub async fn tell_findings(&self, day: Day, only: Option<&Code>, within: Duration) -> Told {
        let mut found = self.findings(day, only, for_those_below(within)).await;
        // names are the first to go, the counts stay
        for gaps in [GAPS_MAX, 8, 1, 0] {
            found.iter_mut().for_each(|finding| shorten(finding, gaps));
            let told = Told::Findings(found.clone());
            if told.encode().is_ok() {
                return told;
            }
        }
        Told::Refused("more links than an answer holds".to_owned())
    }

    /// A day as it is now, or as it was at most so long ago.
    async fn books(&self, day: Day, old: Duration) -> Arc<Books> {
        let commit = self.journal.read_up().await;
        let mut read = self.read.lock().await;
        if let Some((books, at)) = read.get(&day)
            && (books.commit == commit || at.elapsed() <= old)
        {
            return Arc::clone(books);
        }
        let (journal, here) = (self.journal.clone(), self.here.clone());
        let parent = self.topology.parent(&self.here).cloned();
        let reading = tokio::task::spawn_blocking(move || {
            Books::read(&journal, &here, parent.as_ref(), day, commit)
        });
        let none = Books { commit, whole: false, up: Ledger::new(), children: BTreeMap::new() };
        let books = Arc::new(reading.await.unwrap_or(none));
        read.insert(day, (Arc::clone(&books), Instant::now()));
        while read.len() > DAYS_MAX {
            read.pop_first();
        }
        books
    }

    /// Compares each day with the children once it is over, for as long as this runs.
    pub async fn daily(self) {
        let mut agreed: BTreeMap<Code, Day> = BTreeMap::new();
        loop {
            tokio::time::sleep(DAILY_LOOK).await;
            let Some(day) = self.due(clock::now().wall_ms) else { continue };
            for child in self.topology.children(&self.here) {
                if agreed.get(child).is_some_and(|done| *done >= day) {
                    continue;
                }
                let deadline = Instant::now() + DAILY_WITHIN;
                let found = self.with_child(child, day, None, deadline).await;
                if found.is_some_and(|finding| finding.state != State::Dark) {
                    agreed.insert(child.clone(), day);
                }
            }
        }
    }

    /// The day that is to be compared by now: yesterday, once this station's hour has come.
    fn due(&self, wall_ms: u64) -> Option<Day> {
        let today = Day::of(wall_ms);
        let own = self
            .here
            .as_str()
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let at_ms = today.start_ms() + DAILY_AFTER_MS + own % DAILY_AFTER_MS;
        let yesterday = today.0.checked_sub(1).map(Day);
        yesterday.filter(|_| wall_ms >= at_ms)
    }
}

fn shorten(finding: &mut Finding, gaps: usize) {
    let gone = finding.gaps.split_off(gaps.min(finding.gaps.len()));
    finding.unnamed += gone.iter().map(|gap| gap.count).sum::<u64>();
}

/// Counts a comparison, and says what it found.
#[expect(clippy::cast_precision_loss, reason = "gauges")]
fn note(finding: &Finding) {
    let child = finding.child.to_string();
    let differences = finding.gaps.iter().map(|gap| gap.count).sum::<u64>() + finding.unnamed;
    match finding.state {
        State::Agreed | State::Gap => {
            metrics::gauge!("yizhan_reconcile_differences", "child" => child.clone())
                .set(differences as f64);
        }
        State::NotComparable | State::Dark => {}
    }
    if finding.state == State::Agreed {
        metrics::gauge!("yizhan_reconcile_agreed_timestamp_seconds", "child" => child.clone())
            .set(clock::now().wall_ms as f64 / 1000.0);
    }
    if finding.state == State::Gap {
        let first = finding.gaps.first().map(|gap| gap.id.to_string()).unwrap_or_default();
        tracing::warn!(
            event = "reconcile_gap",
            child,
            differences,
            first,
            "the ends of a link do not agree"
        );
    }
}

/// Says what the figures of this room mean.
pub fn describe() {
    gauge!(
        "yizhan_reconcile_differences",
        "Messages on which the ends of a child's link did not agree when last compared, by child"
    );
    gauge!(
        "yizhan_reconcile_agreed_timestamp_seconds",
        "When they last agreed, Unix time, by child"
    );
}
