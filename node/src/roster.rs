//! [`Roster`]: the people of a station: who holds which post, which posts are vacant, and its grid
//! workers.
//!
//! Promise: a roster that exists is whole: no post and no worker twice, every name one that can
//! stand in a selector. Names of people leave this module only masked, but for whoever looks into
//! the file itself.
//!
//! | module | noun |
//! |---|---|
//! | [`mod@file`] | the TOML file, read with all its problems |
//! | [`page`] | what is shown of it |

mod file;
pub mod page;

use std::collections::BTreeMap;
use std::fmt;

use metrics::gauge;
use yizhan_schemas::selector::Target;

pub use page::Page;

use crate::shelf::{self, ListError, Listed};

/// The roster's file and what was read from it.
pub type Shelf = shelf::Shelf<Roster>;
/// The roster in force.
pub type InForce = shelf::InForce<Roster>;

/// Posts and grid workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    posts: BTreeMap<Box<str>, Option<Person>>,
    workers: BTreeMap<Box<str>, Person>,
}

/// Somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The id that the county knows them by.
    pub id: Box<str>,
    /// Their name.
    name: Box<str>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Roster {
    /// Who a target means here; `None` where nobody is, and for a target that is a station.
    pub fn find(&self, target: &Target) -> Option<&Person> {
        match target {
            Target::Role(post, _) => self.posts.get(post.as_str())?.as_ref(),
            Target::Worker(id, _) => self.workers.get(id.as_str()),
            _ => None,
        }
    }

    /// How many posts there are.
    pub fn posts(&self) -> usize {
        self.posts.len()
    }

    /// How many of them nobody holds.
    pub fn vacant(&self) -> usize {
        self.posts.values().filter(|holder| holder.is_none()).count()
    }

    /// How many grid workers there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }
}

impl Listed for Roster {
    const NAME: &'static str = "roster";
    const ENTRIES: &'static str = "entries";
    const ENTRY_BYTES_MAX: u64 = 1024;
    const READS: &'static str = "yizhan_roster_reads_total";
    const REFUSED: &'static str = "roster_refused";

    fn open(file: &std::path::Path, entries_max: u64) -> Result<Self, ListError> {
        Self::read(file, entries_max)
    }

    fn say(&self, _: &Self, entries_max: u64) {
        let (posts, vacant, workers) = (self.posts(), self.vacant(), self.workers());
        gauge!("yizhan_roster_posts").set(posts as f64);
        gauge!("yizhan_roster_posts_vacant").set(vacant as f64);
        gauge!("yizhan_roster_workers").set(workers as f64);
        gauge!("yizhan_roster_entries_max").set(entries_max as f64);
        tracing::info!(event = "roster_read", posts, vacant, workers, "the roster is in force");
    }

    fn say_refused(why: &str) {
        tracing::error!(event = "roster_refused", "{why}; the one before stays in force");
    }
}

#[cfg(test)]
mod tests;
