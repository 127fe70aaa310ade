//! Bodies as they cross a link.

use yizhan_schemas::frame::{Body, Carried, Record};
use yizhan_schemas::payload::receipt::{Event, Fold, KIND, Note};
use yizhan_schemas::seal::{Algorithm, KeyId, Run, Seal, Stamp};
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, Outcome, Selector};

use crate::dice::Dice;
use crate::{calls, words};

/// How often the list of real calls is gone through.
const ROUNDS: u64 = 4;
/// Kinds that are made up, with how many bodies of each.
const KINDS: [(&str, u64); 9] = [
    ("incident.report", 300),
    ("incident.update", 120),
    ("directive.issue", 60),
    ("broadcast.issue", 30),
    ("case.open", 60),
    ("case.attempt", 60),
    ("case.apply", 20),
    ("case.close", 20),
    ("video.dispatch", 60),
];
/// Bodies with a fold of receipts.
const FOLDS: u64 = 120;

/// All samples, in an order that a county might see.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let mut dice = Dice(1);
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        real(&mut dice, &mut samples);
    }
    for (kind, bodies) in KINDS {
        for _ in 0..bodies {
            let mut origin = Origin::draw(&mut dice);
            let records = 1 + dice.below(8);
            let body: Vec<_> = (0..records)
                .map(|_| {
                    let about = origin.id();
                    let payload = words::payload(kind, &about, &mut dice).to_string();
                    origin.record(kind, payload.as_bytes(), &mut dice)
                })
                .collect();
            samples.push(bytes(body, &mut dice));
        }
    }
    for _ in 0..FOLDS {
        let mut origin = Origin::draw(&mut dice);
        let fold = fold(&mut dice);
        let record = origin.record(KIND, &fold, &mut dice);
        samples.push(bytes(vec![record], &mut dice));
    }
    samples
}

fn real(dice: &mut Dice, samples: &mut Vec<Vec<u8>>) {
    let calls = calls::reports();
    let mut left: Vec<_> = calls.iter().collect();
    while !left.is_empty() {
        let mut origin = Origin::draw(dice);
        let records = [1, 2, 5, 20, 40][dice.below(5) as usize].min(left.len());
        let body = (0..records).map(|_| {
            let call = left.swap_remove(dice.below(left.len() as u64) as usize);
            origin.record("incident.report", &serde_json::to_vec(call).unwrap(), dice)
        });
        let body = body.collect();
        samples.push(bytes(body, dice));
    }
}

/// A station, and where it is in its life.
struct Origin {
    code: Code,
    epoch: Epoch,
    lane: Lane,
    sequence: u64,
    accepted_ms: u64,
    age_ms: u64,
    hops: u32,
    is_steady: bool,
    has_ids: bool,
}

impl Origin {
    fn draw(dice: &mut Dice) -> Self {
        let (township, village) = (100 + dice.below(34), dice.below(30));
        let code = match dice.below(6) {
            0 => "510722".to_owned(),
            1 => format!("510722.{township}"),
            _ => format!("510722.{township}.{village:03}"),
        };
        Self {
            code: Code::parse(&code).unwrap(),
            epoch: Epoch::from_random(dice.next() as u32),
            lane: *dice.pick(&[
                Lane::Routine,
                Lane::Routine,
                Lane::Routine,
                Lane::Priority,
                Lane::Immediate,
                Lane::Flash,
            ]),
            sequence: 1 + dice.below(100_000) / (1 + dice.below(1000)),
            accepted_ms: 1_780_000_000_000 + dice.below(100_000_000_000),
            age_ms: dice.below(100_000_000) / (1 + dice.below(10_000)),
            hops: dice.below(2) as u32,
            is_steady: dice.below(2) == 0,
            has_ids: dice.below(4) == 0,
        }
    }

    fn id(&self) -> String {
        format!("{}-{}-{}{}", self.code, self.epoch, self.lane.letter(), self.sequence)
    }

    fn record(&mut self, kind: &str, payload: &[u8], dice: &mut Dice) -> Record {
        let up = kind.starts_with("incident") || kind.starts_with("case");
        let to = match kind {
            _ if up => "up",
            KIND => "510722.101",
            "video.dispatch" => "510722.101.002",
            _ => *dice.pick(&[
                "510722.>",
                "510722.*",
                "tag:flood-prone@510722",
                "tier:village@510722",
            ]),
        };
        let header = Header {
            origin: self.code.clone(),
            epoch: self.epoch,
            lane: self.lane,
            sequence: self.sequence,
            kind: Kind::parse(kind).unwrap(),
            to: Selector::parse(to).unwrap(),
            handle: up.then(|| Selector::parse("up:510722").unwrap()),
            notify: (up && self.lane == Lane::Flash)
                .then(|| Selector::parse("510722.101").unwrap()),
            accepted_ms: self.accepted_ms,
            ttl_ms: (kind == "video.dispatch").then_some(30_000),
            content_type: (kind == KIND).then(|| "application/msgpack".to_owned()),
            traceparent: None,
            ce_id: self.has_ids.then(|| format!("2026-{:06}", self.sequence)),
            ce_source: self.has_ids.then(|| format!("/grid/{}", self.sequence % 40)),
            ce_time: None,
            ce_extensions: Default::default(),
            references: Vec::new(),
        };
        let envelope = Envelope::make(header, payload).unwrap().bytes().clone();
        let carried =
            Carried { envelope, age_ms: self.age_ms, age_unknown: false, hops: self.hops };
        self.sequence += 1;
        let later_ms = if self.is_steady { dice.below(600_000) } else { dice.below(3) };
        self.accepted_ms += later_ms;
        self.age_ms = self.age_ms.saturating_sub(later_ms);
        Record::Carried(carried)
    }
}

fn bytes(records: Vec<Record>, dice: &mut Dice) -> Vec<u8> {
    let leaves = records.len() as u32;
    let stamp = Stamp {
        algorithm: Algorithm::Ed25519Sha256,
        key: KeyId(dice.bytes()),
        leaves,
        signature: dice.bytes::<64>().to_vec().into(),
    };
    let runs = vec![Run { leaf: 0, record: 0, count: leaves }];
    let seal = Seal { stamp, runs, siblings: Vec::new() };
    Body { records, seals: vec![seal] }.encode().unwrap().to_vec()
}

fn fold(dice: &mut Dice) -> Vec<u8> {
    let notes = (0..1 + dice.below(4)).map(|_| {
        let origin = Origin::draw(dice);
        let county = Code::parse("510722").unwrap();
        let event = match dice.below(4) {
            0 => Event::Relayed,
            _ => Event::Ended { outcome: Outcome::Delivered, detail: None },
        };
        let from = origin.sequence;
        Note {
            origin: origin.code,
            epoch: origin.epoch,
            lane: origin.lane,
            ranges: vec![(from, from + dice.below(300))],
            stations: vec![county],
            event,
            at_s: origin.accepted_ms / 1000,
        }
    });
    Fold { notes: notes.collect() }.encode().unwrap().to_vec()
}
