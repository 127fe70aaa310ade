//! What a decision costs: a batch of 64 records that arrive at a township and go on, and one
//! message that a publisher hands in at a village. Timed is what the driver does for it on the
//! loop: `handle` and `close`; the disk is a pretend one and is not timed.

#![allow(missing_docs, reason = "criterion's macros make items of their own")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark, as a test, fails")]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/station/bench.rs"]
mod bench;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/station/chain.rs"]
mod chain;

use std::time::{Duration, Instant};

use bytes::Bytes;
use chain::Chain;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use yizhan_core::effect::Effect;
use yizhan_core::input::Input;
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_core::seal::{Checked, NoKeys};
use yizhan_core::step::{Steps, commit_through};
use yizhan_schemas::Lane;
use yizhan_schemas::frame::{self, Body, Carried, SessionTag};

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];
const TOWNSHIP: usize = 1;
const VILLAGE: usize = 2;
/// Records of a batch.
const RECORDS: u64 = 64;
/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 400;
/// The pretend logs keep so many records: what is sent or asked for again is among them.
const LOG_RECORDS_MAX: usize = 4_096;

fn submitted(ticket: u64) -> Input {
    let mut input = bench::submitted(ticket, "incident.report", "up", None);
    if let Input::Submitted { draft, .. } = &mut input {
        draft.payload = Bytes::from_static(&[b'x'; PAYLOAD_BYTES]);
    }
    input
}

/// What a station decides on one input, timed; then it is durable, and what it says is given back.
fn timed(chain: &mut Chain, at: usize, steps: &mut Steps, input: Input) -> (Duration, Vec<Effect>) {
    let bench = &mut chain.benches[at];
    let mut step = steps.begin();
    let began = Instant::now();
    bench.station.handle(bench.now, input, &mut step);
    let (writes, pending) = bench.station.close(bench.now, step);
    let took = began.elapsed();
    let Ok(durable) = commit_through(&mut bench.log, &writes);
    (took, pending.release(&durable).unwrap())
}

/// The chain goes on by itself until nobody has more to say, and forgets what is long past.
fn settle(chain: &mut Chain, at: usize, said: Vec<Effect>) {
    chain.said(at, said);
    chain.wait_ms(50);
    chain.heard.clear();
    chain.notices.clear();
    for bench in &mut chain.benches {
        let past = bench.log.0.len().saturating_sub(LOG_RECORDS_MAX);
        bench.log.0.drain(..past);
    }
}

/// The session in which the village sends: that of its first message.
fn session(chain: &mut Chain) -> SessionTag {
    let said = chain.benches[VILLAGE].tell(submitted(0));
    let send = said.iter().find_map(|effect| match effect {
        Effect::Send(send) if send.link == Link::Up => Some(send.session),
        _ => None,
    });
    settle(chain, VILLAGE, said);
    send.unwrap()
}

/// A batch of messages that the village has just taken, and what else it said then.
fn batch(chain: &mut Chain, session: SessionTag, ticket: &mut u64) -> (Input, Vec<Effect>) {
    let village = &mut chain.benches[VILLAGE];
    let before = village.log.0.len();
    let inputs = (0..RECORDS).map(|n| submitted(*ticket + n)).collect();
    *ticket += RECORDS;
    let said = village.tell_all(inputs);
    let puts: Vec<_> = village.log.0[before..]
        .iter()
        .filter_map(|record| if let Record::Put(put) = record { Some(put) } else { None })
        .collect();
    assert_eq!(puts.len() as u64, RECORDS);
    let first = puts[0].legs[0].sequence;
    let carried = puts.iter().map(|put| Carried {
        envelope: put.envelope.bytes().clone(),
        age_ms: 1,
        age_unknown: false,
        hops: 0,
    });
    let records = carried.map(frame::Record::Carried).collect();
    let body = Checked::of(Body { records, seals: Vec::new() }, &NoKeys);
    let (link, sent_ms) = (Link::Down(village.code.clone()), village.now.boot_us / 1_000);
    (Input::Batch { link, session, lane: Lane::Routine, first, sent_ms, body }, said)
}

fn goes_on(said: &[Effect]) -> bool {
    said.iter().any(|effect| matches!(effect, Effect::Send(send) if send.link == Link::Up))
}

fn arrivals(c: &mut Criterion) {
    let mut group = c.benchmark_group("station");
    group.sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500)).throughput(Throughput::Elements(RECORDS));
    group.bench_function("64 records arrive and go on", |b| {
        let (mut chain, mut steps, mut ticket) = (Chain::of(&CODES), Steps::default(), 1);
        chain.wait_ms(500);
        let session = session(&mut chain);
        b.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let (batch, below) = batch(&mut chain, session, &mut ticket);
                let (one, said) = timed(&mut chain, TOWNSHIP, &mut steps, batch);
                assert!(goes_on(&said), "a batch that stays is another thing: {said:?}");
                took += one;
                settle(&mut chain, TOWNSHIP, said);
                // the village sends the same by itself: it is known there, and acknowledged anew
                settle(&mut chain, VILLAGE, below);
            }
            took
        });
    });
    group.finish();
}

fn submissions(c: &mut Criterion) {
    let mut group = c.benchmark_group("station");
    group.sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500)).throughput(Throughput::Elements(1));
    group.bench_function("one submit", |b| {
        let (mut chain, mut steps, mut ticket) = (Chain::of(&CODES), Steps::default(), 0);
        chain.wait_ms(500);
        b.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                ticket += 1;
                let (one, said) = timed(&mut chain, VILLAGE, &mut steps, submitted(ticket));
                took += one;
                settle(&mut chain, VILLAGE, said);
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, arrivals, submissions);
criterion_main!(benches);
