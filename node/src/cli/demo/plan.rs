//! [`Plan`]: what the demo does when, decided by a seed before it begins.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use yizhan_schemas::payload::directive::{Issue, Requires};
use yizhan_schemas::{Code, Kind};
use yizhan_topology::Topology;

use super::Fault;
use super::calls;

/// Over which the reports are spread, so that the outage falls into their midst.
const SPREAD: Duration = Duration::from_secs(25);
/// How long a township's bus does not answer.
const CUT: Duration = Duration::from_secs(10);
/// When it begins.
const CUT_AT: Duration = Duration::from_secs(10);
/// When the camera gets a command that it can carry out.
const COMMAND_AT: Duration = Duration::from_secs(3);
/// How long after the beginning of the outage it gets one that cannot reach it in time.
const CUT_OFF_AFTER: Duration = Duration::from_secs(2);
/// How long that is good for.
const SHORT_LIVED: Duration = Duration::from_secs(3);
/// The camera, by its GB/T 28181 id.
pub(super) const CAMERA: &str = "51072210001320000001";

/// How a message is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A request on `yz.submit.…`.
    Nats,
    /// `POST /v1/events`.
    Http,
}

/// One message to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Post {
    /// When, from the beginning on.
    pub(super) at: Duration,
    /// At which station.
    pub(super) station: Code,
    /// How.
    pub(super) way: Way,
    /// The publisher's own name for it: `ce-id` and idempotency key.
    pub(super) key: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Whom it is for, where that does not go without saying.
    pub(super) to: Option<String>,
    /// In whose inboxes it has to be, and in no others; of a command: where its device is.
    pub(super) targets: BTreeSet<Code>,
    /// How long it is good for.
    pub(super) ttl: Option<Duration>,
    /// Its body.
    pub(super) payload: Bytes,
}

/// Everything that will be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Reports of the villages, in the order of their times.
    pub(super) reports: Vec<Post>,
    /// Directives of the county.
    pub(super) directives: Vec<Post>,
    /// The village that has a camera; it is one of those that are cut off.
    pub(super) village: Code,
    /// Video commands of the county to that camera: one while all is well, and one that is good
    /// for less time than the village is cut off.
    pub(super) commands: [Post; 2],
    /// The township whose bus is stopped: its villages are cut off.
    pub(super) cut: Code,
    /// When that begins.
    pub(super) cut_at: Duration,
    /// How long it takes.
    pub(super) cut_for: Duration,
    /// The township whose node is killed, another one.
    pub(super) killed: Code,
    /// When.
    pub(super) kill_at: Duration,
}

impl Plan {
    /// The plan of a seed; of all calls, or of the first few.
    pub(super) fn of(seed: u64, topology: &Topology, few: Option<usize>) -> Result<Self, Fault> {
        let mut dice = StdRng::seed_from_u64(seed);
        let root = topology.root();
        let mut townships = topology.children(root).to_vec();
        townships.shuffle(&mut dice);
        let [cut, killed, ..] = townships.as_slice() else { return Err(Fault::Few("townships")) };
        let below = townships.iter().flat_map(|township| topology.children(township));
        let mut villages: Vec<Code> = below.cloned().collect();
        // by code, so that a plan does not depend on how the townships fell
        villages.sort();
        let cut_at = CUT_AT + Duration::from_millis(dice.random_range(0..1000));
        let within = |dice: &mut StdRng| {
            cut_at + Duration::from_millis(dice.random_range(500..CUT.as_millis() as u64 - 1000))
        };
        let kill_at = within(&mut dice);
        let mut times = [within(&mut dice), within(&mut dice), within(&mut dice)];
        times.sort();
        let directives = directives(topology, &townships, &villages, &times, &mut dice)?;
        let reports = reports(root, &villages, few, &mut dice)?;
        let village = topology.children(cut).first().ok_or(Fault::Few("villages"))?.clone();
        let commands = [
            command(root, &village, "open", COMMAND_AT, None)?,
            command(root, &village, "ptz", cut_at + CUT_OFF_AFTER, Some(SHORT_LIVED))?,
        ];
        let (cut, killed) = (cut.clone(), killed.clone());
        let cut_for = CUT;
        Ok(Self { reports, directives, village, commands, cut, cut_at, cut_for, killed, kill_at })
    }
}

fn reports(
    root: &Code,
    villages: &[Code],
    few: Option<usize>,
    dice: &mut StdRng,
) -> Result<Vec<Post>, Fault> {
    let mut calls = calls::reports().map_err(|bad| Fault::Defect(bad.to_string()))?;
    calls.truncate(few.unwrap_or(usize::MAX));
    let count = u32::try_from(calls.len().max(1)).unwrap_or(u32::MAX);
    let kind = Kind::parse("incident.report").map_err(|bad| Fault::Defect(bad.to_string()))?;
    let posts = calls.iter().zip(0..).map(|(call, number): (_, u32)| {
        let village = villages.choose(dice).ok_or(Fault::Few("villages"))?;
        Ok(Post {
            at: SPREAD * number / count,
            station: village.clone(),
            way: if dice.random() { Way::Nats } else { Way::Http },
            key: format!("call-{:04}", number + 1),
            kind: kind.clone(),
            to: None,
            targets: BTreeSet::from([root.clone()]),
            ttl: None,
            payload: json_of(call)?,
        })
    });
    posts.collect()
}

/// To everybody, to one township's villages, to one village. Whom that means is written out here,
/// beside the selectors, and not taken from the code that the stations use.
fn directives(
    topology: &Topology,
    townships: &[Code],
    villages: &[Code],
    times: &[Duration; 3],
    dice: &mut StdRng,
) -> Result<Vec<Post>, Fault> {
    let root = topology.root();
    let township = townships.choose(dice).ok_or(Fault::Few("townships"))?;
    let village = villages.choose(dice).ok_or(Fault::Few("villages"))?;
    let of_township =
        if dice.random() { format!("{township}.*") } else { format!("tier:village@{township}") };
    let all = topology.stations().map(|station| station.code.clone()).collect();
    let its_villages = topology.children(township).iter().cloned().collect();
    let whom: [(String, BTreeSet<Code>, &str); 3] = [
        (format!("{root}.>"), all, "全县防汛四级应急响应"),
        (of_township, its_villages, "沿江低洼地带今夜加密巡查"),
        (village.to_string(), BTreeSet::from([village.clone()]), "核查桥头积水并回报"),
    ];
    let kind = Kind::parse("directive.issue").map_err(|bad| Fault::Defect(bad.to_string()))?;
    let posts = whom.into_iter().zip(times).zip(1..).map(|(((to, targets, title), at), number)| {
        let text = json!({ "demo": number, "to": to }).to_string();
        let issue = Issue::plain(title.to_owned(), text, Requires::Delivered);
        Ok(Post {
            at: *at,
            station: root.clone(),
            way: Way::Nats,
            key: format!("directive-{number}"),
            kind: kind.clone(),
            to: Some(to),
            targets,
            ttl: None,
            payload: json_of(&issue)?,
        })
    });
    posts.collect()
}

fn command(
    root: &Code,
    village: &Code,
    command: &str,
    at: Duration,
    ttl: Option<Duration>,
) -> Result<Post, Fault> {
    Ok(Post {
        at,
        station: root.clone(),
        way: if ttl.is_none() { Way::Nats } else { Way::Http },
        key: format!("command-{command}"),
        kind: Kind::parse("video.dispatch").map_err(|bad| Fault::Defect(bad.to_string()))?,
        to: Some(village.to_string()),
        targets: BTreeSet::from([village.clone()]),
        ttl,
        payload: json_of(&dispatch(command))?,
    })
}

fn dispatch(command: &str) -> serde_json::Value {
    match command {
        "ptz" => json!({ "device_id": CAMERA, "command": command, "params": { "preset": 1 } }),
        _ => json!({ "device_id": CAMERA, "command": command }),
    }
}

fn json_of(payload: &impl serde::Serialize) -> Result<Bytes, Fault> {
    let bytes = serde_json::to_vec(payload).map_err(|bad| Fault::Defect(bad.to_string()))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        let text = super::super::ground::TREE;
        Plan::of(seed, &Topology::read("demo.toml", text).unwrap(), None).unwrap()
    }

    #[test]
    fn a_seed_decides_the_plan() {
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
        let killed: BTreeSet<Code> = (1..9).map(|seed| plan(seed).killed).collect();
        assert_eq!(killed.len(), 2);
    }

    #[test]
    fn reports_come_from_all_villages_about_half_by_each_way_around_the_outage() {
        let plan = plan(1);
        assert_eq!(plan.reports.len(), 2451);
        let by_nats = plan.reports.iter().filter(|post| post.way == Way::Nats).count();
        assert!((1100..1350).contains(&by_nats), "{by_nats}");
        let villages: BTreeSet<&Code> = plan.reports.iter().map(|post| &post.station).collect();
        assert_eq!(villages.len(), 4);
        let keys: BTreeSet<&String> = plan.reports.iter().map(|post| &post.key).collect();
        assert_eq!(keys.len(), 2451);
        let in_cut = |post: &&Post| post.at > plan.cut_at && post.at < plan.cut_at + plan.cut_for;
        assert!(plan.reports.iter().filter(in_cut).count() > 900);
        assert!(plan.reports.iter().any(|post| post.at > plan.cut_at + plan.cut_for));
    }

    #[test]
    fn directives_go_to_all_to_a_townships_villages_and_to_one_while_links_are_cut() {
        for seed in 1..20 {
            let plan = plan(seed);
            let targets: Vec<usize> = plan.directives.iter().map(|it| it.targets.len()).collect();
            assert_eq!(targets, [7, 2, 1]);
            assert_ne!(plan.cut, plan.killed);
            let during = plan.cut_at..plan.cut_at + plan.cut_for;
            assert!(plan.directives.iter().all(|post| during.contains(&post.at)));
            assert!(during.contains(&plan.kill_at));
            let [open, late] = &plan.commands;
            assert!(open.at < plan.cut_at && during.contains(&late.at));
            assert!(late.at + late.ttl.unwrap() < plan.cut_at + plan.cut_for);
            assert!(plan.cut.is_above(&plan.village));
        }
    }
}
