//! What the spool costs on the disk of the directory for temporary files: a commit with its
//! fdatasync by the number of its records, and reading legs back to send them on.

#![allow(missing_docs, reason = "criterion's macros make items of their own")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on is none")]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use yizhan::spool::{Log, Opened, Options, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::{Leg, Put, Record};
use yizhan_core::time::BootId;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Selector};

/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 400;
/// Records of a commit: one publisher alone, a busy link, a full mailbox.
const RECORDS: [u64; 3] = [1, 64, 1024];
/// Legs that wait to be read back.
const HELD: u64 = 16 * 1024;
/// Legs of one read: a frame on a wide link.
const READ: u64 = 64;
/// A log that has grown to this is set aside for a new one, bytes: this is no test of the disk's size.
const HELD_BYTES_MAX: u64 = 512 * 1024 * 1024;
const LANE: Lane = Lane::Routine;

/// The log is the second: it is let go of after its directory is gone, which it does not mind.
fn open() -> (TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let Opened { log, .. } = Log::open(dir.path(), Options::default(), &mut |_| {}).unwrap();
    (dir, log)
}

/// A report of a village, on its way up.
fn put(sequence: u64) -> Record {
    let id = MessageId {
        origin: Code::parse("510722.101.002").unwrap(),
        epoch: Epoch::parse("b7k2qf").unwrap(),
        lane: LANE,
        sequence,
    };
    let (kind, to) = (Kind::parse("incident.report").unwrap(), Selector::parse("up").unwrap());
    let header = Header::plain(id, kind, to, 1_795_393_800_000);
    let leg = Leg { link: Link::Up, sequence, chain: Chain(sequence.to_be_bytes()) };
    Record::Put(Put {
        envelope: Envelope::make(header, &[b'x'; PAYLOAD_BYTES]).unwrap(),
        via: None,
        age_ms: 0,
        age_unknown: false,
        hops: 0,
        boot: BootId(1),
        taken_boot_ms: 86_400_000,
        taken_wall_ms: 1_795_393_800_000,
        legs: vec![leg],
        key: None,
        late: false,
        targets: Vec::new(),
        under: None,
        opens: false,
    })
}

fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("spool commit and fdatasync, 400 B");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for records in RECORDS {
        group.throughput(Throughput::Elements(records));
        group.bench_function(BenchmarkId::from_parameter(records), |b| {
            let (mut opened, mut next) = (open(), 1);
            b.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    if opened.1.held_bytes() > HELD_BYTES_MAX {
                        (opened, next) = (open(), 1);
                    }
                    let (_dir, log) = &mut opened;
                    let batch: Vec<_> = (next..next + records).map(put).collect();
                    next += records;
                    let began = Instant::now();
                    log.append(&batch).unwrap();
                    log.sync().unwrap();
                    took += began.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

fn legs(c: &mut Criterion) {
    let mut group = c.benchmark_group("spool legs read back, 400 B");
    let (_dir, mut log) = open();
    let all: Vec<_> = (1..=HELD).map(put).collect();
    for some in all.chunks(1024) {
        log.append(some).unwrap();
        log.sync().unwrap();
    }
    let reader = log.reader();
    let (mut from, starts) = (1, HELD / READ);
    group.throughput(Throughput::Elements(READ));
    group.bench_function(BenchmarkId::from_parameter(READ), |b| {
        b.iter(|| {
            let (mut found, through) = (0, from + READ - 1);
            let each = &mut |reading| {
                found += u64::from(matches!(reading, Reading::Leg(_)));
                true
            };
            reader.legs(&Link::Up, LANE, from, through, each).unwrap();
            assert_eq!(found, READ);
            // elsewhere the next time: a backlog is read once
            from = (from / READ + 97) % starts * READ + 1;
        });
    });
    group.finish();
}

criterion_group!(benches, commits, legs);
criterion_main!(benches);
