//! [`Book`]: the pages in memory, and the others behind them in the index.

use std::collections::{BTreeMap, BTreeSet};

use yizhan_core::fill::LegSource;
use yizhan_core::link::Link;
use yizhan_schemas::payload::receipt::Note;
use yizhan_schemas::status::Happening;
use yizhan_schemas::{Code, MessageId};

use super::change::{Change, Taken};
use super::lanes::Lanes;
use super::page::{News, Page};
use crate::clock;
use crate::spool::messages::Reached;
use crate::spool::{MessageLook, Row};

/// Pages kept in memory once they are written.
const PAGES_MAX: usize = 20_000;
/// Most messages that one note is applied to: the rest are beyond what an index remembers.
const NOTE_MESSAGES_MAX: usize = 100_000;

/// The pages in memory.
#[derive(Debug)]
pub(super) struct Book {
    here: Code,
    parent: Option<Code>,
    pages: BTreeMap<MessageId, Page>,
    by_ordinal: BTreeMap<u64, MessageId>,
    /// Pages that the index has not, or not as they are.
    dirty: BTreeSet<MessageId>,
    lanes: Lanes,
    /// The last ordinal given.
    ordinal: u64,
    /// The last ordinal that the index has.
    written: u64,
    /// The last commit taken in.
    commit: u64,
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
            dirty: BTreeSet::new(),
            lanes: Lanes::default(),
            ordinal: 0,
            written: 0,
            commit: 0,
        }
    }

    /// Goes on where an index is.
    pub(super) fn go_on_from(&mut self, reached: &Reached) {
        self.ordinal = reached.ordinal;
        self.written = reached.ordinal;
        self.commit = reached.commit;
        self.lanes = Lanes::of(&reached.cursors);
    }

    /// The last commit taken in.
    pub(super) fn commit(&self) -> u64 {
        self.commit
    }

    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    pub(super) fn page(&self, id: &MessageId) -> Option<&Page> {
        self.pages.get(id)
    }

    /// The last ordinal that the index has.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The pages that the index has not, of messages taken before this ordinal, the last one first.
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
                let ids = self.lanes.handed_over(&at.link, at.lane, at.through, from.log);
                let (to, now_ms) = (self.neighbour(&at.link), clock::now().wall_ms);
                for id in ids {
                    self.with(&id, from, |page, _| Some(page.handed_over(&to, now_ms)));
                }
            }
            Change::Rewound(at) => self.lanes.rewound(&at.link, at.lane, at.through),
            Change::Ended(run) => self.lanes.ended(&run.link, run.lane, run.from, run.through),
            Change::Noted(note) => self.noted(&note, from),
        }
    }

    fn taken(&mut self, taken: &Taken, from: &mut Sources<'_>) {
        for (link, leg) in &taken.legs {
            self.lanes.taken(link, taken.lane(), *leg, &taken.id);
        }
        self.ordinal += 1;
        let (page, news) = Page::of(taken, &self.here, self.ordinal);
        tell(from, &page, news);
        self.by_ordinal.insert(page.ordinal, taken.id.clone());
        self.pages.insert(taken.id.clone(), page);
        self.dirty.insert(taken.id.clone());
    }

    fn noted(&mut self, note: &Note, from: &mut Sources<'_>) {
        for id in note.ids(NOTE_MESSAGES_MAX) {
            for station in &note.stations {
                let become_ = |page: &mut Page, here: &Code| {
                    page.became(station, &note.event, note.at_s, here)
                };
                self.with(&id, from, become_);
            }
        }
    }

    /// Changes the page of a message, if there is one.
    fn with(
        &mut self,
        id: &MessageId,
        from: &mut Sources<'_>,
        act: impl FnOnce(&mut Page, &Code) -> Option<News>,
    ) {
        if !self.pages.contains_key(id) {
            let Some(page) = stored(from.look, id) else { return };
            self.by_ordinal.insert(page.ordinal, id.clone());
            self.pages.insert(id.clone(), page);
        }
        let Some(page) = self.pages.get_mut(id) else { return };
        if let Some(news) = act(page, &self.here) {
            tell(from, page, news);
            self.dirty.insert(id.clone());
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
        let row = |id: MessageId| {
            let page = self.pages.get(&id)?;
            Some(Row { ordinal: page.ordinal, page: page.to_bytes()?, id })
        };
        let rows = dirty.into_iter().filter_map(row).collect();
        let reached = Reached {
            commit: self.commit,
            ordinal: self.ordinal,
            oldest: 0,
            cursors: self.lanes.cursors(),
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
            let Some((_, id)) = self.by_ordinal.pop_first() else { return };
            self.pages.remove(&id);
            self.dirty.remove(&id);
        }
    }
}

/// The page of a message as the index has it.
pub(super) fn stored(look: &MessageLook, id: &MessageId) -> Option<Page> {
    match look.get(id) {
        Ok(page) => page.and_then(|bytes| Page::read(&bytes)),
        Err(fault) => {
            tracing::warn!(%fault, %id, "the page of a message cannot be read");
            None
        }
    }
}

fn tell(from: &mut Sources<'_>, page: &Page, News { trace, detail }: News) {
    let Some(tell) = &mut from.tell else { return };
    let status = page.peek();
    tell(Happening {
        at: trace.at,
        event: trace.event,
        station: trace.station,
        id: status.id.clone(),
        kind: status.kind.clone(),
        origin: status.origin.clone(),
        to: status.to.clone(),
        precedence: status.precedence,
        held_ms: trace.held_ms,
        detail,
    });
}
