//! `[[application]]` and `[[revoked]]` of the file: keys beside those of the stations.

use super::Key;
use super::page::Page;
use super::section::{Entry, Section};
use crate::application::{Application, Revoked};
use crate::check;
use crate::problem::At;

pub(super) const APPLICATION: &[Entry] = &[
    Entry::needed("station", "station = \"510722.101\", on whose bus it lives"),
    Entry::needed("name", "name = \"grid-app\""),
    Entry::needed("rights", "rights = [\"publisher\", \"subscriber\", \"adapter\"], one or more"),
    Entry::optional("key", "key = [\"U…\"], public user keys, the current one first"),
];

pub(super) const REVOKED: &[Entry] = &[
    Entry::needed("key", "key = \"U…\", the public key that is not to be believed any more"),
    Entry::needed("at", "at = \"2026-11-26T00:00:00+08:00\""),
    Entry::needed("why", "why = \"stolen box\""),
];

/// Reads an application; its keys go to the ring of all keys.
pub(super) fn application(
    page: &mut Page,
    section: &Section,
    ring: &mut Vec<At<Key>>,
) -> Option<At<Application>> {
    let station = section.text(page, "station", check::code);
    let name = section.text(page, "name", check::application);
    let rights = section.texts(page, "rights", check::RIGHTS_MAX, check::right);
    let keys = section.texts(page, "key", check::KEYS_MAX, check::key).unwrap_or_default();
    if rights.as_ref().is_some_and(Vec::is_empty) && section.is_empty_list("rights") {
        let valid = "valid is one or more of publisher, subscriber, adapter";
        section.fault(page, Some("rights"), "has an empty list of `rights`", valid);
    }
    let (station, name) = (station?, name?);
    let owner = format!("application {}@{}", name.it, station.it);
    ring.extend(keys.iter().map(|key| {
        let it = Key { owner: owner.clone(), text: key.it.clone() };
        At { line: key.line, it }
    }));
    let mut rights: Vec<_> = rights?.into_iter().map(|right| right.it).collect();
    rights.sort_unstable();
    let keys = keys.into_iter().map(|key| key.it).collect();
    let it = Application { station: station.it, name: name.it, rights, keys };
    Some(At { line: station.line, it })
}

/// Reads an entry of the revocation list.
pub(super) fn revoked(page: &mut Page, section: &Section) -> Option<At<Revoked>> {
    let at = section.text(page, "at", check::moment);
    let why = section.text(page, "why", check::name);
    let key = section.text(page, "key", check::key)?;
    let it = Revoked { key: key.it, at: at?.it, why: why?.it };
    Some(At { line: key.line, it })
}
