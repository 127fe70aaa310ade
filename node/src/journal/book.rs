//! [`Book`]: the pages in memory, and the others behind them in the index.
//!
//! Messages taken together share a page for as long as the same happens to them. A page in memory
//! is either as the index has it, or it is to be written with all others that were cut from the
//! same one: so the index's pages never overlap, and one that lies in a gap between those in memory
//! is as it is now.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use yizhan_core::fill::LegSource;
use yizhan_core::link::Link;
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::status::Happening;
use yizhan_schemas::{Code, MessageId};

use super::change::{Change, Taken};
use super::lanes::Lanes;
use super::page::{News, Page};
use crate::clock;
use crate::spool::messages::{MESSAGES_MAX, Reached};
use crate::spool::{MessageLook, Row};

/// Pages kept in memory once they are written.
const PAGES_MAX: usize = 4_096;

/// The pages in memory.
#[derive(Debug)]
pub(super) struct Book {
    here: Code,
    parent: Option<Code>,
    /// By their first messages.
    pages: BTreeMap<MessageId, Page>,
    by_ordinal: BTreeMap<u64, MessageId>,
    /// Pages that the index has not, or not as they are; true if it may have none that begins there.
    dirty: BTreeMap<MessageId, bool>,
    lanes: Lanes,
    /// The last ordinal given.
    ordinal: u64,
    /// The last ordinal that the index has.
    written: u64,
    /// The last commit taken in.
    commit: u64,
    /// What was taken before this time, Unix milliseconds, is not all here.
    since_ms: Option<u64>,
}

/// What a book needs to take something in.
pub(super) struct Sources<'a> {
    pub(super) look: &'a MessageLook,
    pub(super) log: &'a dyn LegSource,
    /// Hears of what is new; nobody may be listening.
    pub(super) tell: Option<&'a mut dyn FnMut(Happening)>,
}

impl Book {
    pub(super) fn new(here: Code, parent: Option<Code>) -> Self {
        Self {
            here,
            parent,
            pages: BTreeMap::new(),
            by_ordinal: BTreeMap::new(),
            dirty: BTreeMap::new(),
            lanes: Lanes::default(),
            ordinal: 0,
            written: 0,
            commit: 0,
            since_ms: None,
        }
    }

    /// Goes on where an index is.
    pub(super) fn go_on_from(&mut self, reached: &Reached) {
        self.ordinal = reached.ordinal;
        self.written = reached.ordinal;
        self.commit = reached.commit;
        self.since_ms = reached.since_ms;
        self.lanes = Lanes::of(&reached.cursors);
    }

    /// Something that was taken before now is missing.
    pub(super) fn has_hole(&mut self) {
        self.since_ms = Some(clock::now().wall_ms);
    }

    /// The last commit taken in.
    pub(super) fn commit(&self) -> u64 {
        self.commit
    }

    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// The page of a message, if it is in memory.
    pub(super) fn page(&self, id: &MessageId) -> Option<&Page> {
        let (_, page) = self.pages.range(..=id).next_back()?;
        page.covers(id).then_some(page)
    }

    /// The pages in memory that are about some of these messages, in order.
    pub(super) fn within(
        &self,
        first: &MessageId,
        last: u64,
    ) -> impl DoubleEndedIterator<Item = &Page> {
        let end = MessageId { sequence: last, ..first.clone() };
        let head = self.page(first).into_iter();
        let rest = self.pages.range((Excluded(first), Included(&end)));
        // of a page that begins with the first one, the head is all there is
        let rest = rest.map(|(_, page)| page).filter(|page| !page.covers(first));
        head.chain(rest)
    }

    /// The last ordinal that the index has.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The pages that the index has not, with messages taken before this ordinal, the last first.
    pub(super) fn unwritten(&self, before: u64) -> impl Iterator<Item = &Page> {
        let first = (self.written + 1).min(before);
        let ids = self.by_ordinal.range(first..before).rev();
        ids.filter_map(|(_, id)| self.pages.get(id))
    }

    /// Takes a commit in; one that is there already is passed over.
    pub(super) fn take(&mut self, commit: u64, changes: Vec<Change>, mut from: Sources<'_>) {
        if commit <= self.commit {
            return;
        }
        self.commit = commit;
        for change in changes {
            self.change(change, &mut from);
        }
    }

    fn change(&mut self, change: Change, from: &mut Sources<'_>) {
        match change {
            Change::Taken(taken) => self.taken(&taken, from),
            Change::HandedOver(at) => {
                let runs = self.lanes.handed_over(&at.link, at.lane, at.through, from.log);
                let (to, now_ms) = (self.neighbour(&at.link), clock::now().wall_ms);
                for (first, count) in runs {
                    let last = first.sequence.saturating_add(count - 1);
                    self.with(&first, last, from, |page, _| Some(page.handed_over(&to, now_ms)));
                }
            }
            Change::Rewound(at) => self.lanes.rewound(&at.link, at.lane, at.through),
            Change::Ended(run) => self.lanes.ended(&run.link, run.lane, run.from, run.through),
            Change::Noted(note) => self.noted(&note, from),
        }
    }

    fn taken(&mut self, taken: &Taken, from: &mut Sources<'_>) {
        self.lanes.taken(taken, self.ordinal + 1, self.written);
        let (page, news) = Page::of(taken, &self.here, self.ordinal + 1);
        self.ordinal += taken.count;
        tell(from, &page, news);
        self.dirty.insert(page.first().clone(), true);
        self.keep(page);
    }

    fn noted(&mut self, note: &Note, from: &mut Sources<'_>) {
        // the rest are beyond what an index remembers
        let mut left = MESSAGES_MAX;
        for (first, last) in &note.ranges {
            if left == 0 {
                return;
            }
            let last = (*last).min(first.saturating_add(left - 1));
            left = left.saturating_sub(last - first + 1);
            let (origin, epoch, lane) = (note.origin.clone(), note.epoch, note.lane);
            let first = MessageId { origin, epoch, lane, sequence: *first };
            for station in &note.stations {
                let become_ = |page: &mut Page, here: &Code| {
                    page.became(station, &note.event, note.at_s, here)
                };
                self.with(&first, last, from, become_);
            }
        }
    }

    /// Changes the pages of a run of messages, as far as there are any.
    fn with(
        &mut self,
        first: &MessageId,
        last: u64,
        from: &mut Sources<'_>,
        act: impl Fn(&mut Page, &Code) -> Option<News>,
    ) {
        self.fetch(first, last, from.look);
        let firsts: Vec<_> = self.within(first, last).map(|page| page.first().clone()).collect();
        for at in firsts {
            let Some(page) = self.pages.get_mut(&at) else { continue };
            if page.lies_between(first.sequence, last) {
                // most do, and a backlog of single messages has a page for each: no copies of it
                if let Some(news) = act(page, &self.here) {
                    tell(from, page, news);
                    self.dirty.entry(at).or_insert(false);
                }
            } else if let Some(mut part) = page.part(first.sequence, last)
                && let Some(news) = act(&mut part, &self.here)
            {
                tell(from, &part, news);
                self.replace(part);
            }
        }
    }

    /// Puts a part of a page in its place; what lies around it becomes pages of their own.
    fn replace(&mut self, part: Page) {
        let Some(whole) = self.page(part.first()).cloned() else { return };
        let before = part.first().sequence.checked_sub(1);
        let head = before.and_then(|last| whole.part(0, last));
        let tail = whole.part(part.last().saturating_add(1), u64::MAX);
        let whole_is_new = self.dirty.get(whole.first()).copied().unwrap_or(false);
        for page in [head, Some(part), tail].into_iter().flatten() {
            let is_new = whole_is_new || page.first() != whole.first();
            self.dirty.insert(page.first().clone(), is_new);
            self.keep(page);
        }
    }

    fn keep(&mut self, page: Page) {
        self.by_ordinal.insert(page.ordinal(), page.first().clone());
        self.pages.insert(page.first().clone(), page);
    }

    /// Reads the pages of these messages that are in the index and not in memory.
    fn fetch(&mut self, first: &MessageId, last: u64, look: &MessageLook) {
        let mut gaps = Vec::new();
        let mut next = first.sequence;
        for page in self.within(first, last) {
            if next < page.first().sequence {
                gaps.push((next, page.first().sequence - 1));
            }
            next = page.last().saturating_add(1);
        }
        if next <= last {
            gaps.push((next, last));
        }
        for (from, through) in gaps {
            let from = MessageId { sequence: from, ..first.clone() };
            for page in stored(look, &from, through) {
                self.keep(page);
            }
        }
    }

    /// The station at the other end of a link.
    fn neighbour(&self, link: &Link) -> Code {
        match link {
            Link::Inbox | Link::Adapter => self.here.clone(),
            Link::Down(child) => child.clone(),
            Link::Up => self.parent.clone().unwrap_or_else(|| self.here.clone()),
        }
    }

    /// What the index lacks, and how far in the log it will be with that.
    pub(super) fn unsaved(&mut self) -> (Vec<Row>, Reached) {
        let dirty = std::mem::take(&mut self.dirty);
        let row = |(first, is_new)| self.pages.get(&first)?.row(is_new);
        let rows = dirty.into_iter().filter_map(row).collect();
        let reached = Reached {
            commit: self.commit,
            ordinal: self.ordinal,
            oldest: 0,
            cursors: self.lanes.cursors(),
            since_ms: self.since_ms,
        };
        (rows, reached)
    }

    /// The index has all that it was given, through this ordinal.
    pub(super) fn wrote(&mut self, ordinal: u64) {
        self.written = ordinal;
    }

    /// Forgets the oldest pages: the index has them.
    pub(super) fn shrink(&mut self) {
        while self.pages.len() > PAGES_MAX {
            let Some((_, first)) = self.by_ordinal.pop_first() else { return };
            self.pages.remove(&first);
            self.dirty.remove(&first);
        }
    }
}

/// The pages of a run of messages as the index has them.
pub(super) fn stored(look: &MessageLook, first: &MessageId, last: u64) -> Vec<Page> {
    let mut pages = Vec::new();
    let read = look.within(first, last, &mut |bytes| pages.extend(Page::read(bytes)));
    if let Err(fault) = read {
        tracing::warn!(
            event = "pages_unreadable",
            %fault,
            %first,
            last,
            "the pages of messages cannot be read"
        );
    }
    pages.retain(|page| page.part(first.sequence, last).is_some());
    pages
}

fn tell(from: &mut Sources<'_>, page: &Page, News { trace, detail }: News) {
    let Some(tell) = &mut from.tell else { return };
    let status = page.peek();
    for id in page.ids() {
        tell(Happening {
            at: trace.at.clone(),
            event: trace.event.clone(),
            station: trace.station.clone(),
            id,
            kind: status.kind.clone(),
            origin: status.origin.clone(),
            to: status.to.clone(),
            precedence: status.precedence,
            held_ms: trace.held_ms,
            detail: detail.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use yizhan_core::record::{Cursor, Record};
    use yizhan_schemas::{Lane, Outcome};

    use super::super::tests::{ended, noted, put_at};
    use super::*;
    use crate::asked::Asked;
    use crate::spool::Messages;

    #[test]
    fn only_what_begins_where_no_row_did_is_put_in_its_order() {
        let data = TempDir::new().unwrap();
        let (index, _) = Messages::open(data.path(), 9).unwrap();
        let (look, log) = (index.looker(), Asked::default());
        let mut book = Book::new(Code::parse("510722.101.002").unwrap(), None);
        let mut rows_after = |commit: u64, records: &[Record]| {
            let mut changes = Vec::new();
            Change::of(records.iter(), |change| changes.push(change));
            book.take(commit, changes, Sources { look: &look, log: &log, tell: None });
            let (rows, reached) = book.unsaved();
            book.wrote(reached.ordinal);
            rows.iter().map(|row| (row.first.sequence, row.is_new)).collect::<Vec<_>>()
        };
        let handed_over =
            |through| Record::HandedOver(Cursor { link: Link::Up, lane: Lane::Routine, through });
        let three = [1, 2, 3].map(|n| put_at(n, "incident.report", 5));
        assert_eq!(rows_after(1, &three), [(1, true)], "three alike in one row");
        assert_eq!(rows_after(2, &[handed_over(2)]), [(1, false), (3, true)], "two of them go on");
        assert_eq!(rows_after(3, &[handed_over(3)]), [(3, false)]);
        let fourth = [put_at(4, "incident.report", 6), handed_over(4)];
        assert_eq!(rows_after(4, &fourth), [(4, true)], "changed before it was written");
        let arrived = || noted((1, 4), "510722", ended(Outcome::Delivered, None));
        assert_eq!(rows_after(5, &[arrived()]), [(1, false), (3, false), (4, false)]);
        assert_eq!(rows_after(6, &[arrived()]), [], "what is known is not written again");
    }
}
