//! What may be sent, from where, to whom: the whole decision, case by case.

use bytes::Bytes;

use super::*;

/// A county, two townships, a village in each; the county takes no cases.
const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township", "village"]
[policy]
families = ["incident", "directive", "broadcast", "video", "policy", "stats", "receipt"]
[[policy.route]]
kind = "incident.report"
severity = "critical"
handle_at = "township"
notify = ["county"]
precedence = "flash"
[[station]]
code = "510722"
name = "三台县"
[[station]]
code = "510722.101"
name = "潼川镇"
[[station]]
code = "510722.101.002"
name = "老西街社区"
[[station]]
code = "510722.102"
name = "芦溪镇"
[[station]]
code = "510722.102.001"
name = "下街社区"
"#;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";

fn draft(kind: &str, to: Option<&str>) -> Draft {
    let to = to.map(|to| Selector::parse(to).unwrap());
    Draft { to, ..Draft::plain(Kind::parse(kind).unwrap(), Bytes::from_static(b"12345678")) }
}

fn decide(here: &str, draft: &Draft) -> Result<Terms, Refusal> {
    let topology = Topology::read("tree.toml", TREE).unwrap();
    admit(&topology, &Code::parse(here).unwrap(), draft, 8)
}

fn refused(here: &str, draft: &Draft) -> (ErrorCode, String) {
    let refusal = decide(here, draft).unwrap_err();
    (refusal.code, refusal.message)
}

#[test]
fn up_leads_to_its_handler_and_what_stands_beside_it_stays() {
    let to = Selector::parse("up,510722.101.>,up:510722,510722.101.002").unwrap();
    let handler = Code::parse("510722").unwrap();
    let led = handlers(&to, &handler).to_string();
    assert_eq!(led, "510722,510722.101.>,510722.101.002");
}

#[test]
fn who_may_send_what_to_whom() {
    /// As a township sees it: whether what only rises, what only sinks and what may do either is
    /// taken.
    const AT_TOWN: &[(&str, [bool; 3])] = &[
        ("up", [true, false, true]),
        ("up:510722", [true, false, true]),
        ("510722", [true, false, true]),
        // itself
        ("510722.101", [true, true, true]),
        ("up:510722.101", [true, true, true]),
        // below it
        ("510722.101.002", [false, true, true]),
        ("510722.101.*", [false, true, true]),
        ("510722.101.>", [false, true, true]),
        ("tier:village@510722.101", [false, true, true]),
        // nothing rises to what is below
        ("up:510722.101.002", [false, false, false]),
        // sideways, and all around
        ("510722.102", [false, false, false]),
        ("up:510722.102", [false, false, false]),
        ("510722.102.001", [false, false, false]),
        ("510722.102.>", [false, false, false]),
        ("510722.*", [false, false, false]),
        ("510722.>", [false, false, false]),
        ("tier:village@510722", [false, false, false]),
        // every part must be allowed
        ("up,510722.101.002", [false, false, true]),
        ("510722.101.002,510722.102", [false, false, false]),
    ];
    let kinds: [&[&str]; 3] = [
        &["incident.report"],
        &["directive.issue", "broadcast.issue", "policy.set"],
        // a camera may hang above those who command it
        &["video.dispatch", "stats.note"],
    ];
    for (to, allowed) in AT_TOWN {
        for (kinds, allowed) in kinds.iter().zip(allowed) {
            for kind in *kinds {
                match (decide(TOWN, &draft(kind, Some(to))), *allowed) {
                    (Ok(terms), true) => assert_eq!(terms.to.to_string(), *to),
                    (Err(refusal), false) => {
                        assert_eq!(refusal.code, ErrorCode::Forbidden, "{kind} to {to}");
                    }
                    (other, _) => panic!("{kind} to {to}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_case_climbs_like_an_incident() {
    let topology = Topology::read("tree.toml", &TREE.replace("\"stats\"", "\"case\"")).unwrap();
    let town = Code::parse(TOWN).unwrap();
    let decide = |to| admit(&topology, &town, &draft("case.open", to), 8);
    assert_eq!(decide(None).unwrap().to, Selector::up());
    assert_eq!(decide(Some(VILLAGE)).unwrap_err().code, ErrorCode::Forbidden);
}

#[test]
fn a_refusal_says_what_would_be_taken() {
    for (here, kind, to, allowed) in [
        (TOWN, "incident.report", VILLAGE, "up, a station above, or 510722.101 itself"),
        (TOWN, "directive.issue", COUNTY, "510722.101 itself or a selector within 510722.101.>"),
        (
            TOWN,
            "stats.note",
            "510722.102",
            "up, a station above, 510722.101 itself or a selector within 510722.101.>",
        ),
        // nothing is above the root
        (COUNTY, "incident.report", TOWN, "510722 itself"),
    ] {
        let (code, said) = refused(here, &draft(kind, Some(to)));
        let expected = format!("{here} may not send {kind} to `{to}`; it may send it to {allowed}");
        assert_eq!((code, said), (ErrorCode::Forbidden, expected));
    }
}

#[test]
fn what_this_county_does_not_take_is_refused_before_anything_else() {
    // no publisher writes receipts, even where the policy has their family in its list
    let (code, said) = refused(VILLAGE, &draft("receipt.fold", Some("up")));
    assert_eq!(code, ErrorCode::UnknownKind);
    assert!(said.contains("for stations among themselves"), "{said}");
    let (code, said) = refused(VILLAGE, &draft("case.open", None));
    assert_eq!(code, ErrorCode::UnknownKind);
    assert!(said.contains("family `case`"), "{said}");
}

#[test]
fn a_payload_of_just_the_limit_is_taken_and_one_byte_more_is_not() {
    let mut draft = draft("incident.report", None);
    assert!(decide(VILLAGE, &draft).is_ok());
    draft.payload = Bytes::from_static(b"123456789");
    let (code, said) = refused(VILLAGE, &draft);
    assert_eq!(code, ErrorCode::TooLarge);
    assert_eq!(said, "the payload is 9 bytes; at most 8 are taken here");
}

#[test]
fn an_address_must_be_given_known_and_mean_somebody() {
    let address = |kind, to| refused(COUNTY, &draft(kind, to));
    assert_eq!(address("directive.issue", None).0, ErrorCode::ToMissing);
    let (code, said) = address("directive.issue", Some("510722.101,510722.777,510722.888"));
    assert_eq!(code, ErrorCode::BadSelector);
    assert!(said.contains("names 510722.777, which is no station"), "{said}");
    let (code, said) = address("directive.issue", Some("tag:flood-prone@510722"));
    assert_eq!(code, ErrorCode::BadSelector);
    assert!(said.contains("selects no station"), "{said}");
}

#[test]
fn policy_beats_the_publisher_and_the_publisher_beats_routine() {
    let mut report = draft("incident.report", None);
    assert_eq!(decide(VILLAGE, &report).unwrap().lane, Lane::Routine);
    report.precedence = Some(Lane::Priority);
    assert_eq!(decide(VILLAGE, &report).unwrap().lane, Lane::Priority);
    report.severity = Some("critical".to_owned());
    assert_eq!(decide(VILLAGE, &report).unwrap().lane, Lane::Flash);
}

#[test]
fn copies_by_policy_go_only_with_what_goes_up() {
    let mut report = draft("incident.report", None);
    report.severity = Some("critical".to_owned());
    let selectors = |draft: &Draft| {
        let terms = decide(VILLAGE, draft).unwrap();
        [terms.handle, terms.notify].map(|selector| selector.map(|it| it.to_string()))
    };
    assert_eq!(selectors(&report), [Some(TOWN.to_owned()), Some(COUNTY.to_owned())]);
    report.to = Some(Selector::parse(TOWN).unwrap());
    assert_eq!(selectors(&report), [None, None], "its publisher knows whom it is for");
    let plain = draft("incident.report", None);
    assert_eq!(selectors(&plain), [Some(COUNTY.to_owned()), None], "nobody else to tell");
}

#[test]
fn a_video_command_is_short_lived_unless_its_sender_says_otherwise() {
    let ttl = |kind, ttl_ms| {
        let draft = Draft { ttl_ms, ..draft(kind, Some(TOWN)) };
        decide(COUNTY, &draft).unwrap().ttl_ms
    };
    assert_eq!(ttl("video.dispatch", None), Some(30_000));
    assert_eq!(ttl("video.dispatch", Some(5)), Some(5));
    assert_eq!(ttl("directive.issue", None), None);
}
