use serde_json::json;

use super::*;

#[test]
fn the_answer_of_the_contract_reads_back_as_itself() {
    let answer = json!({"stations": [{
        "code": "510722.101",
        "name": "潼川镇综治中心",
        "tier": "township",
        "online": true,
        "since": "2026-11-23T08:30:00+08:00",
        "version": "0.1.0",
        "links": [
            {"link": "up", "up": true, "rtt_ms": 152, "backlog": {"flash": {"messages": 2, "oldest_ms": 90}}},
            {"link": "510722.101.002", "up": false, "backlog": {"routine": {"messages": 1042}}}
        ],
        "accepted": 7,
        "delivered": 5,
        "age_oldest_ms": 86_400_000
    }]});
    let stations: Stations = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(serde_json::to_value(&stations).unwrap(), answer);
    let station = &stations.stations[0];
    assert_eq!((station.backlog(), station.oldest_ms()), (1044, Some(86_400_000)));
    assert_eq!(station.uplink().and_then(|link| link.rtt_ms), Some(152));
}

#[test]
fn what_a_later_version_adds_is_skipped_and_what_is_absent_is_nothing() {
    let answer = json!({"code": "510722", "online": null, "mood": "good", "links": [
        {"link": "inbox", "up": true, "backlog": {"express": {"messages": 3}}}
    ]});
    let station: StationStatus = serde_json::from_value(answer).unwrap();
    assert_eq!((station.online, station.backlog(), station.oldest_ms()), (None, 0, None));
    let unheard = StationStatus::unheard("510722".parse().unwrap());
    let text = serde_json::to_string(&unheard).unwrap();
    assert_eq!(
        text,
        r#"{"code":"510722","online":null,"version":"","links":[],"accepted":0,"delivered":0}"#
    );
}

#[test]
fn a_status_on_the_wire_stays_small() {
    let mut station = StationStatus::unheard("510722.101.002".parse().unwrap());
    let mut up =
        LinkStatus { link: "up".into(), up: true, rtt_ms: Some(152), backlog: <_>::default() };
    *up.backlog.get_mut(Lane::Routine) = LaneBacklog { messages: 1042, oldest_ms: Some(60_000) };
    station.links.push(up);
    let bytes = rmp_serde::to_vec_named(&station).unwrap();
    assert!(bytes.len() < 160, "{}", bytes.len());
    assert_eq!(rmp_serde::from_slice::<StationStatus>(&bytes).unwrap(), station);
}

#[test]
fn precedences_are_words_for_people() {
    let happening = json!({
        "at": "2026-11-23T08:30:00.120+08:00", "event": "delivered", "station": "510722",
        "id": "510722.101.002-b7k2qf-f1", "kind": "incident.report", "origin": "510722.101.002",
        "to": "up", "precedence": "flash"
    });
    let read: Happening = serde_json::from_value(happening.clone()).unwrap();
    assert_eq!(read.precedence, Lane::Flash);
    assert_eq!(serde_json::to_value(read).unwrap(), happening);
}
