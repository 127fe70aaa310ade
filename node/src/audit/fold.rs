//! [`Folds`]: many deeds of one sort as one line, so that a flood does not fill the disk.
//!
//! Deeds are alike if event, person and sort are the same. The first few alike in a window get
//! lines of their own; the others become one line with their number when the window is over.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::deed::{Count, Deed, End};

/// How long deeds that are alike become one line.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// The same when the log is as large as it may be.
pub(super) const WINDOW_WHEN_FULL: Duration = Duration::from_secs(600);
/// Most sorts that are counted at once; all further ones of an event are counted as one.
pub(super) const SORTS_MAX: usize = 4096;
/// Whose deeds those are then.
const OTHERS: &str = "others";

/// What deeds that are alike have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sort {
    event: &'static str,
    end: End,
    who: String,
    sort: String,
}

#[derive(Debug)]
struct Fold {
    /// Lines of their own that they may still have.
    lines: u32,
    /// Those that had none.
    folded: Option<Folded>,
}

/// A deed that stands for many.
#[derive(Debug)]
pub(super) struct Folded {
    /// The last of them, with their number.
    pub(super) deed: Deed,
    /// When the first was.
    pub(super) since: Timestamp,
}

/// All windows that are open.
#[derive(Debug, Default)]
pub(super) struct Folds {
    sorts: HashMap<Sort, Fold>,
    /// When each closes; the number tells those of one moment apart.
    closing: BTreeMap<(Instant, u64), Sort>,
    opened: u64,
    /// True when there is no room for many lines.
    pub(super) tight: bool,
}

impl Folds {
    /// Takes a deed; gives it back if it is to have a line of its own.
    pub(super) fn take(&mut self, mut deed: Deed, now: Instant) -> Option<Deed> {
        let mut sort = sort_of(&deed);
        if self.sorts.len() >= SORTS_MAX && !self.sorts.contains_key(&sort) {
            sort = Sort { who: OTHERS.to_owned(), sort: String::new(), ..sort };
            OTHERS.clone_into(&mut deed.who);
        }
        let fold = match self.sorts.get_mut(&sort) {
            Some(fold) => fold,
            None => {
                let window = if self.tight { WINDOW_WHEN_FULL } else { WINDOW };
                let lines = if self.tight { deed.lines.0.min(1) } else { deed.lines.0 };
                self.opened += 1;
                self.closing.insert((now + window, self.opened), sort.clone());
                self.sorts.entry(sort).or_insert(Fold { lines, folded: None })
            }
        };
        if fold.lines > 0 {
            fold.lines -= 1;
            return Some(deed);
        }
        fold.add(deed);
        None
    }

    /// The lines of windows that are over.
    pub(super) fn closed(&mut self, now: Instant) -> Vec<Folded> {
        let mut closed = Vec::new();
        while let Some(window) = self.closing.first_entry().filter(|entry| entry.key().0 <= now) {
            let folded = self.sorts.remove(&window.remove()).and_then(|fold| fold.folded);
            closed.extend(folded);
        }
        closed
    }

    /// The lines of all windows, over or not.
    pub(super) fn close(&mut self) -> Vec<Folded> {
        let last = self.closing.last_key_value().map(|((at, _), _)| *at);
        last.map_or_else(Vec::new, |last| self.closed(last))
    }

    /// When the next window is over.
    pub(super) fn next(&self) -> Option<Instant> {
        self.closing.first_key_value().map(|((at, _), _)| *at)
    }
}

fn sort_of(deed: &Deed) -> Sort {
    let Deed { event, end, who, sort, .. } = deed;
    Sort { event, end: *end, who: who.clone(), sort: sort.clone() }
}

impl Fold {
    fn add(&mut self, mut deed: Deed) {
        let (times, since, first) = match self.folded.take() {
            Some(Folded { deed: before, since }) => {
                let first = before.count.as_ref().and_then(|count| count.first.clone());
                (before.times(), since, first)
            }
            None => (0, deed.at, None),
        };
        let times = times.saturating_add(deed.times());
        let count = deed.count.take();
        let (of_first, last) = count.map_or((None, None), |count| (count.first, count.last));
        deed.count = Some(Count { times, first: first.or(of_first), last });
        self.folded = Some(Folded { deed, since });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(who: &str) -> Deed {
        Deed::refused("http_refused", who, "unauthorized").to("/v1/stations")
    }

    #[test]
    fn the_first_refusal_has_a_line_and_a_thousand_alike_have_one_more() {
        let (mut folds, now) = (Folds::default(), Instant::now());
        assert!(folds.take(refused("10.0.0.9"), now).is_some());
        for _ in 0..1_000 {
            assert!(folds.take(refused("10.0.0.9"), now).is_none());
        }
        assert!(folds.take(refused("10.0.0.8"), now).is_some(), "somebody else");
        assert!(folds.closed(now + WINDOW - Duration::from_millis(1)).is_empty());
        assert_eq!(folds.next(), Some(now + WINDOW));
        let closed = folds.closed(now + WINDOW);
        assert_eq!(closed.len(), 1, "who was refused once has nothing more to be said of");
        assert_eq!((closed[0].deed.times(), closed[0].deed.what.as_str()), (1_000, "/v1/stations"));
        assert!(folds.take(refused("10.0.0.9"), now + WINDOW).is_some(), "a new window");
    }

    #[test]
    fn messages_of_one_sort_become_one_line_from_the_first_to_the_last() {
        let (mut folds, now) = (Folds::default(), Instant::now());
        for n in 0..3 {
            let (first, last) = (Some(format!("m{}", n * 10)), Some(format!("m{}", n * 10 + 9)));
            let deed = Deed::many("issued", "grid", "incident", Count { times: 10, first, last });
            assert!(folds.take(deed, now).is_none());
        }
        let closed = folds.close();
        let count = closed[0].deed.count.clone().unwrap();
        assert_eq!(count.times, 30);
        assert_eq!((count.first.as_deref(), count.last.as_deref()), (Some("m0"), Some("m29")));
        assert!(folds.next().is_none());
    }

    #[test]
    fn more_sorts_than_can_be_told_apart_are_counted_together() {
        let (mut folds, now) = (Folds::default(), Instant::now());
        for n in 0..SORTS_MAX + 500 {
            folds.take(refused(&format!("10.0.{}.{}", n / 256, n % 256)), now);
        }
        assert!(folds.sorts.len() <= SORTS_MAX + 1);
        let others: Vec<_> =
            folds.close().into_iter().filter(|one| one.deed.who == OTHERS).collect();
        assert_eq!((others.len(), others[0].deed.times()), (1, 499), "the first has a line");
    }

    #[test]
    fn without_room_even_what_is_seen_each_time_becomes_a_number() {
        let (mut folds, now) = (Folds { tight: true, ..Folds::default() }, Instant::now());
        let issued = || Deed::done("issued", "desk").of_sort("directive");
        let lines = (0..100).filter(|_| folds.take(issued(), now).is_some()).count();
        assert_eq!(lines, 1);
        assert_eq!(folds.next(), Some(now + WINDOW_WHEN_FULL));
    }
}
