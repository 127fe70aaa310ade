//! Files as people write them, who is found in them, and what is said and shown.

use std::path::PathBuf;

use tempfile::TempDir;
use yizhan_schemas::{Code, Selector};

use super::*;

const FILE: &str = r#"
[[post]]
role = "综治委员"
holder = "zw-001"
name = "张三"
[[post]]
role = "调解员"
[[worker]]
id = "gw-0007"
name = "李四"
"#;

fn written(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("roster.toml");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

fn open(text: &str) -> Result<Roster, String> {
    let (dir, file) = written(text);
    let read = Roster::open(&file, 4);
    read.map_err(|fault| fault.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn found(roster: &Roster, target: &str) -> Option<String> {
    let selector = Selector::parse(&format!("{target}@510722.101.002")).unwrap();
    roster.find(&selector.targets()[0]).map(|person| person.id.to_string())
}

#[test]
fn holders_and_workers_are_found_and_a_vacant_post_is_nobodys() {
    let roster = open(FILE).unwrap();
    assert_eq!((roster.posts(), roster.vacant(), roster.workers()), (2, 1, 1));
    for (target, id) in [
        ("role:综治委员", Some("zw-001")),
        ("role:调解员", None),
        ("role:gw-0007", None),
        ("worker:gw-0007", Some("gw-0007")),
        ("worker:zw-001", None),
        ("tag:综治委员", None),
    ] {
        assert_eq!(found(&roster, target).as_deref(), id, "{target}");
    }
}

#[test]
fn names_of_people_are_in_no_page_no_problem_and_no_debug_text() {
    let roster = open(FILE).unwrap();
    let page = serde_json::to_value(Page::of(&roster, &Code::parse("510722.101").unwrap()));
    let shown = page.unwrap();
    assert_eq!(shown["posts"][0]["role"], "综治委员");
    assert_eq!(shown["posts"][0]["name"], "***");
    assert_eq!(shown["posts"][1]["holder"], serde_json::Value::Null);
    assert_eq!(shown["workers"], serde_json::json!([{ "id": "gw-0007", "name": "***" }]));
    let long = "张三".repeat(60);
    let wrong = open(&FILE.replace("张三", &long)).unwrap_err();
    assert!(wrong.starts_with("roster.toml:2: the name of `zw-001` is none"), "{wrong}");
    let odd = open("post = '张三'").unwrap_err();
    for text in [shown.to_string(), wrong, odd, format!("{roster:?}")] {
        assert!(!text.contains("张三") && !text.contains("李四"), "{text}");
    }
}

#[test]
fn what_is_wrong_comes_with_its_line_all_at_once() {
    let text = "[[post]]\nrole = 'a b'\n[[post]]\nrole = 'x'\nholder = 'h'\n[[worker]]\nid = 'w,1'\n\
        name = 'n'\n[[post]]\nrole = 'x'\n";
    assert_eq!(
        open(text).unwrap_err(),
        "roster.toml:1: `role` is `a b`; valid are 1 to 64 bytes without spaces, commas and @\n\
         roster.toml:3: post `x` has only one of holder and name; valid are both, or neither where \
         it is vacant\n\
         roster.toml:6: `id` is `w,1`; valid are 1 to 64 bytes without spaces, commas and @"
    );
    let twice = "[[worker]]\nid = 'w'\nname = 'n'\n[[worker]]\nid = 'w'\nname = 'm'\n";
    assert_eq!(
        open(twice).unwrap_err(),
        "roster.toml:4: worker `w` is there already; remove one of them"
    );
    let many = "[[post]]\nrole='a'\n[[post]]\nrole='b'\n[[worker]]\nid='c'\nname='c'\n".to_owned()
        + "[[worker]]\nid='d'\nname='d'\n[[worker]]\nid='e'\nname='e'\n";
    assert_eq!(
        open(&many).unwrap_err(),
        "roster.toml:11: this is more than 4 entries (roster.max_entries); raise it, or leave some out"
    );
    let unknown = open("[[post]]\nrole = 'x'\nphone = '1'\n").unwrap_err();
    assert!(unknown.starts_with("roster.toml:3: not a roster: unknown field `phone`"), "{unknown}");
}

#[test]
fn a_new_file_takes_the_place_of_the_old_and_one_that_is_wrong_does_not() {
    let (_dir, file) = written(FILE);
    let shelf = Shelf::open(Some(file.clone()), 10).unwrap();
    let in_force = shelf.in_force();
    std::fs::write(&file, "[[post]]\nrole = 'a b'\n").unwrap();
    assert!(shelf.renew().is_err());
    assert_eq!(in_force.now().unwrap().vacant(), 1, "the one before");
    std::fs::write(&file, FILE.replace("[[worker]]", "[[post]]\nrole = '网格长'\n[[worker]]"))
        .unwrap();
    shelf.renew().unwrap();
    assert_eq!(in_force.now().unwrap().vacant(), 2);
}
