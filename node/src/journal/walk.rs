//! [`Known`]: all that the journal knows, gone through from the last message to the first.

use yizhan_schemas::MessageId;
use yizhan_schemas::payload::stats::Day;
use yizhan_schemas::status::MessageStatus;

use super::Journal;
use super::page::Page;

/// Messages of which the journal knows the same: their numbers are dense.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a>(&'a Page);

impl<'a> Known<'a> {
    /// The first of them.
    pub fn first(self) -> &'a MessageId {
        self.0.first()
    }

    /// The sequence of the last one.
    pub fn last(self) -> u64 {
        self.0.last()
    }

    /// The day on which their origin accepted them, if the index says so.
    pub fn day(self) -> Option<Day> {
        self.0.day()
    }

    /// What is known; the id is that of the first.
    pub fn status(self) -> &'a MessageStatus {
        self.0.peek()
    }
}

impl Journal {
    /// Gives all messages to `each`. May read much of the disk.
    pub fn all(&self, each: &mut dyn FnMut(Known<'_>)) {
        self.walk(u64::MAX, &mut |page| {
            each(Known(page));
            true
        });
    }

    /// From when on, Unix milliseconds, every message that this station took is here; 0 if none
    /// is missing.
    pub fn remembers_from_ms(&self) -> u64 {
        let read = self.look.oldest().map(|(since_ms, page)| {
            let oldest_ms = page.map(|page| Page::read(&page).map_or(u64::MAX, |it| it.taken_ms()));
            since_ms.max(oldest_ms.unwrap_or(0))
        });
        read.unwrap_or_else(|fault| {
            tracing::warn!(
                event = "history_unreadable",
                %fault,
                "how far the history of messages goes back is not known"
            );
            u64::MAX
        })
    }

    /// Gives the pages with messages taken before this ordinal to `each`, the last first, until it
    /// answers `false`; true if it did, and there may be more.
    pub(super) fn walk(&self, before: u64, each: &mut dyn FnMut(&Page) -> bool) -> bool {
        // what is not in the index yet was taken after all that is
        let written = {
            let book = self.book();
            let full = book.unwritten(before).any(|page| !each(page));
            if full {
                return true;
            }
            book.written()
        };
        let before = before.min(written.saturating_add(1));
        let looked = self.look.before(before, &mut |bytes| {
            let Some(page) = Page::read(bytes) else { return true };
            // those in memory are newer, and cover all of it if they cover any
            let book = self.book();
            let mut newer = book.within(page.first(), page.last()).rev().peekable();
            match newer.peek() {
                None => each(&page),
                Some(_) => newer.all(&mut *each),
            }
        });
        looked.unwrap_or_else(|fault| {
            tracing::warn!(event = "history_unreadable", %fault, "older messages cannot be read");
            false
        })
    }
}
