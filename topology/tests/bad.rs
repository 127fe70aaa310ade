//! Every file in `bad/` is refused with exactly the lines in the `.txt` beside it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use std::fs;
use std::path::Path;

use yizhan_topology::Topology;

fn said_about(file_name: &str, text: &str) -> String {
    match Topology::read(file_name, text) {
        Ok(_) => format!("{file_name} reads without problems"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn every_bad_file_is_refused_with_all_its_problems_and_their_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert!(names.len() >= 20, "only {} bad files", names.len());
    let mut differ = Vec::new();
    for name in names {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let expected = fs::read_to_string(folder.join(name.replace(".toml", ".txt")));
        let said = said_about(&format!("bad/{name}"), &text);
        if expected.as_deref().map(str::trim_end).ok() != Some(&said) {
            differ.push(said);
        }
    }
    assert!(differ.is_empty(), "not as the .txt beside it says:\n{}", differ.join("\n\n"));
}

#[test]
fn a_file_of_more_stations_than_the_limit_is_refused() {
    let mut text = "[county]\nname = \"a\"\ntiers = [\"top\", \"low\"]\n".to_owned();
    text.push_str("[[station]]\ncode = \"1\"\nname = \"a\"\n");
    for n in 0..yizhan_topology::STATIONS_MAX {
        text.push_str(&format!("[[station]]\ncode = \"1.{n}\"\nname = \"a\"\n"));
    }
    assert_eq!(
        said_about("bad/many.toml", &text),
        "bad/many.toml:300005: there are 100001 stations; valid are at most 100000 in one file"
    );
}
