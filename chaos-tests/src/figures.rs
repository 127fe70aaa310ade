//! [`Figures`]: what happened in stories, added up.

use std::fmt;

/// Counts over one story or many.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Stories.
    pub seeds: u64,
    /// Virtual time, microseconds.
    pub virtual_us: u64,
    /// Stations started, restarts included.
    pub starts: u64,
    /// Messages accepted.
    pub accepted: u64,
    /// Found in an inbox that they were for.
    pub delivered: u64,
    /// Refused where they came, or waiting there: steps of incidents and cases.
    pub kept_out: u64,
    /// Not delivered as they were too old.
    pub expired: u64,
    /// That only a lost or regressed store had.
    pub excused: u64,
    /// Frames put on the network.
    pub frames: u64,
    /// Process crashes.
    pub crashes: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Processes not scheduled for a while.
    pub pauses: u64,
    /// Link outages.
    pub partitions: u64,
    /// Wall clocks set.
    pub jumps: u64,
    /// Stores lost or put back.
    pub stores: u64,
    /// Commits.
    pub commits: u64,
    /// Commits that did not fit on the disk.
    pub full_disks: u64,
    /// Times that a publisher was told there is no room.
    pub refusals: u64,
    /// Frames in which somebody altered a message.
    pub tampered: u64,
    /// Frames of bulk before which the modem's queue was judged.
    pub queues: u64,
}

impl Figures {
    /// Adds those of another story.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.virtual_us += other.virtual_us;
        self.starts += other.starts;
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.kept_out += other.kept_out;
        self.expired += other.expired;
        self.excused += other.excused;
        self.frames += other.frames;
        self.crashes += other.crashes;
        self.power_cuts += other.power_cuts;
        self.failed_syncs += other.failed_syncs;
        self.pauses += other.pauses;
        self.partitions += other.partitions;
        self.jumps += other.jumps;
        self.stores += other.stores;
        self.commits += other.commits;
        self.full_disks += other.full_disks;
        self.refusals += other.refusals;
        self.tampered += other.tampered;
        self.queues += other.queues;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds, {:.1} simulated hours, {} station starts, {} frames, {} commits",
            self.seeds,
            self.virtual_us as f64 / 3.6e9,
            self.starts,
            self.frames,
            self.commits
        )?;
        writeln!(
            f,
            "{} messages accepted; of their targets {} delivered, {} refused as steps or waiting, \
             {} expired, {} lost with the \
             only store that had them or with what somebody altered",
            self.accepted, self.delivered, self.kept_out, self.expired, self.excused
        )?;
        write!(
            f,
            "{} crashes, {} power cuts, {} failed syncs, {} pauses, {} partitions, {} clock jumps, \
             {} stores lost or put back, {} disks full, {} submissions refused for want of room, \
             {} frames altered; {} looks at a modem's queue",
            self.crashes,
            self.power_cuts,
            self.failed_syncs,
            self.pauses,
            self.partitions,
            self.jumps,
            self.stores,
            self.full_disks,
            self.refusals,
            self.tampered,
            self.queues
        )
    }
}
