//! [`Section`]: one table of the file, read key by key.
//!
//! Promise: every key that is unknown, missing, of the wrong type or with a bad value is reported
//! on its own line with what would be valid, and the other keys are read all the same.

use std::collections::BTreeMap;
use std::collections::btree_map;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::page::Page;
use super::value::{Read, text_only, text_or_whole, type_name, whole_only};
use crate::problem::{At, Fault, shown};

/// A key that a table may have, and how it is written.
pub(crate) struct Entry {
    name: &'static str,
    needed: bool,
    /// How it is written, for those who got it wrong.
    example: &'static str,
}

impl Entry {
    pub(crate) const fn needed(name: &'static str, example: &'static str) -> Self {
        Self { name, needed: true, example }
    }

    pub(crate) const fn optional(name: &'static str, example: &'static str) -> Self {
        Self { name, needed: false, example }
    }
}

/// A table, what it is called, and the keys it may have.
pub(crate) struct Section<'t> {
    title: &'static str,
    keys: &'static [Entry],
    /// Where the table begins.
    line: usize,
    table: &'t DeTable<'t>,
}

impl<'t> Section<'t> {
    /// Takes a table and reports the keys that it should not have or lacks.
    pub(crate) fn new(
        page: &mut Page,
        title: &'static str,
        keys: &'static [Entry],
        line: usize,
        table: &'t DeTable<'t>,
    ) -> Self {
        for (key, _) in table {
            if !keys.iter().any(|known| known.name == key.get_ref()) {
                let what = format!("unknown key {} in {title}", shown(key.get_ref()));
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                let valid = format!("valid are {}", names.join(", "));
                page.report.add(page.line(&key.span()), what, valid);
            }
        }
        for key in keys.iter().filter(|key| key.needed && !table.contains_key(key.name)) {
            let what = format!("{title} has no `{}`", key.name);
            page.report.add(line, what, format!("add {}", key.example));
        }
        Self { title, keys, line, table }
    }

    /// The value of a key, whatever it is.
    pub(crate) fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// Reports what is wrong with the table as a whole, or with the value of one key as a whole.
    pub(crate) fn fault(&self, page: &mut Page, key: Option<&str>, what: &str, valid: &str) {
        let value = key.and_then(|key| self.value(key));
        let line = value.map_or(self.line, |value| page.line(&value.span()));
        page.report.add(line, format!("{} {what}", self.title), valid);
    }

    /// True if a key is there and stands for a list without entries.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        let list = self.value(key).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// A text that passes its check.
    pub(crate) fn text<T>(
        &self,
        page: &mut Page,
        key: &str,
        check: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<At<T>> {
        self.item(page, key, self.value(key)?, &text_only, &check)
    }

    /// A text or a whole number, as its text, that passes its check.
    pub(crate) fn word<T>(
        &self,
        page: &mut Page,
        key: &str,
        check: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<At<T>> {
        self.item(page, key, self.value(key)?, &text_or_whole, &check)
    }

    /// A whole number, as its text, that passes its check.
    pub(crate) fn whole<T>(
        &self,
        page: &mut Page,
        key: &str,
        check: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<At<T>> {
        self.item(page, key, self.value(key)?, &whole_only, &check)
    }

    /// A list of texts that pass their check, none of them twice.
    pub(crate) fn texts<T: Ord + Clone>(
        &self,
        page: &mut Page,
        key: &str,
        items_max: usize,
        check: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<At<T>>> {
        self.items(page, key, items_max, &text_only, &check)
    }

    /// A list of texts or whole numbers that pass their check, none of them twice.
    pub(crate) fn words<T: Ord + Clone>(
        &self,
        page: &mut Page,
        key: &str,
        items_max: usize,
        check: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<At<T>>> {
        self.items(page, key, items_max, &text_or_whole, &check)
    }

    /// The table of a key.
    pub(crate) fn table(
        &self,
        page: &mut Page,
        key: &str,
        title: &'static str,
        keys: &'static [Entry],
    ) -> Option<Section<'t>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(page, key, value);
            return None;
        };
        Some(Section::new(page, title, keys, page.line(&value.span()), table))
    }

    /// The tables of a key; none if it is not there.
    pub(crate) fn tables(
        &self,
        page: &mut Page,
        key: &str,
        items_max: usize,
        title: &'static str,
        keys: &'static [Entry],
    ) -> Vec<Section<'t>> {
        let mut sections = Vec::new();
        for value in self.list(page, key, items_max).unwrap_or_default() {
            match value.get_ref().as_table() {
                Some(table) => {
                    let line = page.line(&value.span());
                    sections.push(Section::new(page, title, keys, line, table));
                }
                None => self.wrong_type(page, key, value),
            }
        }
        sections
    }

    fn items<T: Ord + Clone>(
        &self,
        page: &mut Page,
        key: &str,
        items_max: usize,
        read: &Read,
        check: &impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<At<T>>> {
        let mut first_lines = BTreeMap::new();
        let mut items = Vec::new();
        for value in self.list(page, key, items_max)? {
            let Some(item) = self.item(page, key, value, read, check) else { continue };
            match first_lines.entry(item.it.clone()) {
                btree_map::Entry::Vacant(place) => {
                    place.insert(item.line);
                    items.push(item);
                }
                btree_map::Entry::Occupied(first) => {
                    let text = read(value.get_ref()).unwrap_or_default();
                    let what = format!("{} is in the list twice", shown(&text));
                    let valid = match *first.get() {
                        line if line == item.line => "remove one of the two".to_owned(),
                        line => format!("remove it here or on line {line}"),
                    };
                    self.report(page, key, item.line, Fault::new(what, valid));
                }
            }
        }
        Some(items)
    }

    fn item<T>(
        &self,
        page: &mut Page,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: &Read,
        check: &impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<At<T>> {
        let Some(text) = read(value.get_ref()) else {
            self.wrong_type(page, key, value);
            return None;
        };
        let line = page.line(&value.span());
        match check(&text) {
            Ok(it) => Some(At { line, it }),
            Err(fault) => {
                self.report(page, key, line, fault);
                None
            }
        }
    }

    fn list(
        &self,
        page: &mut Page,
        key: &str,
        items_max: usize,
    ) -> Option<&'t [Spanned<DeValue<'t>>]> {
        let value = self.value(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(page, key, value);
            return None;
        };
        if let Some(over) = list.get(items_max) {
            let what = format!("the list has {} entries", list.len());
            let fault = Fault::new(what, format!("valid are at most {items_max}"));
            self.report(page, key, page.line(&over.span()), fault);
        }
        Some(list)
    }

    fn wrong_type(&self, page: &mut Page, key: &str, value: &Spanned<DeValue<'_>>) {
        let example = self.keys.iter().find(|known| known.name == key).map(|known| known.example);
        let what = format!("{} does not belong here", type_name(value.get_ref()));
        let fault = Fault::new(what, format!("valid is {}", example.unwrap_or_default()));
        self.report(page, key, page.line(&value.span()), fault);
    }

    fn report(&self, page: &mut Page, key: &str, line: usize, fault: Fault) {
        page.report.add(line, format!("`{key}` in {}: {}", self.title, fault.what), fault.valid);
    }
}
