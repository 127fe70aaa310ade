//! `yizhan roster check`.

use std::fs;

use serde_json::{Value, json};

use super::{err, out, yizhan_in};

#[test]
fn a_roster_is_counted_and_a_broken_one_told_line_by_line_without_names() {
    let dir = tempfile::tempdir().unwrap();
    let check = |text: &str, more: &[&str]| {
        fs::write(dir.path().join("r.toml"), text).unwrap();
        yizhan_in(dir.path(), &[&["roster", "check", "r.toml"], more].concat(), &[])
    };
    let good = "[[post]]\nrole = '综治委员'\nholder = 'zw-1'\nname = '张三'\n[[post]]\nrole = '调解员'\n\
        [[worker]]\nid = 'gw-7'\nname = '李四'\n";
    let text = check(good, &[]);
    assert_eq!(out(&text), "2 posts (1 vacant), 1 grid workers\n", "{}", err(&text));
    let printed: Value = serde_json::from_slice(&check(good, &["--json"]).stdout).unwrap();
    assert_eq!(printed, json!({ "posts": 2, "vacant": 1, "workers": 1 }));
    let bad = check(&good.replace("'gw-7'", "'gw 7'"), &[]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(err(&bad).contains("r.toml:7: `id` is `gw 7`"), "{}", err(&bad));
    assert!(!err(&bad).contains("李四"), "{}", err(&bad));
    let few = check(good, &["--max-entries", "2"]);
    assert!(
        err(&few).contains("this is more than 2 entries (roster.max_entries)"),
        "{}",
        err(&few)
    );
}
