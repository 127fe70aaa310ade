//! A connection without credentials, as the demo's bus lets it in, is an application and no more.

use async_nats::{ConnectOptions, Event as Happening};
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::inbox::holds_exactly;
use chaos_tests::real::county::Plan;
use chaos_tests::real::place::Place;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::SOON;

const COUNTY: &str = "510722";
const VILLAGE: &str = "510722.101";

/// A connection, and what the server complains about on it.
async fn stranger(station: &Place) -> (async_nats::Client, mpsc::UnboundedReceiver<String>) {
    let (told, complaints) = mpsc::unbounded_channel();
    let options = ConnectOptions::new().event_callback(move |happening| {
        if let Happening::ServerError(error) = happening {
            let _ = told.send(error.to_string());
        }
        std::future::ready(())
    });
    (options.connect(&station.bus).await.unwrap(), complaints)
}

#[tokio::test]
async fn a_stranger_can_neither_write_into_inboxes_and_links_nor_read_what_is_not_for_it() {
    let county = Plan::of(&[COUNTY, VILLAGE]).start().await;
    let place = county.station(COUNTY);
    let (nats, mut complaints) = stranger(place).await;
    for subject in [
        "yz.inbox.incident.report.510722",
        "yz.up.510722.101",
        "yz.down.510722.101",
        "yz.status.510722.101",
        "yz.query.510722.101",
        "$JS.API.STREAM.DELETE.YZ_INBOX",
        "$JS.API.STREAM.PURGE.YZ_INBOX",
        "$JS.API.STREAM.CREATE.MINE",
        "anything.else",
    ] {
        nats.publish(subject, "forged".into()).await.unwrap();
        let complaint = tokio::time::timeout(SOON, complaints.recv()).await.unwrap().unwrap();
        let wanted = format!("permissions violation for publish to \"{}\"", subject.to_lowercase());
        assert!(complaint.to_lowercase().contains(&wanted), "{subject}: {complaint}");
    }
    for subject in [">", "yz.>", "yz.up.>", "yz.down.510722.101", "yz.inbox.>", "yz.submit.>"] {
        let mut heard = nats.subscribe(subject).await.unwrap();
        let complaint = tokio::time::timeout(SOON, complaints.recv()).await.unwrap().unwrap();
        let wanted = format!("permissions violation for subscription to \"{subject}\"");
        assert!(complaint.to_lowercase().contains(&wanted), "{subject}: {complaint}");
        // refused, so that nothing is there to be heard while a message is accepted
        let id = accepted(&publish(&nats, &Event::directive(1, COUNTY).keyed("one")).await);
        assert!(futures::poll!(heard.next()).is_pending(), "{subject}");
        holds_exactly(place, [&id]).await;
    }
}

#[tokio::test]
async fn a_bus_that_is_not_open_turns_a_stranger_away() {
    // the settings of a test end with [http]; another [bus] would be there twice
    let county = Plan::of(&[COUNTY, VILLAGE]).laid_out();
    let file = county.station(COUNTY).dir.join("yizhan.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, settings.replace("demo_open = true\n", "")).unwrap();
    let mut county = county;
    county.stations.values_mut().for_each(chaos_tests::real::station::Station::start);
    for station in county.stations.values_mut() {
        station.ready().await;
    }
    let refused = async_nats::connect(&county.station(COUNTY).bus).await.unwrap_err();
    assert!(refused.to_string().contains("authorization violation"), "{refused}");
    let village = connect(county.station(VILLAGE)).await;
    let answer = publish(&village, &Event::report(1)).await;
    assert_eq!(answer["status"], "accepted", "{answer}");
}
