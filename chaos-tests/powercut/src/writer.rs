//! The writer: a process that acknowledges until its power goes.
//!
//! It says, one to a line: `S n` messages through n are handed in; `A n` message n is
//! acknowledged; `K n` the index vouches for the keys through ordinal n; `D n` segment n is gone;
//! `R n` n messages were carried out of an old segment.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use yizhan::spool::key_files::{self, every_key};
use yizhan::spool::keys::Limits;
use yizhan::spool::{Follower, KeyFiles, KeyUse, Keys, Log, Opened};
use yizhan_core::record::{Put, Record};

use crate::committer::{COMMIT_RECORDS_MAX, Door, commit, gather};
use crate::message::Kept;
use crate::reclaim::Reclaiming;
use crate::{Fault, Spool};

/// Commits whose keys may wait for the index.
const COMMITS_MAX: usize = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    spool: Spool,
    /// Threads that hand in messages, each waiting for its acknowledgement.
    #[arg(long, default_value_t = 16)]
    producers: usize,
}

/// Writes until it fails: the filesystem under it goes away.
pub(crate) fn write(args: &Args) -> Result<(), Fault> {
    let mut kept = Kept::default();
    let mut fold = Ok(());
    let Opened { mut log, .. } =
        Log::open(&args.spool.data, args.spool.options(), &mut |record| {
            if fold.is_ok() {
                fold = kept.apply(&record);
            }
        })?;
    fold?;
    let keys = caught_up(&args.spool)?;
    let key_files = KeyFiles::open(&args.spool.data, Limits::default())?;
    let (uses, waiting) = sync_channel(COMMITS_MAX);
    let (door, wishes) = Door::new();
    let synced = Follower::default();
    let reclaiming = Reclaiming::start(&log, Arc::clone(&synced), key_files);
    thread::spawn(move || index(keys, &waiting, &synced));
    for _ in 0..args.producers {
        let door = door.clone();
        thread::spawn(move || {
            while let Some(number) = door.submit() {
                say('A', number);
            }
        });
    }
    drop(door);
    loop {
        let wishes = gather(&wishes);
        let mut records = Vec::with_capacity(wishes.len());
        let first = kept.messages + 1;
        for _ in &wishes {
            records.push(kept.next()?);
        }
        let some: Vec<_> = records.iter().filter_map(key_use).collect();
        records.extend(kept.hand_over());
        let carried = reclaiming.carried.try_recv().ok();
        records.extend(carried.iter().flat_map(|(puts, _)| again(puts, &kept)));
        say('S', kept.messages);
        commit(&mut log, &records)?;
        for (number, wish) in (first..).zip(wishes) {
            // the producer waits for it
            let _ = wish.send(number);
        }
        // the index may be gone already; custody goes on
        let _ = uses.send((log.last_commit(), some));
        reclaiming.moved(&kept.acked);
        if let Some((puts, told)) = carried {
            say('R', puts.len() as u64);
            let _ = told.send(());
        }
        if log.wants_snapshot() {
            log.append_snapshot(kept.snapshot()?)?;
        }
    }
}

/// What of messages carried out of an old segment is still owed.
fn again<'a>(puts: &'a [Put], kept: &'a Kept) -> impl Iterator<Item = Record> + use<'a> {
    let open = |put: &Put| {
        let mut put = put.clone();
        let lane = put.envelope.header().lane;
        put.legs.retain(|leg| {
            let key = (leg.link.clone(), leg.link.numbered_lane(lane));
            leg.sequence > kept.acked.get(&key).copied().unwrap_or(0)
        });
        (!put.legs.is_empty()).then_some(Record::Reappended(put))
    };
    puts.iter().filter_map(open)
}

pub(crate) fn say(what: char, number: u64) {
    let mut out = std::io::stdout().lock();
    // whoever reads this may be gone; then nobody counts any more
    let _ = writeln!(out, "{what} {number}").and_then(|()| out.flush());
}

/// The n-th message has the n-th key.
pub(crate) fn key_use(record: &Record) -> Option<KeyUse> {
    let Record::Put(put) = record else { return None };
    key_files::key_use(put.envelope.header().sequence, record)
}

/// The index, with what it lacks taken from key files and log.
fn caught_up(spool: &Spool) -> Result<Keys, Fault> {
    let (mut keys, report) = Keys::open(&spool.data, Limits::default())?;
    let mut uses = Vec::new();
    every_key(&spool.data, &mut |one| {
        if one.ordinal > report.through {
            uses.push(one);
        }
    })?;
    for batch in uses.chunks(COMMIT_RECORDS_MAX) {
        keys.apply(batch)?;
    }
    Ok(keys)
}

fn index(mut keys: Keys, commits: &Receiver<(u64, Vec<KeyUse>)>, synced: &Follower) {
    while let Ok((mut commit, mut batch)) = commits.recv() {
        for (later, more) in commits.try_iter() {
            commit = later;
            batch.extend(more);
        }
        match keys.apply(&batch).and_then(|()| keys.sync()) {
            Ok(through) => say('K', through),
            Err(_) => return,
        }
        synced.store(commit, Ordering::SeqCst);
    }
}
