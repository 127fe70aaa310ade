//! Three tiers: reports go up, directives go down, each into exactly the inboxes selected.

use std::collections::BTreeMap;

use crate::inbox::{Delivered, holds_exactly};
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::publisher::{Event, accepted, connect, post, publish};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const OTHER_TOWN: &str = "510722.104";
const WEST: &str = "510722.101.002";
const CROSS: &str = "510722.101.003";
const HILL: &str = "510722.104.003";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// 道路/西段, as the CloudEvents bindings write it in a header.
const SUBJECT: &str = "%E9%81%93%E8%B7%AF/%E8%A5%BF%E6%AE%B5";

/// Ids by the inbox that they belong into.
type Wanted = BTreeMap<&'static str, Vec<String>>;

fn county() -> Plan {
    Plan::of(&[COUNTY, TOWN, OTHER_TOWN, WEST, CROSS, HILL])
        .tagged(TOWN, "flood-prone")
        .tagged(HILL, "flood-prone")
}

fn note(wanted: &mut Wanted, at: &[&'static str], id: &str) {
    at.iter().for_each(|code| wanted.entry(code).or_default().push(id.to_owned()));
}

async fn check(county: &County, wanted: &Wanted) -> BTreeMap<&'static str, Vec<Delivered>> {
    let mut there = BTreeMap::new();
    for code in [COUNTY, TOWN, OTHER_TOWN, WEST, CROSS, HILL] {
        let ids = wanted.get(code).cloned().unwrap_or_default();
        there.insert(code, holds_exactly(county.station(code), &ids).await);
    }
    there
}

#[tokio::test]
async fn reports_of_every_precedence_go_up_by_nats_and_http_with_all_that_they_came_with() {
    let county = county().start().await;
    let nats = connect(county.station(WEST)).await;
    let (mut wanted, mut bodies) = (Wanted::new(), BTreeMap::new());
    for (n, lane) in ["flash", "immediate", "priority", "routine"].into_iter().enumerate() {
        let event = Event::report(n)
            .with("Yz-Precedence", lane)
            .with("ce-subject", SUBJECT)
            .with("traceparent", TRACE);
        let by_nats = accepted(&publish(&nats, &event.clone().keyed(lane)).await);
        note(&mut wanted, &[COUNTY], &by_nats);
        bodies.insert(by_nats, (WEST, lane, event.body.clone()));
        let (status, answer) = post(county.station(HILL), &event, lane).await;
        assert_eq!(status, 202, "{answer}");
        note(&mut wanted, &[COUNTY], &accepted(&answer));
        bodies.insert(accepted(&answer), (HILL, lane, event.body));
    }
    for (to, at) in [(format!("up:{TOWN}"), TOWN), (TOWN.to_owned(), TOWN), (WEST.into(), WEST)] {
        let id = accepted(&publish(&nats, &Event::report(9).with("Yz-To", &to)).await);
        note(&mut wanted, &[at], &id);
    }
    let there = check(&county, &wanted).await;
    for message in &there[COUNTY] {
        let (origin, lane, body) = &bodies[message.id()];
        assert_eq!(message.body, body.as_bytes());
        assert_eq!(message.subject, format!("yz.inbox.incident.report.{origin}"));
        for (header, value) in [
            ("Yz-Origin", *origin),
            ("Yz-To", "up"),
            ("Yz-Precedence", lane),
            ("Yz-Hops", "2"),
            ("traceparent", TRACE),
            ("ce-specversion", "1.0"),
            ("ce-type", "incident.report"),
            ("ce-subject", SUBJECT),
            ("ce-source", if *origin == HILL { "urn:test:grid" } else { "yz:510722.101.002" }),
            ("ce-id", if *origin == HILL { lane } else { message.id() }),
        ] {
            assert_eq!(message.header(header), value, "{header} of {}", message.id());
        }
        assert!(message.header("Yz-Age-Ms").parse::<u64>().unwrap() < 60_000);
        assert!(message.header("ce-time").starts_with("20"), "{}", message.header("ce-time"));
    }
    assert_eq!(there[TOWN][0].header("Yz-Hops"), "1");
    assert_eq!(there[TOWN][0].header("Yz-To"), format!("up:{TOWN}"));
    assert_eq!(there[WEST][0].header("Yz-Hops"), "0");
}

#[tokio::test]
async fn directives_reach_exactly_the_stations_that_each_form_of_selector_names() {
    let county = county().start().await;
    let nats = connect(county.station(COUNTY)).await;
    let mut wanted = Wanted::new();
    let all = [COUNTY, TOWN, OTHER_TOWN, WEST, CROSS, HILL];
    let several = format!("{CROSS},{OTHER_TOWN}.*,tag:flood-prone@{COUNTY}");
    let selectors: [(&str, &[&str]); 10] = [
        ("510722.>", &all),
        ("510722.*", &[TOWN, OTHER_TOWN]),
        ("510722.101.*", &[WEST, CROSS]),
        ("510722.104.>", &[OTHER_TOWN, HILL]),
        (WEST, &[WEST]),
        (COUNTY, &[COUNTY]),
        ("tier:village@510722", &[WEST, CROSS, HILL]),
        ("tier:village@510722.101", &[WEST, CROSS]),
        ("tag:flood-prone@510722", &[TOWN, HILL]),
        (&several, &[CROSS, HILL, TOWN]),
    ];
    for (n, (to, at)) in selectors.into_iter().enumerate() {
        let id = accepted(&publish(&nats, &Event::directive(n, to)).await);
        note(&mut wanted, at, &id);
    }
    let event = Event::directive(20, "tier:village@510722.104").with("Yz-Precedence", "flash");
    let (status, answer) = post(county.station(COUNTY), &event, "by-http").await;
    assert_eq!(status, 202, "{answer}");
    note(&mut wanted, &[HILL], &accepted(&answer));
    let town = connect(county.station(TOWN)).await;
    let own = accepted(&publish(&town, &Event::directive(21, "510722.101.>")).await);
    note(&mut wanted, &[TOWN, WEST, CROSS], &own);
    let there = check(&county, &wanted).await;
    let by_http = there[HILL].iter().find(|message| message.id() == accepted(&answer)).unwrap();
    assert_eq!(by_http.body, event.body.as_bytes());
    for (header, value) in [
        ("Yz-Origin", COUNTY),
        ("Yz-To", "tier:village@510722.104"),
        ("Yz-Precedence", "flash"),
        ("Yz-Hops", "2"),
        ("ce-id", "by-http"),
        ("ce-source", "urn:test:grid"),
        ("ce-type", "directive.issue"),
    ] {
        assert_eq!(by_http.header(header), value, "{header}");
    }
    let own = there[CROSS].iter().find(|message| message.id() == own).unwrap();
    assert_eq!((own.header("Yz-Origin"), own.header("Yz-Hops")), (TOWN, "1"));
}
