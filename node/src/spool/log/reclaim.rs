//! [`Reclaimer`]: gives the room of old segments back, beside the writer.
//!
//! Promise: a segment goes only when the core wants nothing in it any more, a later segment begins
//! with a synced snapshot, all that is derived from it is surely synced elsewhere, and nothing
//! older is left. A crash at any moment leaves it or not, and either is sound. Nothing here holds
//! a commit up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use yizhan_core::input::{OldSegment, Span};
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record, Under};
use yizhan_core::seal::HeldSeal;
use yizhan_schemas::Lane;

use super::commit::records;
use super::damage::LegRange;
use super::examine::examine;
use super::lanes::{Only, OnlySpan};
use super::packed::Unpacker;
use super::part::{self, SEAL, Seals};
use super::ranges::Ranges;
use super::reader::LegReader;
use super::segment::path_of;
use super::shared::{Extent, Shared};
use crate::spool::disk;
use crate::spool::error::SpoolError;
use crate::spool::key_files::{KeyFiles, key_use};

/// Most bytes of messages that one [`Reclaimer::carry`] gives, beyond its last message.
pub const CARRY_BYTES_MAX: usize = 1024 * 1024;
/// Below this it is not lowered for small segments.
const CARRY_BYTES_MIN: usize = 64 * 1024;
/// What a message costs beside its envelope, roughly.
const PUT_BYTES: usize = 256;

/// Says through which commit of the log something that is derived from it is surely synced.
/// `u64::MAX` lets every segment go.
pub type Follower = Arc<AtomicU64>;

/// Legs asked for: link, lane, first, last.
pub type Asked = (Link, Lane, u64, u64);

/// Messages of an old segment that still owe legs asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried {
    /// In order, each with those legs only.
    pub puts: Vec<Put>,
    /// The seals that they name, by place.
    pub seals: Vec<Arc<HeldSeal>>,
    /// Legs asked for that are there by name and cannot be read back.
    pub unreadable: Vec<LegRange>,
}

impl Carried {
    /// A message's seal among those that go with it.
    fn name(&mut self, under: Under, heads: &Seals) -> Option<Under> {
        let seal = part::seal_of(under, heads)?;
        if !self.seals.last().is_some_and(|last| Arc::ptr_eq(last, &seal)) {
            self.seals.push(seal);
        }
        let place = u32::try_from(self.seals.len() - 1).ok()?;
        Some(Under { seal: place, ..under })
    }
}

/// The number of a segment, and the runs of legs that are nowhere newer.
type Held = (u64, Vec<(Link, Lane, Vec<OnlySpan>)>);

/// Gives the room of old segments back. One for each log.
#[derive(Debug)]
pub struct Reclaimer {
    shared: Arc<Shared>,
    followers: Vec<Follower>,
    /// Segments to be unlinked.
    wanted: BTreeSet<u64>,
    key_files: Option<KeyFiles>,
    /// What [`Reclaimer::news`] said last.
    told: Option<Held>,
}

impl Reclaimer {
    pub(super) fn new(shared: Arc<Shared>, followers: Vec<Follower>) -> Self {
        Self { shared, followers, wanted: BTreeSet::new(), key_files: None, told: None }
    }

    /// With files for the publishers' keys of what goes.
    #[must_use]
    pub fn keeping(mut self, key_files: KeyFiles) -> Self {
        self.key_files = Some(key_files);
        self
    }

    /// The oldest segment that takes no more commits.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the chain of a leg cannot be read.
    pub fn oldest(&self) -> Result<Option<OldSegment>, SpoolError> {
        self.oldest_held().map(|found| self.described(found)).transpose()
    }

    fn oldest_held(&self) -> Option<(u64, Extent, Vec<Only>)> {
        let state = self.shared.read();
        let (number, extent) = state.oldest_closed()?;
        Some((number, extent, state.lanes.only_in(number)))
    }

    /// With the chains, some of which are read from files.
    fn described(
        &self,
        (number, extent, only): (u64, Extent, Vec<Only>),
    ) -> Result<OldSegment, SpoolError> {
        let reader = LegReader::new(Arc::clone(&self.shared));
        let mut spans = Vec::with_capacity(only.len());
        for one in only {
            for OnlySpan { only_from, from, through } in one.spans() {
                let known = one.chain.filter(|_| one.legs.last() == Some(through));
                let chain = match known {
                    Some(chain) => Some(chain),
                    None => reader.chain_at(&one.link, one.lane, through)?,
                };
                // without one (damage), the neighbour's does not match, and the lane begins anew
                let chain = chain.unwrap_or_default();
                let (link, lane) = (one.link.clone(), one.lane);
                spans.push(Span { link, lane, from, through, chain, only_from });
            }
        }
        let (bytes, newest_wall_ms) = (extent.file_bytes, extent.newest_wall_ms);
        Ok(OldSegment { number, bytes, newest_wall_ms, spans })
    }

    /// The oldest segment, if that, or what is nowhere else of it, is not what was said last.
    ///
    /// # Errors
    /// As [`Reclaimer::oldest`].
    pub fn news(&mut self) -> Result<Option<OldSegment>, SpoolError> {
        let Some(found) = self.oldest_held() else { return Ok(None) };
        let (number, _, only) = &found;
        let spans = only.iter().map(|one| (one.link.clone(), one.lane, one.spans()));
        let held = (*number, spans.collect());
        if self.told.as_ref() == Some(&held) {
            return Ok(None);
        }
        let oldest = self.described(found)?;
        self.told = Some(held);
        Ok(Some(oldest))
    }

    /// Lets the next [`Reclaimer::news`] be told whatever was told before.
    pub fn tell_again(&mut self) {
        self.told = None;
    }

    /// The messages of a segment that owe legs asked for, unless those are in a newer segment too.
    /// At most [`CARRY_BYTES_MAX`] and a quarter of a segment: ask again for the rest when these are
    /// appended anew. Nothing while there is no spare: the last room is for what ends messages.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the segment cannot be read.
    pub fn carry(&self, segment: u64, open: &[Asked]) -> Result<Carried, SpoolError> {
        let (mut missing, follower) = {
            let state = self.shared.read();
            (wanted_legs(&state.lanes.only_in(segment), open), state.last_commit_of(segment))
        };
        let mut carried = Carried::default();
        if missing.is_empty() || !self.shared.make_spare()? {
            return Ok(carried);
        }
        let quarter = usize::try_from(self.shared.options.segment_bytes / 4).unwrap_or(usize::MAX);
        let bytes_max = quarter.clamp(CARRY_BYTES_MIN, CARRY_BYTES_MAX);
        let follower = follower.map(|last| last.saturating_add(1));
        let seen = examine(&self.shared.dir, segment, Some(self.shared.store), follower)?;
        let mut bytes = 0;
        let commits = seen.scanned.commits.iter();
        let mut unpacker = Unpacker::default();
        for commit in commits.filter(|commit| commit.kind.has_records()) {
            let unpacked = seen.unpack(commit, &mut unpacker)?;
            let mut heads: Vec<Option<Arc<HeldSeal>>> = Vec::new();
            for record in records(&unpacked, commit) {
                if record.frame.kind == SEAL {
                    heads.push(part::seal(record.body));
                }
                let letter = record.frame.kind;
                if !part::has_legs(letter, true) && !part::has_legs(letter, false) {
                    continue;
                }
                if bytes >= bytes_max {
                    return Ok(carried);
                }
                let decoded = record.decode().map_err(|fault| SpoolError::Unreadable {
                    file: seen.path.clone(),
                    offset: record.offset as u64,
                    fault,
                })?;
                if let Some(mut put) = owing(decoded, &mut missing) {
                    bytes += put.envelope.bytes().len() + PUT_BYTES;
                    put.under = put.under.and_then(|under| carried.name(under, &heads));
                    carried.puts.push(put);
                }
            }
        }
        carried.unreadable = ranges_of(&missing);
        Ok(carried)
    }

    /// Takes the wish that a segment go. It goes in [`Reclaimer::tend`], when it may.
    pub fn discard(&mut self, segment: u64) {
        self.wanted.insert(segment);
    }

    /// True if something waits for what nobody tells this about: come back in a while.
    pub fn waits(&self) -> bool {
        !self.wanted.is_empty() || self.shared.spare().is_none()
    }

    /// Unlinks what is to go and may, and sets a spare segment aside if there is none. Returns the
    /// segments that went.
    ///
    /// # Errors
    /// What could not be done; another call tries again.
    pub fn tend(&mut self) -> Result<Vec<u64>, SpoolError> {
        let mut gone = Vec::new();
        while let Some(segment) = self.next_to_go() {
            self.unlink(segment)?;
            gone.push(segment);
        }
        self.shared.make_spare()?;
        Ok(gone)
    }

    /// The oldest segment, if it is to go and may.
    fn next_to_go(&mut self) -> Option<u64> {
        let state = self.shared.read();
        let (oldest, _) = state.oldest_closed()?;
        // what is older is gone already
        self.wanted = self.wanted.split_off(&oldest);
        let segment = self.wanted.first().copied().filter(|segment| *segment == oldest)?;
        let last = state.last_commit_of(segment)?;
        if self.followers.iter().any(|follower| follower.load(Ordering::SeqCst) < last) {
            return None;
        }
        if state.snapshot.is_some_and(|snapshot| snapshot > segment) {
            return Some(segment);
        }
        // a snapshot is worth its bytes where it gives back as many
        let waiting = self.wanted.iter().filter_map(|segment| state.segments.get(segment));
        let back: u64 = waiting.map(|extent| extent.file_bytes).sum();
        if back >= state.snapshot_bytes {
            self.shared.snapshot_wanted.store(true, Ordering::Relaxed);
        }
        None
    }

    fn unlink(&mut self, segment: u64) -> Result<(), SpoolError> {
        self.keep_keys(segment)?;
        disk::remove(&path_of(&self.shared.dir, segment))?;
        // one at a time, so that none newer can be gone where an older one is back after a crash
        disk::sync_dir(&self.shared.dir)?;
        let mut state = self.shared.write();
        state.segments.remove(&segment);
        state.lanes.forget(segment);
        drop(state);
        self.wanted.remove(&segment);
        Ok(())
    }
}

impl Reclaimer {
    /// Writes the publishers' keys of a segment into the key files.
    fn keep_keys(&mut self, segment: u64) -> Result<(), SpoolError> {
        let extent = self.shared.read().segments.get(&segment).copied();
        let extent = extent.filter(|extent| extent.keys > 0);
        let Some((files, extent)) = self.key_files.as_mut().zip(extent) else { return Ok(()) };
        let mut uses = Vec::new();
        let mut ordinal = extent.keys_before;
        let mut seen = examine(&self.shared.dir, segment, Some(self.shared.store), None)?;
        seen.walk(&mut |_, place, record| {
            if place.note(&record).is_some_and(|note| note.keyed) {
                ordinal += 1;
                uses.extend(key_use(ordinal, &record));
            }
        })?;
        let kept = files.keep(&uses, extent.newest_wall_ms);
        if let Err(SpoolError::Full { .. }) = kept
            && let Some(spare) = self.shared.spare().take()
        {
            // it comes back from what the segment gives
            spare.remove()?;
            files.keep(&uses, extent.newest_wall_ms)?;
        } else {
            kept?;
        }
        files.expire(extent.newest_wall_ms, ordinal)?;
        Ok(())
    }
}

/// What of the legs asked for is in a segment and nowhere newer.
fn wanted_legs(only: &[super::lanes::Only], open: &[Asked]) -> BTreeMap<(Link, Lane), Ranges> {
    let mut asked: BTreeMap<(Link, Lane), Ranges> = BTreeMap::new();
    for (link, lane, from, through) in open {
        let key = (link.clone(), link.numbered_lane(*lane));
        asked.entry(key).or_default().join(&Ranges::one(*from, *through));
    }
    let mut wanted = BTreeMap::new();
    for one in only {
        let key = (one.link.clone(), one.lane);
        let Some(mut legs) = asked.remove(&key) else { continue };
        legs.keep(&one.legs);
        if !legs.is_empty() {
            wanted.insert(key, legs);
        }
    }
    wanted
}

/// The message in a record with those of its legs that are missing; from then on they are not.
fn owing(record: Record, missing: &mut BTreeMap<(Link, Lane), Ranges>) -> Option<Put> {
    let (Record::Put(mut put) | Record::Reappended(mut put) | Record::Resumed(mut put)) = record
    else {
        return None;
    };
    let lane = put.envelope.header().lane;
    put.legs.retain(|leg| {
        let key = (leg.link.clone(), leg.link.numbered_lane(lane));
        let legs = missing.get_mut(&key).filter(|legs| legs.has(leg.sequence));
        let wanted = legs.is_some();
        if let Some(legs) = legs {
            legs.subtract(&Ranges::one(leg.sequence, leg.sequence));
        }
        wanted
    });
    (!put.legs.is_empty()).then_some(put)
}

fn ranges_of(legs: &BTreeMap<(Link, Lane), Ranges>) -> Vec<LegRange> {
    let range = |((link, lane), legs): (&(Link, Lane), &Ranges)| {
        let (link, lane) = (link.clone(), *lane);
        let ranges: Vec<_> = legs.iter().collect();
        ranges.into_iter().map(move |(from, through)| LegRange {
            link: link.clone(),
            lane,
            from,
            through,
        })
    };
    legs.iter().flat_map(range).collect()
}
