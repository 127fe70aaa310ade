//! What the codec costs: an envelope, the body of a batch and its frame, and packing it with the
//! dictionary. Rates are in bytes of what goes in, so that runs can be set side by side.

#![allow(missing_docs, reason = "criterion's macros make items of their own")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on is none")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use yizhan_schemas::frame::{
    BODY_BYTES_MAX, Batch, Body, Carried, Frame, Packing, Record, SessionTag,
};
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Selector, dictionary};
use zstd::bulk::{Compressor, Decompressor};

/// Records of a batch.
const RECORDS: u64 = 64;
/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 400;
/// The level of zstd on links where packing gets some effort.
const LEVEL: i32 = 6;
/// The dictionary that every station has.
const DICTIONARY: u32 = 1;

fn header(sequence: u64) -> Header {
    let id = MessageId {
        origin: Code::parse("510722.101.002").unwrap(),
        epoch: Epoch::parse("b7k2qf").unwrap(),
        lane: Lane::Routine,
        sequence,
    };
    let (kind, to) = (Kind::parse("incident.report").unwrap(), Selector::parse("up").unwrap());
    Header::plain(id, kind, to, 1_795_393_800_000 + sequence)
}

/// A report as villages send them, with as much description as its size asks for.
fn payload(sequence: u64) -> Vec<u8> {
    let head = format!(
        "{{\"category\":\"道路交通\",\"severity\":\"general\",\
         \"occurred_at\":\"2026-11-23T08:30:{:02}+08:00\",\"n\":{sequence},\"description\":\"",
        sequence % 60
    );
    let words = b"two cars met at the crossing of the old west street, nobody is hurt; ";
    let left = PAYLOAD_BYTES - head.len() - 2;
    let mut payload = head.into_bytes();
    payload.extend(words.iter().cycle().take(left));
    payload.extend_from_slice(b"\"}");
    payload
}

fn envelope(sequence: u64) -> Envelope {
    Envelope::make(header(sequence), &payload(sequence)).unwrap()
}

fn body() -> Body {
    let carried = |sequence| Carried {
        envelope: envelope(sequence).bytes().clone(),
        age_ms: 40 + sequence,
        age_unknown: false,
        hops: 1,
    };
    Body { records: (1..=RECORDS).map(carried).map(Record::Carried).collect(), seals: Vec::new() }
}

fn frame(body: Bytes, packing: Option<Packing>) -> Frame {
    let (session, lane) = (SessionTag([7; 8]), Lane::Routine);
    Frame::Batch(Batch { session, lane, first: 1, sent_ms: 86_400_000, packing, body })
}

fn envelopes(c: &mut Criterion) {
    let mut group = c.benchmark_group("envelope of 400 B");
    let (header, payload) = (header(1042), payload(1042));
    let bytes = Envelope::make(header.clone(), &payload).unwrap().bytes().clone();
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("make", |b| {
        b.iter_batched(
            || header.clone(),
            |header| Envelope::make(header, black_box(&payload)).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("read", |b| b.iter(|| Envelope::read(black_box(bytes.clone())).unwrap()));
    group.finish();
}

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch of 64 records of 400 B");
    let body = body();
    let bytes = body.encode().unwrap();
    let frame = frame(bytes.clone(), None);
    let wire = frame.encode().unwrap();
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_function("encode body and frame", |b| {
        b.iter(|| {
            let body = black_box(&body).encode().unwrap();
            self::frame(body, None).encode().unwrap()
        });
    });
    group.bench_function("decode frame and body", |b| {
        b.iter(|| {
            let Frame::Batch(batch) = Frame::decode(black_box(&wire)).unwrap() else {
                unreachable!("it was a batch")
            };
            Body::decode(&batch.body).unwrap()
        });
    });
    group.finish();
}

/// As links pack: `node/src/link/packing.rs`.
fn packing(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch of 64 records of 400 B, zstd with dictionary 1");
    let raw = body().encode().unwrap();
    let dictionary = dictionary::bytes(DICTIONARY).unwrap();
    let mut packer = Compressor::with_dictionary(LEVEL, dictionary).unwrap();
    let mut unpacker = Decompressor::with_dictionary(dictionary).unwrap();
    let packed = packer.compress(&raw).unwrap();
    assert_eq!(unpacker.decompress(&packed, BODY_BYTES_MAX).unwrap(), raw);
    group.throughput(Throughput::Bytes(raw.len() as u64));
    group.bench_function("pack, level 6", |b| {
        b.iter(|| packer.compress(black_box(&raw)).unwrap());
    });
    group.bench_function("unpack", |b| {
        b.iter(|| unpacker.decompress(black_box(&packed), raw.len()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, envelopes, batches, packing);
criterion_main!(benches);
