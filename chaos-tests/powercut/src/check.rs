//! The checker: a fresh process that opens what a cut left, and says what is there.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use yizhan::spool::keys::Limits;
use yizhan::spool::log::scan;
use yizhan::spool::{Keys, Log, Opened, Reading};
use yizhan_core::record::Record;

use crate::message::Kept;
use crate::writer::key_use;
use crate::{Fault, Spool};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    spool: Spool,
}

/// What a data directory holds. Everything but `messages`, `segments`, `torn`, `keys_through` and
/// `open_ms` should be 0 or empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Holds {
    /// Messages 1 to this are there, each once, intact and in order.
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
    let expected = check_records(spool, &mut holds)?;
    if kept != expected {
        holds.wrong.push(format!("the visit gave {kept:?}, the log's records give {expected:?}"));
    }
    check_legs(&log, &expected, &mut holds)?;
    check_keys(spool, &mut holds)?;
    holds.wrong.truncate(10);
    println!("{}", serde_json::to_string(&holds)?);
    Ok(())
}

/// All records must be the first messages there are, in order. Returns what they add up to.
fn check_records(spool: &Spool, holds: &mut Holds) -> Result<Kept, Fault> {
    let (mut expected, mut wrong) = (Kept::default(), Vec::new());
    let mut compare = |record: Record| -> Result<(), Fault> {
        let due = match &record {
            // what a snapshot says must be what came before it
            Record::Snapshot(_) => Record::Snapshot(expected.snapshot()?),
            _ => expected.next()?,
        };
        if record != due {
            wrong.push(format!("message {} is not what was handed in", expected.messages));
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
    holds.wrong.append(&mut wrong);
    holds.segments = report.segments.len() as u64;
    holds.messages = expected.messages;
    Ok(expected)
}

/// Every leg must be readable, from the first to the last.
fn check_legs(log: &Log, expected: &Kept, holds: &mut Holds) -> Result<(), Fault> {
    for ((link, lane), last) in &expected.legs {
        let mut due = 1;
        log.reader().legs(link, *lane, 1, u64::MAX, &mut |reading| {
            due = match reading {
                Reading::Leg(leg) if leg.sequence == due => due + 1,
                other => {
                    holds.wrong.push(format!("leg {due} of {}: {other:?}", link.word()));
                    return false;
                }
            };
            true
        })?;
        if due != last + 1 {
            holds.wrong.push(format!("{} {lane} has legs to {due}, not {last}", link.word()));
        }
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
