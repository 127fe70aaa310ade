//! [`Attack`]: what is tried, and what must be seen of it.

use futures::future::BoxFuture;

use super::ground::Ground;

/// How an attack ended, for whoever made it.
///
/// `Ok` names what refused it, in a few words for the table. `Err` says what succeeded, or what was
/// not as it must be.
pub type Ended = Result<String, String>;

/// One attack.
pub struct Attack {
    /// What is tried; at most [`super::report::NAME_WIDTH`] characters.
    pub name: &'static str,
    /// True if it takes long, or much of the machine: left out of `make test`.
    pub heavy: bool,
    /// The station that must notice.
    pub at: &'static str,
    /// The figure that must go up there: its name, and what its labels must contain. None where
    /// nothing is tried that could be counted.
    pub metric: Option<(&'static str, &'static str)>,
    /// Words that one new line of the station's audit log must contain.
    pub audit: Option<&'static [&'static str]>,
    /// Tries it.
    pub play: for<'g> fn(&'g Ground) -> BoxFuture<'g, Ended>,
}
