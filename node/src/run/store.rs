//! [`Store`]: what is on the disk, recovered; and the spool as driver and links see it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use yizhan_core::fill::LegSource;
use yizhan_core::kept::Kept;
use yizhan_core::record::Record;
use yizhan_core::station::Fresh;
use yizhan_core::step::{Spool, Writes};
use yizhan_topology::Topology;

use super::home::Home;
use super::{RunError, fresh};
use crate::config::Config;
use crate::driver::{CommitLog, ReclaimOrder, Usage, UsageLook};
use crate::spool::{self, Follower, KeyFiles, Keys, Log, Reclaimer, SpoolError, key_files};

/// Keys given to the index at one go while it is rebuilt.
const REBUILD_BATCH: usize = 4096;

/// What is on the disk, recovered.
pub(super) struct Store {
    pub(super) log: Option<OpenLog>,
    pub(super) keys: Option<Keys>,
    pub(super) look: spool::KeyLook,
    pub(super) legs: Arc<dyn LegSource>,
    pub(super) kept: Option<Kept>,
    /// Ordinal of the last key that the index was given.
    pub(super) keyed: u64,
    pub(super) fresh: Fresh,
}

/// The custody log, and what it may take.
pub(super) struct OpenLog {
    pub(super) log: Log,
    pub(super) max_bytes: u64,
    segment_bytes: u64,
    key_files: KeyFiles,
}

impl OpenLog {
    /// What the writer commits to, and what gives the room of old segments back when all
    /// `followers` are behind them.
    pub(super) fn split(
        self,
        reclaim: SyncSender<ReclaimOrder>,
        followers: Vec<Follower>,
    ) -> (CustodyLog, Reclaimer) {
        let Self { log, max_bytes, segment_bytes, key_files } = self;
        let reclaimer = log.reclaimer(followers).keeping(key_files);
        let (gauge, segment) = (log.gauge(max_bytes), log.newest_segment());
        (CustodyLog { log, gauge, segment_bytes, reclaim, segment, moved: false }, reclaimer)
    }
}

impl Store {
    /// The tree of the topology file with the root's changes of keys that were taken before.
    pub(super) fn believed(&self, file: &Arc<Topology>) -> Arc<Topology> {
        let amendment = self.kept.as_ref().map(|kept| &kept.amendment);
        amendment.map_or_else(|| Arc::clone(file), |amendment| amendment.over(file))
    }

    pub(super) fn open(config: &Config, home: &Home) -> Result<Self, RunError> {
        let mut kept = Kept::default();
        let mut unread = None;
        let options = spool::Options { segment_bytes: config.spool.segment_bytes };
        let opened = Log::open(&home.dir, options, &mut |record| {
            if let Err(fault) = kept.apply(&record) {
                unread.get_or_insert(fault);
            }
        })?;
        if let Some(fault) = unread {
            return Err(fault.into());
        }
        report(&opened.report);
        let keys = open_keys(config, home, &kept, &opened.report)?;
        let reader = opened.log.reader();
        let held_bytes = opened.log.held_bytes();
        let free_bytes = reader.volume_free_bytes()?;
        Ok(Self {
            legs: Arc::new(reader),
            log: Some(OpenLog {
                log: opened.log,
                max_bytes: config.spool.max_bytes.of(free_bytes.saturating_add(held_bytes)),
                segment_bytes: config.spool.segment_bytes,
                key_files: KeyFiles::open(&home.dir, key_limits(config))?,
            }),
            keyed: kept.keys.taken(),
            look: keys.looker(),
            keys: Some(keys),
            kept: Some(kept),
            fresh: fresh::draw().map_err(RunError::Runtime)?,
        })
    }
}

fn report(report: &spool::Report) {
    tracing::info!(
        event = "recovered",
        records = report.records,
        commits = report.last_commit,
        "the custody log is open"
    );
    if let Some(torn) = &report.torn {
        tracing::warn!(event = "torn_tail", ?torn, "an unfinished commit was cut off");
    }
    for damage in &report.damage {
        tracing::error!(event = "damage", ?damage, "part of the custody log cannot be read");
    }
}

/// Opens the index and brings it up to the log, so that no key is in neither place.
///
/// An index that lacks keys which the core no longer holds, or that counts keys which the log no
/// longer has (damage, a restored copy), is made anew from the log.
fn open_keys(
    config: &Config,
    home: &Home,
    kept: &Kept,
    log: &spool::Report,
) -> Result<Keys, RunError> {
    let limits = key_limits(config);
    let (mut keys, report) = Keys::open(&home.dir, limits)?;
    if let Some((dir, why)) = &report.set_aside {
        let dir = dir.display();
        tracing::error!(event = "index_set_aside", %dir, why, "the index is rebuilt from the log");
    }
    let (has, taken) = (report.through, kept.keys.taken());
    let lost_commits =
        |damage: &spool::log::Damage| matches!(damage.harm, spool::log::Harm::Commits { .. });
    if has > taken || log.damage.iter().any(lost_commits) {
        drop(keys);
        Keys::set_aside(&home.dir)?;
        tracing::error!(event = "index_set_aside", has, taken, "the index is rebuilt from the log");
        keys = Keys::open(&home.dir, limits)?.0;
        rebuild(&mut keys, &home.dir, taken)?;
    } else if has < kept.keys.indexed_through() {
        rebuild(&mut keys, &home.dir, taken)?;
    }
    let newer: Vec<_> = kept.keys.newer_than(keys.applied()).map(key_use).collect();
    keys.apply(&newer)?;
    keys.sync()?;
    Ok(keys)
}

fn key_limits(config: &Config) -> spool::keys::Limits {
    spool::keys::Limits {
        window_ms: u64::try_from(config.ingest.dedup_window.as_millis()).unwrap_or(u64::MAX),
        keys_max: config.ingest.dedup_max_keys,
    }
}

fn key_use(recent: yizhan_core::keys::Recent<'_>) -> spool::KeyUse {
    spool::KeyUse {
        ordinal: recent.ordinal,
        key: recent.key,
        message: recent.message.clone(),
        wall_ms: crate::clock::now().wall_ms,
    }
}

/// Reads every key of key files and log into the index, numbered so that the last one is `taken`:
/// where damage took some, the others must not be counted short.
fn rebuild(keys: &mut Keys, data: &Path, taken: u64) -> Result<(), RunError> {
    let found = key_files::every_key(data, &mut |_| {})?;
    let count = found.in_files + found.in_log;
    let mut surplus = count.saturating_sub(taken);
    let mut ordinal = taken.saturating_sub(count);
    let mut batch = Vec::new();
    let mut outcome = Ok(());
    key_files::every_key(data, &mut |one| {
        if surplus > 0 {
            surplus -= 1;
            return;
        }
        ordinal += 1;
        batch.push(spool::KeyUse { ordinal, ..one });
        if batch.len() >= REBUILD_BATCH && outcome.is_ok() {
            outcome = keys.apply(&std::mem::take(&mut batch));
        }
    })?;
    outcome?;
    keys.apply(&batch)?;
    tracing::warn!(
        event = "index_rebuilt",
        from_key_files = found.in_files,
        from_log = found.in_log,
        damaged_bytes = found.damaged_bytes,
        older_forgotten = taken.saturating_sub(count),
        "the index of publishers' keys was made anew: a retry of what is older is a new message"
    );
    Ok(())
}

/// The custody log as the driver commits to it.
pub(super) struct CustodyLog {
    log: Log,
    gauge: spool::Gauge,
    segment_bytes: u64,
    reclaim: SyncSender<ReclaimOrder>,
    /// What the reclaiming thread was told of last.
    segment: u64,
    /// Legs are now in another segment than before.
    moved: bool,
}

impl Spool for CustodyLog {
    type Error = SpoolError;

    fn write(&mut self, writes: &Writes) -> Result<(), SpoolError> {
        let [Record::Snapshot(snapshot)] = writes.records() else {
            let moved = |record: &Record| matches!(record, Record::Reappended(_));
            self.moved |= writes.records().iter().any(moved);
            return self.log.append(writes.records());
        };
        match self.log.append_snapshot(snapshot.clone()) {
            // a snapshot says nothing that the log does not say already
            Err(fault @ SpoolError::Full { .. }) => {
                tracing::warn!(event = "no_snapshot", %fault, "opening will read more");
                Ok(())
            }
            other => other,
        }
    }

    fn sync(&mut self) -> Result<(), SpoolError> {
        self.log.sync()?;
        let rolled = self.segment != self.log.newest_segment();
        self.segment = self.log.newest_segment();
        let moved = std::mem::take(&mut self.moved).then_some(ReclaimOrder::Moved);
        if let Some(order) = moved.or(rolled.then_some(ReclaimOrder::Rolled)) {
            // the thread looks after whatever else is in a full queue
            let _ = self.reclaim.try_send(order);
        }
        Ok(())
    }
}

impl CommitLog for CustodyLog {
    fn wants_snapshot(&self) -> bool {
        self.log.wants_snapshot()
    }

    fn last_commit(&self) -> u64 {
        self.log.last_commit()
    }

    fn step_bytes_max(&self) -> u64 {
        spool::log::step_bytes_max(self.segment_bytes)
    }

    fn usage(&self) -> UsageLook {
        let gauge = self.gauge.clone();
        Box::new(move || {
            let spool::Room { held_bytes, max_bytes } = gauge.read();
            Usage { held_bytes, max_bytes }
        })
    }
}
