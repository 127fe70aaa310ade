//! Public keys of a file that people wrote: the one change made to it by a program.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, DocumentMut, Item, TableLike, TomlError, Value};
use yizhan_schemas::Code;

use crate::application::Holder;
use crate::check;
use crate::problem::{Problems, Report};
use crate::tree::Topology;

/// Puts a public key first into `key = […]` of each holder named; the keys that stood there
/// follow, since what they signed is still about. A key that is there already moves to the front.
///
/// Everything else stays as it is, comments and order too. The file must read without problems
/// before and after; a holder that is not in it or a key that is none is a problem of line 1.
pub fn with_keys(
    file_name: &str,
    text: &str,
    keys: &BTreeMap<Holder, String>,
) -> Result<String, Problems> {
    let mut report = known(file_name, text, keys.keys())?;
    for (holder, key) in keys {
        if let Err(fault) = check::key(key) {
            let whose = if holder.application.is_some() { "application" } else { "station" };
            report.add(1, format!("key for {whose} {holder}: {}", fault.what), fault.valid);
        }
    }
    report.settle(Some(()))?;
    changed(file_name, text, &|holder, table| {
        if let Some(key) = keys.get(&holder) {
            enrol(table, key);
        }
    })
}

/// Takes all keys but the first out of `key = […]` of each holder named: from then on nothing that
/// they signed is believed.
pub fn without_old_keys(
    file_name: &str,
    text: &str,
    holders: &BTreeSet<Holder>,
) -> Result<String, Problems> {
    known(file_name, text, holders.iter())?.settle(Some(()))?;
    changed(file_name, text, &|holder, table| {
        let array = table.get_mut("key").and_then(Item::as_array_mut);
        if let Some(array) = array.filter(|_| holders.contains(&holder)) {
            while array.len() > 1 {
                array.remove(1);
            }
        }
    })
}

/// The report of a file that reads, with those of the holders that are not in it.
fn known<'h>(
    file_name: &str,
    text: &str,
    holders: impl Iterator<Item = &'h Holder>,
) -> Result<Report, Problems> {
    let topology = Topology::read(file_name, text)?;
    let mut report = Report::on(file_name);
    for holder in holders {
        let there = match &holder.application {
            None => topology.station(&holder.station).is_some(),
            Some(name) => {
                topology.applications_of(&holder.station).iter().any(|one| one.name == *name)
            }
        };
        if !there {
            let whose = if holder.application.is_some() { "application" } else { "station" };
            report.add(1, format!("there is no {whose} {holder} to give a key to"), "add it first");
        }
    }
    Ok(report)
}

pub(super) fn changed(
    file_name: &str,
    text: &str,
    change: &dyn Fn(Holder, &mut dyn TableLike),
) -> Result<String, Problems> {
    let written = match edit(text, change) {
        Ok(written) => written,
        Err(fault) => {
            let what = format!("the file cannot be edited: {}", fault.message());
            let mut report = Report::on(file_name);
            report.add(1, what, "put the keys in by hand");
            return report.settle(None);
        }
    };
    Topology::read(file_name, &written)?;
    Ok(written)
}

fn edit(text: &str, change: &dyn Fn(Holder, &mut dyn TableLike)) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    for list in ["station", "application"] {
        let changed = |table: &mut dyn TableLike| {
            let word = |key: &str| table.get(key).and_then(Item::as_str);
            let place = if list == "station" { "code" } else { "station" };
            let station = word(place).and_then(|text| Code::parse(text).ok());
            let name = (list == "application").then(|| word("name").map(str::to_owned));
            if let (Some(station), name) = (station, name.flatten()) {
                change(Holder { station, application: name }, table);
            }
        };
        match document.get_mut(list) {
            Some(Item::ArrayOfTables(tables)) => {
                tables.iter_mut().for_each(|table| changed(table));
            }
            Some(Item::Value(Value::Array(array))) => {
                let tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
                tables.for_each(|table| changed(table));
            }
            _ => {}
        }
    }
    Ok(ends_like(text, document.to_string()))
}

/// The editor writes plain line ends and no byte order mark; files from Windows keep theirs.
pub(super) fn ends_like(text: &str, written: String) -> String {
    let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let written = written.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let ends = text.matches("\r\n").count();
    let windows = ends > 0 && ends == text.matches('\n').count();
    let written = if windows { written.replace('\n', "\r\n") } else { written };
    format!("{mark}{written}")
}

fn enrol(table: &mut dyn TableLike, key: &str) {
    match table.get_mut("key").and_then(Item::as_array_mut) {
        Some(array) => put_first(array, key),
        None => {
            table.insert("key", toml_edit::value(Array::from_iter([key])));
        }
    }
}

fn put_first(array: &mut Array, key: &str) {
    let there = array.iter().position(|old| old.as_str() == Some(key));
    match there {
        Some(0) => return,
        Some(at) => {
            array.remove(at);
        }
        None => {}
    }
    let mut new = Value::from(key);
    if let Some(old) = array.get_mut(0) {
        let before = old.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        match before.rsplit_once('\n') {
            // a list over several lines: a line of its own, a comment stays with the old key
            Some((_, indent)) => new.decor_mut().set_prefix(format!("\n{indent}")),
            None => old.decor_mut().set_prefix(" "),
        }
    }
    array.insert_formatted(0, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char) -> String {
        format!("UA{}", letter.to_string().repeat(54))
    }

    fn with(text: &str, changes: &[(&str, char)]) -> Result<String, Problems> {
        let keys = changes.iter().map(|(holder, letter)| (holder.parse().unwrap(), key(*letter)));
        with_keys("a.toml", text, &keys.collect())
    }

    fn file(first: &str, second: &str) -> String {
        format!(
            "# the county's tree\n[county]\nname  = \"三台县\"   # aligned by hand\n\
             tiers = [\"county\", \"township\"]\n\n# the top\n[[station]]\ncode = \"1\"\n\
             name = \"a\"  # name\n{first}\n# the first township\n[[station]]\n\
             name = '镇'\ncode = \"1.1\"\n{second}\n[policy] # last\nfamilies = [\"case\"]\n"
        )
    }

    #[test]
    fn a_new_key_is_added_and_nothing_else_changes() {
        let wanted = file(&format!("key = [\"{}\"]\n", key('A')), "");
        assert_eq!(with(&file("", ""), &[("1", 'A')]).unwrap(), wanted);
    }

    #[test]
    fn a_new_key_goes_in_front_of_the_old_ones() {
        let (a, b, c) = (key('A'), key('B'), key('C'));
        let old = file(
            &format!("key  = [ \"{a}\",\"{b}\" ] # two"),
            &format!("key = [\n    # of 2026\n    \"{c}\",\n]"),
        );
        let (d, e) = (key('D'), key('E'));
        let wanted = file(
            &format!("key  = [\"{d}\", \"{a}\",\"{b}\" ] # two"),
            &format!("key = [\n    \"{e}\",\n    # of 2026\n    \"{c}\",\n]"),
        );
        assert_eq!(with(&old, &[("1", 'D'), ("1.1", 'E')]).unwrap(), wanted);
    }

    #[test]
    fn a_key_that_is_there_moves_to_the_front_once() {
        let (a, b) = (key('A'), key('B'));
        let old = file(&format!("key = [\"{a}\", \"{b}\"]"), "");
        let wanted = file(&format!("key = [\"{b}\", \"{a}\"]"), "");
        assert_eq!(with(&old, &[("1", 'B')]).unwrap(), wanted);
        assert_eq!(with(&wanted, &[("1", 'B')]).unwrap(), wanted);
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let windows = |text: String| format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let old = windows(file("", ""));
        let wanted = windows(file(&format!("key = [\"{}\"]\n", key('A')), ""));
        assert_eq!(with(&old, &[("1", 'A')]).unwrap(), wanted);
    }

    #[test]
    fn stations_in_inline_tables_take_keys_too() {
        let old = "county = { name = \"a\", tiers = [\"x\"] }\nstation = [{ code = \"1\", name = \"b\" }]\n";
        let new = with(old, &[("1", 'A')]).unwrap();
        assert_eq!(
            Topology::read("a.toml", &new).unwrap().stations().next().unwrap().keys,
            [key('A')]
        );
    }

    #[test]
    fn an_application_takes_keys_too_and_old_ones_go_when_told() {
        let (a, b) = (key('A'), key('B'));
        let tail = "\n[[application]]\nstation = \"1.1\"\nname = \"x\"\nrights = [\"adapter\"]\n";
        let old = file(&format!("key = [\"{a}\"]"), "") + tail;
        let new = with(&old, &[("x@1.1", 'B'), ("1", 'C')]).unwrap();
        let tree = Topology::read("a.toml", &new).unwrap();
        assert_eq!(tree.applications()[0].keys, [b]);
        assert_eq!(tree.station(tree.root()).unwrap().keys, [key('C'), a]);
        let one = BTreeSet::from(["1".parse().unwrap()]);
        let less = without_old_keys("a.toml", &new, &one).unwrap();
        let tree = Topology::read("a.toml", &less).unwrap();
        assert_eq!(tree.station(tree.root()).unwrap().keys, [key('C')]);
        assert_eq!(tree.applications()[0].keys, [key('B')]);
        let missing = BTreeSet::from(["y@1.1".parse().unwrap()]);
        let problems = without_old_keys("a.toml", &new, &missing).unwrap_err().to_string();
        assert!(problems.contains("there is no application y@1.1"), "{problems}");
    }

    #[test]
    fn what_cannot_take_a_key_is_named_and_a_seed_is_not_repeated() {
        let seed = format!("SU{}", "A".repeat(56));
        let keys = BTreeMap::from([
            ("1".parse().unwrap(), seed.clone()),
            ("9".parse().unwrap(), key('A')),
        ]);
        let problems = with_keys("a.toml", &file("", ""), &keys).unwrap_err().to_string();
        assert!(problems.contains("there is no station 9"), "{problems}");
        assert!(problems.contains("this secret seed is not a public key"), "{problems}");
        assert!(!problems.contains(&seed));
        let taken = with(&file("", &format!("key = [\"{}\"]", key('A'))), &[("1", 'A')]);
        assert!(taken.unwrap_err().to_string().contains("has the key"));
    }
}
