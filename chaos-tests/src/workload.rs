//! What publishers hand in: the same draft for the same key, however often they ask.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use yizhan_core::draft::{Draft, Known};
use yizhan_core::record::PublisherKey;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::{Kind, Lane, Selector};

use crate::plan::Plan;

/// The draft of one key at one host (0 the parent, 1 the child), and the host that it is for.
pub fn draft(plan: &Plan, host: usize, key: u64) -> Option<(Draft, usize)> {
    let mut dice = SmallRng::seed_from_u64(plan.seed ^ (key + 1).wrapping_mul(0x9e37_79b9));
    let report = host == 1 && dice.random_bool(0.9);
    let (kind, to, target) =
        if report { ("incident.report", "up", 0) } else { ("directive.issue", "510722.101", 1) };
    let payload = Bytes::from(vec![b'x'; dice.random_range(10..2000)]);
    let body = Digest::of(&payload);
    let perishable = dice.random_bool(plan.perishable);
    let draft = Draft {
        kind: Kind::parse(kind).ok()?,
        to: Some(Selector::parse(to).ok()?),
        precedence: Lane::ALL.choose(&mut dice).copied(),
        ttl_ms: perishable.then(|| dice.random_range(50..20_000)),
        payload,
        content_type: None,
        severity: None,
        traceparent: None,
        ce_id: None,
        ce_source: None,
        ce_time: None,
        ce_extensions: BTreeMap::new(),
        key: Some(PublisherKey { scope: "sim".into(), key: key.to_string(), body }),
        known: Known::default(),
    };
    Some((draft, target))
}
