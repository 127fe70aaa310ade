//! The JSON Schema files that integrators read are those of the Rust types.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

use std::path::PathBuf;

use yizhan_schemas::payload;

fn file_of(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("json").join(format!("{kind}.schema.json"))
}

#[test]
fn the_checked_in_schemas_are_those_of_the_types() {
    let bless = std::env::var_os("YIZHAN_BLESS").is_some_and(|set| set == "1");
    for (kind, schema) in payload::schemas() {
        let file = file_of(kind);
        let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if bless {
            std::fs::write(&file, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is not what schemas/src/payload says of {kind}; check that members were only \
             added and are optional, then rewrite it with\n\n    \
             YIZHAN_BLESS=1 cargo test -p yizhan-schemas --test json_schemas\n\nfirst line that \
             differs: {}",
            file.display(),
            first_difference(&found, &wanted),
        );
    }
}

fn first_difference(found: &str, wanted: &str) -> String {
    let lines = found.lines().chain(std::iter::repeat("<end of file>"));
    let differing = |(_, (found, wanted)): &(usize, (&str, &str))| found != wanted;
    match lines.zip(wanted.lines()).enumerate().find(differing) {
        Some((n, (found, wanted))) => format!("line {}: `{found}` should be `{wanted}`", n + 1),
        None => "more lines than there should be".to_owned(),
    }
}

#[test]
fn no_file_is_left_of_a_kind_that_has_no_schema_any_more() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("json");
    let kinds: Vec<_> = payload::schemas().into_iter().map(|(kind, _)| file_of(kind)).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(kinds.contains(&path), "{} belongs to no kind: remove it", path.display());
    }
}

#[test]
fn unknown_members_are_welcome_in_every_object() {
    for (kind, schema) in payload::schemas() {
        let value = serde_json::to_value(schema()).unwrap();
        assert_eq!(value["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        assert_eq!(value["additionalProperties"], true, "{kind}");
        no_closed_object(&value);
    }
}

fn no_closed_object(value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            if members.get("type").is_some_and(|kind| kind == "object") {
                // a map from names to values says what the values are
                let more = members.get("additionalProperties");
                let map = more.is_some_and(|more| more.is_object());
                assert!(map || more == Some(&true.into()), "{value:#}");
            }
            members.values().for_each(no_closed_object);
        }
        serde_json::Value::Array(items) => items.iter().for_each(no_closed_object),
        _ => {}
    }
}
