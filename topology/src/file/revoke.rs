//! Keys that must not be believed any more, written down by a program.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::keys::{changed, ends_like};
use crate::application::Revoked;
use crate::problem::{Problems, Report};
use crate::tree::Topology;

/// Takes these keys out of every list and writes them down as `[[revoked]]`, behind those that
/// stand there. Everything else stays as it is. One that is written down already stays so.
pub fn with_revoked(file_name: &str, text: &str, keys: &[Revoked]) -> Result<String, Problems> {
    let topology = Topology::read(file_name, text)?;
    let less = changed(file_name, text, &|_, table| {
        if let Some(list) = table.get_mut("key").and_then(Item::as_array_mut) {
            list.retain(|value| !keys.iter().any(|one| value.as_str() == Some(&one.key)));
        }
    })?;
    let fresh = keys.iter().filter(|one| !topology.is_revoked(&one.key));
    match added(&less, fresh) {
        Ok(written) => Topology::read(file_name, &written).map(|_| written),
        Err(what) => {
            let mut report = Report::on(file_name);
            report.add(1, what, "write them down by hand");
            report.settle(None)
        }
    }
}

fn added<'r>(text: &str, keys: impl Iterator<Item = &'r Revoked>) -> Result<String, String> {
    let wrong = |what: &str| format!("the revoked keys cannot be added: {what}");
    let mut document: DocumentMut = text.parse().map_err(|fault| wrong(&format!("{fault}")))?;
    let list = document.entry("revoked").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let list = list.as_array_of_tables_mut().ok_or_else(|| wrong("`revoked` is no [[revoked]]"))?;
    for one in keys {
        let mut table = Table::new();
        table.insert("key", toml_edit::value(&one.key));
        table.insert("at", toml_edit::value(&one.at));
        table.insert("why", toml_edit::value(&one.why));
        list.push(table);
    }
    if list.is_empty() {
        document.remove("revoked");
    }
    Ok(ends_like(text, document.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[county]\nname = \"a\"\ntiers = [\"county\"]\n[[station]]\ncode = \"1\" \
                        # top\nname = \"b\"\nkey = [\"B\", \"A\"]\n\n[policy]\nfamilies = [\"case\"]\n";

    fn key(letter: char) -> String {
        format!("U{}", letter.to_string().repeat(55))
    }

    fn revoked(letter: char) -> Revoked {
        let at = "2026-11-26T00:00:00+08:00".to_owned();
        Revoked { key: key(letter), at, why: "箱体被盗".to_owned() }
    }

    #[test]
    fn a_revoked_key_stands_in_no_list_and_once_among_the_revoked() {
        let file = FILE.replace("\"B\"", &format!("{:?}", key('B')));
        let file = file.replace("\"A\"", &format!("{:?}", key('A')));
        let once = with_revoked("a.toml", &file, &[revoked('A'), revoked('C')]).unwrap();
        let twice = with_revoked("a.toml", &once, &[revoked('A')]).unwrap();
        assert_eq!(once, twice);
        let tree = Topology::read("a.toml", &once).unwrap();
        assert_eq!(tree.stations().next().unwrap().keys, [key('B')]);
        assert_eq!(tree.revoked(), [revoked('A'), revoked('C')]);
        assert!(once.contains("# top") && once.contains("families = [\"case\"]"), "{once}");
        assert_eq!(with_revoked("a.toml", &file, &[]).unwrap(), file);
    }
}
