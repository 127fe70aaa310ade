//! [`Categories`]: which category of the county a category of another system is.
//!
//! Promise: nothing is guessed. What the table does not name is its own category.

use std::collections::BTreeMap;

use yizhan_schemas::payload::stats::Family;

/// Most rows of the table.
pub const CATEGORIES_MAX: usize = 2000;

/// `[policy.categories]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    version: String,
    rows: BTreeMap<(Family, String), String>,
}

impl Categories {
    pub(crate) fn new(version: String, rows: BTreeMap<(Family, String), String>) -> Self {
        Self { version, rows }
    }

    /// Which table it is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The county's category for that of another system; `None` if the table does not name it.
    pub fn mapped(&self, family: Family, source: &str) -> Option<&str> {
        // a tuple of borrowed parts is no key: the rows of a family stand together
        let from = (family, source.to_owned());
        self.rows.get(&from).map(String::as_str)
    }
}
