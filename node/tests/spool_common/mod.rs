//! What the spool's tests share: messages, a small log, and ways to harm its files.
// each test binary uses its own part of this
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;
use yizhan::spool::log::{Damage, Found, Harm, scan};
use yizhan::spool::{HeldLeg, LegReader, Log, Opened, Options, Reading, Report};
use yizhan_core::input::Span;
use yizhan_core::link::Link;
use yizhan_core::record::{Cursor, Leg, PublisherKey, Put, Record};
use yizhan_core::time::BootId;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Selector};

/// A segment of the smallest size, so that few records fill it.
pub(crate) const SMALL: Options = Options { segment_bytes: 4096 };

pub(crate) fn down(code: &str) -> Link {
    Link::Down(Code::parse(code).unwrap())
}

/// Hands out dense leg sequences.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    messages: u64,
    legs: BTreeMap<(Link, Lane), u64>,
}

impl Sender {
    /// A message with one leg to each link.
    pub(crate) fn put(&mut self, lane: Lane, links: &[Link], payload: &[u8]) -> Record {
        self.messages += 1;
        let header = Header::plain(
            MessageId {
                origin: Code::parse("510722.101").unwrap(),
                epoch: Epoch::from_random(7),
                lane,
                sequence: self.messages,
            },
            "incident.report".parse::<Kind>().unwrap(),
            "up".parse::<Selector>().unwrap(),
            1_770_000_000_000 + self.messages,
        );
        let legs = links.iter().map(|link| {
            let next = self.legs.entry((link.clone(), link.numbered_lane(lane))).or_default();
            *next += 1;
            Leg { link: link.clone(), sequence: *next, chain: chain(*next) }
        });
        Record::Put(Put {
            envelope: Envelope::make(header, payload).unwrap(),
            via: None,
            age_ms: self.messages,
            age_unknown: false,
            hops: 1,
            boot: BootId(3),
            taken_boot_ms: 1000 + self.messages,
            taken_wall_ms: 1_770_000_000_000 + self.messages,
            legs: legs.collect(),
            key: None,
            late: false,
            targets: Vec::new(),
            under: None,
            opens: false,
        })
    }

    /// A message with one routine leg to the parent.
    pub(crate) fn up(&mut self, payload: &[u8]) -> Record {
        self.put(Lane::Routine, &[Link::Up], payload)
    }

    /// The same with a publisher's key.
    pub(crate) fn keyed(&mut self, payload: &[u8]) -> Record {
        let mut record = self.up(payload);
        if let Record::Put(put) = &mut record {
            let (scope, key) = ("grid".to_owned(), format!("k{}", self.messages));
            put.key = Some(PublisherKey { scope, key, body: Digest::of(payload) });
        }
        record
    }
}

/// Any eight bytes do for a chain here.
pub(crate) fn chain(sequence: u64) -> Chain {
    Chain(sequence.to_be_bytes())
}

pub(crate) fn handed_over(through: u64) -> Record {
    Record::HandedOver(Cursor { link: Link::Up, lane: Lane::Routine, through })
}

pub(crate) fn again(record: &Record) -> Record {
    match record {
        Record::Put(put) => Record::Reappended(put.clone()),
        other => panic!("not a put: {other:?}"),
    }
}

pub(crate) fn snapshot(text: &str) -> Record {
    Record::Snapshot(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn data() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Opens a log and returns it with what it visited.
pub(crate) fn open(data: &Path, options: Options) -> (Log, Report, Vec<Record>) {
    let mut visited = Vec::new();
    let Opened { log, report } =
        Log::open(data, options, &mut |record| visited.push(record)).unwrap();
    (log, report, visited)
}

/// Appends records as one commit, durably.
pub(crate) fn append(log: &mut Log, records: &[Record]) {
    log.append(records).unwrap();
    log.sync().unwrap();
}

/// Appends each record as a commit of its own, durably.
pub(crate) fn append_each(log: &mut Log, records: &[Record]) {
    for record in records {
        append(log, std::slice::from_ref(record));
    }
}

/// A log with these records, each a commit, closed again.
pub(crate) fn written(data: &Path, options: Options, records: &[Record]) {
    let (mut log, _, _) = open(data, options);
    append_each(&mut log, records);
}

/// All records in a log's files.
pub(crate) fn all(data: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    scan(data, &mut |one| found.push(one)).unwrap();
    found
}

pub(crate) fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("spool")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    paths.sort();
    paths
}

/// Changes a file's bytes.
pub(crate) fn harm(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// Gives an intact segment another format version, and a checksum to match.
pub(crate) fn with_version(segment: &Path, version: u8) {
    harm(segment, |bytes| {
        bytes[8] = version;
        let crc = crc32c::crc32c(&bytes[..60]).to_le_bytes();
        bytes[60..64].copy_from_slice(&crc);
    });
}

pub(crate) fn flip(file: &Path, offset: usize) {
    harm(file, |bytes| bytes[offset] ^= 0x10);
}

/// All that a reader has to say.
pub(crate) fn legs(
    reader: &LegReader,
    link: &Link,
    lane: Lane,
    from: u64,
    through: u64,
) -> (Vec<Reading>, u64) {
    let mut said = Vec::new();
    let next = reader
        .legs(link, lane, from, through, &mut |reading| {
            said.push(reading);
            true
        })
        .unwrap();
    (said, next)
}

/// What a reader has to say of legs all of which are there.
pub(crate) fn whole_legs(
    reader: &LegReader,
    link: &Link,
    lane: Lane,
    from: u64,
    through: u64,
) -> Vec<HeldLeg> {
    let (said, next) = legs(reader, link, lane, from, through);
    assert_eq!(next, through + 1);
    let leg = |reading| match reading {
        Reading::Leg(leg) => leg,
        Reading::Gap { from, through } => panic!("gap {from}..={through}"),
    };
    said.into_iter().map(leg).collect()
}

pub(crate) fn sequences(said: &[Reading]) -> Vec<(u64, u64, bool)> {
    said.iter()
        .map(|reading| match reading {
            Reading::Leg(leg) => (leg.sequence, leg.sequence, true),
            Reading::Gap { from, through } => (*from, *through, false),
        })
        .collect()
}

pub(crate) fn envelope_of(record: &Record) -> &Bytes {
    match record {
        Record::Put(put) | Record::Reappended(put) => put.envelope.bytes(),
        other => panic!("not a put: {other:?}"),
    }
}

/// Thirty messages up, each a commit of its own, over several small segments.
pub(crate) fn thirty(data: &Path) -> Vec<Record> {
    let mut sender = Sender::default();
    let records: Vec<_> = (0..30).map(|n| sender.up(&[n; 300])).collect();
    written(data, SMALL, &records);
    records
}

/// The commits that damage took.
pub(crate) fn commits(damage: &Damage) -> (u64, u64) {
    match damage.harm {
        Harm::Commits { first, last } => (first, last),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn up_span(from: u64, through: u64) -> Span {
    let (link, lane, chain) = (Link::Up, Lane::Routine, chain(through));
    Span { link, lane, from, through, chain, only_from: from }
}

/// Thirty messages up in several small segments, the log open.
pub(crate) fn thirty_open(data: &Path) -> (Log, Vec<Record>) {
    let records = thirty(data);
    (open(data, SMALL).0, records)
}

/// How many messages the oldest segment holds.
pub(crate) fn in_oldest(data: &Path) -> usize {
    let oldest = segments(data)[0].clone();
    all(data).iter().filter(|one| one.file == oldest).count()
}

pub(crate) fn number_of(segment: &Path) -> u64 {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

pub(crate) fn put_of(record: &Record) -> &Put {
    match record {
        Record::Put(put) | Record::Reappended(put) => put,
        other => panic!("not a put: {other:?}"),
    }
}

pub(crate) fn sequences_of(puts: &[Put]) -> Vec<u64> {
    puts.iter().flat_map(|put| put.legs.iter().map(|leg| leg.sequence)).collect()
}
