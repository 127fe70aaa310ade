use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::trace::{SpanId, SpanKind, Status};
use yizhan_core::link::Link;
use yizhan_core::record::Cursor;
use yizhan_schemas::payload::spans::{Batch, Operation, Span};
use yizhan_schemas::query::{Wait, WaitReason};
use yizhan_schemas::{Code, Kind, Lane, MessageId};

use super::context::Context;
use super::glimpse::{Glimpse, Sight, Taken};
use super::otel;
use super::owed::Owed;
use super::ride::Ride;
use super::shelf::{Owned, Shelf};
use super::tracer::Tracer;
use crate::asked::Asked;

const VILLAGE: &str = "510722.101.002";
const TOWN: &str = "510722.101";
const COUNTY: &str = "510722";
const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn id(sequence: u64) -> MessageId {
    format!("{VILLAGE}-b7k2qf-r{sequence}").parse().unwrap()
}

fn tracer(here: &str, acked: u64) -> (Tracer, Arc<Asked>) {
    let asked = Arc::new(Asked::default());
    let tracer = Tracer {
        owed: Owed::of([((Link::Up, Lane::Routine), acked)]),
        version: "1".into(),
        here: code(here),
        parent: code(here).parent(),
        sample: 1.0,
        legs: Arc::<Asked>::clone(&asked),
        waits: Box::new(|_, from_ms, to_ms| {
            vec![Wait { why: WaitReason::LinkDown, ms: to_ms - from_ms }]
        }),
        shelf: Shelf::default(),
    };
    (tracer, asked)
}

fn taken(sequence: u64, via: Option<Link>, traceparent: Option<&str>) -> Sight {
    Sight::Taken(Arc::new(Taken {
        id: id(sequence),
        kind: Kind::parse("incident.report").unwrap(),
        traceparent: traceparent.map(str::to_owned),
        via,
        taken_ms: 1_000,
        legs: vec![(Link::Up, sequence)],
    }))
}

fn over(through: u64) -> Sight {
    Sight::HandedOver(Cursor { link: Link::Up, lane: Lane::Routine, through })
}

fn glimpse(at_ms: u64, sights: Vec<Sight>) -> Glimpse {
    Glimpse { at_ms, batch: 7, sights }
}

/// What two stations on the way say of a message that waited at the first.
fn two_hops(traceparent: Option<&str>) -> (Vec<Span>, Vec<Span>) {
    let (mut village, _) = tracer(VILLAGE, 0);
    let mut below = village.spans(glimpse(1_005, vec![taken(1, None, traceparent)]));
    below.extend(village.spans(glimpse(201_000, vec![over(1)])));
    let via = Some(Link::Down(code(VILLAGE)));
    let (mut town, _) = tracer(TOWN, 0);
    let above = town.spans(glimpse(201_000, vec![taken(1, via, traceparent)]));
    (below, above)
}

#[test]
fn stations_that_never_spoke_of_it_name_the_same_trace_and_each_others_spans() {
    for traceparent in [None, Some(GIVEN)] {
        let (below, above) = two_hops(traceparent);
        let [ingest, commit, sent] = below.as_slice() else { panic!("{below:?}") };
        let [received, _] = above.as_slice() else { panic!("{above:?}") };
        let village = |span| otel::data(span, &code(VILLAGE));
        let (ingest, commit, sent) = (village(ingest), village(commit), village(sent));
        let received = otel::data(received, &code(TOWN));
        let traces = [&ingest, &commit, &sent, &received].map(|data| data.span_context.trace_id());
        assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
        let linked = received.links.iter().map(|link| link.span_context.span_id());
        assert!(linked.clone().any(|span| span == sent.span_context.span_id()));
        let creation = match traceparent {
            Some(_) => SpanId::from_hex("b7ad6b7169203331").unwrap(),
            None => ingest.span_context.span_id(),
        };
        assert!(linked.clone().any(|span| span == creation));
        assert_eq!((received.parent_span_id, sent.parent_span_id), (creation, creation));
        assert_eq!(commit.parent_span_id, ingest.span_context.span_id());
        let publisher = traceparent.map_or(SpanId::INVALID, |_| creation);
        assert_eq!(ingest.parent_span_id, publisher);
        let kinds = [ingest.span_kind, commit.span_kind, sent.span_kind, received.span_kind];
        let client = SpanKind::Client;
        assert_eq!(kinds, [SpanKind::Producer, SpanKind::Internal, client.clone(), client]);
    }
}

#[test]
fn a_long_wait_is_told_and_is_no_long_span() {
    let (below, _) = two_hops(None);
    let sent = &below[2];
    assert_eq!((sent.held_ms, sent.took_ms), (200_000, 60_000));
    let attributes = otel::data(sent, &code(VILLAGE)).attributes;
    let attributes: BTreeMap<_, _> =
        attributes.iter().map(|it| (it.key.as_str(), it.value.to_string())).collect();
    assert_eq!(attributes["yizhan.waited.link_down_ms"], "200000");
    assert_eq!(attributes["messaging.system"], "nats");
    assert_eq!(attributes["messaging.operation.type"], "send");
    assert_eq!(attributes["messaging.destination.name"], format!("yz.up.{VILLAGE}"));
    assert_eq!(attributes["messaging.destination.template"], "yz.up.{child}");
    assert_eq!(attributes["messaging.message.id"], id(1).to_string());
}

#[test]
fn what_is_not_sampled_is_followed_once_it_was_held_for_a_minute_and_no_sooner() {
    let plain = |first, last| Sight::Plain {
        link: Link::Up,
        lane: Lane::Routine,
        first,
        last,
        taken_ms: 1_000 * first,
    };
    let (mut tracer, asked) = tracer(VILLAGE, 0);
    tracer.spans(glimpse(1_000, vec![plain(1, 4), plain(5, 9)]));
    tracer.spans(glimpse(62_000, vec![over(2), over(7)]));
    assert_eq!(*asked.0.lock().unwrap(), [(1, 2), (3, 4)], "legs 5 to 7 were here for 57 s");
}

#[test]
fn legs_of_before_this_opening_are_read_from_the_log() {
    let (mut tracer, asked) = tracer(VILLAGE, 10);
    tracer.spans(glimpse(2_000, vec![taken(15, None, None)]));
    let spans = tracer.spans(glimpse(3_000, vec![over(15)]));
    assert_eq!(*asked.0.lock().unwrap(), [(11, 14)]);
    assert_eq!(spans.len(), 1);
}

#[test]
fn the_share_is_kept_and_publishers_decide_for_their_own() {
    let sampled =
        |share: f64| (1..=4_000).filter(move |n| Context::of(&id(*n), None).is_sampled(share));
    assert_eq!((sampled(0.0).count(), sampled(1.0).count()), (0, 4_000));
    let tenth = sampled(0.1).count();
    assert!((320..480).contains(&tenth), "{tenth} of 4,000");
    let not = GIVEN.replace("-01", "-00");
    assert!(Context::of(&id(1), Some(GIVEN)).is_sampled(0.0));
    assert!(!Context::of(&id(1), Some(&not)).is_sampled(1.0));
}

#[test]
fn a_failure_names_its_station_and_is_an_error() {
    let span = Span {
        op: Operation::Settle,
        peer: Some(code(TOWN)),
        error: Some("expired".to_owned()),
        ..two_hops(None).0[0].clone()
    };
    let data = otel::data(&span, &code(VILLAGE));
    assert_eq!(data.status, Status::error("expired"));
    assert!(data.attributes.iter().any(|it| it.key.as_str() == "error.type"));
}

fn owned(station: &str, sequence: u64) -> Owned {
    let span = Span { id: id(sequence), ..two_hops(None).0[0].clone() };
    Owned { station: code(station), version: "1".into(), span }
}

#[test]
fn a_batch_fits_the_bytes_that_it_may_have_and_nothing_is_left_behind() {
    let shelf = Shelf::default();
    shelf.put((1..=100).map(|n| owned(if n % 2 == 0 { VILLAGE } else { TOWN }, n)));
    let ride = Ride::of(shelf.clone());
    let mut sequences = Vec::new();
    loop {
        let bytes = ride.batch(900);
        if bytes.is_empty() {
            break;
        }
        assert!(bytes.len() <= 900, "{} bytes", bytes.len());
        let spans = Batch::decode(&bytes).unwrap().seen.into_iter().flat_map(|seen| seen.spans);
        sequences.extend(spans.map(|span| span.id.sequence));
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=100).collect::<Vec<_>>());
}

#[test]
fn nobody_speaks_for_a_station_that_is_not_below_it() {
    let (above, here) = (Shelf::default(), Shelf::default());
    above.put([owned(VILLAGE, 1), owned(COUNTY, 2), owned(TOWN, 3)]);
    let batch = Ride::of(above).batch(10_000);
    here.take_in(&code(TOWN), &batch);
    let stations: Vec<_> = here.take(10).iter().map(|it| it.station.to_string()).collect();
    assert_eq!(stations, [TOWN, VILLAGE]);
    here.take_in(&code(TOWN), b"no batch");
    assert!(here.is_empty());
}

#[test]
fn a_full_shelf_lets_the_oldest_go() {
    let shelf = Shelf::default();
    shelf.put((1..=9_000).map(|n| owned(VILLAGE, n)));
    let kept = shelf.take(usize::MAX);
    assert_eq!((kept.len(), kept[0].span.id.sequence), (8_192, 809));
    shelf.put([owned(VILLAGE, 9_001)]);
    shelf.put_back(kept);
    assert_eq!(shelf.take(usize::MAX).last().map(|it| it.span.id.sequence), Some(9_001));
}
