//! [`Matter`]: what a publisher hands in: the same draft for the same key, however often it asks.

mod affair;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use yizhan_core::draft::{Draft, Known};
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::{Kind, Lane, Selector};

use crate::plan::Plan;
use crate::tree::{Tree, Whom};

pub use affair::Deed;
use affair::Script;

/// Messages handed in when everything has settled: a healed tree delivers at once.
pub const ENCORE: u64 = 3;
/// Their time to live, milliseconds, and the longest time that they may take.
const ENCORE_TTL_MS: u64 = 30_000;

/// One message as its publisher has it in mind.
#[derive(Debug, Clone, PartialEq)]
pub struct Matter {
    /// The publisher's key.
    pub key: u64,
    /// The station that it is handed to.
    pub host: usize,
    /// Whom it is for.
    pub whom: Whom,
    /// How urgent it is.
    pub lane: Lane,
    /// Time to live, milliseconds.
    pub ttl_ms: Option<u64>,
    /// Bytes of payload.
    pub bytes: usize,
    /// True if it is a command for a device.
    pub video: bool,
    /// True if its publisher asks again although it was answered.
    pub repeated: bool,
    /// True if it is handed in when everything has settled.
    pub encore: bool,
    /// What it does about an incident or a case, if it does.
    pub deed: Option<Deed>,
    /// What it says, once that is known.
    pub body: Option<Bytes>,
}

impl Matter {
    /// All matters of a plan, by key: those that say nothing of incidents and cases first.
    pub fn all(plan: &Plan, tree: &Tree) -> Vec<Self> {
        let plain = u64::from(plan.work.messages) + ENCORE;
        let mut matters: Vec<Self> = (0..plain).map(|key| Self::of(plan, tree, key)).collect();
        // of dice of their own: what is added here changes no other matter
        let mut dice = SmallRng::seed_from_u64(plan.seed ^ 0xaffa);
        matters.extend(Script::new(tree, &mut dice, plain).write(plan.work.affairs));
        matters
    }

    /// The matter of a key in a plan.
    pub fn of(plan: &Plan, tree: &Tree, key: u64) -> Self {
        let work = &plan.work;
        let mut dice = SmallRng::seed_from_u64(plan.seed ^ (key + 1).wrapping_mul(0x9e37_79b9));
        let encore = key >= u64::from(work.messages);
        let host = match work.burst {
            true => tree.len() - 1,
            false => dice.random_range(0..tree.len()),
        };
        let below = tree.children(host).next().is_some();
        let (down, roll) = (dice.random_bool(work.down), dice.random_range(0..10));
        let whom = if down || (host == 0 && below) {
            sinking(tree, host, roll, &mut dice)
        } else {
            rising(tree, host, roll, &mut dice)
        };
        let urgent = dice.random_range(0.0..1.0);
        let [flash, immediate, priority] = work.lanes;
        let lane = match urgent {
            u if u < flash => Lane::Flash,
            u if u < flash + immediate => Lane::Immediate,
            u if u < flash + immediate + priority => Lane::Priority,
            _ => Lane::Routine,
        };
        let large = dice.random_bool(0.1);
        let most = if large { work.payload_bytes_max } else { work.payload_bytes_max / 8 };
        let perishable = dice.random_bool(work.perishable);
        let ttl_ms = perishable.then(|| dice.random_range(50..work.ttl_ms_max));
        let mut matter = Self {
            key,
            host,
            whom,
            lane,
            ttl_ms: if encore { Some(ENCORE_TTL_MS) } else { ttl_ms },
            bytes: dice.random_range(16..most.max(20)),
            video: false,
            repeated: dice.random_bool(work.repeats) && !encore,
            encore,
            deed: None,
            body: None,
        };
        if work.video > 0.0 && !encore && dice.random_bool(work.video) {
            matter.command(tree, work.ttl_ms_max, &mut dice);
        }
        matter
    }

    /// A command is for a device of one station, and not for ever.
    fn command(&mut self, tree: &Tree, ttl_ms_max: u64, dice: &mut SmallRng) {
        let below: Vec<usize> = tree.resolve(Whom::Subtree(self.host)).into_iter().collect();
        let at = below.get(dice.random_range(0..below.len().max(1))).copied();
        self.whom = Whom::One(at.unwrap_or(self.host));
        self.ttl_ms = Some(dice.random_range(200..ttl_ms_max));
        self.video = true;
    }

    /// The body: begins with the key, so that whoever reads it knows which matter it is.
    pub fn payload(&self) -> Bytes {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut body = format!("{{\"key\":{}}}", self.key).into_bytes();
        let fill = u8::try_from(self.key % 26).unwrap_or(0) + b'a';
        body.resize(self.bytes.max(body.len()), fill);
        Bytes::from(body)
    }

    /// The key at the head of a body.
    pub fn key_of(payload: &[u8]) -> Option<u64> {
        let rest = payload.strip_prefix(b"{\"key\":")?;
        let end = rest.iter().position(|byte| matches!(byte, b'}' | b','))?;
        std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
    }

    /// What the station gets; `known` is the word of its index.
    pub fn draft(&self, tree: &Tree, known: Known) -> Option<Draft> {
        let kind = match self.whom {
            _ if self.deed.is_some() => self.deed.as_ref()?.kind,
            _ if self.video => "video.dispatch",
            Whom::Up | Whom::UpTo(_) => "incident.report",
            _ => "directive.issue",
        };
        let payload = self.payload();
        let body = Digest::of(&payload);
        Some(Draft {
            // an application goes where its case leads
            to: match kind {
                "case.apply" => None,
                _ => Some(Selector::parse(&tree.text(self.whom)).ok()?),
            },
            precedence: Some(self.lane),
            ttl_ms: self.ttl_ms,
            key: Some(PublisherKey { scope: "sim".into(), key: self.key.to_string(), body }),
            known,
            ..Draft::plain(Kind::parse(kind).ok()?, payload)
        })
    }
}

fn rising(tree: &Tree, host: usize, roll: u32, dice: &mut SmallRng) -> Whom {
    if roll < 6 {
        return Whom::Up;
    }
    let above: Vec<usize> = tree.upwards(host).collect();
    above.get(dice.random_range(0..above.len())).map_or(Whom::Up, |at| Whom::UpTo(*at))
}

fn sinking(tree: &Tree, host: usize, roll: u32, dice: &mut SmallRng) -> Whom {
    let subtree: Vec<usize> = tree.resolve(Whom::Subtree(host)).into_iter().collect();
    let top = subtree.get(dice.random_range(0..subtree.len())).copied().unwrap_or(host);
    let whom = match roll {
        0..3 => Whom::One(top),
        3..6 => Whom::Subtree(host),
        6..8 => Whom::Children(top),
        _ => Whom::Tier(tree.depth(top), host),
    };
    // whom nobody answers to is refused: not this story
    if tree.resolve(whom).is_empty() { Whom::One(top) } else { whom }
}
