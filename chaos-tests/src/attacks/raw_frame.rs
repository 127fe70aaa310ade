//! Frames made by hand, of what `schemas/README.md` says: so that they can be wrong.
//!
//! None of the library's types is used here. What it would refuse to write, an attacker writes.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};

/// A message as its origin makes it.
#[derive(Serialize)]
struct Envelope<'a> {
    h: Header<'a>,
    p: ByteBuf,
}

/// What is said of a message.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Header<'a> {
    /// Origin.
    pub o: &'a str,
    /// Epoch.
    pub e: &'a str,
    /// Lane.
    pub l: &'a str,
    /// Sequence.
    pub s: u64,
    /// Kind.
    pub k: &'a str,
    /// Whom it is for.
    pub t: &'a str,
    /// Accepted, Unix ms.
    pub a: u64,
}

impl Header<'_> {
    /// The message's id.
    pub fn id(&self) -> String {
        format!("{}-{}-{}{}", self.o, self.e, self.l, self.s)
    }

    /// The bytes of the envelope.
    pub fn envelope(&self, payload: &[u8]) -> Vec<u8> {
        coded(&Envelope { h: *self, p: ByteBuf::from(payload) })
    }
}

/// A record of a batch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// A message.
    Carried {
        /// Milliseconds since it was accepted.
        age_ms: u64,
        /// Links crossed.
        hops: u32,
        /// Its bytes.
        envelope: ByteBuf,
    },
    /// A run of legs that will not come.
    Skip {
        /// The first.
        from: u64,
        /// The last.
        through: u64,
        /// Why.
        reason: &'static str,
        /// Of the sender's history.
        chain: ByteBuf,
    },
}

impl Record {
    /// An envelope on its first link.
    pub fn carried(envelope: &[u8]) -> Self {
        Self::Carried { age_ms: 0, hops: 0, envelope: ByteBuf::from(envelope) }
    }

    /// Legs that will not come.
    pub fn skip(from: u64, through: u64) -> Self {
        Self::Skip { from, through, reason: "expired", chain: ByteBuf::from([0; 8]) }
    }
}

/// Algorithm, key id, leaves, runs, siblings, signature.
pub type Seal = (u8, ByteBuf, u32, Vec<u32>, ByteBuf, ByteBuf);

/// The seal of one message alone, which is the `record`th of its frame: a tree of one is its leaf.
pub fn seal(seed: &str, envelope: &[u8], record: u32) -> Seal {
    let key = nkeys::KeyPair::from_seed(seed).expect("a seed");
    let (_, public) = nkeys::from_public_key(&key.public_key()).expect("its public half");
    let mut signed = b"yizhan-seal-1".to_vec();
    signed.extend(1_u32.to_be_bytes());
    signed.extend(first(16, envelope));
    let signature = key.sign(&signed).expect("a seed signs");
    let id = ByteBuf::from(first(8, &public));
    (1, id, 1, vec![0, record, 1], ByteBuf::new(), ByteBuf::from(signature))
}

#[derive(Serialize)]
struct Body<'a> {
    records: &'a [Record],
    seals: &'a [Seal],
}

/// The body of a batch.
pub fn body(records: &[Record], seals: &[Seal]) -> Vec<u8> {
    coded(&Body { records, seals })
}

/// A batch.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    /// The session.
    pub session: ByteBuf,
    /// The lane.
    pub lane: &'static str,
    /// The first leg.
    pub first: u64,
    /// The sender's clock.
    pub sent_ms: u64,
    /// How the body is packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<Packing>,
    /// What [`body`] makes.
    pub body: ByteBuf,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Packing {
    /// 0 is none.
    pub dictionary: u32,
    /// What it says of its length.
    pub raw_bytes: u32,
}

/// What is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Frame {
    /// Opens a session.
    Hello(Hello),
    /// Completes it.
    Welcome(Welcome),
    /// Records.
    Batch(Batch),
    /// Says what is durable.
    Ack(Ack),
}

/// Says that legs are durable.
#[derive(Debug, Serialize)]
pub struct Ack {
    session: ByteBuf,
    lanes: Vec<LaneAck>,
}

/// In one lane, all through this leg.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LaneAck {
    /// The lane.
    pub lane: &'static str,
    /// The leg.
    pub through: u64,
}

impl Frame {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        coded(self)
    }

    /// Records in the routine lane of a session.
    pub fn records(session: &ByteBuf, first: u64, records: &[Record], seals: &[Seal]) -> Self {
        Self::Batch(Batch {
            session: session.clone(),
            lane: "r",
            first,
            sent_ms: 1,
            packing: None,
            body: ByteBuf::from(body(records, seals)),
        })
    }

    /// An ack in a session.
    pub fn ack(session: &ByteBuf, lane: LaneAck) -> Self {
        Self::Ack(Ack { session: session.clone(), lanes: vec![lane] })
    }
}

/// What of a child's frame it takes to answer it.
#[derive(Debug, Clone, Deserialize)]
pub struct Said {
    /// Either.
    pub hello: Option<Hello>,
    /// Or.
    pub batch: Option<Numbered>,
}

/// Where a batch stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Numbered {
    /// The lane.
    pub lane: String,
    first: u64,
    body: ByteBuf,
}

/// How many records there are.
#[derive(Deserialize)]
struct Records {
    records: Vec<serde::de::IgnoredAny>,
}

impl Numbered {
    /// The last leg, where each record is one; none if its body is packed.
    pub fn through(&self) -> Option<u64> {
        let Records { records } = rmp_serde::from_slice(self.body.get(1..)?).ok()?;
        self.first.checked_add(records.len() as u64)?.checked_sub(1)
    }
}

impl Said {
    /// Reads one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes.get(1..)?).ok()
    }
}

/// A numbering.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinkEpoch {
    /// The sender's.
    pub epoch: String,
    /// Counted within it.
    pub n: u32,
}

/// What a sender offers in a lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    /// The numbering.
    pub link_epoch: LinkEpoch,
    /// Its first leg.
    pub start: u64,
    /// Its history before.
    pub start_chain: ByteBuf,
    /// Its next leg.
    pub next: u64,
}

/// What a receiver has in a lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Have {
    link_epoch: Option<LinkEpoch>,
    expected: u64,
    chain: ByteBuf,
}

/// A child's hello.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    version: u8,
    code: String,
    store: String,
    epoch: String,
    counter: u64,
    boot_ms: u64,
    offers: Vec<Offer>,
    haves: Vec<Have>,
    software: String,
}

/// A parent's answer to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Welcome {
    version: u8,
    code: String,
    store: String,
    epoch: String,
    counter: u64,
    boot_ms: u64,
    offers: Vec<Offer>,
    haves: Vec<Have>,
    software: String,
}

impl Welcome {
    /// That of a store that has nothing yet, and takes the child's numbering as its own.
    pub fn to(hello: &Hello, code: &str, store: &str, epoch: &str) -> Self {
        let have = |offer: &Offer| Have {
            link_epoch: Some(offer.link_epoch.clone()),
            expected: offer.start,
            chain: offer.start_chain.clone(),
        };
        let Hello { version, offers, .. } = Hello::new(code, store, epoch, 1);
        Self {
            version,
            code: code.to_owned(),
            store: store.to_owned(),
            epoch: epoch.to_owned(),
            counter: hello.counter,
            boot_ms: 1,
            offers,
            haves: hello.offers.iter().map(have).collect(),
            software: "not ours".to_owned(),
        }
    }
}

/// Why there is no session.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    /// The word.
    pub reason: String,
}

/// What a hello is answered with.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// Either.
    pub welcome: Option<Welcome>,
    /// Or.
    pub refused: Option<Refused>,
}

impl Answer {
    /// Reads one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes.get(1..)?).ok()
    }
}

impl Hello {
    /// The `counter`th hello of a store that starts its numbering anew each time.
    pub fn new(code: &str, store: &str, epoch: &str, counter: u32) -> Self {
        let offer = Offer {
            link_epoch: LinkEpoch { epoch: epoch.to_owned(), n: counter },
            start: 1,
            start_chain: ByteBuf::from([0; 8]),
            next: 1,
        };
        let have = Have { link_epoch: None, expected: 0, chain: ByteBuf::from([0; 8]) };
        Self {
            version: 2,
            code: code.to_owned(),
            store: store.to_owned(),
            epoch: epoch.to_owned(),
            counter: counter.into(),
            boot_ms: 1,
            offers: vec![offer; 4],
            haves: vec![have; 4],
            software: "not ours".to_owned(),
        }
    }
}

/// The tag of the session that these two open.
pub fn tag(hello: &Hello, welcome: &Welcome) -> ByteBuf {
    let mut hash = Vec::new();
    for text in [&hello.store, &hello.epoch, &welcome.store, &welcome.epoch] {
        hash.extend(text.as_bytes());
    }
    hash.extend(hello.counter.to_be_bytes());
    for offer in hello.offers.iter().chain(&welcome.offers) {
        hash.extend(offer.link_epoch.epoch.as_bytes());
        hash.extend(offer.link_epoch.n.to_be_bytes());
    }
    ByteBuf::from(first(8, &hash))
}

/// The first bytes of the SHA-256.
fn first(bytes: usize, of: &[u8]) -> Vec<u8> {
    Sha256::digest(of).iter().take(bytes).copied().collect()
}

/// A version byte, then MessagePack with names.
pub(super) fn coded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(rmp_serde::to_vec_named(value).expect("it has the shape of MessagePack"));
    bytes
}
