//! The writer: a process that acknowledges until its power goes.
//!
//! It says, one to a line: `S n` messages through n are handed in; `A n` message n is
//! acknowledged; `K n` the index vouches for the keys through ordinal n.

use std::io::Write;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use yizhan::spool::keys::Limits;
use yizhan::spool::log::scan;
use yizhan::spool::{KeyUse, Keys, Log, Opened};
use yizhan_core::record::Record;

use crate::committer::{COMMIT_RECORDS_MAX, Door, commit, gather};
use crate::message::Kept;
use crate::{Fault, Spool};

/// Key uses that may wait for the index.
const USES_MAX: usize = 4096;

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
    let (uses, waiting) = sync_channel(USES_MAX);
    let (door, wishes) = Door::new();
    thread::spawn(move || index(keys, &waiting));
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
        say('S', kept.messages);
        commit(&mut log, &records)?;
        for (number, wish) in (first..).zip(wishes) {
            // the producer waits for it
            let _ = wish.send(number);
        }
        for one in records.iter().filter_map(key_use) {
            // the index may be gone already; custody goes on
            let _ = uses.send(one);
        }
        if log.wants_snapshot() {
            log.append_snapshot(kept.snapshot()?)?;
        }
    }
}

fn say(what: char, number: u64) {
    let mut out = std::io::stdout().lock();
    // whoever reads this may be gone; then nobody counts any more
    let _ = writeln!(out, "{what} {number}").and_then(|()| out.flush());
}

/// The n-th message has the n-th key.
pub(crate) fn key_use(record: &Record) -> Option<KeyUse> {
    let Record::Put(put) = record else { return None };
    let header = put.envelope.header();
    let key = put.key.clone()?;
    let (ordinal, message) = (header.sequence, header.id());
    Some(KeyUse { ordinal, key, message, wall_ms: put.taken_wall_ms })
}

/// The index, with what it lacks taken from the log.
fn caught_up(spool: &Spool) -> Result<Keys, Fault> {
    let (mut keys, report) = Keys::open(&spool.data, Limits::default())?;
    let mut uses = Vec::new();
    scan(&spool.data, &mut |found| {
        let behind = found.key_ordinal.is_some_and(|ordinal| ordinal > report.through);
        uses.extend(key_use(&found.record).filter(|_| behind));
    })?;
    for batch in uses.chunks(COMMIT_RECORDS_MAX) {
        keys.apply(batch)?;
    }
    Ok(keys)
}

fn index(mut keys: Keys, uses: &Receiver<KeyUse>) {
    while let Ok(first) = uses.recv() {
        let mut batch = vec![first];
        batch.extend(uses.try_iter().take(COMMIT_RECORDS_MAX - 1));
        match keys.apply(&batch).and_then(|()| keys.sync()) {
            Ok(through) => say('K', through),
            Err(_) => return,
        }
    }
}
