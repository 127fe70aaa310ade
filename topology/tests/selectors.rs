//! Which stations selectors mean, asked one by one and all at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use yizhan_schemas::{Code, Selector};
use yizhan_topology::Topology;

/// Two townships with villages; the code of the second sorts between the first and its villages.
fn tree() -> Topology {
    let stations = [
        ("51", "[]"),
        ("51.1", "[\"flood\"]"),
        ("51.1-b", "[]"),
        ("51.1-b.1", "[\"flood\", \"dam\"]"),
        ("51.1.1", "[]"),
        ("51.1.2", "[\"flood\"]"),
        ("51.2", "[\"dam\"]"),
    ];
    let mut text =
        "[county]\nname = \"三台县\"\ntiers = [\"county\", \"township\", \"village\"]\n".to_owned();
    for (code, tags) in stations {
        text.push_str(&format!("[[station]]\ncode = \"{code}\"\nname = \"x\"\ntags = {tags}\n"));
    }
    Topology::read("tree.toml", &text).unwrap()
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

#[test]
fn every_form_of_selector_means_these_stations() {
    let tree = tree();
    for (text, wanted) in [
        ("up", ""),
        ("up:51", "51"),
        ("up:9", ""),
        ("51.1.2", "51.1.2"),
        ("51.9", ""),
        ("51.*", "51.1 51.1-b 51.2"),
        ("51.1.*", "51.1.1 51.1.2"),
        ("51.2.*", ""),
        ("51.1.>", "51.1 51.1.1 51.1.2"),
        ("51.>", "51 51.1 51.1-b 51.1-b.1 51.1.1 51.1.2 51.2"),
        ("9.>", ""),
        ("tier:village@51", "51.1-b.1 51.1.1 51.1.2"),
        ("tier:2@51.1", "51.1.1 51.1.2"),
        ("tier:township@51.1", "51.1"),
        ("tier:county@51.1", ""),
        ("tier:hamlet@51", ""),
        ("tier:3@51", ""),
        ("tag:flood@51", "51.1 51.1-b.1 51.1.2"),
        ("tag:flood@51.1", "51.1 51.1.2"),
        ("tag:drought@51", ""),
        ("role:网格长@51.1.1", "51.1.1"),
        ("worker:gw-7@51.1.1,role:x@51.9", "51.1.1"),
        ("up,51.2,51.1.>,51.1.1", "51.1 51.1.1 51.1.2 51.2"),
    ] {
        let resolved = tree.resolve(&selector(text));
        let resolved: Vec<&str> = resolved.iter().map(Code::as_str).collect();
        assert_eq!(resolved.join(" "), wanted, "{text}");
    }
}

#[test]
fn the_quick_answers_agree_with_the_set_for_every_selector_and_station() {
    let tree = tree();
    let mut codes: Vec<Code> = tree.stations().map(|station| station.code.clone()).collect();
    codes.extend([code("9"), code("51.9"), code("51.1.1.1"), code("5")]);
    let mut selectors = vec![selector("up"), selector("up,51.1")];
    for code in &codes {
        for (before, behind) in [("up:", ""), ("", ""), ("", ".*"), ("", ".>")] {
            selectors.push(selector(&format!("{before}{code}{behind}")));
        }
        for tier in ["0", "township", "2", "7"] {
            selectors.push(selector(&format!("tier:{tier}@{code}")));
        }
        for tag in ["flood", "dam", "drought"] {
            selectors.push(selector(&format!("tag:{tag}@{code}")));
            selectors.push(selector(&format!("tag:{tag}@{code},51.1.1")));
            selectors.push(selector(&format!("role:{tag}@{code}")));
            selectors.push(selector(&format!("worker:{tag}@{code},51.1.2")));
        }
    }
    for selector in &selectors {
        let resolved = tree.resolve(selector);
        for code in &codes {
            let place = format!("{selector} at {code}");
            assert_eq!(tree.selects(selector, code), resolved.contains(code), "{place}");
            let inside = |one: &Code| one.is_within(code);
            assert_eq!(tree.reaches(selector, code), resolved.iter().any(inside), "{place}");
            let outside = |one: &Code| !one.is_within(code);
            assert_eq!(tree.leaves(selector, code), resolved.iter().any(outside), "{place}");
        }
    }
}

#[test]
fn a_root_of_several_tokens_has_nothing_above_it() {
    let text = "[county]\nname = \"a\"\ntiers = [\"top\", \"low\"]\n\
                [[station]]\ncode = \"51.07\"\nname = \"a\"\n[[station]]\ncode = \"51.07.1\"\nname = \"b\"\n";
    let tree = Topology::read("a.toml", text).unwrap();
    assert_eq!((tree.root(), tree.depth(&code("51.07.1"))), (&code("51.07"), Some(1)));
    assert!(tree.resolve(&selector("51.>,tier:top@51")).is_empty());
    assert!(!tree.selects(&selector("51.>"), &code("51.07")));
    assert!(!tree.reaches(&selector("51.>"), &code("51.07")));
}

#[test]
fn codes_that_are_no_stations_are_named() {
    let unknown = tree().unknown(&selector("up,51.1,51.9,7.>,tag:flood@51,up:8"));
    assert_eq!(unknown, [code("51.9"), code("7"), code("8")]);
}

#[test]
fn family_relations_come_from_the_tree() {
    let tree = tree();
    let (root, town, village) = (code("51"), code("51.1"), code("51.1.2"));
    assert_eq!((tree.len(), tree.root(), tree.name()), (7, &root, "三台县"));
    assert_eq!((tree.parent(&village), tree.parent(&root)), (Some(&town), None));
    assert_eq!(tree.children(&town), [code("51.1.1"), village.clone()]);
    assert_eq!(tree.children(&village), []);
    assert_eq!((tree.tier_of(&village), tree.depth(&village)), (Some("village"), Some(2)));
    assert_eq!((tree.tier_of(&code("9")), tree.depth(&code("9"))), (None, None));
    assert_eq!(tree.upwards(&village).collect::<Vec<_>>(), [&village, &town, &root]);
    assert!(tree.stations().is_sorted_by(|one, next| one.code < next.code));
}
