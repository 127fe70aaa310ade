//! The checker: a fresh process that opens what a cut left, and says what is there.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use yizhan::spool::key_files::every_key;
use yizhan::spool::keys::Limits;
use yizhan::spool::log::scan;
use yizhan::spool::{Keys, Log, Opened, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_schemas::Lane;

use crate::message::Kept;
use crate::writer::key_use;
use crate::{Fault, Spool};

/// Faults said of one image.
const WRONG_MAX: usize = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    spool: Spool,
}

/// What a data directory holds. What is wrong or lost should be 0 or empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Holds {
    /// Messages 1 to this were taken; what is owed of them is there, intact and in order.
    pub(crate) messages: u64,
    /// What is wrong.
    pub(crate) wrong: Vec<String>,
    /// Segments in use.
    pub(crate) segments: u64,
    /// True if an unfinished last commit was cut off.
    pub(crate) torn: bool,
    /// The index vouches for the keys through this ordinal.
    pub(crate) keys_through: u64,
    /// Keys that it vouches for and does not have.
    pub(crate) keys_lost: u64,
    /// Keys that only the key files have.
    pub(crate) keys_in_files: u64,
    /// True if the index did not open.
    pub(crate) keys_set_aside: bool,
    /// How long the log took to open, milliseconds.
    pub(crate) open_ms: u64,
}

/// Prints [`Holds`]; fails if the spool does not open.
pub(crate) fn check(args: &Args) -> Result<(), Fault> {
    let spool = &args.spool;
    let mut holds = Holds::default();
    let begun = Instant::now();
    let (mut kept, mut fold) = (Kept::default(), Ok(()));
    let Opened { log, report } = Log::open(&spool.data, spool.options(), &mut |record| {
        if fold.is_ok() {
            fold = kept.apply(&record);
        }
    })?;
    fold?;
    holds.open_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    holds.torn = report.torn.is_some();
    let damage = report.damage.iter().map(|damage| format!("damage: {damage:?}"));
    holds.wrong.extend(damage);
    holds.messages = kept.messages;
    let due = due(&kept)?;
    check_records(spool, &due, &mut holds)?;
    check_legs(&log, &kept, &due, &mut holds)?;
    check_every_key(spool, &due, &mut holds)?;
    check_keys(spool, &mut holds)?;
    holds.wrong.truncate(WRONG_MAX);
    println!("{}", serde_json::to_string(&holds)?);
    Ok(())
}

/// All messages that were taken, in order, as they were handed in.
fn due(kept: &Kept) -> Result<Vec<Put>, Fault> {
    let mut again = Kept::default();
    let mut due = Vec::new();
    for _ in 0..kept.messages {
        if let Record::Put(put) = again.next()? {
            due.push(put);
        }
    }
    if again.legs != kept.legs {
        return Err(format!("legs are {:?}, not {:?}", kept.legs, again.legs).into());
    }
    Ok(due)
}

/// All records must be messages that were handed in; puts without a hole, up to the last.
fn check_records(spool: &Spool, due: &[Put], holds: &mut Holds) -> Result<(), Fault> {
    let (mut wrong, mut last) = (Vec::new(), None);
    let mut compare = |record: Record| -> Result<(), Fault> {
        let (put, again) = match record {
            // what a snapshot says must be what came before it
            Record::Snapshot(_) => {
                let mut said = Kept::default();
                said.apply(&record)?;
                if last.is_some_and(|last| last != said.messages) {
                    wrong.push(format!("a snapshot says {} messages, not {last:?}", said.messages));
                }
                last = Some(said.messages);
                return Ok(());
            }
            Record::Put(put) => (put, false),
            Record::Reappended(put) => (put, true),
            _ => return Ok(()),
        };
        let number = put.envelope.header().sequence;
        let whole = usize::try_from(number - 1).ok().and_then(|at| due.get(at));
        let good = whole.is_some_and(|whole| match again {
            false => *whole == put,
            true => {
                let legs = put.legs.iter().all(|leg| whole.legs.contains(leg));
                legs && Put { legs: whole.legs.clone(), ..put } == *whole
            }
        });
        if !good {
            wrong.push(format!("message {number} is not what was handed in"));
        }
        if !again {
            if last.is_some_and(|last| last + 1 != number) {
                wrong.push(format!("message {number} comes behind {last:?}"));
            }
            last = Some(number);
        }
        Ok(())
    };
    let mut failed = Ok(());
    let report = scan(&spool.data, &mut |found| {
        if failed.is_ok() {
            failed = compare(found.record);
        }
    })?;
    failed?;
    if last.is_some_and(|last| last != holds.messages) {
        wrong.push(format!("the visit gave {} messages, the log ends at {last:?}", holds.messages));
    }
    holds.wrong.append(&mut wrong);
    holds.segments = report.segments.len() as u64;
    Ok(())
}

/// Every leg that is owed must be readable, and every one that is read must be true.
fn check_legs(log: &Log, kept: &Kept, due: &[Put], holds: &mut Holds) -> Result<(), Fault> {
    let mut legs: BTreeMap<(Link, Lane), Vec<&Put>> = BTreeMap::new();
    for put in due {
        for leg in &put.legs {
            let lane = leg.link.numbered_lane(put.envelope.header().lane);
            legs.entry((leg.link.clone(), lane)).or_default().push(put);
        }
    }
    for ((link, lane), puts) in &legs {
        let owed = kept.acked.get(&(link.clone(), *lane)).map_or(1, |acked| acked + 1);
        let wrong = &mut holds.wrong;
        let next = log.reader().legs(link, *lane, 1, puts.len() as u64, &mut |reading| {
            let good = match &reading {
                Reading::Leg(leg) => usize::try_from(leg.sequence - 1)
                    .ok()
                    .and_then(|at| puts.get(at))
                    .is_some_and(|put| put.envelope.bytes() == &leg.envelope_bytes),
                Reading::Gap { through, .. } => *through < owed,
            };
            if !good && wrong.len() < WRONG_MAX {
                wrong.push(format!("{} {lane}, owed from {owed}: {reading:?}", link.word()));
            }
            true
        })?;
        if next != puts.len() as u64 + 1 && owed <= puts.len() as u64 {
            wrong.push(format!("{} {lane} has legs to {next}, not {}", link.word(), puts.len()));
        }
    }
    Ok(())
}

/// Every key ever taken must be in the key files or the log.
fn check_every_key(spool: &Spool, due: &[Put], holds: &mut Holds) -> Result<(), Fault> {
    let (mut at, mut strange) = (0, 0);
    let found = every_key(&spool.data, &mut |one| {
        let put = due.get(at);
        at += 1;
        let mine = put.and_then(|put| key_use(&Record::Put(put.clone())));
        strange += u64::from(mine != Some(one));
    })?;
    holds.keys_in_files = found.in_files;
    if at != due.len() || strange > 0 {
        holds.wrong.push(format!("of {} keys {at} found, {strange} strange", due.len()));
    }
    Ok(())
}

/// The index may be behind the log, but what it vouches for must be there, and be true.
fn check_keys(spool: &Spool, holds: &mut Holds) -> Result<(), Fault> {
    let (keys, report) = Keys::open(&spool.data, Limits::default())?;
    holds.keys_through = report.through;
    holds.keys_set_aside = report.set_aside.is_some();
    if report.through > holds.messages {
        let (index, log) = (report.through, holds.messages);
        holds.wrong.push(format!("the index has {index} keys, the log only {log}"));
    }
    let mut due = Kept::default();
    for _ in 0..report.through.min(holds.messages) {
        let Some(used) = key_use(&due.next()?) else { continue };
        let known = keys.look(&used.key)?.message;
        if known != Some((used.message, used.key.body)) {
            holds.keys_lost += 1;
        }
    }
    Ok(())
}
