//! Spans of real stations at a real collector: the root's, as no other station has one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chaos_tests::bench::modem::{Mode, Modem, Shape};
use chaos_tests::real::collector::{Collector, Span};
use chaos_tests::real::county::{County, Plan};
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::{SOON, until};
use serde_json::json;

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";
const VILLAGE: &str = "510722.101.002";
/// A publisher's own context.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PUBLISHER: &str = "b7ad6b7169203331";

/// A county whose root has the collector, with a modem between village and township.
async fn county(protocol: &str, collector: &str, sample: &str) -> (County, Modem) {
    let modem = Modem::start().unwrap();
    let mut plan = Plan::of(&[COUNTY, TOWN, VILLAGE])
        .dialled_at(TOWN, modem.port())
        .with_env(COUNTY, "YIZHAN__TELEMETRY__OTLP_ENDPOINT", collector)
        .with_env(COUNTY, "YIZHAN__TELEMETRY__OTLP_PROTOCOL", protocol);
    for code in [COUNTY, TOWN, VILLAGE] {
        plan = plan.with_env(code, "YIZHAN__TELEMETRY__SAMPLE", sample);
    }
    let county = plan.start().await;
    let bus = county.station(TOWN).bus.replace("nats://", "");
    modem.towards(bus.parse().unwrap());
    until(SOON, "the village has a session, and hears that spans are collected", || async {
        let heard = county.station(VILLAGE).metric("yizhan_spans_wanted", "").await;
        heard.filter(|wanted| *wanted > 0.0)
    })
    .await;
    (county, modem)
}

/// The spans of one trace, once it has so many.
async fn trace(collector: &Collector, trace: &str, count: usize) -> Vec<Span> {
    until(SOON, "the collector has the trace", || async {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == trace);
        (spans.len() >= count).then_some(spans)
    })
    .await
}

fn at<'a>(spans: &'a [Span], station: &str, name: &str) -> &'a Span {
    let is = |span: &&Span| span.attribute("yizhan.station") == station && span.name == name;
    spans.iter().find(is).unwrap_or_else(|| panic!("no {name} of {station} in {spans:#?}"))
}

/// A report that its publisher traces, from a village that is cut off for so long.
async fn a_traced_report(protocol: &str, dark: Duration) {
    let collector = Collector::start().await;
    let url = if protocol == "grpc" { collector.grpc() } else { collector.http() };
    let (county, modem) = county(protocol, &url, "0.1").await;
    modem.set(Mode::Refuse);
    let nats = connect(county.station(VILLAGE)).await;
    let parent = format!("00-{TRACE}-{PUBLISHER}-01");
    let id = accepted(&publish(&nats, &Event::report(1).with("traceparent", &parent)).await);
    tokio::time::sleep(dark).await;
    modem.set(Mode::Pass);
    // ingest and commit; then send, receive and commit, twice; and the delivery
    let spans = trace(&collector, TRACE, 9).await;
    let stations: BTreeSet<_> = spans.iter().map(|span| span.attribute("yizhan.tier")).collect();
    assert_eq!(stations, ["county", "township", "village"].into());
    assert!(spans.iter().all(|span| span.attribute("messaging.message.id") == id));
    let ingest = at(&spans, VILLAGE, "ingest");
    assert_eq!((ingest.parent.as_str(), ingest.kind.as_str()), (PUBLISHER, "SPAN_KIND_PRODUCER"));
    for (station, below) in [(TOWN, VILLAGE), (COUNTY, TOWN)] {
        let (sent, received) =
            (at(&spans, below, "link.send"), at(&spans, station, "link.receive"));
        assert!(received.links.contains(&sent.id), "{received:#?}");
        assert!(received.links.contains(&PUBLISHER.to_owned()), "{received:#?}");
        assert_eq!(received.kind, "SPAN_KIND_CLIENT");
        assert_eq!(received.attribute("messaging.destination.template"), "yz.up.{child}");
    }
    let held_ms: u128 =
        at(&spans, VILLAGE, "link.send").attribute("yizhan.held_ms").parse().unwrap();
    assert!(held_ms >= dark.as_millis(), "held {held_ms} ms");
    assert_eq!(at(&spans, COUNTY, "deliver").attribute("messaging.system"), "nats");
}

#[tokio::test]
async fn one_trace_covers_three_tiers_though_the_village_was_cut_off() {
    a_traced_report("http/protobuf", Duration::from_secs(2)).await;
}

#[tokio::test]
#[ignore = "takes more than a minute: make test-long"]
async fn one_trace_covers_three_tiers_though_the_village_was_cut_off_for_a_minute() {
    a_traced_report("grpc", Duration::from_secs(62)).await;
}

#[tokio::test]
async fn by_grpc_as_well_flash_and_failures_are_followed_whatever_the_sample() {
    let collector = Collector::start().await;
    let (county, _modem) = county("grpc", &collector.grpc(), "0").await;
    let nats = connect(county.station(VILLAGE)).await;
    let plain = accepted(&publish(&nats, &Event::report(1)).await);
    let flash = Event::report(2).with("Yz-Precedence", "flash");
    let flash = accepted(&publish(&nats, &flash).await);
    let command = json!({"device_id": "51072210001320000001", "command": "snapshot"});
    let command = Event::new("video.dispatch", &command).with("Yz-To", VILLAGE);
    let command = accepted(&publish(&connect(county.station(COUNTY)).await, &command).await);
    until(SOON, "the collector has what failed, and flash", || async {
        let spans = collector.spans();
        let of = |id: &str, name: &str| {
            spans
                .iter()
                .any(|span| span.attribute("messaging.message.id") == id && span.name == name)
        };
        let failed = spans.iter().find(|span| span.attribute("error.type") == "rejected")?;
        assert_eq!(failed.attribute("messaging.message.id"), command);
        assert!(!of(&plain, "ingest"), "nobody asked for this one");
        (of(&flash, "ingest") && of(&flash, "deliver")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_away_gets_the_spans_when_it_is_back_and_nobody_waits_for_it() {
    let away = Modem::start().unwrap();
    away.set(Mode::Refuse);
    let (county, _modem) =
        county("http/protobuf", &format!("http://127.0.0.1:{}", away.port()), "1").await;
    let nats = connect(county.station(VILLAGE)).await;
    let id = accepted(&publish(&nats, &Event::report(1)).await);
    crate::inbox::holds_exactly(county.station(COUNTY), std::slice::from_ref(&id)).await;
    until(SOON, "the root was refused", || async {
        let failed = county.station(COUNTY).metric("yizhan_spans_export_failures_total", "").await;
        failed.filter(|failures| *failures > 0.0)
    })
    .await;
    let collector = Collector::start().await;
    away.towards(collector.http().replace("http://", "").parse().unwrap());
    away.set(Mode::Pass);
    until(SOON, "the spans of the report are there", || async {
        let spans = collector.spans();
        let of = |span: &&Span| span.attribute("messaging.message.id") == id;
        (spans.iter().filter(of).count() >= 9).then_some(())
    })
    .await;
}

/// `telemetry.link_share` as it is by default.
const SHARE: f64 = 0.05;
/// One batch may be on its way besides; on a thin line they are as short as its frames.
const BATCH_BYTES: f64 = 4_096.0;
/// Enough reports for spans that a line without a share would carry in a second or two.
const REPORTS: usize = 80;

/// A bound from above: on a slower machine it all takes longer, and the share is smaller.
#[tokio::test]
async fn the_spans_of_a_village_that_was_cut_off_take_no_more_than_their_share_of_the_line() {
    let collector = Collector::start().await;
    let (county, modem) = county("http/protobuf", &collector.http(), "1").await;
    modem.set(Mode::Refuse);
    let shape = Shape::of_kbit(512.0, Duration::from_millis(20));
    modem.shape(shape);
    let nats = connect(county.station(VILLAGE)).await;
    let mut ids = Vec::new();
    for number in 0..REPORTS {
        ids.push(accepted(&publish(&nats, &Event::report(number)).await));
    }
    let healed = Instant::now();
    modem.set(Mode::Pass);
    crate::inbox::holds_exactly(county.station(COUNTY), &ids).await;
    let of_village = |span: &Span| span.attribute("yizhan.station") == VILLAGE;
    // ingest, commit and send
    let all = REPORTS * 3;
    until(SOON, "the collector has the village's spans", || async {
        (collector.spans().into_iter().filter(of_village).count() >= all).then_some(())
    })
    .await;
    let line_bytes = 512_000.0 / 8.0 * healed.elapsed().as_secs_f64();
    let sent = county.station(VILLAGE).metric("yizhan_spans_sent_up_bytes_total", "").await;
    let sent = sent.unwrap();
    assert!(sent > 2.0 * BATCH_BYTES, "{sent} bytes of spans are too few to tell");
    let most = SHARE * line_bytes + BATCH_BYTES;
    println!("{sent} bytes of spans beside {line_bytes:.0} of the line");
    assert!(sent <= most, "{sent} bytes of spans, of {most:.0} that are theirs");
}
