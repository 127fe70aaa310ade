//! What neighbours say: hellos, welcomes, batches, acks and beats, each nearly true or not at all.

use yizhan_core::fill::LegSource as _;
use yizhan_core::input::Marks;
use yizhan_core::kept::Kept;
use yizhan_core::link::Link;
use yizhan_core::outbound::Outbound;
use yizhan_schemas::frame::{
    Ack, Beat, Body, Carried, Chain, Have, Hello, LaneAck, Offer, Record, SessionTag, Skip, Welcome,
};
use yizhan_schemas::{Code, Epoch, Lane, MessageId, PerLane, codec};

use super::bench::Bench;
use super::draw::Draw;
use super::driver::Driver;
use super::paper;

/// A child says hello on `link`.
pub(super) fn hello(bench: &Bench, draw: &mut Draw<'_>, link: &Link, code: &Code) -> Hello {
    let known = bench.kept().peers.get(link).and_then(|peer| peer.now);
    let (store, epoch, counter) = match known {
        Some((store, epoch, counter)) => (
            draw.mostly(store, Draw::store),
            draw.mostly(epoch, Draw::epoch),
            draw.near(counter.saturating_add(1)),
        ),
        None => (draw.store(), draw.epoch(), draw.near(1)),
    };
    Hello {
        version: draw.mostly(codec::VERSION, |draw| draw.any() as u8),
        code: draw.mostly(code.clone(), Draw::code),
        formerly: draw.once_in(8).then(|| draw.code()),
        store,
        epoch,
        counter,
        boot: draw.mostly(Some(5), |draw| draw.once_in(2).then(|| draw.any() as u32)),
        boot_ms: draw.near(1_000),
        offers: offers(bench, draw, link),
        haves: haves(bench, draw, link),
        dictionaries: Vec::new(),
        software: "yizhan/0".into(),
    }
}

/// The parent answers a hello, most likely the last one.
pub(super) fn welcome(bench: &Bench, draw: &mut Draw<'_>, code: Code, asked: &Hello) -> Welcome {
    let known = bench.kept().peers.get(&Link::Up).and_then(|peer| peer.now);
    let (store, epoch) = match known {
        Some((store, epoch, _)) => {
            (draw.mostly(store, Draw::store), draw.mostly(epoch, Draw::epoch))
        }
        None => (draw.store(), draw.epoch()),
    };
    Welcome {
        version: draw.mostly(asked.version, |draw| draw.any() as u8),
        code: draw.mostly(code, Draw::code),
        store,
        epoch,
        counter: draw.near(asked.counter),
        boot: draw.mostly(Some(5), |draw| draw.once_in(2).then(|| draw.any() as u32)),
        wall_ms: draw.once_in(2).then(|| draw.near(1_000)),
        boot_ms: draw.near(1_000),
        offers: offers(bench, draw, &Link::Up),
        haves: haves(bench, draw, &Link::Up),
        dictionaries: Vec::new(),
        software: "yizhan/0".into(),
    }
}

/// What our log says of the places that matter; now and then it does not know.
pub(super) fn marks(
    bench: &Bench,
    draw: &mut Draw<'_>,
    link: &Link,
    haves: &PerLane<Have>,
) -> PerLane<Marks> {
    if draw.once_in(16) {
        return PerLane::default();
    }
    PerLane::from_fn(|lane| {
        let acked = bench.kept().outbound(link, lane).map(|owed| owed.acked);
        let before = haves.get(lane).expected.saturating_sub(1);
        Marks {
            expected: bench.held.chain_at(link, lane, before),
            acked: acked.and_then(|acked| bench.held.chain_at(link, lane, acked)),
        }
    })
}

fn offers(bench: &Bench, draw: &mut Draw<'_>, link: &Link) -> PerLane<Offer> {
    let kept = bench.kept();
    PerLane::from_fn(|lane| {
        let known = kept.inbound(link, lane).cloned().unwrap_or_default();
        let fresh = draw.link_epoch();
        let start = draw.near(1);
        Offer {
            link_epoch: draw.mostly(known.link_epoch.unwrap_or(fresh), Draw::link_epoch),
            start,
            start_chain: Chain::default(),
            next: draw.near(known.expected.max(start)),
        }
    })
}

fn haves(bench: &Bench, draw: &mut Draw<'_>, link: &Link) -> PerLane<Have> {
    PerLane::from_fn(|lane| {
        let owed = owed(bench.kept(), link, lane);
        let truth = *draw.one_of(&[owed.acked + 1, owed.next, owed.start]).unwrap_or(&owed.next);
        let expected = draw.near(truth);
        let before = expected.saturating_sub(1);
        let chain = match expected {
            at if at == owed.next => Some(owed.chain),
            at if at == owed.start => Some(owed.start_chain),
            _ => bench.held.chain_at(link, lane, before),
        };
        let link_epoch =
            draw.mostly(owed.link_epoch, |draw| draw.once_in(2).then(|| draw.link_epoch()));
        Have { link_epoch, expected, chain: draw.mostly(chain.unwrap_or_default(), Draw::chain) }
    })
}

fn owed(kept: &Kept, link: &Link, lane: Lane) -> Outbound {
    kept.outbound(link, lane).cloned().unwrap_or_default()
}

/// The tag of the session that stands, of one before, or of none.
pub(super) fn tag(driver: &Driver, draw: &mut Draw<'_>, link: &Link) -> SessionTag {
    let newest = driver.tags.iter().rev().find(|(of, _)| of == link).map(|(_, tag)| *tag);
    let truth = newest.unwrap_or(SessionTag([0; 8]));
    draw.mostly(truth, |draw| draw.one_of(&driver.tags).map_or(SessionTag([7; 8]), |(_, tag)| *tag))
}

/// The records of a batch and the sequence of the first, as the neighbour at `link` numbers them.
pub(super) fn batch(bench: &Bench, draw: &mut Draw<'_>, link: &Link, lane: Lane) -> (u64, Body) {
    let expected = bench.kept().inbound(link, lane).map_or(1, |lane| lane.expected);
    let first = draw.near(expected);
    let mut at = first;
    let mut records = Vec::new();
    for _ in 0..draw.below(6) {
        let record = if draw.once_in(5) {
            let (from, wide) = (draw.near(at), draw.below(4) as u64);
            let through = draw.near(from.saturating_add(wide));
            Record::Skip(Skip { from, through, reason: draw.reason(), chain: draw.chain() })
        } else {
            Record::Carried(carried(bench, draw, link, lane))
        };
        at = at.saturating_add(record.span());
        records.push(record);
    }
    (first, Body { records, seals: Vec::new() })
}

fn carried(bench: &Bench, draw: &mut Draw<'_>, link: &Link, lane: Lane) -> Carried {
    let home = match link {
        Link::Down(child) => child.clone(),
        _ => bench.parent().unwrap_or_else(|| draw.code()),
    };
    let origin = draw.mostly(home, Draw::code);
    let (epoch, sequence) = (bench.kept().epoch, *bench.kept().issued.get(lane));
    let about = MessageId {
        origin: bench.here().clone(),
        epoch: epoch.unwrap_or(Epoch::from_random(0)),
        lane,
        sequence,
    };
    Carried {
        envelope: paper::envelope(draw, origin, lane, &about),
        age_ms: draw.near(10),
        age_unknown: draw.once_in(8),
        hops: draw.near(1) as u32,
    }
}

/// An ack of some lanes.
pub(super) fn ack(bench: &Bench, draw: &mut Draw<'_>, link: &Link, session: SessionTag) -> Ack {
    let mut lanes = Vec::new();
    for _ in 0..=draw.below(4) {
        let lane = draw.lane();
        let owed = owed(bench.kept(), link, lane);
        let truth = *draw.one_of(&[owed.next - 1, owed.acked]).unwrap_or(&owed.acked);
        let through = draw.near(truth);
        let range = |draw: &mut Draw<'_>| (draw.near(through), draw.near(through));
        let beyond = (0..draw.below(4)).map(|_| range(draw)).collect();
        lanes.push(LaneAck { lane, through, gap: draw.once_in(3), full: draw.once_in(3), beyond });
    }
    Ack { session, lanes, echo_ms: draw.once_in(2).then(|| draw.near(bench.now.boot_ms())) }
}

/// A sign of life.
pub(super) fn beat(bench: &Bench, draw: &mut Draw<'_>, session: SessionTag) -> Beat {
    let echo_ms = draw.once_in(2).then(|| draw.near(bench.now.boot_ms()));
    Beat { echo_ms, ..Beat::of(session, draw.near(1_000)) }
}
