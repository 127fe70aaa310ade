//! What the policy decides, kind by kind, severity by severity, origin by origin.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use std::time::Duration;

use yizhan_schemas::{Code, Kind};
use yizhan_topology::{Decision, Topology};

const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township", "village"]
[[station]]
code = "51"
name = "a"
[[station]]
code = "51.1"
name = "b"
[[station]]
code = "51.1.2"
name = "c"
"#;

const POLICY: &str = r#"
[policy]
families = ["incident", "case", "directive"]
[[policy.route]]
kind = "incident.report"
severity = "critical"
handle_at = "county"
notify = ["village", "township"]
precedence = "flash"
[[policy.route]]
kind = "incident.update"
handle_at = "village"
notify = [0]
[[policy.route]]
kind = "incident.*"
handle_at = 1
notify = ["county", 1]
precedence = "加急"
[[policy.route]]
kind = "directive.issue"
[[policy.route]]
kind = "*"
severity = "general"
handle_at = "village"
[[policy.ladder]]
kind = "case.apply"
attempts = 1
[[policy.ladder]]
kind = "case.*"
attempts = 3
max_age = "72h"
"#;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn kind(text: &str) -> Kind {
    Kind::parse(text).unwrap()
}

fn tree(policy: &str) -> Topology {
    Topology::read("tree.toml", &format!("{TREE}{policy}")).unwrap()
}

fn said(decision: Decision) -> String {
    let notify: Vec<&str> = decision.notify.iter().map(Code::as_str).collect();
    let lane = decision.precedence.map_or("-", |lane| lane.word());
    format!("{} [{}] {lane}", decision.handle, notify.join(" "))
}

#[test]
fn the_first_rule_that_matches_decides() {
    let tree = tree(POLICY);
    for (name, severity, origin, wanted) in [
        ("incident.report", Some("critical"), "51.1.2", "51 [51.1 51.1.2] flash"),
        ("incident.report", Some("critical"), "51.1", "51 [51.1] flash"),
        ("incident.report", Some("critical"), "51", "51 [] flash"),
        ("incident.report", Some("general"), "51.1.2", "51.1 [51] priority"),
        ("incident.report", None, "51.1.2", "51.1 [51] priority"),
        ("incident.update", Some("critical"), "51.1.2", "51.1.2 [51] -"),
        // above the tier that handles: the origin itself, and it is not told twice
        ("incident.update", None, "51.1", "51.1 [51] -"),
        ("incident.update", None, "51", "51 [] -"),
        ("directive.issue", Some("general"), "51.1.2", "51 [] -"),
        ("case.open", None, "51.1.2", "51 [] -"),
        ("case.open", Some("general"), "51.1.2", "51.1.2 [] -"),
        // unknown origins: the nearest station above, or else the root
        ("incident.report", None, "51.1.9", "51.1 [51] priority"),
        ("incident.report", None, "77.1.9", "51 [] priority"),
    ] {
        let decision = tree.decide(&kind(name), severity, &code(origin));
        assert_eq!(said(decision), wanted, "{name} {severity:?} from {origin}");
    }
}

#[test]
fn without_a_policy_the_root_handles_and_the_known_families_are_allowed() {
    let tree = tree("");
    let decision = tree.decide(&kind("incident.report"), Some("critical"), &code("51.1.2"));
    assert_eq!(said(decision), "51 [] -");
    for known in yizhan_schemas::kind::KNOWN {
        assert!(tree.family_allowed(&kind(known)), "{known}");
    }
    assert!(!tree.family_allowed(&kind("weather.report")));
    assert_eq!(tree.ladder(&kind("case.open")), None);
}

#[test]
fn only_the_families_named_are_allowed_and_any_name_within_them() {
    let tree = tree(POLICY);
    assert!(tree.family_allowed(&kind("case.anything")));
    assert!(!tree.family_allowed(&kind("video.dispatch")));
    assert_eq!(tree.families().collect::<Vec<_>>(), ["case", "directive", "incident"]);
}

#[test]
fn the_first_ladder_that_matches_speaks() {
    let tree = tree(POLICY);
    let apply = tree.ladder(&kind("case.apply")).unwrap();
    assert_eq!((apply.attempts, apply.max_age), (Some(1), None));
    let open = tree.ladder(&kind("case.open")).unwrap();
    assert_eq!((open.attempts, open.max_age), (Some(3), Some(Duration::from_secs(72 * 3600))));
    assert_eq!(tree.ladder(&kind("incident.report")), None);
}
