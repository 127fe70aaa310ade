//! `[policy.categories]`: what categories of other systems are called in the county.

use std::collections::BTreeMap;

use yizhan_schemas::payload::matter::CATEGORY_BYTES_MAX;
use yizhan_schemas::payload::stats::Family;

use super::page::Page;
use super::section::{Entry, Section};
use crate::categories::{CATEGORIES_MAX, Categories};
use crate::problem::{Fault, invisible, shown};

const CATEGORIES: &[Entry] = &[
    Entry::needed("version", "version = \"2026.1\""),
    Entry::needed("row", "row = [{ family = \"case\", from = \"征地拆迁\", to = \"城乡建设\" }]"),
];

const ROW: &[Entry] = &[
    Entry::needed("family", "family = \"case\""),
    Entry::needed("from", "from = \"征地拆迁\", as the other system says it"),
    Entry::needed("to", "to = \"城乡建设\", as the county counts it"),
];

/// Reads the table; `None` where there is none.
pub(super) fn read(page: &mut Page, policy: &Section) -> Option<Categories> {
    let section = policy.table(page, "categories", "[policy.categories]", CATEGORIES)?;
    let version = section.text(page, "version", version);
    let mut rows = BTreeMap::new();
    let title = "a row of [policy.categories]";
    for row in &section.tables(page, "row", CATEGORIES_MAX, title, ROW) {
        let family = row.text(page, "family", family);
        let from = row.text(page, "from", category);
        let to = row.text(page, "to", category);
        let (Some(family), Some(from), Some(to)) = (family, from, to) else { continue };
        let twice = format!("has {} of {} again", shown(&from.it), family.it.word());
        if rows.insert((family.it, from.it), to.it).is_some() {
            row.fault(page, Some("from"), &twice, "remove one of the two");
        }
    }
    Some(Categories::new(version?.it, rows))
}

fn version(text: &str) -> Result<String, Fault> {
    let plain = |c: char| c != ':' && !c.is_whitespace() && !invisible(c);
    if !text.is_empty() && text.len() <= 32 && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    let valid = "valid is 1 to 32 bytes without spaces and colons, as in 2026.1";
    Err(Fault::new(format!("{} is no version of a table", shown(text)), valid))
}

fn family(text: &str) -> Result<Family, Fault> {
    let found = Family::ALL.into_iter().find(|family| family.word() == text);
    let fault =
        || Fault::new(format!("{} has no categories", shown(text)), "valid are incident, case");
    found.ok_or_else(fault)
}

fn category(text: &str) -> Result<String, Fault> {
    let fits = (1..=CATEGORY_BYTES_MAX).contains(&text.len()) && !text.chars().any(invisible);
    if fits {
        return Ok(text.to_owned());
    }
    let valid = format!("valid is 1 to {CATEGORY_BYTES_MAX} bytes of visible characters");
    Err(Fault::new(format!("{} is no category", shown(text)), valid))
}
